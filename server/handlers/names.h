#pragma once

// What requests name, by ids, names and ARNs. These functions do not use the database. A call that reads does three
// things: it reads here what the request names; it runs one statement, which reads the resource, what belongs to it,
// and what the owner's policy grants the caller; and it refuses according to that (RequireGranted). If it looked at the
// policy by a statement of its own, everything could change between the two statements.

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "server/base/arn.h"
#include "server/base/error.h"
#include "server/rpc/call.h"
#include "storage/opt_out_lists.h"
#include "storage/phone_numbers.h"
#include "storage/sender_ids.h"
#include "storage/sharing.h"
#include "storage/values/resource.h"

namespace poold {

// The ARN. NotFound if it is of another region. CheckRules has seen that it is well formed.
Arn ArnNamedBy(const Call& call, const std::string& text);

// Whose it is and the plain id, of an id or ARN. A plain id is always of the caller's own. NotFound for ARNs of other
// regions and types.
storage::OwnedId IdNamedBy(const Call& call, ResourceType type, const std::string& id_or_arn);

// The same of a sender ID. An ARN's country must be the country given: COUNTRY_CODE_MISMATCH.
storage::OwnedSenderId SenderIdNamedBy(const Call& call, const std::string& sender_id_or_arn,
                                       const std::string& iso_country_code);

// The same of an opt-out list. A plain name may have another meaning (behaviour 10); an ARN is of exactly one list.
storage::OptOutListName OptOutListNamedBy(const Call& call, const std::string& name_or_arn);

// What tags and policies hang on, and whose it is.
struct OwnedResource {
  storage::Scope owner;
  ResourceType type;
  storage::Resource resource;
};
// NotFound for types that have no tags and policies.
OwnedResource ResourceNamedBy(const Call& call, const std::string& arn);

// Its ARN as answers write it. `name`: how that ends.
std::string ArnOf(const OwnedResource& resource, const std::string& name);

storage::Resource ResourceOf(const Arn& arn);

// The phone number or sender ID that a pool operation names, of the caller's own unless it is given by its ARN. A bare
// sender ID needs the country (MISSING_PARAMETER isoCountryCode), and an ARN's must be the one given, if one was
// (COUNTRY_CODE_MISMATCH). Behaviour 3: `phone-...` is a phone number's id, digits are an E.164 number without `+` or a
// short code, the rest a sender ID.
std::variant<storage::PhoneNumberName, storage::SenderIdName> IdentityNamedBy(
    const Call& call, const std::string& text, const std::optional<std::string>& iso_country_code);

// The phone number that a plain text means; nullopt if it means a sender ID.
std::optional<storage::PhoneNumberName> PhoneNumberNamedBy(const std::string& text);

bool IsArn(std::string_view text);

// COUNTRY_CODE_MISMATCH if a country was given that is not the identity's.
void RequireCountry(const std::optional<std::string>& given, const std::string& iso_country_code);

// Who reads, and what of it the access file lets the caller reach, for the statement that does.
storage::Viewer ViewerOf(const Call& call);

// NotFound or AccessDenied for what the caller may not see; `as_given`: how the request names it.
void RequireGranted(const storage::Granted& granted, ResourceType type, const std::string& as_given);

}  // namespace poold
