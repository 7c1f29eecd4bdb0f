#include "server/base/arn.h"

#include <algorithm>
#include <array>

#include "server/base/limits.h"
#include "server/base/text.h"

namespace poold {
namespace {

constexpr std::string_view kService = "sms-voice";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// The regions of all partitions, in alphabetical order, as botocore's partitions.json lists them.
constexpr std::string_view kRegionsOfAws[] = {
    "af-south-1",     "ap-east-1",       "ap-east-2",      "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1",     "ap-south-2",      "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    "ap-southeast-5", "ap-southeast-6",  "ap-southeast-7", "ca-central-1",   "ca-west-1",      "cn-north-1",
    "cn-northwest-1", "eu-central-1",    "eu-central-2",   "eu-isoe-west-1", "eu-north-1",     "eu-south-1",
    "eu-south-2",     "eu-west-1",       "eu-west-2",      "eu-west-3",      "eusc-de-east-1", "il-central-1",
    "me-central-1",   "me-south-1",      "mx-central-1",   "sa-east-1",      "us-east-1",      "us-east-2",
    "us-gov-east-1",  "us-gov-west-1",   "us-iso-east-1",  "us-iso-west-1",  "us-isob-east-1", "us-isob-west-1",
    "us-isof-east-1", "us-isof-south-1", "us-west-1",      "us-west-2"};
static_assert(std::ranges::is_sorted(kRegionsOfAws));

bool IsName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsPartition(std::string_view text) { return text == "aws" || text == "aws-cn" || text == "aws-us-gov"; }

// The characters that the model allows in the ids and ARNs of this service.
bool IsId(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_' || c == ':' || c == '/' || c == '-';
  });
}

bool FitsType(std::string_view type, std::string_view id) {
  if (type == "sender-id") return SplitSenderId(id).has_value();
  const bool plain = type == "pool" || type == "phone-number" || type == "opt-out-list";
  return !plain || id.find_first_of("/:") == id.npos;
}

// Cuts the text up to `separator` off the front; nullopt if there is no separator.
std::optional<std::string_view> Cut(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  if (at == rest.npos) return std::nullopt;
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return part;
}

constexpr std::string_view kEverything = "*";  // as a pattern

// The six parts of an ARN or of a pattern: what its first five colons separate. nullopt if there are fewer.
std::optional<std::array<std::string_view, 6>> PartsOf(std::string_view text) {
  std::array<std::string_view, 6> parts;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const auto part = Cut(text, ':');
    if (!part) return std::nullopt;
    parts[i] = *part;
  }
  parts.back() = text;
  return parts;
}

}  // namespace

bool IsAccount(std::string_view text) { return text.size() == 12 && std::ranges::all_of(text, IsDigit); }

bool LooksLikeAccount(std::string_view text) {
  return std::ranges::any_of(text, IsDigit) && std::ranges::all_of(text, [](char c) {
           return IsDigit(c) || std::string_view(" \t-_.,:+'\"").find(c) != std::string_view::npos;
         });
}

bool IsRegion(std::string_view text) { return text.size() <= 32 && IsName(text); }

bool IsRegionOfAws(std::string_view text) { return std::ranges::binary_search(kRegionsOfAws, text); }

std::optional<Arn> ParseArn(std::string_view text) {
  const auto prefix = Cut(text, ':');
  const auto partition = Cut(text, ':');
  const auto service = Cut(text, ':');
  const auto region = Cut(text, ':');
  const auto account = Cut(text, ':');
  const auto type = Cut(text, '/');
  if (!prefix || !partition || !service || !region || !account || !type) return std::nullopt;
  if (*prefix != "arn" || *service != kService) return std::nullopt;
  if (!IsPartition(*partition)) return std::nullopt;
  if (!IsAccount(*account) || !IsName(*region) || !IsName(*type) || !IsId(text) || !FitsType(*type, text))
    return std::nullopt;
  return Arn{std::string(*partition), std::string(*region), std::string(*account), std::string(*type),
             std::string(text)};
}

std::string MakeArn(std::string_view partition, std::string_view region, std::string_view account,
                    std::string_view type, std::string_view id) {
  const std::string_view parts[] = {"arn:", partition, ":", kService, ":", region, ":", account, ":", type, "/", id};
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string arn(size, '\0');
  char* end = arn.data();
  for (const std::string_view part : parts) end += part.copy(end, part.size());
  return arn;
}

std::string_view PartitionOf(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  return "aws";
}

std::string PoolArn(const storage::Scope& scope, std::string_view pool_id) {
  return MakeArn(PartitionOf(scope.region), scope.region, scope.account, "pool", pool_id);
}

std::string PhoneNumberArn(const storage::Scope& scope, std::string_view phone_number_id) {
  return MakeArn(PartitionOf(scope.region), scope.region, scope.account, "phone-number", phone_number_id);
}

std::string SenderIdArn(const storage::Scope& scope, std::string_view sender_id, std::string_view iso_country_code) {
  std::string id(sender_id);
  id.append("/").append(iso_country_code);
  return MakeArn(PartitionOf(scope.region), scope.region, scope.account, "sender-id", id);
}

std::string OptOutListArn(const storage::Scope& scope, std::string_view name) {
  return MakeArn(PartitionOf(scope.region), scope.region, scope.account, "opt-out-list", name);
}

bool IsArnPattern(std::string_view text) {
  if (text == kEverything) return true;
  const auto parts = PartsOf(text);
  return parts && parts->front() == "arn";
}

bool ArnMatches(std::string_view pattern, std::string_view arn) {
  if (pattern == kEverything) return true;
  if (!IsArnPattern(pattern)) return false;
  const auto parsed = ParseArn(arn);
  const bool any_case = parsed && parsed->type == "sender-id";
  const std::string given = any_case ? LowerCase(arn) : std::string(arn);
  const std::string wanted = any_case ? LowerCase(pattern) : std::string(pattern);
  const auto parts = PartsOf(given);
  return parts && std::ranges::equal(*PartsOf(wanted), *parts, &MatchesPattern);
}

std::optional<std::string_view> AccountOfRoot(std::string_view arn) {
  const auto parts = PartsOf(arn);
  if (!parts) return std::nullopt;
  const auto& [prefix, partition, service, region, account, resource] = *parts;
  const bool is_root = prefix == "arn" && IsPartition(partition) && service == "iam" && region.empty() &&
                       IsAccount(account) && resource == "root";
  return is_root ? std::optional(account) : std::nullopt;
}

bool IsPhoneNumberId(std::string_view text) {
  return text.starts_with("phone-") && text.size() > limits::kSenderIdLength;
}

bool IsDigits(std::string_view text) { return std::ranges::all_of(text, IsDigit); }

bool IsPoolId(std::string_view text) { return text.starts_with("pool-"); }

std::optional<SenderIdParts> SplitSenderId(std::string_view arn_id) {
  const auto slash = arn_id.find('/');
  if (slash == 0 || slash == arn_id.npos) return std::nullopt;
  const SenderIdParts parts{arn_id.substr(0, slash), arn_id.substr(slash + 1)};
  if (parts.sender_id.find(':') != parts.sender_id.npos) return std::nullopt;
  if (parts.iso_country_code.size() != 2 || !std::ranges::all_of(parts.iso_country_code, IsUpper)) return std::nullopt;
  return parts;
}

}  // namespace poold
