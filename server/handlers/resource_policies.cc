#include "storage/resource_policies.h"

#include "server/base/arn.h"
#include "server/base/world.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/policy.h"
#include "server/handlers/render.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

template <class Answer>
Answer Render(const std::string& resource_arn, const storage::ResourcePolicy& policy) {
  Answer answer;
  answer.set_resource_arn(resource_arn);
  answer.set_policy(policy.text);
  SetTime(*answer.mutable_created_timestamp(), policy.created);
  return answer;
}

}  // namespace

PutResourcePolicyResponse PutResourcePolicy(Call& call, const PutResourcePolicyRequest& request) {
  const std::vector<storage::Grant> grants = GrantsFrom(request.policy(), request.resource_arn());
  const auto [resource, arn] = RequireResource(call, request.resource_arn());
  const storage::ResourcePolicy policy{request.policy(), call.world().Now()};
  storage::PutPolicy(call.tx(), call.scope(), resource, policy, grants);
  return Render<PutResourcePolicyResponse>(arn, policy);
}

GetResourcePolicyResponse GetResourcePolicy(Call& call, const GetResourcePolicyRequest& request) {
  const OwnedResource named = ResourceNamedBy(call, request.resource_arn());
  RequireOwn(call, request.resource_arn());
  const auto policy = storage::ReadPolicy(call.tx(), ViewerOf(call), named.owner, named.resource);
  RequireGranted(policy.granted, named.type, request.resource_arn());
  const std::string arn = ArnOf(named, *policy.name);
  if (!policy.items.empty()) return Render<GetResourcePolicyResponse>(arn, policy.items[0]);
  GetResourcePolicyResponse none;
  none.set_resource_arn(arn);
  none.set_policy("{}");
  return none;
}

DeleteResourcePolicyResponse DeleteResourcePolicy(Call& call, const DeleteResourcePolicyRequest& request) {
  const auto [resource, arn] = RequireResource(call, request.resource_arn());
  const auto policy = storage::FindPolicy(call.tx(), call.scope(), resource);
  if (!policy) throw Error::NotFound(ResourceType::kPolicy, request.resource_arn());
  storage::DeletePolicy(call.tx(), call.scope(), resource);
  return Render<DeleteResourcePolicyResponse>(arn, *policy);
}

}  // namespace poold
