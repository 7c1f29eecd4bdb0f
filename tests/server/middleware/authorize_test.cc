// What a caller of an access file may do: the steps by themselves, then through the pipeline.

#include "server/middleware/authorize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "server/base/digest.h"
#include "server/middleware/access.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/matchers.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::HasSubstr;

constexpr const char* kAccount = "111122223333";

std::string ArnOf(const std::string& what) {
  return "arn:aws:sms-voice:us-east-1:" + std::string(kAccount) + ":" + what;
}

class AuthorizeTest : public testing::Test {
 protected:
  // Whether a caller with these rights may make the call, as far as both steps can say.
  template <class Request>
  std::optional<Error> Outcome(const std::shared_ptr<const Rights>& rights, const std::string& text) {
    const auto request = Api::Parse<Request>(text);
    decltype(Answer(request)) response;
    const std::string& name = Request::descriptor()->name();
    TestCall call(api.service(), *FindMethod(name.substr(0, name.size() - std::string("Request").size())), request,
                  response);
    call.set_scope({kAccount, "us-east-1"});
    call.set_rights(rights);
    try {
      AuthorizeAction(call);
      AuthorizeResources(call);
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }

  // By what it may reach.
  template <class Request>
  bool MayReach(const std::vector<std::string>& resources, const std::string& text) {
    const auto error = Outcome<Request>(std::make_shared<const Rights>(Rights{{"*"}, {}, resources}), text);
    if (error) {
      EXPECT_EQ(error->fault(), Fault::kAccessDenied);
    }
    return !error;
  }

  Api api;
};

TEST_F(AuthorizeTest, LetsEverythingThroughWithoutAnAccessFile) {
  EXPECT_EQ(Outcome<DeletePoolRequest>(nullptr, "pool_id: 'pool-1'"), std::nullopt);
}

TEST_F(AuthorizeTest, RefusesWhatIsNotAllowedByTheOperationsName) {
  const auto rights = std::make_shared<const Rights>(Rights{{"sms-voice:Describe*"}, {}, {"*"}});
  EXPECT_EQ(Outcome<DescribePoolsRequest>(rights, ""), std::nullopt);
  const auto refused = Outcome<DeletePoolRequest>(rights, "pool_id: 'pool-1'");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->exception(), "AccessDeniedException");
  EXPECT_EQ(refused->code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused->reason(), "") << "the model has none that fits";
  EXPECT_THAT(refused->message(), HasSubstr("sms-voice:DeletePool"));
}

TEST_F(AuthorizeTest, ReachesAPoolByItsIdAndByItsArn) {
  const std::vector<std::string> resources{ArnOf("pool/pool-1")};
  EXPECT_TRUE(MayReach<DeletePoolRequest>(resources, "pool_id: 'pool-1'"));
  EXPECT_TRUE(MayReach<DeletePoolRequest>(resources, "pool_id: '" + ArnOf("pool/pool-1") + "'"));
  EXPECT_FALSE(MayReach<DeletePoolRequest>(resources, "pool_id: 'pool-2'"));
  EXPECT_FALSE(
      MayReach<DeletePoolRequest>(resources, "pool_id: 'arn:aws:sms-voice:eu-west-2:111122223333:pool/pool-1'"));
  EXPECT_FALSE(
      MayReach<DeletePoolRequest>(resources, "pool_id: 'arn:aws:sms-voice:us-east-1:444455556666:pool/pool-1'"));
}

TEST_F(AuthorizeTest, ReachesAllThatARequestNamesOrNothing) {
  const std::vector<std::string> resources{ArnOf("pool/pool-1"), ArnOf("pool/pool-2"), ArnOf("phone-number/*")};
  EXPECT_TRUE(MayReach<DescribePoolsRequest>(resources, "pool_ids: ['pool-1', 'pool-2']"));
  EXPECT_FALSE(MayReach<DescribePoolsRequest>(resources, "pool_ids: ['pool-1', 'pool-3']"));
  const std::string number = "phone-0123456789";
  EXPECT_TRUE(MayReach<AssociateOriginationIdentityRequest>(
      resources, "pool_id: 'pool-1' origination_identity: '" + number + "'"));
  EXPECT_FALSE(MayReach<AssociateOriginationIdentityRequest>(
      resources, "pool_id: 'pool-1' origination_identity: 'EXAMPLECO' iso_country_code: 'GB'"));
  EXPECT_FALSE(MayReach<AssociateOriginationIdentityRequest>(
      resources, "pool_id: 'pool-3' origination_identity: '" + number + "'"));
  EXPECT_FALSE(MayReach<BatchAssociateOriginationIdentitiesRequest>(
      resources, "pool_id: 'pool-1' origination_identities: [{origination_identity: '" + number +
                     "'}, {origination_identity: 'EXAMPLECO' iso_country_code: 'GB'}]"))
      << "also inside of what it names";
  EXPECT_FALSE(MayReach<UpdatePoolRequest>(resources, "pool_id: 'pool-1' opt_out_list_name: 'Default'"));
}

