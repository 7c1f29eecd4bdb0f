#include "server/transport/prepared_status.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace poold {
namespace {

TEST(PreparedStatus, IsTheOneThatIsMadeAnew) {
  const Error error = Error::Throttled(std::chrono::milliseconds(100), "Too many calls are waiting; try again later");
  const PreparedStatus prepared(error);
  for (const std::string id : {"6f0c1d9e-0000-4000-8000-00000000beef", "0a1b2c3d-4e5f-4789-9abc-def012345678"}) {
    const grpc::Status status = prepared.For(id);
    const grpc::Status anew = ToGrpcStatus(error, id);
    EXPECT_EQ(status.error_code(), anew.error_code());
    EXPECT_EQ(status.error_message(), anew.error_message());
    EXPECT_EQ(status.error_details(), anew.error_details());
  }
}

TEST(PreparedStatus, TakesRequestIdsOnly) {
  const PreparedStatus prepared(Error::Throttled(std::chrono::milliseconds(100)));
  EXPECT_THROW(prepared.For("short"), std::invalid_argument);
}

}  // namespace
}  // namespace poold
