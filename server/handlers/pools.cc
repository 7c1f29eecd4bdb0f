#include "storage/pools.h"

#include "server/base/arn.h"
#include "server/base/filters.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/handlers/configuration.h"
#include "server/handlers/guards.h"
#include "server/handlers/handlers.h"
#include "server/handlers/keywords.h"
#include "server/handlers/membership.h"
#include "server/handlers/paging.h"
#include "server/handlers/pools.h"
#include "server/handlers/render.h"
#include "storage/pool_members.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests and responses of this noun

// A pool takes everything but deletion protection from its first identity. A sender ID has nothing to give: its pool
// starts with two-way and self-managed opt-outs off and the list `Default` (behaviour 4.8).
storage::Configuration InheritFrom(const Call& call, const Identity& first) {
  if (first.number()) return first.number()->configuration;
  storage::Configuration configuration;
  configuration.opt_out_list = {call.scope().account, std::string(storage::kDefaultOptOutList)};
  return configuration;
}

std::optional<storage::PoolPosition> PoolPositionFrom(const Page& page) {
  if (page.after.empty()) return std::nullopt;
  return storage::PoolPosition{TimeFromPart(page.after.at(0)), page.after.at(1)};
}

template <class Response>
void RenderPools(const Call& call, const Page& page, std::vector<storage::Pool>&& pools, Response& response) {
  RenderPage(
      call, page, std::move(pools), response,
      [](const storage::Pool& pool) {
        return std::vector{PositionPart(pool.created), pool.id};
      },
      [&](storage::Pool&& pool) { RenderPool(call, std::move(pool), *response.add_pools()); });
}

// Of the pools that were found by the names in the request, those that the page shows; NotFound for the first name that
// none has.
std::vector<storage::Pool> ShownOf(const DescribePoolsRequest& request, const Page& page,
                                   const std::vector<storage::OwnedId>& ids, std::vector<storage::NamedPool>&& found) {
  RequireAllGranted(
      ResourceType::kPool, ids, found,
      [](const storage::NamedPool& named, const storage::OwnedId& id) {
        return named.pool.account == id.account && named.pool.id == id.id;
      },
      [&](int i) { return request.pool_ids(i); });
  const auto after = PoolPositionFrom(page);
  std::vector<storage::Pool> pools;
  for (storage::NamedPool& named : found) {
    const bool shown_before =
        after && std::tie(named.pool.created, named.pool.id) <= std::tie(after->created, after->id);
    if (named.meets_conditions && !shown_before) pools.push_back(std::move(named.pool));
  }
  return pools;
}

std::vector<storage::Pool> NamedPools(Call& call, const DescribePoolsRequest& request, const Page& page) {
  std::vector<storage::OwnedId> ids;
  for (const std::string& id_or_arn : request.pool_ids()) {
    ids.push_back(IdNamedBy(call, ResourceType::kPool, id_or_arn));
  }
  return ShownOf(request, page, ids,
                 storage::FindPools(call.tx(), ViewerOf(call), ids, ConditionsFrom(request.filters())));
}

// Pools of the caller's own, by their ids: what needs neither a policy nor a filter.
bool NamesOwnPools(const Call& call) {
  const auto& request = call.request<DescribePoolsRequest>();
  return !request.pool_ids().empty() && request.filters().empty() && std::ranges::all_of(request.pool_ids(), IsPoolId);
}

void AnswerWith(Call& call, std::vector<storage::NamedPool>&& found) {
  const auto& request = call.request<DescribePoolsRequest>();
  std::vector<storage::OwnedId> ids;
  for (const std::string& id : request.pool_ids()) ids.push_back({call.scope().account, id});
  const Page page = RequirePage(call);
  RenderPools(call, page, ShownOf(request, page, ids, std::move(found)), call.response<DescribePoolsResponse>());
}

