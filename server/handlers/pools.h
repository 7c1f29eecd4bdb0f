#pragma once

// What the operations on one pool share with those that do several at once (pools_together.cc).

#include <utility>
#include <vector>

#include "server/base/arn.h"
#include "server/base/aws_names.h"
#include "server/handlers/guards.h"
#include "server/handlers/render.h"
#include "server/rpc/call.h"
#include "smsvoice/v2/pools.pb.h"
#include "storage/pools.h"
#include "storage/tags.h"

namespace poold {

// Into any of the responses that show a pool; they differ in what they leave out (behaviour 13). Takes the pool's id.
template <class Answer>
void RenderPool(const Call& call, storage::Pool&& pool, Answer& answer) {
  answer.set_pool_arn(PoolArn({pool.account, call.scope().region}, pool.id));
  answer.set_pool_id(std::move(pool.id));
  answer.set_status(FromAwsName<smsvoice::v2::PoolStatus>(pool.status));
  RenderConfiguration(pool.configuration, answer);
  answer.set_shared_routes_enabled(pool.shared_routes);
  if constexpr (requires { answer.set_deletion_protection_enabled(true); }) {
    answer.set_deletion_protection_enabled(pool.deletion_protected);
  }
  SetTime(*answer.mutable_created_timestamp(), pool.created);
  answer.set_revision(pool.revision);
}

template <class Answer>
Answer RenderMembership(const Call& call, const storage::Pool& pool, const Identity& identity) {
  Answer answer;
  answer.set_pool_arn(PoolArn(call.scope(), pool.id));
  answer.set_pool_id(pool.id);
  answer.set_origination_identity_arn(identity.Arn(call.scope()));
  answer.set_origination_identity(identity.id());
  answer.set_iso_country_code(identity.iso_country_code());
  answer.set_revision(pool.revision);
  return answer;
}

// A pool to be made, with its first member.
struct PlannedPool {
  storage::Scope scope;
  storage::Pool pool;
  Identity first;
  std::vector<storage::Tag> tags;
};

// The pool that the request asks for, if its first identity, which is locked, may be in it. Quotas are not looked at.
PlannedPool PlanPool(const Call& call, const smsvoice::v2::CreatePoolRequest& request, Identity first);

// Writes pools, with their keywords, tags and members.
void MakePools(storage::Transaction& tx, const std::vector<PlannedPool>& pools, const ApiSettings& settings);

smsvoice::v2::CreatePoolResponse RenderCreated(const Call& call, const storage::Pool& pool,
                                               const smsvoice::v2::CreatePoolRequest& request);

}  // namespace poold
