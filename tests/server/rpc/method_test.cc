// The table of methods against the .proto files and the service model.

#include "server/rpc/method.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "build_paths.h"
#include "server/base/settings.h"
#include "server/middleware/rules.h"
#include "tests/support/api_model.h"

namespace poold {
namespace {

using smsvoice::v2::Refusal;
using testing::SizeIs;

// Every RPC of every .proto of the API.
std::vector<const google::protobuf::MethodDescriptor*> AllRpcs() {
  std::vector<const google::protobuf::MethodDescriptor*> rpcs;
  const auto folder = std::filesystem::path(kSourceDir) / "proto/smsvoice/v2";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = "smsvoice/v2/" + entry.path().filename().string();
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) continue;  // SeeEveryProtoFileOfTheApi complains
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) rpcs.push_back(file->service(s)->method(m));
    }
  }
  return rpcs;
}

TEST(Methods, AreTheRpcsOfTheProtoFilesAndNoOthers) {
  std::set<std::string> rpcs;
  for (const auto* rpc : AllRpcs()) rpcs.insert(rpc->full_name());
  std::set<std::string> rows;
  for (const Method& method : Methods()) rows.insert(method.descriptor->full_name());
  EXPECT_EQ(rows, rpcs);
  EXPECT_THAT(Methods(), SizeIs(rows.size())) << "none twice";
}

// A .proto file that nothing includes is not in the pool of descriptors, so its RPCs would go unseen above.
TEST(Methods, SeeEveryProtoFileOfTheApi) {
  const auto folder = std::filesystem::path(kSourceDir) / "proto/smsvoice/v2";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = "smsvoice/v2/" + entry.path().filename().string();
    EXPECT_NE(google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name), nullptr) << name;
  }
}

class EveryMethod : public testing::TestWithParam<std::string> {
 protected:
  const Method& method() const { return *FindMethod(GetParam()); }
  const nlohmann::json& model() const { return ApiModel().at("operations").at(GetParam()); }
};

TEST(Methods, AreTheOperationsOfTheModelAndMarkedExtensions) {
  for (const Method& method : Methods()) {
    EXPECT_EQ(ApiModel().at("operations").contains(std::string(method.name)), !method.policy.extension())
        << method.name;
  }
  for (const auto& [name, operation] : ApiModel().at("operations").items()) {
    EXPECT_NE(FindMethod(name), nullptr) << name;
  }
}

TEST_P(EveryMethod, IsFoundByItsName) {
  ASSERT_NE(FindMethod(GetParam()), nullptr);
  EXPECT_EQ(FindMethod(GetParam())->descriptor->name(), GetParam());
}

TEST_P(EveryMethod, IsCalledInPoliciesByItsName) { EXPECT_EQ(method().policy.action(), "sms-voice:" + GetParam()); }

TEST_P(EveryMethod, WritesUnlessItsNameSaysThatItReads) {
  const bool reads =
      GetParam().starts_with("Describe") || GetParam().starts_with("List") || GetParam().starts_with("Get");
  EXPECT_EQ(method().policy.writes(), !reads);
}

TEST_P(EveryMethod, CanBeRefusedWithTheExceptionsOfTheModelAndNoOthers) {
  std::set<std::string> ours = {"ThrottlingException", "AccessDeniedException", "ValidationException",
                                "InternalServerException"};
  const std::pair<Refusal, const char*> refusals[] = {
      {smsvoice::v2::REFUSAL_CONFLICT, "ConflictException"},
      {smsvoice::v2::REFUSAL_NOT_FOUND, "ResourceNotFoundException"},
      {smsvoice::v2::REFUSAL_QUOTA, "ServiceQuotaExceededException"},
  };
  for (const auto& [refusal, exception] : refusals) {
    if (method().CanRefuseWith(refusal)) ours.insert(exception);
  }
  EXPECT_EQ(method().policy.refusals_size() + 4, static_cast<int>(ours.size())) << "each named once, and known";
  if (method().policy.extension()) return;
  std::set<std::string> theirs;
  for (const auto& error : model().at("errors")) theirs.insert(error.at("shape"));
  EXPECT_EQ(ours, theirs);
}

TEST_P(EveryMethod, TakesAClientTokenWhereTheModelDoes) {
  if (method().policy.extension()) return;
  bool idempotent = false;
  for (const auto& member : ModelShape(model().at("input").at("shape")).at("members")) {
    idempotent = idempotent || member.value("idempotencyToken", false);
  }
  EXPECT_EQ(method().client_token != nullptr, idempotent);
}

TEST_P(EveryMethod, HasRequestAndResponseOfItsName) {
  EXPECT_EQ(method().descriptor->input_type()->name(), GetParam() + "Request");
  EXPECT_EQ(method().descriptor->output_type()->name(), GetParam() + "Response");
}

TEST_P(EveryMethod, HasRulesThatMakeSense) { EXPECT_NO_THROW(PrepareRules(*method().descriptor->input_type())); }

INSTANTIATE_TEST_SUITE_P(All, EveryMethod, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Method& method : Methods()) names.emplace_back(method.name);
                           return names;
                         }()),
                         [](const auto& test) { return test.param; });

// What empties an account must not come along with what a deployment serves.
TEST(IsServed, KeepsTheServiceDevToDev) {
  ApiSettings dev;
  dev.dev = true;
  for (const Method& method : Methods()) {
    EXPECT_TRUE(IsServed(method, dev)) << method.name;
    EXPECT_EQ(IsServed(method, ApiSettings()), method.descriptor->service()->name() != "Dev") << method.name;
  }
}

TEST(FindMethod, FindsNothingThatIsNotThere) {
  EXPECT_EQ(FindMethod("DropPool"), nullptr);
  EXPECT_EQ(FindMethod("createpool"), nullptr);
  EXPECT_EQ(FindMethod(""), nullptr);
}

}  // namespace
}  // namespace poold
