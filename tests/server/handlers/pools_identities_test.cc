// ListPoolOriginationIdentities. Rules: behaviour 4.1, 4.5 and 5.

#include <gtest/gtest.h>

#include "tests/support/api.h"
#include "tests/support/given.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kGb = "iso_country_code: 'GB'";

auto List(Api& api, const std::string& pool, const std::string& more = {}) {
  return api.Call<ListPoolOriginationIdentitiesRequest>("pool_id: '" + pool + "' " + more);
}

std::string Values(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += " values: '" + value + "'";
  return text;
}

std::string MemberFilter(const std::string& name, const std::vector<std::string>& values) {
  return "filters { name: POOL_ORIGINATION_IDENTITIES_FILTER_NAME_" + name + Values(values) + " } ";
}

std::vector<std::string> IdsOf(const Result<ListPoolOriginationIdentitiesResponse>& result) {
  if (result.error) throw std::runtime_error(result.error->what());
  std::vector<std::string> ids;
  for (const auto& member : result.response.origination_identities()) ids.push_back(member.origination_identity());
  return ids;
}

std::string After(const std::string& token) { return "next_token: '" + token + "' "; }

TEST(ListPoolOriginationIdentities, ShowsNumbersWithTheirNumberAndSenderIdsWithout) {
  Api api;
  const std::string number = GivenNumber(api, "number_capabilities: [NUMBER_CAPABILITY_VOICE, NUMBER_CAPABILITY_SMS]");
  const std::string pool = GivenPool(api, number);
  GivenMember(api, pool, GivenSenderId(api, "EXAMPLECO"), kGb);
  const auto listed = List(api, pool);
  ASSERT_THAT(listed, IsOk());
  EXPECT_THAT(listed.response, EqualsText("pool_arn: '" + OwnArn(api, "pool", pool) + "' pool_id: '" + pool +
                                          "' origination_identities { origination_identity_arn: '" +
                                          OwnArn(api, "phone-number", number) + "' origination_identity: '" + number +
                                          "' iso_country_code: 'US' number_capabilities: [NUMBER_CAPABILITY_SMS,"
                                          " NUMBER_CAPABILITY_VOICE] phone_number: '" +
                                          TheNumber(api, number).phone_number() +
                                          "' } origination_identities { origination_identity_arn: '" +
                                          OwnArn(api, "sender-id", "EXAMPLECO/GB") +
                                          "' origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"
                                          " number_capabilities: NUMBER_CAPABILITY_SMS }"));
}

TEST(ListPoolOriginationIdentities, TakesThePoolsArnAndAnswersItsId) {
  Api api;
  const std::string pool = GivenPool(api);
  const auto listed = List(api, OwnArn(api, "pool", pool));
  ASSERT_THAT(listed, IsOk());
  EXPECT_EQ(listed.response.pool_id(), pool);
  EXPECT_EQ(listed.response.pool_arn(), OwnArn(api, "pool", pool));
}

TEST(ListPoolOriginationIdentities, ListsInTheOrderOfAssociation) {
  Api api;
  const std::string early = GivenNumber(api);
  const std::string late = GivenNumber(api);
  const std::string pool = GivenPool(api, late);
  GivenMember(api, pool, GivenSenderId(api, "ZULU"), kGb);
  GivenMember(api, pool, early);
  GivenMember(api, pool, GivenSenderId(api, "ALPHA"), kGb);
  EXPECT_THAT(IdsOf(List(api, pool)), ElementsAre(late, "ZULU", early, "ALPHA"));
}

TEST(ListPoolOriginationIdentities, RefusesAPoolThatIsNotThere) {
  Api api;
  Api other;
  const std::string pool = GivenPool(other);
  for (const std::string& id : {
           std::string("pool-0123456789abcdef0123456789abcdef"),
           pool,
           OwnArn(other, "pool", pool),
           ArnOfOtherRegion(api, "pool", GivenPool(api)),
       }) {
    EXPECT_THAT(List(api, id), IsNotFound(ResourceType::kPool, id));
  }
}

