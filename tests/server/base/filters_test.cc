#include "server/base/filters.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "server/base/aws_names.h"
#include "smsvoice/v2/common.pb.h"
#include "smsvoice/v2/phone_numbers.pb.h"
#include "smsvoice/v2/pools.pb.h"

namespace poold {
namespace {

using google::protobuf::GetEnumDescriptor;
namespace v2 = smsvoice::v2;

TEST(AwsNames, AreTheValuesNameWithoutTheEnums) {
  EXPECT_EQ(AwsName(v2::POOL_STATUS_ACTIVE), "ACTIVE");
  EXPECT_EQ(AwsName(v2::MESSAGE_TYPE_TRANSACTIONAL), "TRANSACTIONAL");
  EXPECT_EQ(AwsName(v2::NUMBER_CAPABILITY_SMS), "SMS");
  EXPECT_EQ(AwsName(v2::OWNER_SELF), "SELF");
}

TEST(AwsNames, AreTheOptionWhereThereIsOne) {
  EXPECT_EQ(AwsName(v2::POOL_FILTER_NAME_TWO_WAY_ENABLED), "two-way-enabled");
}

TEST(AwsNames, DoNotExistForAbsenceAndUnknownNumbers) {
  EXPECT_EQ(AwsName(v2::POOL_STATUS_UNSPECIFIED), "");
  EXPECT_EQ(AwsName(static_cast<v2::PoolStatus>(99)), "");
  EXPECT_EQ(AwsName(static_cast<v2::PoolStatus>(-1)), "");
}

TEST(AwsNames, LeadBackToTheirValue) {
  const auto& status = *GetEnumDescriptor<v2::PoolStatus>();
  for (int i = 1; i < status.value_count(); ++i) {
    EXPECT_EQ(FindByAwsName(status, AwsName(*status.value(i))), status.value(i));
  }
  EXPECT_EQ(FindByAwsName(status, "active"), nullptr);
  EXPECT_EQ(FindByAwsName(status, "aCtIvE", true)->number(), v2::POOL_STATUS_ACTIVE);
  EXPECT_EQ(FindByAwsName(status, "ACTIV", true), nullptr);
  EXPECT_EQ(FindByAwsName(status, "", true), nullptr);
  EXPECT_EQ(FindByAwsName(status, "UNSPECIFIED", true), nullptr);
  EXPECT_EQ(FromAwsName<v2::PoolStatus>("DELETING"), v2::POOL_STATUS_DELETING);
  EXPECT_EQ(FromAwsName<v2::PoolStatus>("deleting"), v2::POOL_STATUS_UNSPECIFIED);
  EXPECT_EQ(AwsNames(status), "CREATING, ACTIVE, DELETING");
}

TEST(AwsNames, AreDistinctInEveryEnumOfTheApi) {
  for (const auto* file : {v2::Tag::descriptor()->file(), v2::CreatePoolRequest::descriptor()->file(),
                           v2::RequestPhoneNumberRequest::descriptor()->file()}) {
    for (int e = 0; e < file->enum_type_count(); ++e) {
      const auto& type = *file->enum_type(e);
      EXPECT_EQ(AwsName(*type.value(0)), "");
      for (int i = 1; i < type.value_count(); ++i) {
        const std::string_view name = AwsName(*type.value(i));
        EXPECT_EQ(FindByAwsName(type, name, true), type.value(i)) << type.value(i)->full_name();
        EXPECT_EQ(name.find(type.name()), name.npos);
        EXPECT_NE(name, type.value(i)->name()) << "the prefix was not cut off";
      }
    }
  }
}

TEST(Filters, BecomeConditionsInAwsSpelling) {
  v2::DescribePoolsRequest request;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(filters: { name: POOL_FILTER_NAME_STATUS values: ["active", "DeLeTiNg"] }
         filters: { name: POOL_FILTER_NAME_TWO_WAY_ENABLED values: ["True", "FALSE"] }
         filters: { name: POOL_FILTER_NAME_OPT_OUT_LIST_NAME values: ["MyList", "TRUE"] })",
      &request));
  EXPECT_EQ(ConditionsFrom(request.filters()),
            (std::vector<storage::Condition>{{"status", {"ACTIVE", "DELETING"}},
                                             {"two-way-enabled", {"true", "false"}},
                                             {"opt-out-list-name", {"MyList", "TRUE"}}}));
}

TEST(Filters, AreNoConditionsWhenThereAreNone) {
  EXPECT_TRUE(ConditionsFrom(v2::DescribePoolsRequest().filters()).empty());
}

}  // namespace
}  // namespace poold