TEST_F(AuthorizeTest, KnowsTheTypeOfAPlainIdentityAsTheHandlersDo) {
  const std::vector<std::string> numbers{ArnOf("phone-number/*")};
  const std::vector<std::string> sender_ids{ArnOf("sender-id/*")};
  const std::vector<std::string> pools{ArnOf("pool/*")};
  using PoolsOf = ListPoolsForOriginationIdentityRequest;
  for (const char* number : {"phone-0123456789", "12065550100", "12345"}) {
    const std::string text = "origination_identity: '" + std::string(number) + "' iso_country_code: 'US'";
    EXPECT_TRUE(MayReach<PoolsOf>(numbers, text)) << number;
    EXPECT_FALSE(MayReach<PoolsOf>(sender_ids, text)) << number;
  }
  // "phone-1" is short enough to be a sender ID.
  for (const char* sender_id : {"EXAMPLECO", "phone-1", "pool-1"}) {
    const std::string text = "origination_identity: '" + std::string(sender_id) + "' iso_country_code: 'GB'";
    EXPECT_TRUE(MayReach<PoolsOf>(sender_ids, text)) << sender_id;
    EXPECT_FALSE(MayReach<PoolsOf>(numbers, text)) << sender_id;
  }
  EXPECT_TRUE(MayReach<DescribeKeywordsRequest>(pools, "origination_identity: 'pool-1'"));
  EXPECT_FALSE(MayReach<DescribeKeywordsRequest>(numbers, "origination_identity: 'pool-1'"));
  EXPECT_TRUE(MayReach<DescribeKeywordsRequest>(numbers, "origination_identity: 'phone-1'"));
}

TEST_F(AuthorizeTest, TellsSenderIdsApartByTheirCountryAndNotByTheirCase) {
  const std::vector<std::string> resources{ArnOf("sender-id/ExampleCo/GB")};
  for (const char* text :
       {"sender_id: 'EXAMPLECO' iso_country_code: 'GB'", "sender_id: 'exampleco' iso_country_code: 'GB'",
        "sender_id: 'arn:aws:sms-voice:us-east-1:111122223333:sender-id/EXAMPLECO/GB' "
        "iso_country_code: 'GB'"}) {
    EXPECT_TRUE(MayReach<ReleaseSenderIdRequest>(resources, text)) << text;
  }
  EXPECT_FALSE(MayReach<ReleaseSenderIdRequest>(resources, "sender_id: 'EXAMPLECO' iso_country_code: 'FR'"));
  EXPECT_TRUE(
      MayReach<DescribeSenderIdsRequest>(resources, "sender_ids: [{sender_id: 'EXAMPLECO' iso_country_code: 'GB'}]"));
  EXPECT_FALSE(MayReach<DescribeSenderIdsRequest>(
      resources,
      "sender_ids: [{sender_id: 'EXAMPLECO' iso_country_code: 'GB'}, {sender_id: 'B' iso_country_code: 'GB'}]"));
}

// Behaviour 10: which of the two it is isn't known yet.
TEST_F(AuthorizeTest, AsksForBothListsThatDefaultInAnotherCaseMayMean) {
  using Put = PutOptedOutNumberRequest;
  const std::string both[] = {ArnOf("opt-out-list/Default"), ArnOf("opt-out-list/DEFAULT")};
  for (const char* text : {"opt_out_list_name: 'DEFAULT'", "opt_out_list_name: 'default'"}) {
    EXPECT_TRUE(MayReach<Put>({ArnOf("opt-out-list/*")}, text)) << text;
    EXPECT_FALSE(MayReach<Put>({both[0]}, text)) << text;
    EXPECT_FALSE(MayReach<Put>({both[1]}, text)) << text;
  }
  EXPECT_TRUE(MayReach<Put>({both[0], both[1]}, "opt_out_list_name: 'DEFAULT'"));
  EXPECT_TRUE(MayReach<Put>({both[0]}, "opt_out_list_name: 'Default'")) << "no other list";
  EXPECT_TRUE(MayReach<Put>({both[1]}, "opt_out_list_name: '" + both[1] + "'")) << "an ARN has one meaning";
  EXPECT_FALSE(MayReach<UpdatePoolRequest>({ArnOf("pool/*"), ArnOf("opt-out-list/d*")},
                                           "pool_id: 'pool-1' opt_out_list_name: 'default'"));
}

