#include "server/transport/wire_lists.h"

#include <gmock/gmock.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

#include "server/base/error.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: messages
using testing::ElementsAre;

template <class Request>
std::optional<Error> Refusal(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()), 100);  // in pieces
  return RefusalOf([&] { RefuseLongLists(stream, *Request::descriptor()); });
}

template <class Request>
std::optional<Error> Refusal(const Request& request) {
  return Refusal<Request>(request.SerializeAsString());
}

TEST(WireLists, MayHaveAsManyItemsAsTheirRuleAllows) {
  DescribePoolsRequest request;
  for (int i = 0; i < 5; ++i) request.add_pool_ids("pool-" + std::to_string(i));
  for (int i = 0; i < 20; ++i) {
    auto& filter = *request.add_filters();
    for (int j = 0; j < 20; ++j) filter.add_values(std::string(1000, 'x'));
  }
  request.set_next_token(std::string(100'000, 'x'));
  request.set_max_results(5);
  EXPECT_FALSE(Refusal(request));
}

TEST(WireLists, AreRefusedAtTheFirstItemTooMany) {
  DescribePoolsRequest ids;
  for (int i = 0; i < 100'000; ++i) ids.add_pool_ids();
  auto refusal = Refusal(ids);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason(), reason::kInvalidParameter);
  EXPECT_THAT(refusal->fields(), ElementsAre(FieldViolation{"poolIds", "must have at most 5 items, has more"}));

  DescribePoolsRequest filters;
  filters.add_filters();
  filters.add_filters();
  for (int i = 0; i < 21; ++i) filters.mutable_filters(1)->add_values();
  refusal = Refusal(filters);
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->fields(),
              ElementsAre(FieldViolation{"filters[1].values", "must have at most 20 items, has more"}));
}

TEST(WireLists, ThatArePackedAreRefusedIfTheyAreFarTooLong) {
  RequestPhoneNumberRequest request;
  for (int i = 0; i < 4; ++i) request.add_number_capabilities(NUMBER_CAPABILITY_SMS);
  EXPECT_FALSE(Refusal(request));
  for (int i = 0; i < 100'000; ++i) request.add_number_capabilities(NUMBER_CAPABILITY_SMS);
  const auto refusal = Refusal(request);
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->fields(),
              ElementsAre(FieldViolation{"numberCapabilities", "must have at most 4 items, has more"}));
}

TEST(WireLists, LeaveAThousandUnknownMembersAlone) {
  const std::string unknown = {static_cast<char>(0xB8), 0x3E, 1};  // field 999
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += unknown;
  EXPECT_FALSE(Refusal<DescribePoolsRequest>(bytes));
  bytes += unknown;
  const auto refusal = Refusal<DescribePoolsRequest>(bytes);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason(), reason::kCannotParse);
  EXPECT_THAT(refusal->fields(),
              ElementsAre(FieldViolation{"request", "has more than 1000 members that this service does not know"}));
}

// The parser refuses them.
TEST(WireLists, OfWhatIsNoMessageAreLeftAlone) {
  DescribePoolsRequest request;
  request.add_pool_ids("pool-1");
  request.add_filters()->add_values("x");
  const std::string whole = request.SerializeAsString();
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_FALSE(Refusal<DescribePoolsRequest>(whole.substr(0, cut))) << cut;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const auto refusal = Refusal<RequestPhoneNumberRequest>(bytes);  // by chance a list
    if (refusal) {
      EXPECT_EQ(refusal->fault(), Fault::kInvalid) << i;
    }
  }
}

}  // namespace
}  // namespace poold
