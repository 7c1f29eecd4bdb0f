#include "server/middleware/sigv4.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/arn.h"
#include "server/base/digest.h"
#include "server/base/error.h"
#include "server/base/limits.h"
#include "server/rpc/header.h"

namespace poold {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
constexpr std::string_view kSecurityToken = "x-amz-security-token";

Error Incomplete(std::string message) { return Error::FrontEnd(Fault::kIncompleteSignature, std::move(message)); }
Error Invalid(std::string message) { return Error::FrontEnd(Fault::kInvalidSignature, std::move(message)); }

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

void ReadCredential(std::string_view credential, Authorization& authorization) {
  const auto terms = Split(credential, '/');
  if (terms.size() != 5 || std::ranges::any_of(terms, [](std::string_view term) { return term.empty(); })) {
    throw Incomplete("Credential must be ACCESS_KEY_ID/DATE/REGION/SERVICE/aws4_request");
  }
  authorization.access_key_id = terms[0];
  authorization.scope = credential.substr(terms[0].size() + 1);
  authorization.date = terms[1];
  authorization.region = terms[2];
  authorization.service = terms[3];
  authorization.terminator = terms[4];
  if (!IsRegion(authorization.region)) {
    throw Incomplete("Credential must name a region, such as us-east-1, after the date");
  }
}

// When the request was signed, as the text that was signed, "20150830T123600Z", and as a time.
struct SigningTime {
  std::string text;
  storage::Time time;
};

std::optional<int> NumberIn(std::string_view digits) {
  int number = 0;
  const auto* const end = digits.data() + digits.size();
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return std::from_chars(digits.data(), end, number).ptr == end ? std::optional(number) : std::nullopt;
}

std::optional<SigningTime> TimeFrom(std::string_view year, std::string_view month, std::string_view day,
                                    std::string_view hour, std::string_view minute, std::string_view second) {
  const auto y = NumberIn(year), mo = NumberIn(month), d = NumberIn(day);
  const auto h = NumberIn(hour), mi = NumberIn(minute), s = NumberIn(second);
  if (!y || !mo || !d || !h || !mi || !s) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*mo)),
                                         std::chrono::day(static_cast<unsigned>(*d))};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  std::string text;
  for (const std::string_view part : {year, month, day, std::string_view("T"), hour, minute, second}) text += part;
  return SigningTime{text + "Z", std::chrono::sys_days(date) + std::chrono::hours(*h) + std::chrono::minutes(*mi) +
                                     std::chrono::seconds(*s)};
}

// "20150830T123600Z"
std::optional<SigningTime> FromBasicForm(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  return TimeFrom(text.substr(0, 4), text.substr(4, 2), text.substr(6, 2), text.substr(9, 2), text.substr(11, 2),
                  text.substr(13, 2));
}

// "Sun, 30 Aug 2015 12:36:00 GMT", or in the form of e-mails, which botocore sends: "... 12:36:00 -0000"
std::optional<SigningTime> FromHttpForm(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::string_view kNumbers = "010203040506070809101112";
  if (text.size() < 25) return std::nullopt;
  const std::string_view zone = text.substr(25);
  if (text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' ||
      text[22] != ':' || (zone != " GMT" && zone != " -0000" && zone != " +0000")) {
    return std::nullopt;
  }
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == kMonths.npos || month % 3 != 0) return std::nullopt;
  return TimeFrom(text.substr(12, 4), kNumbers.substr(month / 3 * 2, 2), text.substr(5, 2), text.substr(17, 2),
                  text.substr(20, 2), text.substr(23, 2));
}