TEST_F(AuthorizeTest, AsksForTheWholeTypeWhereSomethingIsMade) {
  const std::string number = "origination_identity: 'phone-0123456789' message_type: MESSAGE_TYPE_TRANSACTIONAL";
  EXPECT_FALSE(MayReach<CreatePoolRequest>({ArnOf("phone-number/*")}, number));
  EXPECT_FALSE(MayReach<CreatePoolRequest>({ArnOf("phone-number/*"), ArnOf("pool/pool-*")}, number));
  EXPECT_FALSE(MayReach<CreatePoolRequest>({ArnOf("pool/*")}, number)) << "the number, too";
  EXPECT_TRUE(MayReach<CreatePoolRequest>({ArnOf("pool/*"), ArnOf("phone-number/*")}, number));
  EXPECT_TRUE(MayReach<CreatePoolRequest>({ArnOf("*")}, number));
  EXPECT_TRUE(MayReach<CreateOptOutListRequest>({ArnOf("opt-out-list/*")}, "opt_out_list_name: 'A'"));
  EXPECT_FALSE(MayReach<RequestPhoneNumberRequest>({ArnOf("pool/pool-1")}, "pool_id: 'pool-1'"));
  EXPECT_FALSE(MayReach<RequestSenderIdRequest>({ArnOf("sender-id/A/GB")}, "sender_id: 'A' iso_country_code: 'GB'"));
}

TEST_F(AuthorizeTest, AsksForEverythingWhereNothingIsNamed) {
  EXPECT_FALSE(MayReach<DescribePoolsRequest>({ArnOf("pool/*")}, ""));
  EXPECT_FALSE(MayReach<DescribePoolsRequest>({"arn:*:*:*:*:*"}, ""));
  EXPECT_FALSE(MayReach<DescribePoolsRequest>({}, ""));
  EXPECT_TRUE(MayReach<DescribePoolsRequest>({ArnOf("pool/pool-1"), "*"}, ""));
  EXPECT_FALSE(MayReach<DescribeAccountLimitsRequest>({"arn:*:*:*:*:*"}, ""));
}

// The id of a registration may have colons, so that an ARN of another account ends as one of this account does.
TEST_F(AuthorizeTest, DoesNotTakeTheEndOfAnArnForTheWhole) {
  const std::string arn = "arn:aws:sms-voice:us-east-1:444455556666:registration/a:111122223333:pool/x";
  EXPECT_FALSE(MayReach<TagResourceRequest>({"arn:aws:sms-voice:*:111122223333:pool/*"},
                                            "resource_arn: '" + arn + "' tags: {key: 'a' value: 'b'}"));
}

// Every text of a request that names a resource says so by its rule: what AuthorizeResources goes by.
TEST(NamesOfResources, AreToldByTheirRules) {
  std::vector<std::string> untold;
  const std::function<void(const google::protobuf::Descriptor&, const std::string&)> look =
      [&](const google::protobuf::Descriptor& type, const std::string& path) {
        for (int i = 0; i < type.field_count(); ++i) {
          const auto& field = *type.field(i);
          const std::string name = path + "." + field.name();
          if (field.message_type() != nullptr) look(*field.message_type(), name);
          if (field.cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) continue;
          const auto& rule = field.options().GetExtension(smsvoice::v2::rule);
          const bool told = (field.is_repeated() ? rule.items().arn_types_size() : rule.arn_types_size()) > 0;
          const std::string& last = field.name();
          const bool sounds_like_one = last.ends_with("_id") || last.ends_with("_ids") || last.ends_with("_arn") ||
                                       last.ends_with("_list_name") || last.ends_with("_list_names") ||
                                       last.ends_with("identity");
          if (sounds_like_one && !told) untold.push_back(name);
        }
      };
  for (const Method& method : Methods()) look(*method.descriptor->input_type(), std::string(method.name));
  EXPECT_THAT(untold, testing::UnorderedElementsAre(
                          // What is made is asked for as a type.
                          "RequestSenderId.sender_id", "CreateOptOutList.opt_out_list_name",
                          // Registrations are another service's.
                          "RequestPhoneNumber.registration_id",
                          // Topics and roles are not of this service.
                          "UpdatePool.two_way_channel_arn", "UpdatePhoneNumber.two_way_channel_arn"));
}

