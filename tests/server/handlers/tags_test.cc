// TagResource, UntagResource, ListTagsForResource. Rules: behaviour 2.2, 3, 4.3 and 7.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Tagging = std::vector<std::pair<std::string, std::string>>;

auto Tag(Api& api, const std::string& arn, const Tagging& tags) {
  TagResourceRequest request;
  request.set_resource_arn(arn);
  for (const auto& [key, value] : tags) {
    auto& tag = *request.add_tags();
    tag.set_key(key);
    tag.set_value(value);
  }
  return api.Call(request);
}

auto Untag(Api& api, const std::string& arn, const std::vector<std::string>& keys) {
  UntagResourceRequest request;
  request.set_resource_arn(arn);
  for (const std::string& key : keys) request.add_tag_keys(key);
  return api.Call(request);
}

auto List(Api& api, const std::string& arn) {
  return api.Call<ListTagsForResourceRequest>("resource_arn: '" + arn + "'");
}

Tagging Listed(Api& api, const std::string& arn) {
  const auto result = List(api, arn);
  if (result.error) throw std::runtime_error(result.error->what());
  Tagging tags;
  for (const auto& tag : result.response.tags()) tags.emplace_back(tag.key(), tag.value());
  return tags;
}

Tagging Many(int count, int first = 0) {
  Tagging tags;
  for (int i = first; i < first + count; ++i) tags.emplace_back("key" + std::to_string(i), "v");
  return tags;
}

// One of each kind that takes tags.
std::vector<std::string> GivenResources(Api& api) {
  GivenOptOutList(api, "Offers");
  return {
      OwnArn(api, "pool", GivenSenderIdPool(api, "FOUNDER")),
      OwnArn(api, "phone-number", GivenNumber(api)),
      OwnArn(api, "sender-id", GivenSenderId(api, "EXAMPLECO") + "/GB"),
      OwnArn(api, "opt-out-list", "Offers"),
  };
}

TEST(TagResource, AddsTagsAndOverwritesThoseThatAreThere) {
  Api api;
  for (const std::string& arn : GivenResources(api)) {
    const auto tagged = Tag(api, arn, {{"Name", "Shop"}, {"Stage", "test"}});
    ASSERT_THAT(tagged, IsOk());
    EXPECT_THAT(tagged.response, EqualsText(""));
    ASSERT_THAT(Tag(api, arn, {{"Stage", "live"}, {"Cost", "7"}}), IsOk());
    EXPECT_THAT(Listed(api, arn), ElementsAre(Pair("Cost", "7"), Pair("Name", "Shop"), Pair("Stage", "live")));
  }
}

TEST(TagResource, WorksOnTheListDefaultOfANewAccount) {
  Api api;
  const std::string arn = OwnArn(api, "opt-out-list", "Default");
  ASSERT_THAT(Tag(api, arn, {{"Name", "Shop"}}), IsOk());
  EXPECT_THAT(Listed(api, arn), ElementsAre(Pair("Name", "Shop")));
}

TEST(TagResource, TellsTheCaseOfKeysApart) {
  Api api;
  const std::string arn = OwnArn(api, "opt-out-list", "Default");
  ASSERT_THAT(Tag(api, arn, {{"name", "1"}, {"Name", "2"}, {"NAME", "3"}}), IsOk());
  EXPECT_THAT(Listed(api, arn), ElementsAre(Pair("NAME", "3"), Pair("Name", "2"), Pair("name", "1")));
}

TEST(TagResource, TakesTheTagsOfTheSameSenderIdWhateverItsCase) {
  Api api;
  GivenSenderId(api, "EXAMPLECO");
  ASSERT_THAT(Tag(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), {{"Name", "Shop"}}), IsOk());
  EXPECT_THAT(Listed(api, OwnArn(api, "sender-id", "exampleco/GB")), ElementsAre(Pair("Name", "Shop")));
}

TEST(TagResource, KeepsTheTagsOfOneSenderIdInTwoCountriesApart) {
  Api api;
  GivenSenderId(api, "EXAMPLECO", "GB");
  GivenSenderId(api, "EXAMPLECO", "FR");
  ASSERT_THAT(Tag(api, OwnArn(api, "sender-id", "EXAMPLECO/GB"), {{"Name", "Shop"}}), IsOk());
  EXPECT_THAT(Listed(api, OwnArn(api, "sender-id", "EXAMPLECO/FR")), IsEmpty());
}

TEST(TagResource, AddsToTheTagsGivenAtCreation) {
  Api api;
  const std::string pool =
      GivenPool(api, GivenNumber(api), "tags { key: 'Name' value: 'Shop' } tags { key: 'Stage' value: 'test' }");
  ASSERT_THAT(Tag(api, OwnArn(api, "pool", pool), {{"Stage", "live"}}), IsOk());
  EXPECT_THAT(Listed(api, OwnArn(api, "pool", pool)), ElementsAre(Pair("Name", "Shop"), Pair("Stage", "live")));
}