TEST(ListPoolOriginationIdentities, RefusesWhatCannotBeAPool) {
  Api api;
  EXPECT_THAT(List(api, ""), IsInvalidField(reason::kMissingParameter, "poolId"));
  EXPECT_THAT(List(api, "pool 1"), IsInvalidField(reason::kInvalidParameter, "poolId"));
  EXPECT_THAT(List(api, OwnArn(api, "sender-id", "EXAMPLECO/GB")), IsInvalidField(reason::kInvalidArn, "poolId"));
}

TEST(ListPoolOriginationIdentities, WorksOnAPoolThatIsNotActive) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenStatus(api, pool, "CREATING");
  EXPECT_THAT(IdsOf(List(api, pool)), ElementsAre(number));
}

// An SMS and VOICE number of the US, and sender IDs of GB and FR.
struct Mixture {
  std::string pool, number;
};
Mixture GivenMixture(Api& api) {
  Mixture mixture;
  mixture.number = GivenNumber(api, "number_capabilities: [NUMBER_CAPABILITY_SMS, NUMBER_CAPABILITY_VOICE]");
  mixture.pool = GivenPool(api, mixture.number);
  GivenMember(api, mixture.pool, GivenSenderId(api, "BRITISH", "GB"), kGb);
  GivenMember(api, mixture.pool, GivenSenderId(api, "FRENCH", "FR"), "iso_country_code: 'FR'");
  return mixture;
}

TEST(ListPoolOriginationIdentities, FiltersByCountry) {
  Api api;
  const Mixture mixture = GivenMixture(api);
  EXPECT_THAT(IdsOf(List(api, mixture.pool, MemberFilter("ISO_COUNTRY_CODE", {"GB"}))), ElementsAre("BRITISH"));
  EXPECT_THAT(IdsOf(List(api, mixture.pool, MemberFilter("ISO_COUNTRY_CODE", {"FR", "US"}))),
              ElementsAre(mixture.number, "FRENCH"));
  EXPECT_THAT(IdsOf(List(api, mixture.pool, MemberFilter("ISO_COUNTRY_CODE", {"gb"}))), IsEmpty());
}

TEST(ListPoolOriginationIdentities, FiltersByACapabilityAmongOthers) {
  Api api;
  const Mixture mixture = GivenMixture(api);
  const auto by = [&](const std::vector<std::string>& values) {
    return IdsOf(List(api, mixture.pool, MemberFilter("NUMBER_CAPABILITY", values)));
  };
  EXPECT_THAT(by({"VOICE"}), ElementsAre(mixture.number));
  EXPECT_THAT(by({"SMS"}), ElementsAre(mixture.number, "BRITISH", "FRENCH"));
  EXPECT_THAT(by({"MMS"}), IsEmpty());
  EXPECT_THAT(by({"MMS", "voice"}), ElementsAre(mixture.number));
}

TEST(ListPoolOriginationIdentities, NeedsAllFiltersToPass) {
  Api api;
  const Mixture mixture = GivenMixture(api);
  const std::string sms = MemberFilter("NUMBER_CAPABILITY", {"SMS"});
  EXPECT_THAT(IdsOf(List(api, mixture.pool, sms + MemberFilter("ISO_COUNTRY_CODE", {"GB"}))), ElementsAre("BRITISH"));
  EXPECT_THAT(IdsOf(List(api, mixture.pool, sms + MemberFilter("NUMBER_CAPABILITY", {"VOICE"}))),
              ElementsAre(mixture.number));
  EXPECT_THAT(IdsOf(List(api, mixture.pool,
                         MemberFilter("ISO_COUNTRY_CODE", {"GB"}) + MemberFilter("ISO_COUNTRY_CODE", {"FR"}))),
              IsEmpty());
}