void DescribePoolsTogether(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes) {
  std::vector<storage::WantedPool> wanted;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto& ids = calls[i]->request<DescribePoolsRequest>().pool_ids();
    for (auto id = ids.begin(); id != ids.end(); ++id) {
      const bool again = std::find(ids.begin(), id, *id) != id;
      if (!again) wanted.push_back({static_cast<int>(i), calls[i]->scope(), *id});
    }
  }
  auto found = storage::FindPoolsTogether(tx, wanted, calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    outcomes[i].refusal = RefusalOf([&] { AnswerWith(*calls[i], std::move(found[i])); });
  }
}

storage::PoolListing PoolListingOf(const Call& call, const Page& page) {
  const auto& request = call.request<DescribePoolsRequest>();
  return {ViewerOf(call, request), ConditionsFrom(request.filters()), PoolPositionFrom(page), page.limit + 1};
}

storage::MemberListing MemberListingOf(const Call& call, const Page& page) {
  const auto& request = call.request<ListPoolOriginationIdentitiesRequest>();
  const storage::OwnedId pool = IdNamedBy(call, ResourceType::kPool, request.pool_id());
  return {.viewer = ViewerOf(call),
          .scope = {pool.account, call.scope().region},
          .pool_id = pool.id,
          .conditions = ConditionsFrom(request.filters()),
          .after = page.after.empty() ? 0 : std::stoll(page.after.at(0)),
          .limit = page.limit + 1};
}

void RenderMembers(Call& call, const Page& page, const storage::MemberListing& listing,
                   storage::Contents<storage::PoolMember>&& members) {
  const auto& request = call.request<ListPoolOriginationIdentitiesRequest>();
  auto& response = call.response<ListPoolOriginationIdentitiesResponse>();
  const storage::Scope& owner = listing.scope;
  RequireGranted(members.granted, ResourceType::kPool, request.pool_id());
  response.set_pool_arn(PoolArn(owner, listing.pool_id));
  response.set_pool_id(listing.pool_id);
  RenderPage(
      call, page, std::move(members.items), response,
      [](const storage::PoolMember& member) { return std::vector{std::to_string(member.position)}; },
      [&](storage::PoolMember&& member) {
        RenderMember(owner, std::move(member), *response.add_origination_identities());
      });
}

// Listings of several calls at once: `run` gives the list of each, `render` makes it the answer of its call.
template <class Listing, class Run, class Render>
void AnswerListings(std::span<Call* const> calls, std::span<Outcome> outcomes,
                    Listing (*listing_of)(const Call&, const Page&), const Run& run, const Render& render) {
  std::vector<std::size_t> asking;
  std::vector<Page> pages;
  std::vector<Listing> listings;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    outcomes[i].refusal = RefusalOf([&] {
      Page page = RequirePage(*calls[i]);
      listings.push_back(listing_of(*calls[i], page));
      pages.push_back(std::move(page));
      asking.push_back(i);
    });
  }
  auto lists = run(listings);
  for (std::size_t n = 0; n < asking.size(); ++n) {
    const std::size_t i = asking[n];
    outcomes[i].refusal = RefusalOf([&] { render(*calls[i], pages[n], listings[n], std::move(lists[n])); });
  }
}

bool NamesNoPool(const Call& call) { return call.request<DescribePoolsRequest>().pool_ids().empty(); }

void ListPoolsTogether(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes) {
  AnswerListings(
      calls, outcomes, &PoolListingOf, [&](const auto& listings) { return storage::ListPools(tx, listings); },
      [](Call& call, const Page& page, const storage::PoolListing&, std::vector<storage::Pool>&& pools) {
        RenderPools(call, page, std::move(pools), call.response<DescribePoolsResponse>());
      });
}

bool ListsOwnPool(const Call& call) { return IsPoolId(call.request<ListPoolOriginationIdentitiesRequest>().pool_id()); }

void ListMembersTogether(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes) {
  AnswerListings(
      calls, outcomes, &MemberListingOf, [&](const auto& listings) { return storage::ListMembers(tx, listings); },
      [](Call& call, const Page& page, const storage::MemberListing& listing,
         storage::Contents<storage::PoolMember>&& members) { RenderMembers(call, page, listing, std::move(members)); });
}

}  // namespace

