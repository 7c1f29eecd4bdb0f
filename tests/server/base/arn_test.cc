#include "server/base/arn.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace poold {
namespace {

const storage::Scope kScope{"111122223333", "us-east-1"};

TEST(Region, IsOneOfAwsOrNot) {
  for (const char* region : {"af-south-1", "us-east-1", "us-west-2", "eu-west-3", "cn-north-1", "us-gov-west-1",
                             "eusc-de-east-1", "us-isof-south-1"}) {
    EXPECT_TRUE(IsRegionOfAws(region)) << region;
  }
  for (const char* region : {"", "us-esat-1", "us-east-3", "us-east", "us-east-11", "useast1", "eu-west-1a", "local"}) {
    EXPECT_FALSE(IsRegionOfAws(region)) << region;
  }
}

TEST(Arn, NamesEachResourceAsTheDocumentationDoes) {
  EXPECT_EQ(PoolArn(kScope, "pool-0a1b"), "arn:aws:sms-voice:us-east-1:111122223333:pool/pool-0a1b");
  EXPECT_EQ(PhoneNumberArn(kScope, "phone-0a1b"), "arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-0a1b");
  EXPECT_EQ(SenderIdArn(kScope, "EXAMPLECO", "GB"), "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/GB");
  EXPECT_EQ(OptOutListArn(kScope, "Default"), "arn:aws:sms-voice:us-east-1:111122223333:opt-out-list/Default");
}

TEST(Arn, TakesItsPartitionFromTheRegion) {
  EXPECT_EQ(PartitionOf("eu-west-1"), "aws");
  EXPECT_EQ(PartitionOf("cn-north-1"), "aws-cn");
  EXPECT_EQ(PartitionOf("us-gov-west-1"), "aws-us-gov");
  EXPECT_EQ(PoolArn({"111122223333", "cn-north-1"}, "p"), "arn:aws-cn:sms-voice:cn-north-1:111122223333:pool/p");
}

TEST(Arn, ReadsWhatItMakes) {
  EXPECT_EQ(ParseArn(PoolArn(kScope, "pool-78ec067f62f94d57bd3bab991example")),
            (Arn{"aws", "us-east-1", "111122223333", "pool", "pool-78ec067f62f94d57bd3bab991example"}));
  EXPECT_EQ(ParseArn(SenderIdArn({"111122223333", "us-gov-west-1"}, "EXAMPLE_CO-1", "GB")),
            (Arn{"aws-us-gov", "us-gov-west-1", "111122223333", "sender-id", "EXAMPLE_CO-1/GB"}));
  EXPECT_EQ(ParseArn("arn:aws:sms-voice:us-east-1:111122223333:registration/a/b:c")->id, "a/b:c");
  EXPECT_EQ(ParseArn(PoolArn(kScope, "p"))->scope(), kScope);
}

TEST(Arn, RefusesWhatIsNone) {
  for (const char* text : {
           "",
           "arn",
           "arn:",
           "pool-0a1b",
           "ARN:aws:sms-voice:us-east-1:111122223333:pool/p",
           "arn:aws-iso:sms-voice:us-east-1:111122223333:pool/p",
           "arn::sms-voice:us-east-1:111122223333:pool/p",
           "arn:aws:sns:us-east-1:111122223333:pool/p",
           "arn:aws:sms-voice::111122223333:pool/p",
           "arn:aws:sms-voice:US-EAST-1:111122223333:pool/p",
           "arn:aws:sms-voice:us-east-1::pool/p",
           "arn:aws:sms-voice:us-east-1:11112222333:pool/p",
           "arn:aws:sms-voice:us-east-1:1111222233334:pool/p",
           "arn:aws:sms-voice:us-east-1:11112222333a:pool/p",
           "arn:aws:sms-voice:us-east-1:111122223333:pool",
           "arn:aws:sms-voice:us-east-1:111122223333:pool/",
           "arn:aws:sms-voice:us-east-1:111122223333:/p",
           "arn:aws:sms-voice:us-east-1:111122223333:pool:p",
           "arn:aws:sms-voice:us-east-1:111122223333:pool/p/q",
           "arn:aws:sms-voice:us-east-1:111122223333:pool/p q",
           "arn:aws:sms-voice:us-east-1:111122223333:pool/p\n",
           "arn:aws:sms-voice:us-east-1:111122223333:pool/\xC3\xBC",
           "arn:aws:sms-voice:us-east-1:111122223333:phone-number/a/b",
           "arn:aws:sms-voice:us-east-1:111122223333:opt-out-list/a:b",
           "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO",
           "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/gb",
           "arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/GBR",
           "arn:aws:sms-voice:us-east-1:111122223333:sender-id//GB",
           "arn:aws:sms-voice:us-east-1:111122223333:sender-id/A/B/GB",
           " arn:aws:sms-voice:us-east-1:111122223333:pool/p",
       }) {
    EXPECT_EQ(ParseArn(text), std::nullopt) << text;
  }
}

TEST(Arn, SplitsASenderId) {
  const auto parts = SplitSenderId("EXAMPLECO/GB");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->sender_id, "EXAMPLECO");
  EXPECT_EQ(parts->iso_country_code, "GB");
  EXPECT_FALSE(SplitSenderId("EXAMPLECO"));
}

