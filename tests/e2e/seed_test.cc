// `poold seed`, and that only `poold dev` has the service behind it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Ran SeedAt(const std::string& address, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {"seed", "--grpc-listen", address});
  return RunToEnd(Poold(arguments));
}

TEST(SeedCommand, SaysWhatIsInTheAccountNow) {
  const std::string account = NewAccount();
  const Ran ran = SeedAt(DevAddress(), {account});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, StartsWith("account " + account + ", region us-east-1\n"));
  EXPECT_THAT(ran.output, AllOf(ContainsRegex("\n  pool          pool-[0-9a-f]{32}  Alerts\n"),
                                ContainsRegex("\n  phone number  phone-[0-9a-f]{32}  \\+49[0-9]+ DE, in Alerts\n"),
                                ContainsRegex("\n  phone number  phone-[0-9a-f]{32}  \\+33[0-9]+ FR, in no pool\n"),
                                HasSubstr("\n  sender ID     EXAMPLECO GB, in Alerts and Sender IDs\n"),
                                HasSubstr("\n  opt-out list  Offers\n")));

  const GrpcClient client(DevAddress(), account);
  const auto pools = client.Must<DescribePoolsRequest>("");
  EXPECT_EQ(pools.pools_size(), 3);
  for (const auto& pool : pools.pools()) EXPECT_THAT(ran.output, HasSubstr(pool.pool_id()));
  const auto numbers = client.Must<DescribePhoneNumbersRequest>("");
  EXPECT_EQ(numbers.phone_numbers_size(), 6);
  for (const auto& number : numbers.phone_numbers()) EXPECT_THAT(ran.output, HasSubstr(number.phone_number_id()));
}

TEST(SeedCommand, TakesAccountAndRegionFromItsArgumentsOrElseFromTheSettings) {
  const std::string account = NewAccount();
  EXPECT_THAT(SeedAt(DevAddress(), {account, "eu-west-2"}).output,
              StartsWith("account " + account + ", region eu-west-2\n"));
  EXPECT_THAT(SeedAt(DevAddress(), {"--default-account", account, "--default-region", "eu-west-1"}).output,
              StartsWith("account " + account + ", region eu-west-1\n"));
}

TEST(SeedCommand, SaysWhyItIsRefused) {
  const std::string account = NewAccount();
  ASSERT_EQ(SeedAt(DevAddress(), {account}).exit_code, 0);
  const Ran again = SeedAt(DevAddress(), {account});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.output, IsEmpty());
  EXPECT_THAT(again.errors, AllOf(StartsWith("poold: "), HasSubstr("The account is not empty; reset it first")));

  const GrpcClient client(DevAddress(), account);
  EXPECT_EQ(client.Must<ResetAccountRequest>("").pools(), 3);
  EXPECT_EQ(SeedAt(DevAddress(), {account}).exit_code, 0);
}

TEST(SeedCommand, SaysThatNobodyIsThere) {
  const Ran ran = SeedAt("127.0.0.1:1");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, StartsWith("poold: no server at 127.0.0.1:1: start `poold dev`"));
}

TEST(ServeCommand, HasNoServiceThatEmptiesOrFillsAccounts) {
  Program serve(Poold({"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", TestDatabaseUrl()}));
  const std::string address = ReadyAddress(serve);
  const Ran ran = SeedAt(address);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, StartsWith("poold: the server at " + address + " is not a `poold dev`"));

  const GrpcClient client(address, NewAccount());
  ASSERT_THAT(client.Call<RequestSenderIdRequest>("sender_id: 'ExampleCo' iso_country_code: 'GB'"), IsOk());
  const auto reset = client.Call(ResetAccountRequest());
  EXPECT_EQ(reset.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(reset, IsFault(Fault::kUnknownOperation)) << "as of a service that does not exist";
  EXPECT_EQ(client.Must<DescribeSenderIdsRequest>("").sender_ids_size(), 1);

  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("smsvoice.v2.Dev");
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_EQ(grpc::health::v1::Health::NewStub(client.channel())->Check(&context, request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace poold