TEST(TagResource, TakesTheLongestKeysAndTheEmptyValue) {
  Api api;
  const std::string arn = OwnArn(api, "opt-out-list", "Default");
  std::string key;
  std::string value;
  for (int i = 0; i < 128; ++i) key += "ü";
  for (int i = 0; i < 256; ++i) value += "😀";
  ASSERT_THAT(Tag(api, arn, {{key, value}, {"empty", ""}, {" ", " "}}), IsOk());
  EXPECT_THAT(Listed(api, arn), ElementsAre(Pair(" ", " "), Pair("empty", ""), Pair(key, value)));
}

TEST(TagResource, RefusesTagsThatBreakTheRules) {
  Api api;
  const std::string arn = OwnArn(api, "opt-out-list", "Default");
  std::string long_key;
  for (int i = 0; i < 129; ++i) long_key += "ü";
  EXPECT_THAT(Tag(api, arn, {}), IsInvalidField(reason::kMissingParameter, "tags"));
  EXPECT_THAT(Tag(api, arn, Many(201)), IsInvalidField(reason::kInvalidParameter, "tags"));
  EXPECT_THAT(Tag(api, arn, {{"a", "1"}, {"", "2"}}), IsInvalidField(reason::kMissingParameter, "tags[1].key"));
  EXPECT_THAT(Tag(api, arn, {{long_key, "1"}}), IsInvalidField(reason::kInvalidParameter, "tags[0].key"));
  EXPECT_THAT(Tag(api, arn, {{"two\nlines", "1"}}), IsInvalidField(reason::kInvalidParameter, "tags[0].key"));
  EXPECT_THAT(Tag(api, arn, {{"a", std::string(257, 'v')}}),
              IsInvalidField(reason::kInvalidParameter, "tags[0].value"));
  EXPECT_THAT(Tag(api, arn, {{"aws:cost", "1"}}), IsInvalidField(reason::kInvalidParameter, "tags[0].key"));
  EXPECT_THAT(Tag(api, arn, {{"a", "1"}, {"b", "2"}, {"a", "3"}}),
              IsInvalidField(reason::kInvalidParameter, "tags[2].key"));
  EXPECT_THAT(api.Call<TagResourceRequest>("resource_arn: '" + arn + "' tags { key: 'a' }"),
              IsInvalidField(reason::kMissingParameter, "tags[0].value"));
  EXPECT_THAT(Listed(api, arn), IsEmpty());
  EXPECT_THAT(Tag(api, arn, {{"AWS:cost", "1"}, {"A", "1"}, {"a", "2"}}), IsOk());  // other keys, all three
}

// The resource is named in the same way in all three operations.
template <class Call>
void ExpectResourceRules(Api& api, const Call& call) {
  EXPECT_THAT(call(""), IsInvalidField(reason::kMissingParameter, "resourceArn"));
  EXPECT_THAT(call("pool-0123456789abcdef0123456789abcdef"),
              IsInvalidField(reason::kInvalidParameter, "resourceArn"));  // an id is no ARN
  EXPECT_THAT(call("arn:aws:sms-voice:::"), IsInvalidField(reason::kInvalidArn, "resourceArn"));
  EXPECT_THAT(call("arn:aws:sns:us-east-1:111122223333:topic/x"), IsInvalidField(reason::kInvalidArn, "resourceArn"));
  EXPECT_THAT(call("arn:aws:sms-voice:us-east-1:1111:pool/x"), IsInvalidField(reason::kInvalidArn, "resourceArn"));

  Api other;
  const std::vector<std::string> others = GivenResources(other);
  const ResourceType types[] = {ResourceType::kPool, ResourceType::kPhoneNumber, ResourceType::kSenderId,
                                ResourceType::kOptOutList};
  const std::string ids[] = {"pool-0123456789abcdef0123456789abcdef", "phone-0123456789abcdef0123456789abcdef",
                             "NOBODY/GB", "Nothing"};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string unknown = OwnArn(api, std::string(AwsName(types[i])), ids[i]);
    EXPECT_THAT(call(unknown), IsNotFound(types[i], unknown));
    EXPECT_THAT(call(others[i]), IsNotFound(types[i], others[i]));
  }
  const std::string elsewhere = ArnOfOtherRegion(api, "opt-out-list", "Default");
  EXPECT_THAT(call(elsewhere), IsNotFound(ResourceType::kOptOutList, elsewhere));
  for (const ResourceType type :
       {ResourceType::kConfigurationSet, ResourceType::kRegistration, ResourceType::kProtectConfiguration}) {
    const std::string arn = OwnArn(api, std::string(AwsName(type)), "x");
    EXPECT_THAT(call(arn), IsNotFound(type, arn));  // known to the API, without tags here
  }
  const std::string strange = OwnArn(api, "unheard-of", "x");
  EXPECT_THAT(call(strange), IsFault(Fault::kNotFound));
}

TEST(TagResource, RefusesWhatIsNotThere) {
  Api api;
  ExpectResourceRules(api, [&](const std::string& arn) { return Tag(api, arn, {{"a", "1"}}); });
}