TEST(ArnPattern, IsEverythingOrHasTheSixPartsOfAnArn) {
  for (const char* pattern : {"*", "arn:*:*:*:*:*", "arn:aws:sms-voice:*:111122223333:pool/*", "arn:aws:s3:::bucket",
                              "arn:aws:sms-voice:us-east-1:111122223333:registration/a:b"}) {
    EXPECT_TRUE(IsArnPattern(pattern)) << pattern;
  }
  for (const char* pattern : {"", "**", "?*", "arn:*", "arn:aws:sms-voice:*", "arn:*:pool/*", "pool/*", "*:*:*:*:*:*",
                              "ARN:aws:sms-voice:*:111122223333:pool/*", "arn:aws:sms-voice:*:pool/*"}) {
    EXPECT_FALSE(IsArnPattern(pattern)) << pattern;
    EXPECT_FALSE(ArnMatches(pattern, PoolArn(kScope, "pool-1"))) << pattern;
  }
}

TEST(ArnPattern, MatchesPartByPart) {
  const std::string pool = PoolArn(kScope, "pool-1");
  for (const char* pattern : {"*", "arn:*:*:*:*:*", "arn:aws:sms-voice:*:111122223333:pool/*",
                              "arn:aws:sms-voice:us-*-?:1111*:p*1", "arn:a?s:*:us-east-1:111122223333:pool/pool-1"}) {
    EXPECT_TRUE(ArnMatches(pattern, pool)) << pattern;
  }
  for (const char* pattern : {"arn:aws:sms-voice:*:444455556666:pool/*", "arn:aws:sms-voice::111122223333:pool/*",
                              "arn:aws:sms-voice:us-east-1:111122223333:phone-number/*",
                              "arn:aws:sms-voice:us-east-1:111122223333:pool/pool-1?"}) {
    EXPECT_FALSE(ArnMatches(pattern, pool)) << pattern;
  }
  // The account of a pattern is compared with the account of the ARN, whatever its resource has in it.
  EXPECT_FALSE(ArnMatches("arn:aws:sms-voice:*:111122223333:pool/*",
                          "arn:aws:sms-voice:us-east-1:444455556666:registration/a:111122223333:pool/x"));
  EXPECT_TRUE(ArnMatches("arn:aws:sms-voice:*:444455556666:reg*/x",
                         "arn:aws:sms-voice:us-east-1:444455556666:registration/a:111122223333:pool/x"))
      << "the resource may have colons";
  const std::string sender_id = SenderIdArn(kScope, "EXAMPLECO", "GB");
  EXPECT_TRUE(ArnMatches("arn:aws:sms-voice:us-east-1:111122223333:sender-id/*", sender_id));
  EXPECT_TRUE(ArnMatches("arn:aws:sms-voice:us-east-1:111122223333:sender-id/Example*/GB", sender_id));
  EXPECT_FALSE(ArnMatches("arn:aws:sms-voice:us-east-1:111122223333:sender-id/*/FR", sender_id));
}

TEST(Arn, SurvivesAnyBytes) {
  std::mt19937 random(1);
  const std::string good = SenderIdArn(kScope, "EXAMPLECO", "GB");
  for (int round = 0; round < 200000; ++round) {
    std::string text = round % 2 == 0 ? good : std::string(random() % 80, '\0');
    const auto changes = round % 2 == 0 ? 1 + random() % 3 : text.size();
    for (std::size_t i = 0; i < changes; ++i) text[random() % text.size()] = static_cast<char>(random());
    if (round % 5 == 0) text.resize(random() % (text.size() + 1));
    if (const auto arn = ParseArn(text)) {
      // Whatever is read is the whole of the text.
      EXPECT_EQ(MakeArn(arn->partition, arn->region, arn->account, arn->type, arn->id), text);
    }
  }
}

}  // namespace
}  // namespace poold
