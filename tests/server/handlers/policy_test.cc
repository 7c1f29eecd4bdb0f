// What resource policies come to. Rules: behaviour 4.9 and 11.

#include "server/handlers/policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "server/rpc/method.h"
#include "smsvoice/v2/resource_policies.pb.h"
#include "tests/support/matchers.h"

namespace poold {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kPool = "arn:aws:sms-voice:us-east-1:111122223333:pool/pool-0123456789abcdef";
const std::string kSenderId = "arn:aws:sms-voice:us-east-1:111122223333:sender-id/ExampleCo/GB";
const std::string kAction = "sms-voice:DescribePools";

using Actions = std::vector<std::string>;

std::map<std::string, Actions> Grants(const std::string& policy, const std::string& arn = kPool) {
  std::map<std::string, Actions> grants;
  for (const storage::Grant& grant : GrantsFrom(policy, arn)) {
    EXPECT_TRUE(grants.emplace(grant.consumer, grant.actions).second) << grant.consumer << " is there twice";
  }
  return grants;
}

// The members of a statement, as JSON.
struct StatementText {
  std::string effect = R"("Allow")";
  std::string principal = R"("*")";
  std::string action = R"("sms-voice:DescribePools")";
  std::string more = {};  // ", \"Resource\": ..."
};

std::string TextOf(const StatementText& statement) {
  return R"({"Effect": )" + statement.effect + R"(, "Principal": )" + statement.principal + R"(, "Action": )" +
         statement.action + statement.more + "}";
}

std::string Policy(const std::vector<StatementText>& statements) {
  std::string text;
  for (const StatementText& statement : statements) text += (text.empty() ? "" : ", ") + TextOf(statement);
  return R"({"Version": "2012-10-17", "Statement": [)" + text + "]}";
}

std::string WithPrincipal(const std::string& principal) {
  return Policy({{.effect = R"("Allow")", .principal = principal}});
}

std::string WithAction(const std::string& action) {
  return Policy({{.effect = R"("Allow")", .principal = R"("*")", .action = action}});
}

std::string WithMore(const std::string& more) {
  return Policy(
      {{.effect = R"("Allow")", .principal = R"("*")", .action = R"("sms-voice:DescribePools")", .more = more}});
}

StatementText Allow(const std::string& account, const std::string& action = "sms-voice:DescribePools") {
  return {.effect = R"("Allow")", .principal = "\"" + account + "\"", .action = "\"" + action + "\""};
}

StatementText Deny(const std::string& account, const std::string& action = "sms-voice:DescribePools") {
  return {.effect = R"("Deny")", .principal = "\"" + account + "\"", .action = "\"" + action + "\""};
}

// What becomes of a policy that is to be set.
Result<smsvoice::v2::PutResourcePolicyResponse> RefusalOf(const std::string& policy) {
  try {
    GrantsFrom(policy, kPool);
  } catch (const Error& error) {
    return {{}, error};
  }
  return {};
}

auto IsPolicyError(std::string_view reason) { return IsInvalidField(reason, "policy"); }

// ---------------------------------------------------------------------------------------------------------------------
// Principals

TEST(PolicyPrincipal, NamesWholeAccounts) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {R"("*")", {"*"}},
      {R"({"AWS": "*"})", {"*"}},
      {R"("444455556666")", {"444455556666"}},
      {R"({"AWS": "444455556666"})", {"444455556666"}},
      {R"({"AWS": ["444455556666", "777788889999"]})", {"444455556666", "777788889999"}},
      {R"(["444455556666", "*"])", {"*", "444455556666"}},
      {R"({"AWS": "arn:aws:iam::444455556666:root"})", {"444455556666"}},
      {R"({"AWS": "arn:aws-cn:iam::444455556666:root"})", {"444455556666"}},
      {R"({"AWS": ["arn:aws:iam::444455556666:root", "444455556666"]})", {"444455556666"}},
      {R"({"AWS": "444455556666", "Service": "sns.amazonaws.com"})", {"444455556666"}},
  };
  for (const auto& [principal, accounts] : cases) {
    const auto grants = Grants(WithPrincipal(principal));
    EXPECT_EQ(grants.size(), accounts.size()) << principal;
    for (const std::string& account : accounts) {
      EXPECT_THAT(grants, Contains(Pair(account, ElementsAre(kAction)))) << principal;
    }
  }
}