SigningTime SigningTimeOf(const HttpRequest& request) {
  auto date = HeaderOf(request, "x-amz-date");
  const bool amz = date.has_value();
  if (!amz) date = HeaderOf(request, "date");
  if (!date) throw Incomplete("A signed request needs the header X-Amz-Date, or else Date");
  const std::string_view text = Trim(*date);
  auto time = FromBasicForm(text);
  if (!time && !amz) time = FromHttpForm(text);
  if (!time) {
    throw Incomplete(std::string(amz ? "X-Amz-Date" : "Date") + " must look like 20150830T123600Z, not like " +
                     Quoted(text));
  }
  return *time;
}

std::string BasicForm(storage::Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss of_day(std::chrono::floor<std::chrono::seconds>(time - day));
  char text[32];
  std::snprintf(text, sizeof(text), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(of_day.hours().count()), static_cast<int>(of_day.minutes().count()),
                static_cast<int>(of_day.seconds().count()));
  return text;
}

void CheckTime(const SigningTime& signing_time, storage::Time now) {
  const auto age = now - signing_time.time;
  if (age > limits::kSignatureSkew || -age > limits::kSignatureSkew) {
    throw Invalid(std::string("Signature ") + (age.count() > 0 ? "expired" : "not yet current") + ": it is of " +
                  signing_time.text + " and here it is " + BasicForm(now) +
                  "; the two must not differ by more than 5 minutes");
  }
}

void CheckScope(const Authorization& authorization, const SigningTime& signing_time, std::string_view service) {
  const std::string_view day = std::string_view(signing_time.text).substr(0, 8);
  if (authorization.date != day) {
    throw Invalid("Credential must have the date of the request, " + std::string(day) + ", not " +
                  Quoted(authorization.date));
  }
  if (authorization.service != service) {
    throw Invalid("Credential must be scoped to the service " + Quoted(service) + ", not to " +
                  Quoted(authorization.service));
  }
  if (authorization.terminator != kTerminator) {
    throw Invalid("Credential must end with " + Quoted(kTerminator) + ", not with " + Quoted(authorization.terminator));
  }
}

void CheckSignedHeaders(const HttpRequest& request, const std::vector<std::string_view>& names) {
  if (std::ranges::adjacent_find(names, std::ranges::greater_equal{}) != names.end()) {
    throw Invalid("SignedHeaders must be in alphabetical order, each name once");
  }
  const auto require = [&](std::string_view name) {
    if (!std::ranges::binary_search(names, name)) throw Invalid("SignedHeaders must have " + Quoted(name));
  };
  require("host");
  for (const std::string_view name : {"x-amz-date", "x-amz-target"}) {
    if (HeaderOf(request, name)) require(name);
  }
}

// What the request says that the SHA-256 of its body is; nullopt if it says nothing.
std::optional<std::string_view> DeclaredBodyHash(const HttpRequest& request) {
  const auto declared = HeaderOf(request, "x-amz-content-sha256");
  return declared ? std::optional(Trim(*declared)) : std::nullopt;
}

Error WrongBodyHash() {
  return Invalid(
      "X-Amz-Content-Sha256 must be the SHA-256 of the body, in lower-case hex; unsigned or streamed "
      "payloads are not taken");
}

// Whether it can be a SHA-256 at all.
bool IsHash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// What SignatureOf and the canonical request need of the headers.
struct SignedHead {
  SigningTime time;
  std::vector<std::string_view> names;
};

SignedHead ReadSignedHead(const HttpRequest& request, const Authorization& authorization, std::string_view service,
                          storage::Time now) {
  SignedHead head{SigningTimeOf(request), Split(authorization.signed_headers, ';')};
  CheckScope(authorization, head.time, service);
  CheckTime(head.time, now);
  CheckSignedHeaders(request, head.names);
  return head;
}

