// PutKeyword, DescribeKeywords, DeleteKeyword. Rules: behaviour 2.1, 2.2, 3, 4.1, 4.5, 4.7 and 6.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kHelp = "HELP: AUTOMATIC_RESPONSE: Reply STOP to stop receiving messages.";
const std::string kStop = "STOP: OPT_OUT: You are unsubscribed and will receive no more messages.";

const std::string kUnknownNumber = "phone-0123456789abcdef0123456789abcdef";
const std::string kUnknownPool = "pool-0123456789abcdef0123456789abcdef";

PutKeywordRequest Putting(const std::string& owner, const std::string& keyword, const std::string& message,
                          KeywordAction action = KEYWORD_ACTION_UNSPECIFIED) {
  PutKeywordRequest request;
  request.set_origination_identity(owner);
  request.set_keyword(keyword);
  request.set_keyword_message(message);
  request.set_keyword_action(action);
  return request;
}

auto Put(Api& api, const std::string& owner, const std::string& keyword, const std::string& message = "Hello",
         KeywordAction action = KEYWORD_ACTION_UNSPECIFIED) {
  return api.Call(Putting(owner, keyword, message, action));
}

auto Delete(Api& api, const std::string& owner, const std::string& keyword) {
  DeleteKeywordRequest request;
  request.set_origination_identity(owner);
  request.set_keyword(keyword);
  return api.Call(request);
}

auto Describe(Api& api, const std::string& owner, const std::string& more = {}) {
  return api.Call<DescribeKeywordsRequest>("origination_identity: '" + owner + "' " + more);
}

std::vector<std::string> WordsOf(const Result<DescribeKeywordsResponse>& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> words;
  for (const auto& keyword : result.response.keywords()) words.push_back(keyword.keyword());
  return words;
}

std::string Named(const std::vector<std::string>& keywords) {
  std::string text;
  for (const std::string& keyword : keywords) text += " keywords: '" + keyword + "'";
  return text;
}

std::string ActionFilter(const std::vector<std::string>& values) {
  std::string text = " filters { name: KEYWORD_FILTER_NAME_KEYWORD_ACTION";
  for (const std::string& value : values) text += " values: '" + value + "'";
  return text + " }";
}

std::string After(const std::string& token) { return " next_token: '" + token + "'"; }

// A number and a pool: most rules are the same for both.
std::vector<std::string> GivenOwners(Api& api) { return {GivenNumber(api), GivenSenderIdPool(api, "OWNER")}; }

std::string ArnOf(const Api& api, const std::string& owner) {
  return OwnArn(api, owner.starts_with("pool-") ? "pool" : "phone-number", owner);
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(PutKeyword, AddsAKeywordInUpperCase) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    const auto put = Put(api, owner, "Opening hours", "9 to 5");
    ASSERT_THAT(put, IsOk());
    EXPECT_THAT(put.response,
                EqualsText("origination_identity_arn: '" + ArnOf(api, owner) + "' origination_identity: '" + owner +
                           "' keyword: 'OPENING HOURS' keyword_message: '9 to 5'"
                           " keyword_action: KEYWORD_ACTION_AUTOMATIC_RESPONSE"));
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre(kHelp, "OPENING HOURS: AUTOMATIC_RESPONSE: 9 to 5", kStop));
  }
}

TEST(PutKeyword, KeepsTheActionGiven) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    ASSERT_THAT(Put(api, owner, "BYE", "Gone", KEYWORD_ACTION_OPT_OUT), IsOk());
    ASSERT_THAT(Put(api, owner, "START", "Back", KEYWORD_ACTION_OPT_IN), IsOk());
    ASSERT_THAT(Put(api, owner, "INFO", "Well", KEYWORD_ACTION_AUTOMATIC_RESPONSE), IsOk());
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre("BYE: OPT_OUT: Gone", kHelp, "INFO: AUTOMATIC_RESPONSE: Well",
                                                    "START: OPT_IN: Back", kStop));
  }
}

