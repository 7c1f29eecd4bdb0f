#include <gtest/gtest.h>

#include "tests/support/api.h"

namespace poold {
namespace {

using namespace smsvoice::v2;

TEST(CreatePool, PutsAPhoneNumberInANewPool) {
  Api api;
  const auto number = api.Call<RequestPhoneNumberRequest>(
      "iso_country_code: 'US' message_type: MESSAGE_TYPE_TRANSACTIONAL number_capabilities: NUMBER_CAPABILITY_SMS"
      " number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE");
  ASSERT_THAT(number, IsOk());
  const auto pool = api.Call<CreatePoolRequest>("origination_identity: '" + number.response.phone_number_id() +
                                                "' message_type: MESSAGE_TYPE_TRANSACTIONAL");
  ASSERT_THAT(pool, IsOk());
  EXPECT_EQ(pool.response.status(), POOL_STATUS_ACTIVE);
}

TEST(CreatePool, RefusesAnIdentityThatIsNotThere) {
  Api api;
  EXPECT_THAT(api.Call<CreatePoolRequest>("origination_identity: 'phone-0123456789' message_type: MESSAGE_TYPE_PROMOTIONAL"),
              IsNotFound(ResourceType::kPhoneNumber, "phone-0123456789"));
}

}  // namespace
}  // namespace poold
