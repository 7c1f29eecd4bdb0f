#include "storage/pools.h"

#include "server/arn.h"
#include "server/config.h"
#include "server/filters.h"
#include "server/handlers/configuration.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/keywords.h"
#include "server/handlers/paging.h"
#include "server/handlers/render.h"
#include "server/world.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

// A pool takes everything but deletion protection from its first identity. A sender ID has nothing to give: its pool
// starts with two-way and self-managed opt-outs off and the list `Default` (behaviour 4.8).
Configuration InheritFrom(const Identity& first) {
  if (first.number()) return first.number()->configuration;
  Configuration configuration;
  configuration.opt_out_list_name = kDefaultOptOutList;
  return configuration;
}

void InheritKeywords(Call& call, const Identity& first, const Pool& pool) {
  if (first.number()) {
    CopyKeywordsToPool(call.tx(), call.scope(), first.id(), pool.id);
  } else {
    InsertPoolKeywords(call.tx(), call.scope(), pool.id, FirstKeywords(call.settings()));
  }
}

void AddMember(Call& call, const Pool& pool, const Identity& identity) {
  if (identity.number()) {
    AddPhoneNumberToPool(call.tx(), call.scope(), pool.id, identity.id());
  } else {
    AddSenderIdToPool(call.tx(), call.scope(), pool.id, identity.sender_id_name());
  }
}

void RemoveMember(Call& call, const Pool& pool, const Identity& identity) {
  if (identity.number()) {
    CopyKeywordsToPhoneNumber(call.tx(), call.scope(), pool.id, identity.id());
    RemovePhoneNumberFromPool(call.tx(), call.scope(), pool.id, identity.id());
  } else {
    RemoveSenderIdFromPool(call.tx(), call.scope(), pool.id, identity.sender_id_name());
  }
}

void RequireNotMember(Call& call, const Pool& pool, const Identity& identity) {
  const bool member = identity.number() ? identity.number()->pool_id == pool.id
                                        : IsSenderIdInPool(call.tx(), call.scope(), pool.id, identity.sender_id_name());
  if (member) throw Error::Conflict(reason::kResourceAlreadyAssociated, identity.type(), identity.id());
}

// A sender ID that is not in the pool is NotFound: no Reason of ConflictException fits it.
void RequireMember(Call& call, const Pool& pool, const Identity& identity) {
  if (identity.number()) {
    if (identity.number()->pool_id == pool.id) return;
    throw Error::Conflict(reason::kPhoneNumberNotAssociatedToPool, ResourceType::kPhoneNumber, identity.id());
  }
  if (!IsSenderIdInPool(call.tx(), call.scope(), pool.id, identity.sender_id_name())) {
    throw Error::NotFound(ResourceType::kSenderId, identity.id());
  }
}

// A pool keeps its last number, whatever sender IDs it has beside; a pool of sender IDs only keeps its last one. Exact
// because the pool is locked: without that, two calls could each see two numbers and take one away.
void RequireAnotherMember(Call& call, const Pool& pool, const Identity& leaving) {
  const MemberCount count = CountMembers(call.tx(), call.scope(), pool.id);
  const bool last = leaving.number() ? count.phone_numbers == 1 : count.phone_numbers == 0 && count.sender_ids == 1;
  if (last) {
    throw Error::Conflict(reason::kLastPhoneNumber, leaving.type(), leaving.id(),
                          "A pool keeps its last number; delete the pool instead.");
  }
}

std::optional<std::string> CountryOf(const auto& request) {
  return request.has_iso_country_code() ? std::optional(request.iso_country_code()) : std::nullopt;
}

// Into any of the responses that show a pool; they differ in what they leave out (behaviour 13).
template <class Answer>
void Render(const Scope& scope, const Pool& pool, Answer& answer) {
  answer.set_pool_arn(PoolArn(scope, pool.id));
  answer.set_pool_id(pool.id);
  answer.set_status(FromAwsName<PoolStatus>(pool.status));
  RenderConfiguration(pool.configuration, answer);
  answer.set_shared_routes_enabled(pool.shared_routes);
  if constexpr (requires { answer.set_deletion_protection_enabled(true); }) {
    answer.set_deletion_protection_enabled(pool.deletion_protected);
  }
  SetTime(*answer.mutable_created_timestamp(), pool.created);
}