TEST(PolicyPrincipal, OfServicesOnlyConcernsNoAccount) {
  for (const std::string principal : {
           R"({"Service": "sms-voice.amazonaws.com"})",
           R"({"Service": ["sms-voice.amazonaws.com", "sns.amazonaws.com"]})",
           R"({"Federated": "accounts.google.com"})",
           R"({"AWS": []})",
           R"([])",
           R"({})",
       }) {
    EXPECT_THAT(Grants(WithPrincipal(principal)), IsEmpty()) << principal;
  }
}

TEST(PolicyPrincipal, ThatCannotBeUnderstoodIsRefused) {
  for (const std::string principal : {
           R"("")",
           R"("44445555666")",
           R"("4444555566667")",
           R"("44445555666x")",
           R"("everybody")",
           R"({"AWS": ""})",
           R"({"AWS": "arn:aws:iam:444455556666"})",
           R"({"AWS": "arn:aws:iam::*:root"})",
           R"({"AWS": "arn:aws:iam::4444:root"})",
           R"({"AWS": "arn:"})",
           R"({"AWS": "AIDAEXAMPLE"})",
           R"({"AWS": "arn:aws:sms-voice:us-east-1:444455556666:root"})",
           R"({"AWS": "arn:aws:iam:us-east-1:444455556666:root"})",
           R"({"AWS": "arn:aws-iso:iam::444455556666:root"})",
           R"({"AWS": "arn:aws:iam::444455556666:root/x"})",
           R"({"AWS": 444455556666})",
           R"({"AWS": {"Account": "444455556666"}})",
           R"({"AWS": ["444455556666", 7]})",
           R"({"AWS": null})",
           R"(null)",
           R"(true)",
           R"(444455556666)",
       }) {
    EXPECT_THAT(RefusalOf(WithPrincipal(principal)), IsPolicyError(reason::kInvalidParameter)) << principal;
  }
}