TEST(ListPoolOriginationIdentities, RefusesImpossibleFilters) {
  Api api;
  const std::string pool = GivenPool(api);
  EXPECT_THAT(List(api, pool, MemberFilter("NUMBER_CAPABILITY", {"SMS", "FAX"})),
              IsInvalidField(reason::kInvalidFilterValues, "filters[0].values[1]"));
  EXPECT_THAT(List(api, pool, "filters { values: 'SMS' }"),
              IsInvalidField(reason::kMissingParameter, "filters[0].name"));
}

TEST(ListPoolOriginationIdentities, PagesThroughAllMembersWithThePoolOnEveryPage) {
  Api api;
  const std::string pool = GivenPool(api);
  for (int i = 0; i < 4; ++i) GivenMember(api, pool, GivenSenderId(api, "S" + std::to_string(i)), kGb);
  const auto members = MembersOf(api, pool);
  ASSERT_THAT(members, SizeIs(5));
  for (const int limit : {1, 2, 5, 6}) {
    std::vector<std::string> seen;
    std::string more;
    int pages = 0;
    do {
      const auto page = List(api, pool, more + "max_results: " + std::to_string(limit));
      const auto ids = IdsOf(page);
      EXPECT_LE(ids.size(), static_cast<std::size_t>(limit));
      EXPECT_EQ(page.response.pool_id(), pool);
      EXPECT_EQ(page.response.pool_arn(), OwnArn(api, "pool", pool));
      seen.insert(seen.end(), ids.begin(), ids.end());
      more = page.response.has_next_token() ? After(page.response.next_token()) : "";
    } while (!more.empty() && ++pages < 10);
    EXPECT_EQ(seen, members) << limit;
  }
}

TEST(ListPoolOriginationIdentities, SkipsAndRepeatsNothingWhenMembersComeAndGoBetweenPages) {
  Api api;
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  for (const std::string sender_id : {"A", "B", "C", "D"}) GivenMember(api, pool, GivenSenderId(api, sender_id), kGb);
  const auto first = List(api, pool, "max_results: 3");
  EXPECT_THAT(IdsOf(first), ElementsAre(number, "A", "B"));
  for (const std::string gone : {"A", "B"}) {
    ASSERT_THAT(api.Call<DisassociateOriginationIdentityRequest>("pool_id: '" + pool + "' origination_identity: '" +
                                                                 gone + "' " + kGb),
                IsOk());
  }
  GivenMember(api, pool, "A", kGb);  // comes back, at the end
  EXPECT_THAT(IdsOf(List(api, pool, After(first.response.next_token()))), ElementsAre("C", "D", "A"));
}

TEST(ListPoolOriginationIdentities, RefusesTokensThatAreNotOfTheSameRequest) {
  Api api;
  const Mixture mixture = GivenMixture(api);
  const std::string token = List(api, mixture.pool, "max_results: 1").response.next_token();
  ASSERT_THAT(List(api, mixture.pool, After(token)), IsOk());
  const auto refusal = IsInvalidField(reason::kInvalidNextToken, "nextToken");
  EXPECT_THAT(List(api, GivenPool(api), After(token)), refusal) << "another pool";
  EXPECT_THAT(List(api, mixture.pool, MemberFilter("ISO_COUNTRY_CODE", {"GB"}) + After(token)), refusal)
      << "another filter";
  EXPECT_THAT(api.Call<DescribePoolsRequest>(After(token)), refusal) << "another operation";
  EXPECT_THAT(List(api, mixture.pool, After("x" + token)), refusal) << "altered";
}

TEST(ListPoolOriginationIdentities, TakesPageSizesFrom1To100) {
  Api api;
  const std::string pool = GivenPool(api);
  for (const int limit : {0, 101}) {
    EXPECT_THAT(List(api, pool, "max_results: " + std::to_string(limit)),
                IsInvalidField(reason::kInvalidParameter, "maxResults"));
  }
}

}  // namespace
}  // namespace poold
