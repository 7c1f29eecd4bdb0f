// A refusal stays below limits::kRefusal bytes on the wire, whatever it holds. nginx keeps the headers of an answer in
// one buffer of 4096 bytes and answers 502 to longer ones, which clients repeat. tests/e2e/proxies_test.cc tries it
// with nginx itself.

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"
#include "server/base/limits.h"
#include "server/base/text.h"

namespace poold {
namespace {

constexpr const char* kRequestId = "6f0c1d9e-0000-4000-8000-00000000beef";

// Bytes of an integer with a prefix of 7 bits (RFC 7541, 5.1).
std::size_t IntegerSize(std::size_t value) {
  if (value < 127) return 1;
  std::size_t size = 2;
  for (value -= 127; value >= 128; value /= 128) ++size;
  return size;
}

// Bytes of a header that is sent whole: name and value as they are, without Huffman's code or a table (RFC
// 7541, 6.2.2).
std::size_t HeaderSize(std::size_t name, std::size_t value) {
  return 1 + IntegerSize(name) + name + IntegerSize(value) + value;
}
std::size_t HeaderSize(std::string_view name, std::string_view value) { return HeaderSize(name.size(), value.size()); }

std::size_t PercentEncoded(std::string_view text) {
  std::size_t size = 0;
  for (const char c : text) size += c < 0x20 || c > 0x7E || c == '%' ? 3 : 1;
  return size;
}

std::size_t Base64(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Bytes of all that a client or proxy gets of a refusal: two frames, since headers and trailers may come apart.
std::size_t WireSize(const Error& error, const grpc::Status& status) {
  constexpr std::size_t kFrame = 9;
  return 2 * kFrame + HeaderSize(":status", "200") + HeaderSize("content-type", "application/grpc") +
         HeaderSize("grpc-encoding", "identity") + HeaderSize("grpc-accept-encoding", "identity") +
         HeaderSize("x-amzn-errortype", error.exception()) + HeaderSize("x-amzn-requestid", kRequestId) +
         HeaderSize("grpc-status", std::to_string(status.error_code())) +
         HeaderSize(std::string_view("grpc-message").size(), PercentEncoded(status.error_message())) +
         HeaderSize(std::string_view("grpc-status-details-bin").size(), Base64(status.error_details().size()));
}

template <class Detail>
std::optional<Detail> Find(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  for (const auto& any : details.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

// How many violations the status has; checks that they are the first ones, and that it counts the others.
int CheckViolations(const Error& error, const grpc::Status& status) {
  const auto bad = Find<google::rpc::BadRequest>(status);
  const auto all = static_cast<int>(error.fields().size());
  EXPECT_EQ(bad.has_value(), all > 0);
  if (!bad) return 0;
  int kept = bad->field_violations_size();
  if (bad->field_violations(kept - 1).field().empty() &&
      !error.fields()[static_cast<std::size_t>(kept - 1)].name.empty()) {
    --kept;
    EXPECT_EQ(bad->field_violations(kept).description(), std::to_string(all - kept) + " more left out");
  } else {
    EXPECT_EQ(kept, all);
  }
  EXPECT_GE(kept, 1) << "the first violation is always there";
  for (int i = 1; i < kept; ++i) {
    EXPECT_EQ(bad->field_violations(i).field(),
              Printable(error.fields()[static_cast<std::size_t>(i)].name, limits::kQuotedBytes));
  }
  return kept;
}

void ExpectFits(const Error& error) {
  const grpc::Status status = ToGrpcStatus(error, kRequestId);
  EXPECT_LT(WireSize(error, status), limits::kRefusal) << error.what();
  const auto info = Find<google::rpc::ErrorInfo>(status);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->metadata().at("exception"), error.exception());
  EXPECT_TRUE(Find<google::rpc::RequestInfo>(status));
  EXPECT_EQ(Find<google::rpc::RetryInfo>(status).has_value(), error.retryable());
  EXPECT_EQ(ExceptionFor(status), error.exception());
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// One of every kind, as long as it can be made with this text.
std::vector<Error> EveryKind(const std::string& text) {
  std::vector<Error> errors{
      Error::Invalid(reason::kInvalidParameter, text, text),
      Error::Conflict(reason::kSelfManagedOptOutsMismatch, ResourceType::kVerifiedDestinationNumber, text, text),
      Error::LostRace(reason::kPhoneNumberNotAssociatedToPool, ResourceType::kVerifiedDestinationNumber, text),
      Error::StaleRevision(ResourceType::kPool, text, INT64_MIN, INT64_MIN),
      Error::NotFound(ResourceType::kVerifiedDestinationNumber, text),
      Error::Quota(reason::kOriginationIdentitiesPerPool, INT64_MIN),
      Error::Throttled(std::chrono::hours(100'000), text),
      Error::AccessDenied(text, text),
      Error::Unauthenticated(text),
      Error::Internal(text),
      Error::Unavailable(text),
      Error::Busy(text),
      Error::OutcomeUnknown(text),
      Error::Deadline(text),
      Error::Cancelled(text),
      Error::UnknownOperation(text)};
  for (const FaultRow& row : Faults()) {
    if (row.fault > Fault::kUnknownOperation) errors.push_back(Error::FrontEnd(row.fault, text));
  }
  return errors;
}

// What is short in a text and long in a header, and what is no text at all.
const std::string kHardTexts[] = {"",
                                  "x",
                                  Repeated("x", 5000),
                                  Repeated("%", 5000),
                                  Repeated("\"", 5000),
                                  Repeated("ü", 5000),
                                  Repeated("驚", 5000),
                                  Repeated("🎉", 5000),
                                  Repeated("\xC3", 5000),
                                  Repeated("\n", 5000)};

TEST(RefusalSize, OfEveryKindIsBelowTheLimitWhateverItsTexts) {
  std::set<Fault> seen;
  for (const std::string& text : kHardTexts) {
    for (const Error& error : EveryKind(text)) {
      seen.insert(error.fault());
      ExpectFits(error);
      for (const std::size_t count : {1U, 100U}) {
        const Error with_fields = error.WithFields(std::vector<FieldViolation>(count, {"f" + text, text}));
        ExpectFits(with_fields);
        CheckViolations(with_fields, ToGrpcStatus(with_fields, kRequestId));
      }
    }
  }
  EXPECT_EQ(seen.size(), Faults().size()) << "a fault was not tried";
}

TEST(RefusalSize, OfRandomViolationsIsBelowTheLimitAndTheyAreTheFirstOnes) {
  std::mt19937 random(20260101);  // NOLINT: the same in each run, on purpose
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  const std::string characters[] = {"a", "Z", "7", " ", "%", "+", "~", "ü", "驚", "🎉", "\xC3", "\x01", "\""};
  const auto text = [&](std::size_t limit) {
    std::string made;
    // Mostly of one kind, as what people write is.
    const std::string& usual = characters[below(std::size(characters))];
    for (std::size_t length = below(limit); made.size() < length;) {
      made += below(4) == 0 ? characters[below(std::size(characters))] : usual;
    }
    return made;
  };
  std::size_t cut = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<FieldViolation> fields;
    const std::size_t count = 1 + below(limits::kViolations);
    const std::size_t longest = std::size_t{1} << below(11);
    for (std::size_t i = 0; i < count; ++i) {
      fields.push_back({"item[" + std::to_string(i) + "]" + text(longest), text(2 * longest)});
    }
    std::vector<Error> errors = EveryKind(text(longest));
    const Error error = round % 2 == 0 ? Error::Invalid(reason::kParametersCannotBeUsedTogether, std::move(fields))
                                       : errors[below(errors.size())].WithFields(std::move(fields));
    SCOPED_TRACE(round);
    ExpectFits(error);
    if (CheckViolations(error, ToGrpcStatus(error, kRequestId)) < static_cast<int>(count)) ++cut;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(cut, 500U) << "too few had to be cut to show anything";
  EXPECT_LT(cut, 2500U) << "too few were whole to show anything";
}

// What the API really says of fifty wrong tags is of use: a good part of them is named.
TEST(RefusalSize, LeavesRoomForATypicalListOfViolations) {
  std::vector<FieldViolation> fields;
  for (int i = 0; i < 50; ++i) fields.push_back({"tags[" + std::to_string(i) + "].key", "must not begin with aws:"});
  const Error error = Error::Invalid(reason::kInvalidParameter, std::move(fields));
  EXPECT_GE(CheckViolations(error, ToGrpcStatus(error, kRequestId)), 30);
}

}  // namespace
}  // namespace poold