TEST(PutKeyword, TakesAnArnAndAnswersTheId) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    const auto put = Put(api, ArnOf(api, owner), "HOURS");
    ASSERT_THAT(put, IsOk());
    EXPECT_EQ(put.response.origination_identity(), owner);
    EXPECT_EQ(put.response.origination_identity_arn(), ArnOf(api, owner));
  }
}

TEST(PutKeyword, OverwritesWhateverTheCaseAndKeepsTheActionUnlessOneIsGiven) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    ASSERT_THAT(Put(api, owner, "bye", "Gone", KEYWORD_ACTION_OPT_OUT), IsOk());
    const auto kept = Put(api, owner, "BYE", "Really gone");
    ASSERT_THAT(kept, IsOk());
    EXPECT_EQ(kept.response.keyword_action(), KEYWORD_ACTION_OPT_OUT);
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre("BYE: OPT_OUT: Really gone", kHelp, kStop));

    ASSERT_THAT(Put(api, owner, "bYe", "Welcome", KEYWORD_ACTION_OPT_IN), IsOk());
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre("BYE: OPT_IN: Welcome", kHelp, kStop));
  }
}

TEST(PutKeyword, KnowsTheUpperCaseOfEveryScript) {
  Api api;
  const std::string number = GivenNumber(api);
  const auto put = Put(api, number, "información привет");
  ASSERT_THAT(put, IsOk());
  EXPECT_EQ(put.response.keyword(), "INFORMACIÓN ПРИВЕТ");
  EXPECT_THAT(WordsOf(Describe(api, number, Named({"InformaCión Привет"}))), ElementsAre("INFORMACIÓN ПРИВЕТ"));
  EXPECT_THAT(Delete(api, number, "INFORMACIóN привеТ"), IsOk());
  EXPECT_THAT(KeywordsOf(api, number), ElementsAre(kHelp, kStop));
}

TEST(PutKeyword, ChangesTheTextsOfHelpAndStop) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    EXPECT_THAT(Put(api, owner, "help", "Call us"), IsOk());
    EXPECT_THAT(Put(api, owner, "Stop", "So long", KEYWORD_ACTION_OPT_OUT), IsOk());  // what it does anyway
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre("HELP: AUTOMATIC_RESPONSE: Call us", "STOP: OPT_OUT: So long"));
  }
}

TEST(PutKeyword, NeverChangesWhatHelpAndStopDo) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    for (const auto& [keyword, action] : {
             std::pair("HELP", KEYWORD_ACTION_OPT_OUT),
             std::pair("Help", KEYWORD_ACTION_OPT_IN),
             std::pair("STOP", KEYWORD_ACTION_AUTOMATIC_RESPONSE),
             std::pair("stop", KEYWORD_ACTION_OPT_IN),
         }) {
      const std::string fixed = keyword[0] == 'H' ? "HELP" : "STOP";
      EXPECT_THAT(Put(api, owner, keyword, "Other", action),
                  IsConflict(reason::kResourceModificationNotAllowed, ResourceType::kKeyword, fixed));
    }
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre(kHelp, kStop));
  }
}