// ---- through the pipeline, by the file

class AuthorizedCalls : public testing::Test {
 protected:
  AuthorizedCalls() { api.service().access = &file; }

  std::filesystem::path Write(const std::string& rights) {
    std::ofstream(directory.path() / "access.yaml")
        << "principals: [{name: billing, account: '" << api.account()
        << "', bearer_keys: [{sha256: " << Hex(Sha256("key")) << "}]" << rights << "}]";
    return directory.path() / "access.yaml";
  }

  template <class Request>
  auto Call(const std::string& text) {
    return api.CallWith({{"authorization", "Bearer key"}}, Api::Parse<Request>(text));
  }

  TemporaryDirectory directory;
  Api api;
  AccessFile file{Write("")};
};

TEST_F(AuthorizedCalls, MayDoEverythingInTheirAccountUnlessTheFileSaysLess) {
  EXPECT_THAT(Call<RequestSenderIdRequest>("sender_id: 'EXAMPLECO' iso_country_code: 'GB'"), IsOk());
  EXPECT_THAT(Call<DescribeSenderIdsRequest>(""), IsOk());
}

TEST_F(AuthorizedCalls, GoByTheFileAsItIsNow) {
  EXPECT_THAT(Call<DescribePoolsRequest>(""), IsOk());
  Write(", allow: ['sms-voice:DescribeSenderIds']");
  file.Reload();
  EXPECT_THAT(Call<DescribePoolsRequest>(""), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(Call<DescribeSenderIdsRequest>(""), IsOk());
  Write(", allow: [1}");
  file.Reload();
  EXPECT_THAT(Call<DescribePoolsRequest>(""), IsFault(Fault::kAccessDenied)) << "a broken file changes nothing";
  EXPECT_THAT(Call<DescribeSenderIdsRequest>(""), IsOk());
}

TEST_F(AuthorizedCalls, AreRefusedBeforeAnythingIsSaidOfTheirRequest) {
  Write(", deny: ['sms-voice:DeletePool']");
  file.Reload();
  EXPECT_THAT(Call<DeletePoolRequest>(""), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(Call<UpdatePoolRequest>(""), IsFault(Fault::kInvalid));
}

TEST_F(AuthorizedCalls, ReachTheirResourcesAndNoOthers) {
  Write("");
  ASSERT_THAT(Call<CreateOptOutListRequest>("opt_out_list_name: 'A'"), IsOk());
  ASSERT_THAT(Call<CreateOptOutListRequest>("opt_out_list_name: 'B'"), IsOk());
  Write(", resources: ['arn:aws:sms-voice:us-east-1:" + api.account() + ":opt-out-list/A']");
  file.Reload();
  EXPECT_THAT(Call<PutOptedOutNumberRequest>("opt_out_list_name: 'A' opted_out_number: '+12065550100'"), IsOk());
  EXPECT_THAT(Call<PutOptedOutNumberRequest>("opt_out_list_name: 'B' opted_out_number: '+12065550100'"),
              IsFault(Fault::kAccessDenied));
  EXPECT_THAT(Call<DescribeOptOutListsRequest>(""), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(Call<DescribeOptOutListsRequest>("opt_out_list_names: 'A'"), IsOk());
  EXPECT_THAT(Call<DeleteOptOutListRequest>("opt_out_list_name: 'B'"), IsFault(Fault::kAccessDenied));
  EXPECT_THAT(Call<DeleteOptOutListRequest>("opt_out_list_name: 'Nobodys'"), IsFault(Fault::kAccessDenied))
      << "and they don't learn what there is";
}

// ---- what a call changes and shows besides what it names

// Callers that may reach some of the identities and pools of an account.
class ReachingCalls : public AuthorizedCalls {
 protected:
  // From here on the caller may reach these; what the test itself makes goes by its own account, without the file.
  void LetReach(const std::vector<std::string>& tails) {
    std::string resources;
    for (const std::string& tail : tails) {
      resources += (resources.empty() ? "'" : ", '") + ("arn:aws:sms-voice:*:" + api.account() + ":" + tail) + "'";
    }
    Write(", resources: [" + resources + "]");
    file.Reload();
    api.service().access = &file;
  }
  void LetReachEverything() { api.service().access = nullptr; }

  std::vector<std::string> Members(const std::string& pool) {
    const auto listed = Call<ListPoolOriginationIdentitiesRequest>("pool_id: '" + pool + "'");
    EXPECT_THAT(listed, IsOk());
    std::vector<std::string> members;
    for (const auto& item : listed.response.origination_identities()) members.push_back(item.origination_identity());
    return members;
  }

  ReachingCalls() { LetReachEverything(); }
};

const auto kDenied = IsFault(Fault::kAccessDenied);

TEST_F(ReachingCalls, ReplaceNoMemberThatTheyMayNotReach) {
  const std::string stays = GivenNumber(api);
  const std::string hidden = GivenNumber(api);
  const std::string pool = GivenPool(api, stays);
  GivenMember(api, pool, hidden);
  const std::string replace =
      "pool_id: '" + pool + "' origination_identities: {origination_identity: '" + stays + "'} ";
  LetReach({"pool/" + pool, "phone-number/" + stays});
  EXPECT_THAT(Call<ReplaceOriginationIdentitiesRequest>(replace), kDenied);
  const auto rehearsed = Call<ReplaceOriginationIdentitiesRequest>(replace + "validate_only: true");
  ASSERT_THAT(rehearsed, kDenied);
  EXPECT_THAT(rehearsed.error->message(), testing::Not(HasSubstr(hidden)));
  EXPECT_THAT(Call<DeletePoolRequest>("pool_id: '" + pool + "'"), kDenied);
  LetReachEverything();
  EXPECT_THAT(MembersOf(api, pool), testing::ElementsAre(stays, hidden));
  LetReach({"pool/" + pool, "phone-number/*"});
  EXPECT_THAT(Call<ReplaceOriginationIdentitiesRequest>(replace), IsOk());
  EXPECT_THAT(Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk());
}

TEST_F(ReachingCalls, ChangeNoPoolWhoseNumbersTheyMayNotReach) {
  const std::string number = GivenNumber(api);
  const std::string pool = GivenPool(api, number);
  GivenMember(api, pool, GivenSenderId(api, "EXAMPLECO"), "iso_country_code: 'GB'");
  const auto change = [&] {
    return Call<UpdatePoolRequest>("pool_id: '" + pool +
                                   "' two_way_enabled: true two_way_channel_arn: "
                                   "'arn:aws:sns:us-east-1:111122223333:inbound'");
  };
  const auto put = [&](const std::string& identity) {
    return Call<PutKeywordRequest>("origination_identity: '" + identity + "' keyword: 'INFO' keyword_message: 'x'");
  };
  LetReach({"pool/*", "sender-id/*"});
  EXPECT_THAT(change(), kDenied);
  EXPECT_THAT(put(pool), kDenied);
  EXPECT_THAT(Call<DeleteKeywordRequest>("origination_identity: '" + pool + "' keyword: 'INFO'"), kDenied);
  EXPECT_THAT(Call<DeletePoolRequest>("pool_id: '" + pool + "'"), kDenied);
  // A sender ID has no settings of its pool.
  LetReach({"pool/*", "phone-number/" + number});
  EXPECT_THAT(change(), IsOk());
  EXPECT_THAT(put(pool), IsOk());
  EXPECT_THAT(Call<DeletePoolRequest>("pool_id: '" + pool + "'"), kDenied) << "but it would leave the pool";
  LetReach({"pool/*", "phone-number/" + number, "sender-id/ExampleCo/GB"});
  EXPECT_THAT(Call<DeletePoolRequest>("pool_id: '" + pool + "'"), IsOk()) << "whatever the case of a sender ID";
}

TEST_F(ReachingCalls, AreShownTheMembersThatTheyMayReach) {
  const std::string first = GivenNumber(api);
  const std::string pool = GivenPool(api, first);
  const std::string second = GivenNumber(api);
  GivenMember(api, pool, second);
  for (const char* sender_id : {"UNDER-SCORE", "EXAMPLECO"}) {
    GivenMember(api, pool, GivenSenderId(api, sender_id), "iso_country_code: 'GB'");
  }
  LetReach({"pool/" + pool});
  EXPECT_THAT(Members(pool), testing::IsEmpty());
  LetReach({"pool/" + pool, "phone-number/" + second, "sender-id/example*/GB"});
  EXPECT_THAT(Members(pool), testing::ElementsAre(second, "EXAMPLECO"));
  LetReach({"pool/" + pool, "sender-id/*"});
  EXPECT_THAT(Members(pool), testing::ElementsAre("UNDER-SCORE", "EXAMPLECO"));
  // Neither of these is a wildcard of a pattern.
  LetReach({"pool/" + pool, "sender-id/UNDER_SCORE/GB", "phone-number/" + std::string(first.size(), '_')});
  EXPECT_THAT(Members(pool), testing::IsEmpty());
  LetReach({"pool/" + pool, "phone-number/*"});
  const auto left = Call<BatchDisassociateOriginationIdentitiesRequest>(
      "pool_id: '" + pool + "' origination_identities: {origination_identity: '" + second + "'}");
  ASSERT_THAT(left, IsOk());
  ASSERT_EQ(left.response.origination_identities_size(), 1);
  EXPECT_EQ(left.response.origination_identities(0).origination_identity(), first);
}

// A client token answers again what its first caller was shown.
TEST_F(ReachingCalls, AreNotAnsweredWithWhatOthersWereShown) {
  const std::string pool = GivenPool(api);
  const std::string number = GivenNumber(api);
  const std::string request = "client_token: 'token' pool_id: '" + pool + "' origination_identities: {" +
                              "origination_identity: '" + number + "'}";
  ASSERT_THAT(api.Call<BatchAssociateOriginationIdentitiesRequest>(request), IsOk());
  ASSERT_THAT(api.Call<BatchAssociateOriginationIdentitiesRequest>(request), IsOk()) << "as before";
  LetReach({"pool/" + pool, "phone-number/" + number});
  EXPECT_THAT(Call<BatchAssociateOriginationIdentitiesRequest>(request),
              IsInvalidField(reason::kInvalidRequest, "clientToken"));
  const std::string back = "client_token: 'other' pool_id: '" + pool + "' origination_identities: {" +
                           "origination_identity: '" + number + "'}";
  ASSERT_THAT(Call<BatchDisassociateOriginationIdentitiesRequest>(back), IsOk());
  EXPECT_THAT(Call<BatchDisassociateOriginationIdentitiesRequest>(back), IsOk()) << "its own answer again";
}

// Pages hold what can be reached, and all of it.
TEST_F(ReachingCalls, AreShownThePoolsThatTheyMayReachPageByPage) {
  GivenSenderId(api, "EXAMPLECO");
  std::vector<std::string> reachable;
  std::vector<std::string> tails = {"sender-id/*"};
  for (int i = 0; i < 6; ++i) {
    api.world.Advance(std::chrono::seconds(1));
    const std::string pool = GivenPool(api);
    GivenMember(api, pool, "EXAMPLECO", "iso_country_code: 'GB'");
    if (i % 2 == 1) {
      reachable.push_back(pool);
      tails.push_back("pool/" + pool);
    }
  }
  LetReach(tails);
  std::vector<std::string> listed;
  auto request = Api::Parse<ListPoolsForOriginationIdentityRequest>(
      "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' max_results: 1");
  for (int page = 0; page < 3; ++page) {
    const auto result = api.CallWith({{"authorization", "Bearer key"}}, request);
    ASSERT_THAT(result, IsOk());
    ASSERT_EQ(result.response.pools_size(), 1);
    listed.push_back(result.response.pools(0).pool_id());
    EXPECT_EQ(result.response.has_next_token(), page < 2);
    request.set_next_token(result.response.next_token());
  }
  EXPECT_EQ(listed, reachable);
  LetReachEverything();
  const std::string number = MembersOf(api, reachable[0]).at(0);
  LetReach({"phone-number/*"});
  const auto none = Call<ListPoolsForOriginationIdentityRequest>("origination_identity: '" + number + "'");
  ASSERT_THAT(none, IsOk());
  EXPECT_EQ(none.response.pools_size(), 0);
}

}  // namespace
}  // namespace poold