TEST(UntagResource, RefusesWhatIsNotThere) {
  Api api;
  ExpectResourceRules(api, [&](const std::string& arn) { return Untag(api, arn, {"a"}); });
}

TEST(ListTagsForResource, RefusesWhatIsNotThere) {
  Api api;
  ExpectResourceRules(api, [&](const std::string& arn) { return List(api, arn); });
}

TEST(TagResource, AllowsFiftyTagsAndNotOneMore) {
  Api api;
  const auto refused = IsOverQuota(reason::kTagsPerResource, 50);
  for (const std::string& arn : GivenResources(api)) {
    EXPECT_THAT(Tag(api, arn, Many(51)), refused);
    EXPECT_THAT(Listed(api, arn), IsEmpty());  // all or none
    ASSERT_THAT(Tag(api, arn, Many(48)), IsOk());
    EXPECT_THAT(Tag(api, arn, Many(3, 48)), refused);
    ASSERT_THAT(Tag(api, arn, Many(4, 46)), IsOk());  // two of them are there
    EXPECT_THAT(Tag(api, arn, {{"one", "more"}}), refused);
    EXPECT_THAT(Tag(api, arn, {{"key7", "other"}}), IsOk());
    ASSERT_THAT(Untag(api, arn, {"key7"}), IsOk());
    EXPECT_THAT(Tag(api, arn, {{"one", "more"}}), IsOk());
    EXPECT_EQ(Listed(api, arn).size(), 50u);
  }
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(UntagResource, RemovesWhatIsNamedAndIgnoresWhatIsNotThere) {
  Api api;
  for (const std::string& arn : GivenResources(api)) {
    ASSERT_THAT(Tag(api, arn, {{"a", "1"}, {"b", "2"}, {"A", "3"}}), IsOk());
    const auto untagged = Untag(api, arn, {"a", "nothing", "a", "aws:nothing"});
    ASSERT_THAT(untagged, IsOk());
    EXPECT_THAT(untagged.response, EqualsText(""));
    EXPECT_THAT(Listed(api, arn), ElementsAre(Pair("A", "3"), Pair("b", "2")));
    EXPECT_THAT(Untag(api, arn, {"nothing"}), IsOk());
  }
}

TEST(UntagResource, RefusesKeysThatBreakTheRules) {
  Api api;
  const std::string arn = OwnArn(api, "opt-out-list", "Default");
  EXPECT_THAT(Untag(api, arn, {}), IsInvalidField(reason::kMissingParameter, "tagKeys"));
  EXPECT_THAT(Untag(api, arn, std::vector<std::string>(201, "a")),
              IsInvalidField(reason::kInvalidParameter, "tagKeys"));
  EXPECT_THAT(Untag(api, arn, {"a", ""}), IsInvalidField(reason::kInvalidParameter, "tagKeys[1]"));
  EXPECT_THAT(Untag(api, arn, {std::string(129, 'a')}), IsInvalidField(reason::kInvalidParameter, "tagKeys[0]"));
  EXPECT_THAT(Untag(api, arn, std::vector<std::string>(200, "a")), IsOk());
}

TEST(ListTagsForResource, ListsByKeyAndNamesTheResource) {
  Api api;
  for (const std::string& arn : GivenResources(api)) {
    const auto none = List(api, arn);
    ASSERT_THAT(none, IsOk());
    EXPECT_THAT(none.response, EqualsText("resource_arn: '" + arn + "'"));
    ASSERT_THAT(Tag(api, arn, {{"b", "2"}, {"ä", "4"}, {"a", ""}, {"B", "3"}}), IsOk());
    EXPECT_THAT(List(api, arn).response,
                EqualsText("resource_arn: '" + arn +
                           "' tags { key: 'B' value: '3' } tags { key: 'a' value: '' } tags { key: 'b' value: '2' }"
                           " tags { key: 'ä' value: '4' }"));
  }
}

TEST(ListTagsForResource, ShowsNothingOfAResourceThatWasReplaced) {
  Api api;
  const std::string list = OwnArn(api, "opt-out-list", "Offers");
  ASSERT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  ASSERT_THAT(Tag(api, list, {{"a", "1"}}), IsOk());
  ASSERT_THAT(api.Call<DeleteOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  EXPECT_THAT(List(api, list), IsNotFound(ResourceType::kOptOutList, list));
  ASSERT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'Offers'"), IsOk());
  EXPECT_THAT(Listed(api, list), IsEmpty());

  const std::string sender_id = OwnArn(api, "sender-id", GivenSenderId(api, "EXAMPLECO") + "/GB");
  ASSERT_THAT(Tag(api, sender_id, {{"a", "1"}}), IsOk());
  ASSERT_THAT(api.Call<ReleaseSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"), IsOk());
  GivenSenderId(api, "EXAMPLECO");
  EXPECT_THAT(Listed(api, sender_id), IsEmpty());
}

}  // namespace
}  // namespace poold