TEST(PutKeyword, TakesTheOtherOptOutWordsLikeAnyWord) {
  Api api;
  const std::string number = GivenNumber(api);
  for (const char* word : {"ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "TD", "UNSUBSCRIBE"}) {
    EXPECT_THAT(Put(api, number, word, "Hm"), IsOk());
    EXPECT_THAT(Delete(api, number, word), IsOk());
  }
}

TEST(PutKeyword, RefusesWordsThatCannotBeKeywords) {
  Api api;
  const std::string number = GivenNumber(api);
  for (const std::string& keyword : {
           std::string(" HOURS"),
           std::string("HOURS "),
           std::string(" "),
           std::string("TWO\tWORDS"),
           std::string("TWO\nLINES"),
           std::string(31, 'A'),
           Repeated("ü", 31),
           std::string("NUL\0", 4),
           std::string("not \xFF text"),
       }) {
    PutKeywordRequest request = Putting(number, "x", "Hello");
    request.set_keyword(keyword);
    EXPECT_THAT(api.Call(request), IsInvalidField(reason::kInvalidParameter, "keyword")) << keyword;
  }
  EXPECT_THAT(KeywordsOf(api, number), ElementsAre(kHelp, kStop));
}

TEST(PutKeyword, CountsCharactersNotBytes) {
  Api api;
  const std::string number = GivenNumber(api);
  EXPECT_THAT(Put(api, number, std::string(30, 'a')), IsOk());
  EXPECT_THAT(Put(api, number, Repeated("ü", 30)), IsOk());
  EXPECT_THAT(Put(api, number, Repeated("😀", 30)), IsOk());
  EXPECT_THAT(Put(api, number, "x", std::string(1600, 'a')), IsOk());
  EXPECT_THAT(Put(api, number, "x", Repeated("😀", 1600)), IsOk());
  EXPECT_THAT(WordsOf(Describe(api, number)),
              ElementsAre(std::string(30, 'A'), "HELP", "STOP", "X", Repeated("Ü", 30), Repeated("😀", 30)));
}

TEST(PutKeyword, RefusesTextsThatSayNothingOrTooMuch) {
  Api api;
  const std::string number = GivenNumber(api);
  for (const std::string& message : {std::string(" "), std::string("\n\t \r"), std::string(1601, 'a'),
                                     Repeated("ü", 1601), std::string("a\0b", 3), std::string("\xC3")}) {
    EXPECT_THAT(Put(api, number, "HOURS", message), IsInvalidField(reason::kInvalidParameter, "keywordMessage"));
  }
  EXPECT_THAT(Put(api, number, "HOURS", "\n9 to 5\n"), IsOk());
}

TEST(PutKeyword, RefusesWhatIsMissingOrUnknownAndNamesItAll) {
  Api api;
  EXPECT_THAT(api.Call(PutKeywordRequest()),
              IsInvalid(reason::kMissingParameter,
                        std::vector<std::string>{"originationIdentity", "keyword", "keywordMessage"}));
  PutKeywordRequest request = Putting(GivenNumber(api), "HOURS", "9 to 5");
  request.set_keyword_action(static_cast<KeywordAction>(77));
  EXPECT_THAT(api.Call(request), IsInvalidField(reason::kInvalidParameter, "keywordAction"));
}

// The owner is named in the same way in all three operations.
template <class Call>
void ExpectOwnerRules(Api& api, const Call& call) {
  EXPECT_THAT(call(""), IsInvalidField(reason::kMissingParameter, "originationIdentity"));
  EXPECT_THAT(call("+15550100"), IsInvalidField(reason::kInvalidParameter, "originationIdentity"));
  EXPECT_THAT(call(std::string(257, 'a')), IsInvalidField(reason::kInvalidParameter, "originationIdentity"));
  EXPECT_THAT(call(OwnArn(api, "sender-id", "EXAMPLE/GB")), IsInvalidField(reason::kInvalidArn, "originationIdentity"));
  EXPECT_THAT(call("arn:aws:sns:us-east-1:111122223333:pool/x"),
              IsInvalidField(reason::kInvalidArn, "originationIdentity"));

  Api other;
  const std::string number = GivenNumber(other);
  const std::string pool = GivenPool(other);
  for (const std::string& id :
       {number, kUnknownNumber, OwnArn(other, "phone-number", number), OwnArn(api, "phone-number", kUnknownNumber),
        ArnOfOtherRegion(api, "phone-number", GivenNumber(api)), std::string("ExampleCo")}) {
    EXPECT_THAT(call(id), IsNotFound(ResourceType::kPhoneNumber, id));
  }
  for (const std::string& id : {pool, kUnknownPool, OwnArn(other, "pool", pool), OwnArn(api, "pool", kUnknownPool),
                                ArnOfOtherRegion(api, "pool", GivenPool(api))}) {
    EXPECT_THAT(call(id), IsNotFound(ResourceType::kPool, id));
  }
}

TEST(PutKeyword, RefusesAnOwnerThatIsNotThere) {
  Api api;
  ExpectOwnerRules(api, [&](const std::string& owner) { return Put(api, owner, "HOURS"); });
}

TEST(DeleteKeyword, RefusesAnOwnerThatIsNotThere) {
  Api api;
  ExpectOwnerRules(api, [&](const std::string& owner) { return Delete(api, owner, "HOURS"); });
}

TEST(DescribeKeywords, RefusesAnOwnerThatIsNotThere) {
  Api api;
  ExpectOwnerRules(api, [&](const std::string& owner) { return Describe(api, owner); });
}

TEST(PutKeyword, RefusesAnOwnerThatIsNotActive) {
  Api api;
  const std::string number = GivenNumber(api);
  GivenStatus(api, number, "PENDING");
  EXPECT_THAT(Put(api, number, "HOURS"), IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number));
  EXPECT_THAT(Delete(api, number, "HOURS"), IsConflict(reason::kResourceNotActive, ResourceType::kPhoneNumber, number));
  const std::string pool = GivenSenderIdPool(api, "OWNER");
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(Put(api, pool, "HOURS"), IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
  EXPECT_THAT(Delete(api, pool, "HOURS"), IsConflict(reason::kResourceNotActive, ResourceType::kPool, pool));
  EXPECT_THAT(Describe(api, number), IsOk());
  EXPECT_THAT(Describe(api, pool), IsOk());
}

TEST(PutKeyword, LeavesOtherOwnersAlone) {
  Api api;
  const std::string one = GivenNumber(api);
  const std::string other = GivenNumber(api);
  ASSERT_THAT(Put(api, one, "HOURS"), IsOk());
  EXPECT_THAT(KeywordsOf(api, other), ElementsAre(kHelp, kStop));
  EXPECT_THAT(Delete(api, other, "HOURS"), IsNotFound(ResourceType::kKeyword, "HOURS"));
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(DeleteKeyword, AnswersWhatItDeleted) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    ASSERT_THAT(Put(api, owner, "START", "Welcome", KEYWORD_ACTION_OPT_IN), IsOk());
    const auto deleted = Delete(api, ArnOf(api, owner), "Start");
    ASSERT_THAT(deleted, IsOk());
    EXPECT_THAT(deleted.response,
                EqualsText("origination_identity_arn: '" + ArnOf(api, owner) + "' origination_identity: '" + owner +
                           "' keyword: 'START' keyword_message: 'Welcome'"
                           " keyword_action: KEYWORD_ACTION_OPT_IN"));
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre(kHelp, kStop));
  }
}

