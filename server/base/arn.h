#pragma once

// ARNs of this service: `arn:<partition>:sms-voice:<region>:<account>:<type>/<id>`. Pure functions, any thread.

#include <optional>
#include <string>
#include <string_view>

#include "storage/values/scope.h"

namespace poold {

struct Arn {
  std::string partition;  // aws, aws-cn or aws-us-gov
  std::string region;
  std::string account;  // 12 digits
  std::string type;     // "pool", "phone-number", "sender-id", "opt-out-list", ...
  std::string id;       // all after the first '/': "pool-0a1b...", "EXAMPLECO/GB", "Default"

  storage::Scope scope() const { return {account, region}; }
  bool operator==(const Arn&) const = default;
};

// Whether it can be an account: 12 digits.
bool IsAccount(std::string_view text);
// Whether it was probably meant as an account: digits with nothing but blanks and punctuation between them, such as
// "1234-5678-9012" or "12345678901".
bool LooksLikeAccount(std::string_view text);
// Whether it can be a region's name: 1 to 32 lower-case letters, digits and '-'.
bool IsRegion(std::string_view text);
// Whether AWS has a region of this name, as far as this build knows.
bool IsRegionOfAws(std::string_view text);

// nullopt unless `text` is a proper sms-voice ARN: known partition, region and type of lower-case letters, digits and
// '-', account of 12 digits, id of the model's characters ([A-Za-z0-9_:/-]) and of its type's form: no '/' or ':' in
// the id of a pool, phone number or opt-out list, and `<SenderId>/<two upper-case letters>` for a sender ID. It does
// not ask whether the region is the caller's or the resource exists.
std::optional<Arn> ParseArn(std::string_view text);

// The text of an ARN; the parts are taken as they are.
std::string MakeArn(std::string_view partition, std::string_view region, std::string_view account,
                    std::string_view type, std::string_view id);

// "aws-cn" for cn-…, "aws-us-gov" for us-gov-…, else "aws".
std::string_view PartitionOf(std::string_view region);

std::string PoolArn(const storage::Scope& scope, std::string_view pool_id);
std::string PhoneNumberArn(const storage::Scope& scope, std::string_view phone_number_id);
std::string SenderIdArn(const storage::Scope& scope, std::string_view sender_id, std::string_view iso_country_code);
std::string OptOutListArn(const storage::Scope& scope, std::string_view name);

// Patterns of resources, in access files and resource policies: `*` alone means everything. Any other pattern has the
// six parts of an ARN, `arn:<partition>:<service>:<region>:<account>:<resource>`, of which each is matched by itself:
// `*` stands for any text within its part, `?` for any one character. The resource is all that follows the fifth colon,
// so there `*` may stand for '/' too.
//
// Whether `text` is `*` or has the six parts.
bool IsArnPattern(std::string_view text);

// Whether the pattern means this ARN. The case of a sender ID does not count. Nothing that is no pattern means any ARN.
bool ArnMatches(std::string_view pattern, std::string_view arn);

// The account in the ARN of a whole account, `arn:<partition>:iam::<account>:root`; nullopt for any other text.
std::optional<std::string_view> AccountOfRoot(std::string_view arn);

// What a request means by a text that is no ARN where it can name a phone number or a sender ID (behaviour 3): a phone
// number if it has the form of its id, or is all digits.
bool IsPhoneNumberId(std::string_view text);
bool IsDigits(std::string_view text);
// The same where it can name a pool or a phone number.
bool IsPoolId(std::string_view text);

// The two halves of a sender ID's ARN id, "EXAMPLECO/GB". The views point into `arn_id`.
struct SenderIdParts {
  std::string_view sender_id;
  std::string_view iso_country_code;
};
// nullopt unless it has that form. Always has it when ParseArn gave the id and the type is "sender-id".
std::optional<SenderIdParts> SplitSenderId(std::string_view arn_id);

}  // namespace poold