// Without "." and "..", and with one slash where several were. What doesn't begin with one stays as it is.
std::string NormalizedPath(std::string_view path) {
  if (!path.starts_with('/')) return std::string(path);
  std::vector<std::string_view> kept;
  for (const std::string_view segment : Split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string normalized;
  for (const std::string_view segment : kept) normalized.append("/").append(segment);
  if (normalized.empty() || path.ends_with('/')) normalized += '/';
  return normalized;
}

// Percent-encodes all but unreserved characters and `also`.
std::string Encode(std::string_view text, std::string_view also = {}) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved || also.find(c) != also.npos) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[static_cast<unsigned char>(c) >> 4];
      encoded += kDigits[static_cast<unsigned char>(c) & 0xF];
    }
  }
  return encoded;
}

// A '%' without two hex digits stays what it is.
std::string Decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view parameter : Split(query, '&')) {
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = equals == parameter.size() ? "" : parameter.substr(equals + 1);
    parameters.emplace_back(Encode(Decode(parameter.substr(0, equals))), Encode(Decode(value)));
  }
  std::ranges::sort(parameters);
  std::string canonical;
  for (const auto& [name, value] : parameters) {
    canonical.append(canonical.empty() ? "" : "&").append(name).append("=").append(value);
  }
  return canonical;
}

// Blanks at the ends go, others become one space each run.
void AppendCanonicalValue(std::string& canonical, std::string_view value) {
  value = Trim(value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!IsBlank(value[i])) {
      canonical += value[i];
    } else if (!IsBlank(value[i - 1])) {
      canonical += ' ';
    }
  }
}

// "host:example.com\nx-amz-date:20150830T123600Z\n". A header that came several times has its values joined.
std::string CanonicalHeaders(const HttpRequest& request, const std::vector<std::string_view>& names) {
  std::vector<const std::pair<std::string, std::string>*> headers;
  for (const auto& header : request.headers) headers.push_back(&header);
  const auto name_of = [](const auto* header) -> std::string_view { return header->first; };
  std::ranges::stable_sort(headers, {}, name_of);
  std::string canonical;
  for (const std::string_view name : names) {
    const auto first = std::ranges::lower_bound(headers, name, {}, name_of);
    const auto last = std::ranges::upper_bound(headers, name, {}, name_of);
    if (first == last) {
      throw Invalid("SignedHeaders has " + Quoted(name) +
                    ", which is not in lower case or not a header of the request");
    }
    canonical.append(name);
    char separator = ':';
    for (auto header = first; header != last; ++header) {
      canonical += std::exchange(separator, ',');
      AppendCanonicalValue(canonical, (*header)->second);
    }
    canonical += '\n';
  }
  return canonical;
}

std::string CanonicalRequest(const HttpRequest& request, const Authorization& authorization, const std::string& headers,
                             const std::string& body_hash) {
  const std::string_view target = request.target;
  const std::size_t path = std::min(target.find('?'), target.size());
  std::string canonical = request.method + "\n" + Encode(NormalizedPath(target.substr(0, path)), "/") + "\n";
  if (path < target.size()) canonical += CanonicalQuery(target.substr(path + 1));
  canonical.append("\n").append(headers).append("\n").append(authorization.signed_headers).append("\n");
  return canonical + body_hash;
}

std::string SigningKey(const Authorization& authorization, std::string_view secret) {
  std::string key = "AWS4" + std::string(secret);
  for (const auto term : {authorization.date, authorization.region, authorization.service, authorization.terminator}) {
    key = HmacSha256(key, term);
  }
  return key;
}

// Whether the request is signed with the secret. The signing key is the same for all requests of a secret's day, region
// and service, and takes four of a signature's five digests: so each thread remembers those that proved right. Others
// are not remembered, so that nobody without a secret can fill the memory.
bool IsSigned(const Authorization& authorization, std::string_view secret, const std::string& string_to_sign) {
  constexpr std::size_t kRemembered = 256;
  thread_local std::unordered_map<std::string, std::string> keys;  // by secret and scope: no secret has a line end
  const std::string name = std::string(secret).append("\n").append(authorization.scope);
  const auto known = keys.find(name);
  const std::string key = known != keys.end() ? known->second : SigningKey(authorization, secret);
  if (!SameSecret(authorization.signature, Hex(HmacSha256(key, string_to_sign)))) return false;
  if (known == keys.end()) {
    if (keys.size() >= kRemembered) keys.clear();
    keys.emplace(name, key);
  }
  return true;
}