const Together kDescribePoolsTogether{Together::Kind::kLookUp, &NamesOwnPools, &DescribePoolsTogether};
const Together kListPoolsTogether{Together::Kind::kListing, &NamesNoPool, &ListPoolsTogether};
const Together kListMembersTogether{Together::Kind::kListing, &ListsOwnPool, &ListMembersTogether};

PlannedPool PlanPool(const Call& call, const CreatePoolRequest& request, Identity first) {
  if (first.number()) RequireActive(*first.number());
  RequireMessageType(call, first, AwsName(request.message_type()));
  if (first.number()) RequireInNoPool(*first.number());  // a sender ID may be in many

  storage::Pool pool;
  pool.account = call.scope().account;
  pool.id = call.world().NewPoolId();
  pool.status = "ACTIVE";
  pool.configuration = InheritFrom(call, first);
  pool.configuration.message_type = AwsName(request.message_type());
  pool.deletion_protected = request.deletion_protection_enabled();
  pool.created = call.world().Now();
  return {call.scope(), std::move(pool), std::move(first), TagsFrom(request.tags())};
}

void MakePools(storage::Transaction& tx, const std::vector<PlannedPool>& pools, const ApiSettings& settings) {
  std::vector<storage::NewPool> made;
  std::vector<storage::NumberInPool> numbers;
  std::vector<storage::SenderIdInPool> sender_ids;
  std::vector<storage::ScopedId> without_number;
  std::vector<storage::ResourceTag> tags;
  for (const auto& [scope, pool, first, its_tags] : pools) {
    made.push_back({scope, pool});
    if (first.number()) {
      numbers.push_back({scope, pool.id, first.id()});
    } else {
      sender_ids.push_back({scope, pool.id, first.sender_id_name()});
      without_number.push_back({scope, pool.id});
    }
    for (const storage::Tag& tag : its_tags) tags.push_back({scope, {"pool", pool.id}, tag});
  }
  storage::InsertPools(tx, made);
  storage::CopyKeywordsToPools(tx, numbers);
  storage::InsertPoolKeywords(tx, without_number, FirstKeywords(settings));
  storage::PutTags(tx, tags);
  storage::AddPhoneNumbersToPools(tx, numbers);
  storage::AddSenderIdsToPools(tx, sender_ids);
}

CreatePoolResponse RenderCreated(const Call& call, const storage::Pool& pool, const CreatePoolRequest& request) {
  CreatePoolResponse response;
  RenderPool(call, storage::Pool(pool), response);
  *response.mutable_tags() = request.tags();
  return response;
}

CreatePoolResponse CreatePool(Call& call, const CreatePoolRequest& request) {
  const Identity first = RequireIdentity(call, request.origination_identity(), CountryOf(request));
  const PlannedPool planned = PlanPool(call, request, first);
  RequireRoomForTags(call, request.tags_size());
  MakePools(call.tx(), {planned}, call.settings());
  RequireRoomInAccount(call, storage::Counter::kPools);
  return RenderCreated(call, planned.pool, request);
}

void DescribePools(Call& call, const DescribePoolsRequest& request, DescribePoolsResponse& response) {
  const Page page = RequirePage(call);
  auto pools = request.pool_ids().empty() ? storage::ListPools(call.tx(), PoolListingOf(call, page))
                                          : NamedPools(call, request, page);
  RenderPools(call, page, std::move(pools), response);
}

