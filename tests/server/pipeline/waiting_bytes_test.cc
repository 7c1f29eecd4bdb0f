#include "server/pipeline/waiting_bytes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/api.h"

namespace poold {
namespace {

class WaitingBytesTest : public testing::Test {
 protected:
  // A call of this account whose request came in so many bytes, with so many bytes in a text.
  Call& Make(const std::string& account, std::size_t bytes, std::size_t in_text = 0) {
    auto& request = requests_.emplace_back(std::make_unique<smsvoice::v2::DescribePoolsRequest>());
    request->set_next_token(std::string(in_text, 'x'));
    auto& call = calls_.emplace_back(
        std::make_unique<TestCall>(api_.service(), *FindMethod("DescribePools"), *request, response_));
    call->set_scope({account, "us-east-1"});
    call->request_bytes = bytes;
    return *call;
  }

  // How many calls of so many bytes this account can have waiting.
  int Fill(WaitingBytes& waiting, const std::string& account, std::size_t bytes) {
    int added = 0;
    while (added < 1000 && waiting.Add(Make(account, bytes))) ++added;
    return added;
  }

 private:
  Api api_;
  smsvoice::v2::DescribePoolsResponse response_;
  std::vector<std::unique_ptr<smsvoice::v2::DescribePoolsRequest>> requests_;
  std::vector<std::unique_ptr<TestCall>> calls_;
};

TEST_F(WaitingBytesTest, AreBoundedAndSharedAmongAccounts) {
  WaitingBytes waiting(1 << 20);
  EXPECT_EQ(Fill(waiting, "111122223333", 99'000), 5) << "half of it";
  int others = 0;  // most of them have a lane of their own
  for (int i = 0; i < 10; ++i) others += waiting.Add(Make(std::to_string(444455556666 + i), 20'000)) ? 1 : 0;
  EXPECT_GE(others, 6);
  EXPECT_LE(waiting.bytes(), 1U << 20);
}

TEST_F(WaitingBytesTest, AreGivenBack) {
  WaitingBytes waiting(1 << 20);
  for (int i = 0; i < 1000; ++i) {
    const Call& call = Make("111122223333", 400'000);
    ASSERT_TRUE(waiting.Add(call));
    EXPECT_GE(waiting.bytes(), 400'000U);
    waiting.Remove(call);
    ASSERT_EQ(waiting.bytes(), 0U);
  }
}

TEST_F(WaitingBytesTest, CountWhatTheMessageTakesBesides) {
  WaitingBytes waiting(1 << 20);
  ASSERT_TRUE(waiting.Add(Make("111122223333", 10'000, 200'000)));
  EXPECT_GE(waiting.bytes(), 210'000U);
  EXPECT_LE(waiting.bytes(), 220'000U);
}

TEST_F(WaitingBytesTest, LeaveOutSmallRequests) {
  WaitingBytes waiting(1);
  const Call& call = Make("111122223333", 4096);
  EXPECT_TRUE(waiting.Add(call));
  EXPECT_EQ(waiting.bytes(), 0U);
  waiting.Remove(call);
}

}  // namespace
}  // namespace poold