TEST(DeleteKeyword, KeepsHelpAndStop) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    EXPECT_THAT(Delete(api, owner, "Help"),
                IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kKeyword, "HELP"));
    EXPECT_THAT(Delete(api, owner, "STOP"),
                IsConflict(reason::kResourceDeletionNotAllowed, ResourceType::kKeyword, "STOP"));
    EXPECT_THAT(KeywordsOf(api, owner), ElementsAre(kHelp, kStop));
  }
}

TEST(DeleteKeyword, RefusesAKeywordThatIsNotThere) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    EXPECT_THAT(Delete(api, owner, "Hours"), IsNotFound(ResourceType::kKeyword, "HOURS"));
  }
}

TEST(DeleteKeyword, RefusesWordsThatCannotBeKeywords) {
  Api api;
  const std::string number = GivenNumber(api);
  EXPECT_THAT(api.Call(DeleteKeywordRequest()),
              IsInvalid(reason::kMissingParameter, std::vector<std::string>{"originationIdentity", "keyword"}));
  EXPECT_THAT(Delete(api, number, "HOURS "), IsInvalidField(reason::kInvalidParameter, "keyword"));
  EXPECT_THAT(Delete(api, number, Repeated("ü", 31)), IsInvalidField(reason::kInvalidParameter, "keyword"));
}