UpdatePoolResponse UpdatePool(Call& call, const UpdatePoolRequest& request) {
  const ConfigurationChange change = ConfigurationChangeFrom(request);
  RequireSound(change);
  storage::Pool pool = RequirePool(call, request.pool_id());
  const storage::Pool before = pool;
  if (request.has_opt_out_list_name()) {
    pool.configuration.opt_out_list = RequireOptOutList(call, request.opt_out_list_name());
  }
  RequireActive(pool);  // after all that is named is found (behaviour 2.2)
  RequireRevision(pool, request);
  pool.configuration = Changed(pool.configuration, change);
  if (request.has_shared_routes_enabled()) pool.shared_routes = request.shared_routes_enabled();
  if (request.has_deletion_protection_enabled()) pool.deletion_protected = request.deletion_protection_enabled();
  if (pool != before) storage::UpdatePool(call.tx(), call.scope(), pool);

  UpdatePoolResponse response;
  RenderPool(call, std::move(pool), response);
  return response;
}

DeletePoolResponse DeletePool(Call& call, const DeletePoolRequest& request) {
  storage::Transaction& tx = call.tx();
  storage::Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  if (pool.deletion_protected) {
    throw Error::Conflict(reason::kDeletionProtectionEnabled, ResourceType::kPool, pool.id,
                          "Switch its deletion protection off first.");
  }
  storage::CopyKeywordsToPhoneNumbersOf(tx, call.scope(), pool.id);
  storage::RemoveAllFromPool(tx, call.scope(), pool.id);
  if (call.settings().pool_deletion_delay.count() == 0) {
    storage::DeletePool(tx, call.scope(), pool.id);
  } else {
    storage::MarkPoolDeleting(tx, call.scope(), pool.id, call.world().Now());
  }
  storage::UncountOne(tx, call.scope(), storage::Counter::kPools);

  pool.status = "DELETING";
  ++pool.revision;
  DeletePoolResponse response;
  RenderPool(call, std::move(pool), response);
  return response;
}

AssociateOriginationIdentityResponse AssociateOriginationIdentity(Call& call,
                                                                  const AssociateOriginationIdentityRequest& request) {
  storage::Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  const Identity identity = Associate(call, pool, request.origination_identity(), CountryOf(request));
  storage::TouchPool(call.tx(), call.scope(), pool);
  return RenderMembership<AssociateOriginationIdentityResponse>(call, pool, identity);
}

DisassociateOriginationIdentityResponse DisassociateOriginationIdentity(
    Call& call, const DisassociateOriginationIdentityRequest& request) {
  storage::Pool pool = RequireActivePool(call, request.pool_id());
  RequireRevision(pool, request);
  const Identity identity = Disassociate(call, pool, request.origination_identity(), CountryOf(request));
  storage::TouchPool(call.tx(), call.scope(), pool);
  return RenderMembership<DisassociateOriginationIdentityResponse>(call, pool, identity);
}

void ListPoolOriginationIdentities(Call& call, const ListPoolOriginationIdentitiesRequest&,
                                   ListPoolOriginationIdentitiesResponse&) {
  const Page page = RequirePage(call);
  const storage::MemberListing listing = MemberListingOf(call, page);
  RenderMembers(call, page, listing, storage::ListMembers(call.tx(), listing));
}

void ListPoolsForOriginationIdentity(Call& call, const ListPoolsForOriginationIdentityRequest& request,
                                     ListPoolsForOriginationIdentityResponse& response) {
  const Page page = RequirePage(call);
  const auto name = IdentityNamedBy(call, request.origination_identity(), CountryOf(request));
  RequireOwn(call, request.origination_identity());
  const auto* number = std::get_if<storage::PhoneNumberName>(&name);
  const auto after = PoolPositionFrom(page);
  auto found = number ? storage::ListPoolsOfPhoneNumber(call.tx(), ViewerOf(call), *number, after, page.limit + 1)
                      : storage::ListPoolsOfSenderId(call.tx(), ViewerOf(call), std::get<storage::SenderIdName>(name),
                                                     after, page.limit + 1);
  if (!found) {
    throw Error::NotFound(number ? ResourceType::kPhoneNumber : ResourceType::kSenderId,
                          request.origination_identity());
  }
  RequireCountry(CountryOf(request), found->iso_country_code);
  RenderPools(call, page, std::move(found->pools), response);
}

}  // namespace poold
