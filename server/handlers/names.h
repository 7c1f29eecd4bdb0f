#pragma once

// What requests name, by ids, names and ARNs: read without the database. And what a call that reads answers when it has
// looked: it names what it is asked about, reads that and what belongs to it by one statement, which also tells what
// the owner's policy grants the caller, and then requires that. To look at the policy or the resource first would take
// a statement more, and between two statements everything can change.

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "server/arn.h"
#include "server/call.h"
#include "server/error.h"
#include "storage/opt_out_lists.h"
#include "storage/phone_numbers.h"
#include "storage/resource.h"
#include "storage/sender_ids.h"
#include "storage/sharing.h"

namespace poold {

// The ARN. NotFound if it is of another region. CheckRules has seen that it is well formed.
Arn ArnNamedBy(const Call& call, const std::string& text);

// Whose it is and the plain id, of an id or ARN. A plain id is always of the caller's own. NotFound for ARNs of other
// regions and types.
OwnedId IdNamedBy(const Call& call, ResourceType type, const std::string& id_or_arn);

// The same of a sender ID. An ARN's country must be the country given: COUNTRY_CODE_MISMATCH.
OwnedSenderId SenderIdNamedBy(const Call& call, const std::string& sender_id_or_arn,
                              const std::string& iso_country_code);

// The same of an opt-out list. A plain name may have another meaning (behaviour 10); an ARN is of exactly one list.
OptOutListName OptOutListNamedBy(const Call& call, const std::string& name_or_arn);

// What tags and policies hang on, and whose it is.
struct OwnedResource {
  Scope owner;
  ResourceType type;
  Resource resource;
};
// NotFound for types that have no tags and policies.
OwnedResource ResourceNamedBy(const Call& call, const std::string& arn);

// Its ARN as answers write it. `name`: how that ends.
std::string ArnOf(const OwnedResource& resource, const std::string& name);

Resource ResourceOf(const Arn& arn);

// The phone number or sender ID that a pool operation names, of the caller's own unless it is given by its ARN. A bare
// sender ID needs the country (MISSING_PARAMETER isoCountryCode), and an ARN's must be the one given, if one was
// (COUNTRY_CODE_MISMATCH). Behaviour 3: `phone-...` is a phone number's id, digits are an E.164 number without `+` or a
// short code, the rest a sender ID.
std::variant<PhoneNumberName, SenderIdName> IdentityNamedBy(const Call& call, const std::string& text,
                                                            const std::optional<std::string>& iso_country_code);

// The phone number that a plain text means; nullopt if it means a sender ID.
std::optional<PhoneNumberName> PhoneNumberNamedBy(const std::string& text);

bool IsArn(std::string_view text);

// COUNTRY_CODE_MISMATCH if a country was given that is not the identity's.
void RequireCountry(const std::optional<std::string>& given, const std::string& iso_country_code);

// Who reads, for the statement that does.
Viewer ViewerOf(const Call& call);

// NotFound or AccessDenied for what the caller may not see; `as_given`: how the request names it.
void RequireGranted(const Granted& granted, ResourceType type, const std::string& as_given);

}  // namespace poold