// In quotes, in one line, and without the session token, which is a secret.
std::string Shown(const std::string& text) {
  std::string shown;
  for (const std::string_view line : Split(text, '\n')) {
    shown += shown.empty() ? "'" : "\\n";
    const bool token = line.starts_with(kSecurityToken) && line.substr(kSecurityToken.size()).starts_with(':');
    shown += token ? std::string(kSecurityToken) + ":(not shown)" : std::string(line);
  }
  return shown + "'";
}

}  // namespace

std::optional<Authorization> ReadAuthorization(const HttpRequest& request) {
  const auto header = HeaderOf(request, "authorization");
  if (!header) return std::nullopt;
  if (HeaderValues(request, "authorization").size() > 1) {
    throw Incomplete("A request must not have several Authorization headers");
  }

  std::string_view rest = Trim(*header);
  if (!rest.starts_with(kAlgorithm) || rest.size() == kAlgorithm.size() || !IsBlank(rest[kAlgorithm.size()])) {
    throw Incomplete("Authorization must be AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...");
  }
  rest.remove_prefix(kAlgorithm.size());

  Authorization authorization;
  std::string_view credential;
  struct Part {
    std::string_view name;
    std::string_view* value;
  };
  const Part parts[] = {{"Credential", &credential},
                        {"SignedHeaders", &authorization.signed_headers},
                        {"Signature", &authorization.signature}};
  for (const std::string_view text : Split(rest, ',')) {
    const std::string_view trimmed = Trim(text);
    const std::size_t equals = trimmed.find('=');
    const auto part = std::ranges::find(parts, trimmed.substr(0, equals), &Part::name);
    if (equals == trimmed.npos || part == std::end(parts)) {
      throw Incomplete("Authorization must have the parts Credential, SignedHeaders and Signature, and no other");
    }
    if (part->value->data() != nullptr) throw Incomplete("Authorization has " + Quoted(part->name) + " twice");
    *part->value = trimmed.substr(equals + 1);
  }
  for (const Part& part : parts) {
    if (part.value->empty()) throw Incomplete("Authorization needs " + Quoted(part.name));
  }
  ReadCredential(credential, authorization);
  return authorization;
}

void CheckSignature(const HttpRequest& request, const Authorization& authorization, std::string_view secret,
                    std::string_view service, storage::Time now) {
  const SignedHead head = ReadSignedHead(request, authorization, service, now);
  const std::string body_hash = Hex(Sha256(request.body));
  if (DeclaredBodyHash(request).value_or(body_hash) != body_hash) throw WrongBodyHash();

  const std::string canonical =
      CanonicalRequest(request, authorization, CanonicalHeaders(request, head.names), body_hash);
  std::string string_to_sign;
  for (const std::string_view line : {kAlgorithm, std::string_view(head.time.text), authorization.scope}) {
    string_to_sign.append(line).append("\n");
  }
  string_to_sign += Hex(Sha256(canonical));
  if (IsSigned(authorization, secret, string_to_sign)) return;
  throw Invalid(
      "The request signature we calculated does not match the signature you provided. Check your AWS secret access key "
      "and signing method. The string to sign should have been " +
      Shown(string_to_sign) + " and the canonical request " + Shown(canonical));
}

void CheckSignatureHeaders(const HttpRequest& request, const Authorization& authorization, std::string_view service,
                           storage::Time now) {
  const SignedHead head = ReadSignedHead(request, authorization, service, now);
  const auto declared = DeclaredBodyHash(request);
  if (declared && !IsHash(*declared)) throw WrongBodyHash();
  CanonicalHeaders(request, head.names);  // refuses names that the request does not have
}

}  // namespace poold