// ---------------------------------------------------------------------------------------------------------------------
// In pools.

TEST(KeywordsOfAPooledNumber, AreItsPools) {
  Api api;
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Put(api, number, "HOURS", "9 to 5"), IsOk());
  const std::string pool = GivenPool(api, number);
  ASSERT_THAT(Put(api, pool, "HOURS", "10 to 4"), IsOk());
  ASSERT_THAT(Put(api, pool, "PRICES", "Low"), IsOk());

  const auto described = Describe(api, number);
  ASSERT_THAT(described, IsOk());
  EXPECT_THAT(described.response,
              EqualsText("origination_identity_arn: '" + OwnArn(api, "phone-number", number) +
                         "' origination_identity: '" + number +
                         "' keywords { keyword: 'HELP' keyword_message: 'Reply STOP to stop receiving messages.'"
                         "   keyword_action: KEYWORD_ACTION_AUTOMATIC_RESPONSE }"
                         " keywords { keyword: 'HOURS' keyword_message: '10 to 4'"
                         "   keyword_action: KEYWORD_ACTION_AUTOMATIC_RESPONSE }"
                         " keywords { keyword: 'PRICES' keyword_message: 'Low'"
                         "   keyword_action: KEYWORD_ACTION_AUTOMATIC_RESPONSE }"
                         " keywords { keyword: 'STOP'"
                         "   keyword_message: 'You are unsubscribed and will receive no more messages.'"
                         "   keyword_action: KEYWORD_ACTION_OPT_OUT }"));
  ASSERT_THAT(Delete(api, pool, "HOURS"), IsOk());
  EXPECT_THAT(Describe(api, number, Named({"HOURS"})), IsNotFound(ResourceType::kKeyword, "HOURS"));
}

TEST(KeywordsOfAPooledNumber, CannotBeChangedThere) {
  Api api;
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Put(api, number, "HOURS"), IsOk());
  GivenPool(api, number);
  const auto refused = IsConflict(reason::kPhoneNumberAssociatedToPool, ResourceType::kPhoneNumber, number);
  EXPECT_THAT(Put(api, number, "PRICES"), refused);
  EXPECT_THAT(Put(api, number, "HOURS", "Other"), refused);
  EXPECT_THAT(Put(api, number, "HELP", "Other", KEYWORD_ACTION_OPT_OUT), refused);
  EXPECT_THAT(Delete(api, number, "HOURS"), refused);
  EXPECT_THAT(Delete(api, OwnArn(api, "phone-number", number), "STOP"), refused);
}

TEST(KeywordsOfAPooledNumber, GoWithItWhenItLeaves) {
  Api api;
  const std::string leaves = GivenNumber(api);
  const std::string stays = GivenNumber(api);
  const std::string pool = GivenPool(api, leaves);
  GivenMember(api, pool, stays);
  ASSERT_THAT(Put(api, pool, "HOURS", "10 to 4"), IsOk());
  ASSERT_THAT(Put(api, pool, "HELP", "Call us"), IsOk());
  ASSERT_THAT(api.Call<DisassociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" +
                                                               leaves + "'"),
              IsOk());
  ASSERT_THAT(Delete(api, pool, "HOURS"), IsOk());  // no longer its business

  const auto taken = ElementsAre("HELP: AUTOMATIC_RESPONSE: Call us", "HOURS: AUTOMATIC_RESPONSE: 10 to 4", kStop);
  EXPECT_THAT(KeywordsOf(api, leaves), taken);
  EXPECT_THAT(WordsOf(Describe(api, leaves)), ElementsAre("HELP", "HOURS", "STOP"));
  EXPECT_THAT(Put(api, leaves, "PRICES"), IsOk());
}

