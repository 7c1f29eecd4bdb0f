#pragma once

// Rules that need the database or the call's account: what a handler requires before it acts. A guard throws the
// documented Error or returns what it found. Those that lock hold the lock until the transaction ends; handlers call
// them in the order pool, identity, opt-out list, counters, so that no two calls can wait for each other.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/call.h"
#include "storage/accounts.h"
#include "storage/opt_out_lists.h"
#include "storage/phone_numbers.h"
#include "storage/pools.h"
#include "storage/sender_ids.h"
#include "storage/tags.h"

namespace poold {

// What can be a member of a pool.
struct Identity {
  std::variant<PhoneNumber, SenderId> found;

  const PhoneNumber* number() const { return std::get_if<PhoneNumber>(&found); }
  const SenderId* sender_id() const { return std::get_if<SenderId>(&found); }

  ResourceType type() const;
  const std::string& id() const;  // the number's id or the sender ID's text
  const std::string& iso_country_code() const;
  std::string Arn(const Scope& scope) const;
  // What a sender ID is looked up by. Only for sender IDs.
  SenderIdName sender_id_name() const;
};

// The plain id of an id or ARN. An ARN of another account or region is NotFound: its existence is not revealed.
std::string RequireLocalId(const Call& call, ResourceType type, const std::string& id_or_arn);

// The sender ID that a request names by text or ARN. An ARN's country must be the country given:
// COUNTRY_CODE_MISMATCH.
SenderIdName RequireSenderIdName(const Call& call, const std::string& sender_id_or_arn,
                                 const std::string& iso_country_code);

// The pool, locked, in whatever state it is. NotFound.
Pool RequirePool(Call& call, const std::string& id_or_arn);

// The pool, locked. NotFound, or Conflict RESOURCE_NOT_ACTIVE.
Pool RequireActivePool(Call& call, const std::string& id_or_arn);

// The number, locked, in whatever state it is. NotFound.
PhoneNumber RequirePhoneNumber(Call& call, const std::string& id_or_arn);

// The number, locked. NotFound, or Conflict RESOURCE_NOT_ACTIVE.
PhoneNumber RequireActivePhoneNumber(Call& call, const std::string& id_or_arn);

// The identity that a pool operation names, locked; its country must be the one given, if one was
// (COUNTRY_CODE_MISMATCH). A bare sender ID needs the country (MISSING_PARAMETER isoCountryCode). Behaviour 3:
// `phone-...` is a phone number's id, digits are an E.164 number without `+` or a short code, the rest a sender ID.
Identity RequireIdentity(Call& call, const std::string& text, const std::optional<std::string>& iso_country_code);

// The opt-out list, locked against deletion. NotFound.
OptOutList RequireOptOutList(Call& call, const std::string& name_or_arn);

// Conflict RESOURCE_NOT_ACTIVE unless it is ACTIVE.
void RequireActive(const Pool& pool);
void RequireActive(const PhoneNumber& number);

// Conflict MESSAGE_TYPE_MISMATCH unless the identity sends messages of this type.
void RequireMessageType(const Identity& identity, std::string_view message_type);

// Conflict PHONE_NUMBER_ASSOCIATED_TO_POOL if the number is in a pool.
void RequireInNoPool(const PhoneNumber& number);

// Conflict with the typed mismatch of the first difference between pool and identity (behaviour 4.8).
void RequireSameConfiguration(Call& call, const Pool& pool, const Identity& identity);

// Quota ORIGINATION_IDENTITIES_PER_POOL if the pool, which is locked, is full.
void RequireRoomInPool(Call& call, const Pool& pool);

// Quota TAGS_PER_RESOURCE for more tags than a resource may carry.
void RequireRoomForTags(const Call& call, int tags);

// Counts one more against the account's quota, or throws Quota. Keeps the account's row locked: call it last.
void RequireRoomInAccount(Call& call, Counter counter);

}  // namespace poold