// It would open the resource to all of the account.
TEST(PolicyPrincipal, OfOneUserOrRoleIsRefused) {
  for (const std::string arn :
       {"arn:aws:iam::444455556666:role/sender", "arn:aws:iam::444455556666:user/ann",
        "arn:aws:iam::444455556666:user/a:b", "arn:aws:sts::444455556666:assumed-role/sender/session"}) {
    for (const std::string effect : {R"("Allow")", R"("Deny")"}) {
      const auto refused = RefusalOf(Policy(
          {{.effect = effect, .principal = R"({"AWS": ["444455556666", ")" + arn + R"("]})", .action = "\"*\""}}));
      ASSERT_THAT(refused, IsPolicyError(reason::kInvalidParameter)) << arn;
      EXPECT_THAT(refused.error->fields()[0].message, testing::HasSubstr("a grant to one user could not be kept"));
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Actions

TEST(PolicyAction, IsMatchedWithWildcardsWhateverItsCase) {
  const std::vector<std::pair<std::string, Actions>> cases = {
      {R"("sms-voice:DescribePools")", {"sms-voice:DescribePools"}},
      {R"("SMS-Voice:describepools")", {"sms-voice:DescribePools"}},
      {R"("sms-voice:DescribePool?")", {"sms-voice:DescribePools"}},
      {R"("sms-voice:*Pools")", {"sms-voice:DescribePools"}},
      {R"("*:DescribeP*")", {"sms-voice:DescribePhoneNumbers", "sms-voice:DescribePools"}},
      {R"("sms-voice:*opted*number")", {"sms-voice:DeleteOptedOutNumber", "sms-voice:PutOptedOutNumber"}},
      {R"(["sms-voice:DescribePools", "sms-voice:GetResourcePolicy"])",
       {"sms-voice:DescribePools", "sms-voice:GetResourcePolicy"}},
      {R"(["sms-voice:DescribePools", "sms-voice:describe?ools", "sns:Publish"])", {"sms-voice:DescribePools"}},
  };
  for (const auto& [action, granted] : cases) {
    EXPECT_THAT(Grants(WithAction(action)), UnorderedElementsAre(Pair("*", testing::ElementsAreArray(granted))))
        << action;
  }
}

TEST(PolicyAction, OfAStarCoversEveryOperation) {
  for (const std::string action : {R"("*")", R"("sms-voice:*")", R"("sms-voice:**?")", R"(["*"])"}) {
    EXPECT_THAT(Grants(WithAction(action)), Contains(Pair("*", SizeIs(Methods().size())))) << action;
  }
}

TEST(PolicyAction, ThatThisServiceDoesNotHaveGrantsNothing) {
  for (const std::string action : {
           R"("sns:*")",
           R"("sms-voice:SendTextMessage")",
           R"("sms-voice:DescribePool")",
           R"("sms-voice:DescribePoolss")",
           R"("sms-voice:DescribePools?")",
           R"("DescribePools")",
           R"("sms-voice")",
           R"("")",
           R"([])",
       }) {
    EXPECT_THAT(Grants(WithAction(action)), Each(Pair("*", IsEmpty()))) << action;
  }
}

TEST(PolicyAction, MustBeATextOrAListOfTexts) {
  for (const std::string action : {"7", "null", "{}", R"([["sms-voice:DescribePools"]])", R"(["*", true])"}) {
    EXPECT_THAT(RefusalOf(WithAction(action)), IsPolicyError(reason::kInvalidParameter)) << action;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Resources and conditions

TEST(PolicyResource, CountsWhenItIsMissingOrMatches) {
  for (const std::string& more : {
           std::string(),
           R"(, "Resource": "*")" + std::string(),
           R"(, "Resource": ")" + kPool + "\"",
           R"(, "Resource": "arn:aws:sms-voice:*:111122223333:pool/*")" + std::string(),
           R"(, "Resource": "arn:aws:sms-voice:us-east-1:1111?2223333:pool/pool-*f")" + std::string(),
           R"(, "Resource": ["arn:aws:sns:us-east-1:111122223333:topic", ")" + kPool + "\"]",
       }) {
    EXPECT_THAT(Grants(WithMore(more)), ElementsAre(Pair("*", ElementsAre(kAction)))) << more;
  }
}

TEST(PolicyResource, OfSomethingElseConcernsNobody) {
  for (const std::string& more : {
           R"(, "Resource": "arn:aws:sms-voice:us-east-1:111122223333:pool/other")" + std::string(),
           R"(, "Resource": ")" + kPool + "0\"",
           R"(, "Resource": ")" + kPool.substr(0, kPool.size() - 1) + "\"",
           R"(, "Resource": "arn:AWS:SMS-VOICE:US-EAST-1:111122223333:POOL/POOL-0123456789ABCDEF")" + std::string(),
           R"(, "Resource": "arn:aws:sms-voice:us-east-1:111122223333:phone-number/*")" + std::string(),
           R"(, "Resource": "arn:aws:sms-voice:us-east-1::pool/*")" + std::string(),
           R"(, "Resource": [])" + std::string(),
       }) {
    EXPECT_THAT(Grants(WithMore(more)), IsEmpty()) << more;
  }
}

TEST(PolicyResource, NamesASenderIdInAnyCase) {
  const std::string policy =
      WithMore(R"(, "Resource": "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/GB")");
  EXPECT_THAT(Grants(policy, kSenderId), ElementsAre(Pair("*", ElementsAre(kAction))));
  EXPECT_THAT(
      Grants(WithMore(R"(, "Resource": "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/FR")"), kSenderId),
      IsEmpty());
}

// A Deny of such a form would deny less than its author means.
TEST(PolicyResource, MustBeEverythingOrHaveTheSixPartsOfAnArn) {
  for (const std::string resource :
       {"", "**", "arn:*", "arn:aws:sms-voice:*", "arn:aws:sms-voice:*:pool/*", "ARN:aws:sms-voice:*:*:pool/*",
        "pool/pool-0123456789abcdef", "*:111122223333:*"}) {
    for (const std::string effect : {R"("Allow")", R"("Deny")"}) {
      const StatementText statement{.effect = effect, .more = R"(, "Resource": ["*", ")" + resource + "\"]"};
      EXPECT_THAT(RefusalOf(Policy({statement})), IsPolicyError(reason::kInvalidParameter)) << effect << resource;
    }
  }
}

TEST(PolicyResource, MustBeATextOrAListOfTexts) {
  for (const std::string resource : {"7", "null", "{}", "[7]"}) {
    EXPECT_THAT(RefusalOf(WithMore(R"(, "Resource": )" + resource)), IsPolicyError(reason::kInvalidParameter));
  }
}

TEST(PolicyCondition, NeverAllows) {
  EXPECT_THAT(Grants(WithMore(R"(, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}})")), IsEmpty());
  EXPECT_THAT(Grants(WithMore(R"(, "Condition": {})")), IsEmpty());
}

TEST(PolicyCondition, StillDenies) {
  StatementText deny = Deny("444455556666");
  deny.more = R"(, "Condition": {"Bool": {"aws:SecureTransport": "false"}})";
  EXPECT_THAT(Grants(Policy({Allow("444455556666"), deny})), ElementsAre(Pair("444455556666", IsEmpty())));
}

// ---------------------------------------------------------------------------------------------------------------------
// Deny against Allow

TEST(PolicyDeny, BeatsAllowInWhicheverOrder) {
  const std::string account = "444455556666";
  for (const auto& statements : {
           std::vector{Allow(account), Deny(account)},
           std::vector{Deny(account), Allow(account)},
           std::vector{Allow(account), Deny("*")},
           std::vector{Allow(account), Deny(account, "sms-voice:*")},
           std::vector{Allow(account), Deny(account, "*"), Allow(account)},
       }) {
    EXPECT_THAT(Grants(Policy(statements)), Contains(Pair(account, IsEmpty())));
  }
}

TEST(PolicyDeny, TakesOnlyWhatItNames) {
  EXPECT_THAT(Grants(Policy({Allow("444455556666", "sms-voice:DescribeP*"), Deny("444455556666")})),
              ElementsAre(Pair("444455556666", ElementsAre("sms-voice:DescribePhoneNumbers"))));
  EXPECT_THAT(Grants(Policy({Allow("444455556666"), Deny("777788889999")})),
              UnorderedElementsAre(Pair("444455556666", ElementsAre(kAction)), Pair("777788889999", IsEmpty())));
}

TEST(PolicyDeny, OfOneAccountLeavesWhatEverybodyElseIsAllowed) {
  EXPECT_THAT(Grants(Policy({Allow("*"), Deny("444455556666")})),
              UnorderedElementsAre(Pair("*", ElementsAre(kAction)), Pair("444455556666", IsEmpty())));
}

TEST(PolicyDeny, OfEverybodyLeavesNothingToAnybody) {
  for (const auto& [account, actions] : Grants(Policy({Allow("*"), Allow("444455556666"), Deny("*")}))) {
    EXPECT_THAT(actions, IsEmpty()) << account;
  }
}

TEST(PolicyDeny, OfAnotherResourceChangesNothing) {
  StatementText deny = Deny("*");
  deny.more = R"(, "Resource": "arn:aws:sms-voice:us-east-1:111122223333:pool/other")";
  EXPECT_THAT(Grants(Policy({Allow("*"), deny})), ElementsAre(Pair("*", ElementsAre(kAction))));
}

TEST(PolicyAllow, OfOneAccountAddsToWhatEverybodyIsAllowed) {
  EXPECT_THAT(Grants(Policy({Allow("*"), Allow("444455556666", "sms-voice:DescribeKeywords")})),
              UnorderedElementsAre(Pair("*", ElementsAre(kAction)),
                                   Pair("444455556666", ElementsAre("sms-voice:DescribeKeywords", kAction))));
}

// ---------------------------------------------------------------------------------------------------------------------
// What this service cannot judge

TEST(PolicyBeyondUs, NeverAllows) {
  for (const std::string statement : {
           R"({"Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}, "Action": "*"})",
           R"({"Effect": "Allow", "Principal": "*", "NotAction": "sms-voice:DeletePool"})",
           R"({"Effect": "Allow", "Principal": "*", "Action": "*", "NotResource": "arn:aws:sns:*"})",
       }) {
    EXPECT_THAT(Grants(R"({"Statement": )" + statement + "}"), IsEmpty()) << statement;
  }
}

TEST(PolicyBeyondUs, DeniesAsWidelyAsItCanBeMeant) {
  const std::string allow = TextOf(Allow("444455556666", "sms-voice:DescribeP*"));
  const auto grants = [&](const std::string& deny) {
    return Grants(R"({"Statement": [)" + allow + ", " + deny + "]}")["444455556666"];
  };
  // Nobody but the principal that isn't meant: everybody.
  EXPECT_THAT(grants(R"({"Effect": "Deny", "NotPrincipal": {"AWS": "444455556666"}, "Action": "*"})"), IsEmpty());
  EXPECT_THAT(grants(R"({"Effect": "Deny", "NotPrincipal": {"AWS": "444455556666"},
                         "Action": "sms-voice:DescribePools"})"),
              ElementsAre("sms-voice:DescribePhoneNumbers"));
  EXPECT_THAT(grants(R"({"Effect": "Deny", "Principal": "*", "NotAction": "sms-voice:DescribePools"})"), IsEmpty());
  EXPECT_THAT(grants(R"({"Effect": "Deny", "Principal": "777788889999", "NotAction": "sms-voice:DescribePools"})"),
              SizeIs(2));
  EXPECT_THAT(grants(R"({"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": "*"})"), IsEmpty());
}

// ---------------------------------------------------------------------------------------------------------------------
// The document

TEST(Policy, ThatIsNoJsonObjectCannotBeParsed) {
  for (const std::string policy : {
           "",
           " ",
           "policy",
           "{",
           "{}}",
           "{'Statement': []}",
           R"({"Statement": [],})",
           R"({"Statement": []} {})",
           "[]",
           R"("{}")",
           "null",
           "7",
       }) {
    EXPECT_THAT(RefusalOf(policy), IsPolicyError(reason::kCannotParse)) << policy;
  }
}

TEST(Policy, NestedWithoutEndCannotBeParsed) {
  EXPECT_THAT(RefusalOf(R"({"Statement": )" + std::string(4000, '[') + std::string(4000, ']') + "}"),
              IsPolicyError(reason::kCannotParse));
}

TEST(Policy, WithoutStatementsThatCanBeUnderstoodIsRefused) {
  for (const std::string policy : {
           R"({})",
           R"({"Version": "2012-10-17"})",
           R"({"statement": []})",
           R"({"Statement": null})",
           R"({"Statement": "Allow"})",
           R"({"Statement": [7]})",
           R"({"Statement": [[]]})",
           R"({"Statement": {}})",
           R"({"Statement": {"Principal": "*", "Action": "*"}})",
           R"({"Statement": {"Effect": "allow", "Principal": "*", "Action": "*"}})",
           R"({"Statement": {"Effect": "Permit", "Principal": "*", "Action": "*"}})",
           R"({"Statement": {"Effect": ["Allow"], "Principal": "*", "Action": "*"}})",
           R"({"Statement": {"Effect": "Allow", "Action": "*"}})",
           R"({"Statement": {"Effect": "Allow", "Principal": "*"}})",
           R"({"Statement": {"Effect": "Deny", "Principal": "*"}})",
       }) {
    EXPECT_THAT(RefusalOf(policy), IsPolicyError(reason::kInvalidParameter)) << policy;
  }
}

// Readers take the first of two members, or the last.
TEST(Policy, WithAMemberTwiceIsRefused) {
  const std::string deny = R"({"Effect": "Deny", "Principal": "*", "Action": "*"})";
  for (const std::string& policy : {
           R"({"Version": "2012-10-17", "Version": "2008-10-17", "Statement": []})" + std::string(),
           R"({"Statement": )" + deny + R"(, "Statement": []})",
           R"({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Effect": "Allow"}]})" + std::string(),
           R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Acti\u006fn": "x"}]})" +
               std::string(),
           R"({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333", "AWS": "*"}, "Action": "*"}]})" +
               std::string(),
           R"({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"a": 1, "a": 2}}]})" +
               std::string(),
       }) {
    EXPECT_THAT(RefusalOf(policy), IsPolicyError(reason::kInvalidParameter)) << policy;
  }
  const auto refused = RefusalOf(R"({"Id": {"a": {}}, "Statement": [], "Id": "x"})");
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->fields()[0].message, "must not have the member Id twice in one object");
  EXPECT_THAT(Grants(R"({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "*"},
                                       {"Effect": "Deny", "Principal": {"AWS": "444455556666"}, "Action": "*"}]})"),
              ElementsAre(Pair("444455556666", IsEmpty())))
      << "the same name in different objects";
}

TEST(Policy, OfAnUnclearStatementAmongGoodOnesIsRefusedWhole) {
  StatementText unclear = Allow("*");
  unclear.effect = R"("Permit")";
  EXPECT_THAT(RefusalOf(Policy({Allow("*"), unclear})), IsPolicyError(reason::kInvalidParameter));
}

TEST(Policy, MayHaveOneStatementWithoutAList) {
  EXPECT_THAT(Grants(R"({"Statement": )" + TextOf(Allow("444455556666")) + "}"),
              ElementsAre(Pair("444455556666", ElementsAre(kAction))));
}

TEST(Policy, MayHaveNoStatementsInItsList) { EXPECT_THAT(Grants(R"({"Statement": []})"), IsEmpty()); }

TEST(Policy, MayHaveWhatElseIamKnows) {
  EXPECT_THAT(Grants(R"( {"Version": "2012-10-17", "Id": "share", "Statement": [
                          {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "444455556666"},
                           "Action": "sms-voice:DescribePools", "Resource": "*"}]} )"),
              ElementsAre(Pair("444455556666", ElementsAre(kAction))));
}

TEST(Policy, OfTheGreatestLengthFullOfWildcardsIsReadInNoTime) {
  std::string pattern = "sms-voice:";
  while (pattern.size() < 9'000) pattern += "*?";
  const auto begin = std::chrono::steady_clock::now();
  Grants(WithAction("\"" + pattern + "x\""));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

}  // namespace
}  // namespace poold