TEST(KeywordsOfAPooledNumber, GoWithItWhenThePoolIsDeleted) {
  for (const auto delay : {std::chrono::milliseconds(0), std::chrono::milliseconds(60'000)}) {
    Api api;
    api.settings.api.pool_deletion_delay = delay;
    const std::string number = GivenNumber(api);
    const std::string pool = GivenPool(api, number);
    ASSERT_THAT(Put(api, pool, "HOURS", "10 to 4"), IsOk());
    ASSERT_THAT(api.Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
    EXPECT_THAT(WordsOf(Describe(api, number)), ElementsAre("HELP", "HOURS", "STOP"));
    EXPECT_THAT(Put(api, number, "PRICES"), IsOk());
  }
}

TEST(KeywordsOfAPooledNumber, ComeFromThePoolForANumberRequestedIntoIt) {
  Api api;
  const std::string pool = GivenPool(api);
  ASSERT_THAT(Put(api, pool, "HOURS", "10 to 4"), IsOk());
  const std::string number = GivenNumber(api, "pool_id: '" + pool + "'");
  EXPECT_THAT(WordsOf(Describe(api, number)), ElementsAre("HELP", "HOURS", "STOP"));
}

TEST(KeywordsOfAPool, AreThoseThatLaterNumbersMustHave) {
  Api api;
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  ASSERT_THAT(Put(api, pool, "HOURS", "10 to 4"), IsOk());
  const std::string associate = "pool_id: '" + pool + "' origination_identity: '" + number + "'";
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(associate),
              IsConflict(reason::kKeywordMismatch, ResourceType::kPhoneNumber, number));
  ASSERT_THAT(Put(api, number, "hours", "10 to 4"), IsOk());
  EXPECT_THAT(api.Call<AssociateOriginationIdentityRequest>(associate), IsOk());
}

TEST(KeywordsOfAPool, RaiseItsRevisionWhenTheyChange) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto revision = ThePool(api, pool).revision();
  ASSERT_THAT(Put(api, pool, "HOURS", "9 to 5"), IsOk());
  EXPECT_EQ(ThePool(api, pool).revision(), revision + 1);
  ASSERT_THAT(Put(api, pool, "HOURS", "9 to 5", KEYWORD_ACTION_OPT_IN), IsOk());
  EXPECT_EQ(ThePool(api, pool).revision(), revision + 2);
  ASSERT_THAT(Delete(api, pool, "HOURS"), IsOk());
  EXPECT_EQ(ThePool(api, pool).revision(), revision + 3);
}

TEST(KeywordsOfAPool, LeaveItsRevisionAloneWhenNothingChanges) {
  Api api;
  const std::string pool = GivenPool(api);
  ASSERT_THAT(Put(api, pool, "HOURS", "9 to 5", KEYWORD_ACTION_OPT_IN), IsOk());
  const auto revision = ThePool(api, pool).revision();
  EXPECT_THAT(Put(api, pool, "hours", "9 to 5"), IsOk());
  EXPECT_THAT(Put(api, pool, "STOP", "Gone", KEYWORD_ACTION_OPT_IN), IsFault(Fault::kConflict));
  EXPECT_THAT(Delete(api, pool, "PRICES"), IsFault(Fault::kNotFound));
  EXPECT_THAT(Describe(api, pool), IsOk());
  EXPECT_EQ(ThePool(api, pool).revision(), revision);
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(DescribeKeywords, ShowsHelpAndStopFromTheStart) {
  Settings settings;
  settings.api.help_message = "Here to help";
  settings.api.stop_message = "Stopped";
  Api api(settings);
  for (const std::string& owner : GivenOwners(api)) {
    const auto described = Describe(api, ArnOf(api, owner));
    ASSERT_THAT(described, IsOk());
    EXPECT_THAT(described.response,
                EqualsText("origination_identity_arn: '" + ArnOf(api, owner) + "' origination_identity: '" + owner +
                           "' keywords { keyword: 'HELP' keyword_message: 'Here to help'"
                           "   keyword_action: KEYWORD_ACTION_AUTOMATIC_RESPONSE }"
                           " keywords { keyword: 'STOP' keyword_message: 'Stopped'"
                           "   keyword_action: KEYWORD_ACTION_OPT_OUT }"));
  }
}

TEST(DescribeKeywords, AnswersThoseNamedOnceEachInAlphabeticalOrder) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    ASSERT_THAT(Put(api, owner, "HOURS"), IsOk());
    ASSERT_THAT(Put(api, owner, "ADDRESS"), IsOk());
    EXPECT_THAT(WordsOf(Describe(api, owner, Named({"stop", "Hours", "ADDRESS", "HOURS"}))),
                ElementsAre("ADDRESS", "HOURS", "STOP"));
  }
}

