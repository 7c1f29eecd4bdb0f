// The story that the service is for, told over the wire with every RPC.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kLongCode =
    "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
    " number_capabilities: NUMBER_CAPABILITY_SMS ";

std::string Quoted(const std::string& text) { return "'" + text + "' "; }

std::vector<std::string> Members(const GrpcClient& client, const std::string& pool) {
  std::vector<std::string> members;
  const auto listed = client.Must<ListPoolOriginationIdentitiesRequest>("pool_id: " + Quoted(pool));
  for (const auto& identity : listed.origination_identities()) members.push_back(identity.origination_identity());
  return members;
}

TEST(LifeOfAPool, IsLivedOverTheWireThroughAllFifteenOperations) {
  const GrpcClient client(DevAddress(), NewAccount());

  const auto first = client.Must<RequestPhoneNumberRequest>(kLongCode);
  EXPECT_EQ(first.status(), NUMBER_STATUS_ACTIVE);
  const auto second = client.Must<RequestPhoneNumberRequest>(kLongCode);
  EXPECT_NE(second.phone_number(), first.phone_number());
  EXPECT_EQ(client.Must<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'").sender_id(),
            "EXAMPLECO");

  // Both numbers are told what only a number can be told, so that they match, and the pool inherits it.
  const std::string two_way =
      "two_way_enabled: true two_way_channel_arn: 'arn:aws:sns:us-east-1:111122223333:inbound' ";
  for (const std::string& id : {first.phone_number_id(), second.phone_number_id()}) {
    EXPECT_TRUE(client.Must<UpdatePhoneNumberRequest>("phone_number_id: " + Quoted(id) + two_way).two_way_enabled());
  }

  const auto created =
      client.Must<CreatePoolRequest>("origination_identity: " + Quoted(first.phone_number_id()) +
                                     "message_type: MESSAGE_TYPE_TRANSACTIONAL deletion_protection_enabled: true tags "
                                     "{ key: 'Name' value: 'Offers' }");
  const std::string pool = created.pool_id();
  EXPECT_EQ(created.status(), POOL_STATUS_ACTIVE);
  EXPECT_EQ(created.two_way_channel_arn(), "arn:aws:sns:us-east-1:111122223333:inbound");
  ASSERT_EQ(created.tags_size(), 1);
  EXPECT_EQ(created.tags(0).value(), "Offers");

  const std::string at_pool = "pool_id: " + Quoted(pool) + "origination_identity: ";
  client.Must<AssociateOriginationIdentityRequest>(at_pool + Quoted(second.phone_number_id()));
  client.Must<AssociateOriginationIdentityRequest>(at_pool + "'EXAMPLECO' iso_country_code: 'GB'");
  EXPECT_THAT(Members(client, pool), ElementsAre(first.phone_number_id(), second.phone_number_id(), "EXAMPLECO"));

  // The pool rules its numbers: what it is told reaches them.
  const auto updated = client.Must<UpdatePoolRequest>(
      "pool_id: " + Quoted(pool) + "self_managed_opt_outs_enabled: true deletion_protection_enabled: false");
  EXPECT_TRUE(updated.self_managed_opt_outs_enabled());
  EXPECT_FALSE(updated.deletion_protection_enabled());
  const auto numbers = client.Must<DescribePhoneNumbersRequest>(
      "filters { name: PHONE_NUMBER_FILTER_NAME_SELF_MANAGED_OPT_OUTS_ENABLED values: 'true' }");
  ASSERT_EQ(numbers.phone_numbers_size(), 2);
  EXPECT_EQ(numbers.phone_numbers(0).pool_id(), pool);

  client.Must<DisassociateOriginationIdentityRequest>(at_pool + Quoted(second.phone_number_id()));
  EXPECT_THAT(Members(client, pool), ElementsAre(first.phone_number_id(), "EXAMPLECO"));

  const auto pools = client.Must<DescribePoolsRequest>("pool_ids: " + Quoted(created.pool_arn()));
  ASSERT_EQ(pools.pools_size(), 1);
  EXPECT_TRUE(pools.pools(0).self_managed_opt_outs_enabled());
  EXPECT_EQ(client.Must<DeletePoolRequest>("pool_id: " + Quoted(pool)).status(), POOL_STATUS_DELETING);
  EXPECT_THAT(client.Must<DescribePoolsRequest>("").pools(), IsEmpty());

  for (const std::string& id : {first.phone_number_id(), second.phone_number_id()}) {
    EXPECT_EQ(client.Must<ReleasePhoneNumberRequest>("phone_number_id: " + Quoted(id)).status(), NUMBER_STATUS_DELETED);
  }
  EXPECT_THAT(client.Must<DescribePhoneNumbersRequest>("").phone_numbers(), IsEmpty());

  const std::string sender_id = "sender_id: 'EXAMPLECO' iso_country_code: 'GB' ";
  EXPECT_TRUE(client.Must<UpdateSenderIdRequest>(sender_id + "deletion_protection_enabled: true")
                  .deletion_protection_enabled());
  EXPECT_TRUE(client.Must<DescribeSenderIdsRequest>("").sender_ids(0).deletion_protection_enabled());
  client.Must<UpdateSenderIdRequest>(sender_id + "deletion_protection_enabled: false");
  client.Must<ReleaseSenderIdRequest>(sender_id);
  EXPECT_THAT(client.Must<DescribeSenderIdsRequest>("").sender_ids(), IsEmpty());
}

}  // namespace
}  // namespace poold
