#pragma once

// Rules that need the database or the call's account: what a handler requires before it acts. A guard throws the
// documented Error or returns what it found. Those that lock hold the lock until the transaction ends; handlers call
// them in the order pool, identity, opt-out list, counters, so that no two calls can wait for each other.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/handlers/names.h"
#include "server/rpc/call.h"
#include "storage/accounts.h"
#include "storage/keywords.h"
#include "storage/opt_out_lists.h"
#include "storage/phone_numbers.h"
#include "storage/pool_members.h"
#include "storage/pools.h"
#include "storage/sender_ids.h"
#include "storage/sharing.h"
#include "storage/tags.h"
#include "storage/values/resource.h"

namespace poold {

// What can be a member of a pool.
struct Identity {
  std::variant<storage::PhoneNumber, storage::SenderId> found;

  const storage::PhoneNumber* number() const { return std::get_if<storage::PhoneNumber>(&found); }
  const storage::SenderId* sender_id() const { return std::get_if<storage::SenderId>(&found); }

  ResourceType type() const;
  const std::string& id() const;  // the number's id or the sender ID's text
  const std::string& iso_country_code() const;
  std::string Arn(const storage::Scope& scope) const;
  // What a sender ID is looked up by. Only for sender IDs.
  storage::SenderIdName sender_id_name() const;
};

// What a caller must be to name a resource by its ARN, in a call that writes. Behaviour 4.9: a resource of another
// account is NotFound unless a policy shares it with the caller in some way, and AccessDenied if that way is not this
// one. ARNs of other regions are NotFound. (Calls that read ask otherwise: see names.h.)
enum class AccessLevel {
  kOwner,   // the resource must be the caller's own
  kGranted  // or a policy must grant the caller this very operation
};

// Whose it is and the plain id, of an id or ARN. A plain id is always of the caller's own. Does not ask whether the
// resource is there.
storage::OwnedId RequireAccess(const Call& call, ResourceType type, const std::string& id_or_arn, AccessLevel level);

// The id of what must be the caller's own: RequireAccess with AccessLevel::kOwner.
std::string RequireOwnId(const Call& call, ResourceType type, const std::string& id_or_arn);

// Refuses an ARN of another account in the same way, before anything is read; looks nothing up for the caller's own.
void RequireOwn(const Call& call, const std::string& id_or_arn);

// RequireOwnId for a sender ID, named by text or ARN. An ARN's country must be the country given:
// COUNTRY_CODE_MISMATCH.
storage::SenderIdName RequireOwnSenderId(const Call& call, const std::string& sender_id_or_arn,
                                         const std::string& iso_country_code);

// The pool, locked, in whatever state it is. NotFound, or AccessDenied if the method changes members that the caller
// may not reach (beyond.h).
storage::Pool RequirePool(Call& call, const std::string& id_or_arn);

// The pool, locked, as RequirePool has it. Or Conflict RESOURCE_NOT_ACTIVE.
storage::Pool RequireActivePool(Call& call, const std::string& id_or_arn);

// The number, locked, in whatever state it is. NotFound.
storage::PhoneNumber RequirePhoneNumber(Call& call, const std::string& id_or_arn);

// The number, locked. NotFound, or Conflict RESOURCE_NOT_ACTIVE.
storage::PhoneNumber RequireActivePhoneNumber(Call& call, const std::string& id_or_arn);

// The identity that a pool operation names (IdentityNamedBy), locked. Its country must be the one given, if one was:
// COUNTRY_CODE_MISMATCH.
Identity RequireIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code);

// Whether it is a phone number's id, or a bare sender ID with its country: what can be looked up without ARNs, and
// for several calls at once.
bool IsPlainIdentity(const std::string& text, const std::optional<std::string>& iso_country_code);

// What several calls name as RequireIdentity has it, all of it plain. Each is locked; nullopt for what isn't there, is
// in another country, or is held by another transaction at this moment, and for a number that was named before. Doesn't
// wait.
struct NamedIdentity {
  storage::Scope scope;
  std::string text;
  std::optional<std::string> iso_country_code;
};
std::vector<std::optional<Identity>> TryLockIdentities(storage::Transaction& tx,
                                                       const std::vector<NamedIdentity>& named);

// Locks the phone numbers among several identities, named as for RequireIdentity, all in one order, so that two calls
// that name the same ones cannot wait for each other. A call that needs more than one calls it before RequireIdentity,
// which refuses what isn't there.
void LockPhoneNumbersAmong(Call& call, const std::vector<std::string>& identities);

// The opt-out list that a request names (OptOutListNamedBy), as RequireAccess.
storage::OptOutListName RequireOptOutListName(const Call& call, const std::string& name_or_arn, AccessLevel level);

// The opt-out list, locked against deletion and changes of its policy: the caller's own, or one whose policy grants the
// caller this operation. NotFound, AccessDenied.
storage::OptOutList RequireOptOutListAccess(Call& call, const std::string& name_or_arn);

// The same, for operations that give the list to a pool or number.
storage::OptOutListKey RequireOptOutList(Call& call, const std::string& name_or_arn);

// The caller's own resource of this ARN that tags and policies hang on, locked, and its ARN as answers write it: a
// sender ID in upper case. NotFound, also for types that have no tags and policies.
struct LockedResource {
  storage::Resource resource;
  std::string arn;
};
LockedResource RequireResource(Call& call, const std::string& arn);

// Conflict RESOURCE_NOT_ACTIVE unless it is ACTIVE.
void RequireActive(const storage::Pool& pool);
void RequireActive(const storage::PhoneNumber& number);

// Conflict MESSAGE_TYPE_MISMATCH unless the identity sends messages of this type.
void RequireMessageType(const Call& call, const Identity& identity, std::string_view message_type);

// Conflict PHONE_NUMBER_ASSOCIATED_TO_POOL if the number is in a pool.
void RequireInNoPool(const storage::PhoneNumber& number);

// Conflict with the typed mismatch of the first difference between pool and number (behaviour 4.8). A call that only
// validates is told all of them, each with the expected and the actual value.
void RequireSameConfiguration(Call& call, const storage::Pool& pool, const Identity& number,
                              const storage::PoolToJoin& found);

// Quota ORIGINATION_IDENTITIES_PER_POOL if the pool, which is locked and has so many members, is full.
void RequireRoomInPool(const Call& call, const storage::MemberCount& members);

// Conflict STALE_REVISION (ABORTED) that names both, if the request expects another revision than the pool, which is
// locked, has.
template <class Request>
void RequireRevision(const storage::Pool& pool, const Request& request) {
  if (!request.has_expected_revision() || request.expected_revision() == pool.revision) return;
  throw Error::StaleRevision(ResourceType::kPool, pool.id, request.expected_revision(), pool.revision);
}

// Quota TAGS_PER_RESOURCE for more tags than a resource may carry. Looked up together with what follows, and thrown
// there (Transaction::Later).
void RequireRoomForTags(const Call& call, std::int64_t tags);

// Counts one more against the account's quota, or throws Quota: together with what follows, as above. Keeps the
// account's row locked: call it last.
void RequireRoomInAccount(Call& call, storage::Counter counter);

// The same for a phone number, which also counts in all regions together. Keeps the account locked in all of them.
void RequireRoomForPhoneNumber(Call& call);

}  // namespace poold
