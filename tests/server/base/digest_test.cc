#include "server/base/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace poold {
namespace {

// The first example of the standard.
TEST(Digest, AbcHasItsSha256) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// Cases 1, 2 and 6 of RFC 4231: a short key, a text, and a key that is longer than a block.
TEST(Digest, HmacsAreThoseOfRfc4231) {
  EXPECT_EQ(Hex(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(HmacSha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, NoKeyIsAnEmptyOne) {
  EXPECT_EQ(Hex(HmacSha256({}, "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  EXPECT_EQ(HmacSha256({}, "text"), HmacSha256("", "text"));
}

// As the doors do it: what is looked up once is used by all threads.
TEST(Digest, ManyThreadsGetTheSameHmac) {
  const std::string expected = HmacSha256("Jefe", "what do ya want for nothing?");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&expected] {
      for (int n = 0; n < 1000; ++n) ASSERT_EQ(HmacSha256("Jefe", "what do ya want for nothing?"), expected);
    });
  }
}

}  // namespace
}  // namespace poold