TEST(DescribeKeywords, RefusesAllForOneThatIsNotThere) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    EXPECT_THAT(Describe(api, owner, Named({"HELP", "hours", "PRICES"})), IsNotFound(ResourceType::kKeyword, "HOURS"));
    EXPECT_THAT(Describe(api, owner, Named({"hours"}) + ActionFilter({"OPT_IN"})),
                IsNotFound(ResourceType::kKeyword, "HOURS"));
  }
}

TEST(DescribeKeywords, FiltersByAction) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    ASSERT_THAT(Put(api, owner, "BYE", "Gone", KEYWORD_ACTION_OPT_OUT), IsOk());
    ASSERT_THAT(Put(api, owner, "START", "Back", KEYWORD_ACTION_OPT_IN), IsOk());
    EXPECT_THAT(WordsOf(Describe(api, owner, ActionFilter({"OPT_OUT"}))), ElementsAre("BYE", "STOP"));
    EXPECT_THAT(WordsOf(Describe(api, owner, ActionFilter({"opt_in", "Automatic_Response"}))),
                ElementsAre("HELP", "START"));
    EXPECT_THAT(WordsOf(Describe(api, owner, ActionFilter({"OPT_IN"}) + ActionFilter({"OPT_OUT"}))), IsEmpty());
    EXPECT_THAT(WordsOf(Describe(api, owner, Named({"BYE", "START"}) + ActionFilter({"OPT_OUT"}))), ElementsAre("BYE"));
  }
}

TEST(DescribeKeywords, RefusesFiltersThatMakeNoSense) {
  Api api;
  const std::string number = GivenNumber(api);
  EXPECT_THAT(Describe(api, number, ActionFilter({"OPT_OUT", "SHOUT"})),
              IsInvalidField(reason::kInvalidFilterValues, "filters[0].values[1]"));
  EXPECT_THAT(Describe(api, number, ActionFilter({})), IsInvalidField(reason::kMissingParameter, "filters[0].values"));
  EXPECT_THAT(Describe(api, number, ActionFilter({"two words"})),
              IsInvalidField(reason::kInvalidParameter, "filters[0].values[0]"));
  EXPECT_THAT(Describe(api, number, "filters { values: 'OPT_OUT' }"),
              IsInvalidField(reason::kMissingParameter, "filters[0].name"));
}

