#include "server/base/fingerprint.h"

#include <gtest/gtest.h>

#include "server/base/digest.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"
#include "tests/support/api.h"

namespace poold {
namespace {

using smsvoice::v2::CreatePoolRequest;
using smsvoice::v2::MessagingLimits;
using smsvoice::v2::UpdatePoolRequest;

std::string Of(const std::string& text) { return Fingerprint(Api::Parse<CreatePoolRequest>(text), {"client_token"}); }

TEST(Fingerprint, IsTheSameForRequestsThatSayTheSame) {
  EXPECT_EQ(Of("origination_identity: 'a' message_type: MESSAGE_TYPE_PROMOTIONAL"),
            Of("message_type: MESSAGE_TYPE_PROMOTIONAL origination_identity: 'a'"));
}

TEST(Fingerprint, Has32Bytes) { EXPECT_EQ(Of("").size(), 32u); }

TEST(Fingerprint, DiffersWithEveryMember) {
  const std::string plain = Of("origination_identity: 'a'");
  for (const char* other : {"origination_identity: 'b'", "origination_identity: 'a' iso_country_code: 'GB'",
                            "origination_identity: 'a' message_type: MESSAGE_TYPE_PROMOTIONAL",
                            "origination_identity: 'a' deletion_protection_enabled: true",
                            "origination_identity: 'a' tags { key: 'k' value: 'v' }"}) {
    EXPECT_NE(Of(other), plain) << other;
  }
}

TEST(Fingerprint, TellsAbsentFromGivenFalseAndEmpty) {
  EXPECT_NE(Fingerprint(Api::Parse<UpdatePoolRequest>("two_way_enabled: false"), {}),
            Fingerprint(UpdatePoolRequest(), {}));
  EXPECT_NE(Of("iso_country_code: ''"), Of(""));
}

TEST(Fingerprint, LeavesOutTheNamedFields) {
  EXPECT_EQ(Of("origination_identity: 'a' client_token: '1'"), Of("origination_identity: 'a' client_token: '2'"));
  EXPECT_EQ(Of("origination_identity: 'a' client_token: '1'"), Of("origination_identity: 'a'"));
}

TEST(Fingerprint, IgnoresNamesThatTheTypeDoesNotHave) {
  EXPECT_EQ(Fingerprint(CreatePoolRequest(), {"max_results", "next_token"}), Fingerprint(CreatePoolRequest(), {}));
}

TEST(Fingerprint, DoesNotCountMembersThatTheTypeDoesNotKnow) {
  auto request = Api::Parse<CreatePoolRequest>("origination_identity: 'a'");
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(4711, "from a later release");
  EXPECT_EQ(Fingerprint(request, {}), Of("origination_identity: 'a'"));
}

// What it says of a request that has such members somewhere is what it says of one that never had them.
TEST(Fingerprint, DoesNotCountThemInsideOtherMessages) {
  const std::string text =
      "origination_identity: 'a' tags { key: 'k' value: 'v' } tags { key: 'l' value: '' } client_token: 't'";
  auto request = Api::Parse<CreatePoolRequest>(text);
  auto& tag = *request.mutable_tags(1);
  tag.GetReflection()->MutableUnknownFields(&tag)->AddVarint(4711, 1);
  EXPECT_EQ(Fingerprint(request, {"client_token"}), Of(text));
}

// As releases before computed it, whose fingerprints are stored: a copy, without these fields, in bytes.
TEST(Fingerprint, IsTheDigestOfACopyWithoutTheNamedFields) {
  const auto request = Api::Parse<CreatePoolRequest>(
      "origination_identity: 'a' iso_country_code: '' message_type: 77 deletion_protection_enabled: false"
      " tags { key: 'k' value: 'v' } tags {} client_token: 't' validate_only: true");
  auto copy = request;
  copy.clear_client_token();
  EXPECT_EQ(Fingerprint(request, {"client_token"}), Sha256(copy.SerializeAsString()));
  copy.clear_tags();
  copy.clear_validate_only();
  EXPECT_EQ(Fingerprint(request, {"validate_only", "tags", "client_token"}), Sha256(copy.SerializeAsString()));
}

TEST(Fingerprint, LeavesTheRequestAsItIs) {
  const auto request = Api::Parse<CreatePoolRequest>("origination_identity: 'a' client_token: '1'");
  Fingerprint(request, {"client_token"});
  EXPECT_EQ(request.client_token(), "1");
}

TEST(Fingerprint, DoesNotDependOnTheOrderOfAMap) {
  MessagingLimits one;
  MessagingLimits other;
  for (int i = 0; i < 50; ++i) (*one.mutable_rate_limits())["k" + std::to_string(i)] = i;
  for (int i = 49; i >= 0; --i) (*other.mutable_rate_limits())["k" + std::to_string(i)] = i;
  EXPECT_EQ(Fingerprint(one, {}), Fingerprint(other, {}));
}

// Stored with client tokens for a day: a release that counts otherwise would refuse retries of calls to the one before.
// SHA-256 of 0a07 "phone-1" 1801 2a0c 0a04 "team" 1204 "blue".
TEST(Fingerprint, StaysTheSameFromReleaseToRelease) {
  std::string hex;
  for (const unsigned char byte : Of("origination_identity: 'phone-1' message_type: MESSAGE_TYPE_TRANSACTIONAL"
                                     " tags { key: 'team' value: 'blue' } client_token: 'x'")) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    hex += digits;
  }
  EXPECT_EQ(hex, "c2b3a98032c12d105bbe096a7bf55b088fca3701f4db3285fb6bd79e8bbe5ab7");
}

}  // namespace
}  // namespace poold