template <class Answer>
Answer RenderMembership(const Call& call, const Pool& pool, const Identity& identity) {
  Answer answer;
  answer.set_pool_arn(PoolArn(call.scope(), pool.id));
  answer.set_pool_id(pool.id);
  answer.set_origination_identity_arn(identity.Arn(call.scope()));
  answer.set_origination_identity(identity.id());
  answer.set_iso_country_code(identity.iso_country_code());
  return answer;
}

std::optional<PoolPosition> PositionFrom(const Page& page) {
  if (page.after.empty()) return std::nullopt;
  return PoolPosition{TimeFromPart(page.after.at(0)), page.after.at(1)};
}

// The pools named by the request that meet its filters; NotFound for the first that isn't there.
std::vector<Pool> NamedPools(Call& call, const DescribePoolsRequest& request, const Page& page) {
  std::vector<std::string> ids;
  for (const std::string& id_or_arn : request.pool_ids()) {
    ids.push_back(RequireLocalId(call, ResourceType::kPool, id_or_arn));
  }
  const auto found = FindPools(call.tx(), call.scope(), ids, ConditionsFrom(request.filters()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto is_it = [&](const NamedPool& named) { return named.pool.id == ids[i]; };
    if (std::ranges::none_of(found, is_it)) {
      throw Error::NotFound(ResourceType::kPool, request.pool_ids(static_cast<int>(i)));
    }
  }
  const auto after = PositionFrom(page);
  std::vector<Pool> pools;
  for (const NamedPool& named : found) {
    const bool shown_before =
        after && std::tie(named.pool.created, named.pool.id) <= std::tie(after->created, after->id);
    if (named.meets_conditions && !shown_before) pools.push_back(named.pool);
  }
  return pools;
}

}  // namespace

CreatePoolResponse CreatePool(Call& call, const CreatePoolRequest& request) {
  Transaction& tx = call.tx();
  const Identity first = RequireIdentity(call, request.origination_identity(), CountryOf(request));
  if (first.number()) RequireActive(*first.number());
  RequireMessageType(first, AwsName(request.message_type()));
  if (first.number()) RequireInNoPool(*first.number());  // a sender ID may be in many
  RequireRoomForTags(call, request.tags_size());

  Pool pool;
  pool.id = call.world().NewPoolId();
  pool.status = "ACTIVE";
  pool.configuration = InheritFrom(first);
  pool.configuration.message_type = AwsName(request.message_type());
  pool.deletion_protected = request.deletion_protection_enabled();
  pool.created = call.world().Now();

  InsertPool(tx, call.scope(), pool);
  InheritKeywords(call, first, pool);
  InsertTags(tx, call.scope(), {"pool", pool.id}, TagsFrom(request.tags()));
  AddMember(call, pool, first);
  RequireRoomInAccount(call, Counter::kPools);

  CreatePoolResponse response;
  Render(call.scope(), pool, response);
  *response.mutable_tags() = request.tags();
  return response;
}

DescribePoolsResponse DescribePools(Call& call, const DescribePoolsRequest& request) {
  DescribePoolsResponse response;
  if (request.owner() == OWNER_SHARED) return response;  // nothing is shared yet

  const Page page = RequirePage(call);
  const auto pools = request.pool_ids().empty() ? ListPools(call.tx(), call.scope(), ConditionsFrom(request.filters()),
                                                            PositionFrom(page), page.limit + 1)
                                                : NamedPools(call, request, page);
  RenderPage(
      call, page, pools, response,
      [](const Pool& pool) {
        return std::vector{PositionPart(pool.created), pool.id};
      },
      [&](const Pool& pool) { Render(call.scope(), pool, *response.add_pools()); });
  return response;
}

UpdatePoolResponse UpdatePool(Call& call, const UpdatePoolRequest& request) {
  const ConfigurationChange change = ConfigurationChangeFrom(request);
  RequireSound(change);
  Pool pool = RequirePool(call, request.pool_id());
  if (request.has_opt_out_list_name()) {
    pool.configuration.opt_out_list_name = RequireOptOutList(call, request.opt_out_list_name()).name;
  }
  RequireActive(pool);  // after all that is named is found (behaviour 2.2)
  pool.configuration = Changed(pool.configuration, change);
  if (request.has_shared_routes_enabled()) pool.shared_routes = request.shared_routes_enabled();
  if (request.has_deletion_protection_enabled()) pool.deletion_protected = request.deletion_protection_enabled();
  UpdatePool(call.tx(), call.scope(), pool);

  UpdatePoolResponse response;
  Render(call.scope(), pool, response);
  return response;
}