TEST(DescribeKeywords, RefusesWhatIsOutOfBounds) {
  Api api;
  const std::string number = GivenNumber(api);
  EXPECT_THAT(Describe(api, number, Named({"A", "B", "C", "D", "E", "F"})),
              IsInvalidField(reason::kInvalidParameter, "keywords"));
  EXPECT_THAT(Describe(api, number, Named({"HELP", " STOP"})),
              IsInvalidField(reason::kInvalidParameter, "keywords[1]"));
  EXPECT_THAT(Describe(api, number, "max_results: 0"), IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(Describe(api, number, "max_results: 101"), IsInvalidField(reason::kInvalidParameter, "maxResults"));
  EXPECT_THAT(Describe(api, number, "next_token: 'nonsense'"), IsInvalidField(reason::kInvalidNextToken, "nextToken"));
}

TEST(DescribeKeywords, PagesInAlphabeticalOrderAndRepeatsTheOwner) {
  Api api;
  for (const std::string& owner : GivenOwners(api)) {
    for (const char* word : {"É", "a b", "A-B", "ZOO", "1"}) ASSERT_THAT(Put(api, owner, word), IsOk());
    std::vector<std::string> words;
    std::string token;
    do {
      const auto page = Describe(api, owner, "max_results: 2" + (token.empty() ? "" : After(token)));
      ASSERT_THAT(page, IsOk());
      EXPECT_EQ(page.response.origination_identity(), owner);
      EXPECT_EQ(page.response.origination_identity_arn(), ArnOf(api, owner));
      for (const std::string& word : WordsOf(page)) words.push_back(word);
      token = page.response.next_token();
      EXPECT_EQ(page.response.has_next_token(), words.size() < 7);
    } while (!token.empty() && words.size() < 100);
    EXPECT_THAT(words, ElementsAre("1", "A B", "A-B", "HELP", "STOP", "ZOO", "É"));
  }
}

TEST(DescribeKeywords, PagesThroughThoseNamed) {
  Api api;
  const std::string number = GivenNumber(api);
  for (const char* word : {"A", "B", "C"}) ASSERT_THAT(Put(api, number, word), IsOk());
  const std::string named = Named({"C", "A", "B"}) + " max_results: 2";
  const auto first = Describe(api, number, named);
  EXPECT_THAT(WordsOf(first), ElementsAre("A", "B"));
  const auto second = Describe(api, number, named + After(first.response.next_token()));
  EXPECT_THAT(WordsOf(second), ElementsAre("C"));
  EXPECT_FALSE(second.response.has_next_token());
}

TEST(DescribeKeywords, NeitherSkipsNorRepeatsWhatStaysWhileOthersComeAndGo) {
  Api api;
  const std::string number = GivenNumber(api);
  for (const char* word : {"B", "D", "F", "J"}) ASSERT_THAT(Put(api, number, word), IsOk());
  const auto first = Describe(api, number, "max_results: 2");
  EXPECT_THAT(WordsOf(first), ElementsAre("B", "D"));
  ASSERT_THAT(Delete(api, number, "B"), IsOk());
  ASSERT_THAT(Delete(api, number, "D"), IsOk());  // the very one the token stands on
  ASSERT_THAT(Put(api, number, "A"), IsOk());
  ASSERT_THAT(Put(api, number, "E"), IsOk());
  const auto rest = Describe(api, number, "max_results: 100" + After(first.response.next_token()));
  EXPECT_THAT(WordsOf(rest), ElementsAre("E", "F", "HELP", "J", "STOP"));
}

TEST(DescribeKeywords, RefusesTokensOfAnotherListing) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string other = GivenNumber(api);
  const auto first = Describe(api, number, "max_results: 1");
  const std::string token = After(first.response.next_token());
  EXPECT_THAT(Describe(api, number, token), IsOk());
  const auto refused = IsInvalidField(reason::kInvalidNextToken, "nextToken");
  EXPECT_THAT(Describe(api, other, token), refused);
  EXPECT_THAT(Describe(api, number, token + ActionFilter({"OPT_OUT"})), refused);
  EXPECT_THAT(Describe(api, number, token + Named({"STOP"})), refused);
  Api stranger;
  EXPECT_THAT(stranger.Call<DescribeKeywordsRequest>("origination_identity: '" + number + "'" + token), refused);
  EXPECT_THAT(api.Call<DescribeAccountLimitsRequest>(token), refused);
}

}  // namespace
}  // namespace poold