DeletePoolResponse DeletePool(Call& call, const DeletePoolRequest& request) {
  Transaction& tx = call.tx();
  Pool pool = RequireActivePool(call, request.pool_id());
  if (pool.deletion_protected) {
    throw Error::Conflict(reason::kDeletionProtectionEnabled, ResourceType::kPool, pool.id,
                          "Switch its deletion protection off first.");
  }
  CopyKeywordsToPhoneNumbersOf(tx, call.scope(), pool.id);
  RemoveAllFromPool(tx, call.scope(), pool.id);
  if (call.settings().pool_deletion_delay.count() == 0) {
    DeletePool(tx, call.scope(), pool.id);
  } else {
    MarkPoolDeleting(tx, call.scope(), pool.id, call.world().Now());
  }
  UncountOne(tx, call.scope(), Counter::kPools);

  pool.status = "DELETING";
  DeletePoolResponse response;
  Render(call.scope(), pool, response);
  return response;
}

AssociateOriginationIdentityResponse AssociateOriginationIdentity(Call& call,
                                                                  const AssociateOriginationIdentityRequest& request) {
  const Pool pool = RequireActivePool(call, request.pool_id());
  const Identity identity = RequireIdentity(call, request.origination_identity(), CountryOf(request));
  RequireNotMember(call, pool, identity);
  if (identity.number()) {
    RequireInNoPool(*identity.number());
    RequireActive(*identity.number());
  }
  RequireSameConfiguration(call, pool, identity);
  RequireRoomInPool(call, pool);

  AddMember(call, pool, identity);
  return RenderMembership<AssociateOriginationIdentityResponse>(call, pool, identity);
}

DisassociateOriginationIdentityResponse DisassociateOriginationIdentity(
    Call& call, const DisassociateOriginationIdentityRequest& request) {
  const Pool pool = RequireActivePool(call, request.pool_id());
  const Identity identity = RequireIdentity(call, request.origination_identity(), CountryOf(request));
  RequireMember(call, pool, identity);
  if (identity.number()) RequireActive(*identity.number());
  RequireAnotherMember(call, pool, identity);

  RemoveMember(call, pool, identity);
  return RenderMembership<DisassociateOriginationIdentityResponse>(call, pool, identity);
}

ListPoolOriginationIdentitiesResponse ListPoolOriginationIdentities(
    Call& call, const ListPoolOriginationIdentitiesRequest& request) {
  const Page page = RequirePage(call);
  const std::string pool_id = RequireLocalId(call, ResourceType::kPool, request.pool_id());
  if (!FindPool(call.tx(), call.scope(), pool_id)) throw Error::NotFound(ResourceType::kPool, request.pool_id());
  const std::int64_t after = page.after.empty() ? 0 : std::stoll(page.after.at(0));
  const auto members =
      ListMembers(call.tx(), call.scope(), pool_id, ConditionsFrom(request.filters()), after, page.limit + 1);

  ListPoolOriginationIdentitiesResponse response;
  response.set_pool_arn(PoolArn(call.scope(), pool_id));
  response.set_pool_id(pool_id);
  RenderPage(
      call, page, members, response,
      [](const PoolMember& member) { return std::vector{std::to_string(member.position)}; },
      [&](const PoolMember& member) {
        auto& item = *response.add_origination_identities();
        if (member.phone_number_id) {
          item.set_origination_identity_arn(PhoneNumberArn(call.scope(), *member.phone_number_id));
          item.set_origination_identity(*member.phone_number_id);
          item.set_phone_number(*member.phone_number);
        } else {
          item.set_origination_identity_arn(SenderIdArn(call.scope(), *member.sender_id, member.iso_country_code));
          item.set_origination_identity(*member.sender_id);
        }
        item.set_iso_country_code(member.iso_country_code);
        for (const std::string& capability : member.capabilities) {
          item.add_number_capabilities(FromAwsName<NumberCapability>(capability));
        }
      });
  return response;
}

}  // namespace poold
