#include "server/middleware/access.h"

#include <spdlog/spdlog.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <utility>
#include <vector>

#include "server/base/arn.h"
#include "server/base/digest.h"
#include "server/base/file.h"
#include "server/base/text.h"
#include "server/rpc/method.h"

namespace poold {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGreatestName = 64;    // characters
constexpr std::size_t kGreatestKeyId = 128;  // characters; AWS allows as many

struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string BytesOf(const fs::path& path) {
  try {
    return ReadProtectedFile(path);
  } catch (const std::runtime_error& failure) {
    throw Unreadable(std::string("cannot be read: ") + failure.what());
  }
}

std::string Read(const fs::path& path, Access::Readings& readings) {
  readings[path].clear();
  std::string bytes = BytesOf(path);
  readings[path] = Sha256(bytes);
  return bytes;
}

bool StillSo(const Access::Readings& readings) {
  return std::ranges::all_of(readings, [](const auto& reading) {
    try {
      return Sha256(BytesOf(reading.first)) == reading.second;
    } catch (const Unreadable&) {
      return reading.second.empty();
    }
  });
}

// Something is not as it must be; becomes a std::runtime_error once the file is known. The sentence holds no value of
// the file: a value that stands in the wrong place may be a secret.
struct Mistake {
  int line;  // from 0; negative if unknown
  std::string sentence;
};

[[noreturn]] void Refuse(const YAML::Node& node, std::string sentence) {
  throw Mistake{node.Mark().line, std::move(sentence)};
}

// At the line of that member's name: a value that is not there has none.
[[noreturn]] void Refuse(const YAML::Node& map, std::string_view member, std::string sentence) {
  for (const auto& entry : map) {
    if (entry.first.IsScalar() && entry.first.Scalar() == member) Refuse(entry.first, std::move(sentence));
  }
  Refuse(map, std::move(sentence));
}

bool IsMadeOf(std::string_view text, std::string_view further_characters) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           further_characters.find(c) != std::string_view::npos;
  });
}

// Refuses all but a map with no other members than these, each at most once. `what`: "a principal".
void RequireMap(const YAML::Node& node, const std::string& what, std::initializer_list<std::string_view> members) {
  std::string list;
  for (const std::string_view member : members) list += (list.empty() ? "" : ", ") + std::string(member);
  if (!node.IsMap()) Refuse(node, what + " must be a map with the members " + list);
  std::vector<std::string> seen;
  for (const auto& entry : node) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (std::ranges::find(members, name) == members.end()) {
      const bool presentable = !name.empty() && name.size() <= 32 && IsMadeOf(name, "_");
      Refuse(entry.first, (presentable ? "unknown member " + name : "unknown member") + "; " + what + " has " + list);
    }
    if (std::ranges::find(seen, name) != seen.end()) {
      Refuse(entry.first, what + " has " + name + " twice; leave one out");
    }
    seen.push_back(name);
  }
}

YAML::Node ListIn(const YAML::Node& map, const std::string& what, const char* name) {
  const YAML::Node list = map[name];
  if (!list) Refuse(map, what + " needs " + name);
  if (!list.IsSequence()) Refuse(map, name, std::string(name) + " must be a list: lines that begin with \"- \"");
  return list;
}

// A scalar that is there and not empty. Numbers are taken as they are written.
std::string TextIn(const YAML::Node& map, const std::string& what, const char* name) {
  const YAML::Node text = map[name];
  if (!text) Refuse(map, what + " needs " + name);
  if (!text.IsScalar() || text.Scalar().empty()) Refuse(map, name, std::string(name) + " must be a text and not empty");
  return text.Scalar();
}

bool IsVisible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

// Without the newline that editors put at its end.
std::string SecretIn(std::string bytes) {
  if (bytes.ends_with('\n')) bytes.pop_back();
  if (bytes.ends_with('\r')) bytes.pop_back();
  return bytes;
}

std::string SecretOf(const YAML::Node& key, const fs::path& directory, Access::Readings& readings) {
  const YAML::Node file = key["secret_file"];
  if (key["secret"] && file)
    Refuse(key, "secret_file", "an access key has secret or secret_file, not both; leave one out");
  const char* member = file ? "secret_file" : "secret";
  std::string secret = TextIn(key, "an access key", member);
  if (file) {
    try {
      secret = SecretIn(Read(directory / secret, readings));
    } catch (const Unreadable& failure) {
      Refuse(key, member, std::string("secret_file ") + failure.what());
    }
  }
  if (secret.empty()) Refuse(key, member, "the file that secret_file names is empty; it must hold the secret");
  if (!IsVisible(secret)) {
    Refuse(key, member, "the secret must be of visible ASCII characters, without blanks");
  }
  return secret;
}

// A list of texts; empty if there is none of that name.
std::vector<std::string> TextsIn(const YAML::Node& map, const char* name, const std::string& what) {
  std::vector<std::string> texts;
  if (!map[name]) return texts;
  for (const YAML::Node& text : ListIn(map, "", name)) {
    if (!text.IsScalar() || text.Scalar().empty()) Refuse(text, what);
    texts.push_back(text.Scalar());
  }
  return texts;
}

std::vector<std::string> ActionsIn(const YAML::Node& map, const char* name) {
  const std::string what = std::string(name) + " must have operations such as sms-voice:DescribePools, or sms-voice:*";
  std::vector<std::string> patterns = TextsIn(map, name, what);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const bool means_something = std::ranges::any_of(
        Methods(), [&](const Method& method) { return MatchesPattern(patterns[i], method.policy.action()); });
    if (!means_something) Refuse(map[name][i], what + "; this one is no operation of this server");
  }
  return patterns;
}

std::vector<std::string> ResourcesIn(const YAML::Node& map) {
  const std::string what =
      "resources must have * alone, or ARNs with all six parts, such as arn:aws:sms-voice:*:123456789012:pool/*; "
      "* and ? do not reach over a colon";
  std::vector<std::string> patterns = TextsIn(map, "resources", what);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const bool can_match = IsArnPattern(patterns[i]) && IsMadeOf(patterns[i], ":/_-*?");
    if (!can_match) Refuse(map["resources"][i], what);
  }
  return patterns;
}

std::set<std::string, std::less<>> RegionsIn(const YAML::Node& map) {
  const std::string what = "regions must have names of regions, such as us-east-1";
  const std::vector<std::string> names = TextsIn(map, "regions", what);
  if (map["regions"] && names.empty()) {
    Refuse(map, "regions", "regions must not be empty; leave it out for every region of the deployment");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!IsRegion(names[i])) Refuse(map["regions"][i], what);
  }
  return {names.begin(), names.end()};
}

Rights RightsFrom(const YAML::Node& entry) {
  Rights rights;
  if (entry["allow"]) rights.allow = ActionsIn(entry, "allow");
  rights.deny = ActionsIn(entry, "deny");
  if (entry["resources"]) rights.resources = ResourcesIn(entry);
  return rights;
}

Principal PrincipalFrom(const YAML::Node& entry) {
  RequireMap(
      entry, "a principal",
      {"name", "account", "access_keys", "bearer_keys", "certificates", "allow", "deny", "resources", "regions"});
  Principal principal{TextIn(entry, "a principal", "name"), TextIn(entry, "a principal", "account"), {}, {}};
  if (principal.name.size() > kGreatestName || !IsMadeOf(principal.name, "._-")) {
    Refuse(entry, "name", "name must be of 1 to 64 letters, digits, '.', '_' and '-'");
  }
  if (!IsAccount(principal.account)) {
    Refuse(entry, "account", "account must be 12 digits in quotes, such as \"123456789012\"");
  }
  principal.regions = RegionsIn(entry);
  principal.rights = RightsFrom(entry);
  return principal;
}

// How a principal is known: the list of that name, or an empty one if it has another.
YAML::Node EvidenceIn(const YAML::Node& entry, const char* name) {
  if (!entry["access_keys"] && !entry["bearer_keys"] && !entry["certificates"]) {
    Refuse(entry, "a principal needs access_keys, bearer_keys or certificates");
  }
  if (!entry[name]) return YAML::Node(YAML::NodeType::Sequence);
  const YAML::Node list = ListIn(entry, "a principal", name);
  if (list.size() == 0) Refuse(entry, name, std::string(name) + " must not be empty; leave it out if there are none");
  return list;
}

std::string KeyIdFrom(const YAML::Node& entry) {
  RequireMap(entry, "an access key", {"id", "secret", "secret_file"});
  std::string id = TextIn(entry, "an access key", "id");
  if (id.size() > kGreatestKeyId || !IsMadeOf(id, "_-")) {
    Refuse(entry, "id", "id must be of 1 to 128 letters, digits, '_' and '-'");
  }
  return id;
}

// In lower case.
std::string BearerKeyFrom(const YAML::Node& entry) {
  RequireMap(entry, "a bearer key", {"sha256"});
  const std::string digest = LowerCase(TextIn(entry, "a bearer key", "sha256"));
  const bool is_digest = digest.size() == 64 && digest.find_first_not_of("0123456789abcdef") == digest.npos;
  if (!is_digest) {
    Refuse(entry, "sha256", "sha256 must be 64 hexadecimal digits, not the key itself; `poold access key` makes both");
  }
  return digest;
}

// "uri:..." or "dns:...".
std::string CertificateFrom(const YAML::Node& entry) {
  RequireMap(entry, "a certificate", {"uri", "dns"});
  const YAML::Node uri = entry["uri"];
  if (uri && entry["dns"]) Refuse(entry, "dns", "a certificate is known by uri or dns, not both; write them as two");
  if (!uri && !entry["dns"]) Refuse(entry, "a certificate needs uri or dns");
  const char* kind = uri ? "uri" : "dns";
  std::string name = TextIn(entry, "a certificate", kind);
  if (uri && (name.find("://") == name.npos || !IsVisible(name))) {
    Refuse(entry, kind, "uri must be one, such as spiffe://example.org/billing");
  }
  if (!uri && !IsMadeOf(name, ".-_")) Refuse(entry, kind, "dns must be a name, such as billing.example.org");
  return std::string(kind) + ":" + name;
}

// "access file /etc/poold/access.yaml, line 3"
std::string Place(const fs::path& file, int line) {
  return "access file " + file.string() + (line < 0 ? "" : ", line " + std::to_string(line + 1));
}

}  // namespace

Access::Access(const fs::path& file, Readings& readings) try {
  const std::vector<YAML::Node> documents = YAML::LoadAll(Read(file, readings));
  if (documents.size() != 1) throw Mistake{-1, "it must be one YAML document that begins with `principals:`"};
  RequireMap(documents[0], "the file", {"principals"});
  for (const YAML::Node& entry : ListIn(documents[0], "the file", "principals")) {
    const Principal principal = PrincipalFrom(entry);
    const auto [owner, is_new] = principals_.try_emplace(principal.name, principal);
    if (!is_new) Refuse(entry, "name", "another principal has this name, too; give each its own");

    for (const YAML::Node& key : EvidenceIn(entry, "access_keys")) {
      const std::string id = KeyIdFrom(key);
      AccessKey access_key{SecretOf(key, file.parent_path(), readings), &owner->second};
      if (!access_keys_.try_emplace(id, std::move(access_key)).second) {
        Refuse(key, "id", "another access key has this id, too; give each its own");
      }
    }
    for (const YAML::Node& key : EvidenceIn(entry, "bearer_keys")) {
      if (!bearer_keys_.try_emplace(BearerKeyFrom(key), &owner->second).second) {
        Refuse(key, "sha256", "this bearer key is in the file already; give each principal its own");
      }
    }
    for (const YAML::Node& certificate : EvidenceIn(entry, "certificates")) {
      if (!certificates_.try_emplace(CertificateFrom(certificate), &owner->second).second) {
        Refuse(certificate, "this certificate is in the file already; one can be of one principal only");
      }
    }
  }
} catch (const Mistake& mistake) {
  throw std::runtime_error(Place(file, mistake.line) + ": " + mistake.sentence);
} catch (const YAML::Exception& wrong) {
  // What follows a colon in the library's message may be a piece of the file.
  throw std::runtime_error(Place(file, wrong.mark.line) +
                           ": it is not YAML: " + wrong.msg.substr(0, wrong.msg.find(':')));
} catch (const Unreadable& failure) {
  throw std::runtime_error(Place(file, -1) + " " + failure.what());
}

const AccessKey* Access::FindAccessKey(std::string_view id) const {
  const auto found = access_keys_.find(id);
  return found == access_keys_.end() ? nullptr : &found->second;
}

const Principal* Access::FindBearerKey(std::string_view key) const {
  const auto found = bearer_keys_.find(Hex(Sha256(key)));
  return found == bearer_keys_.end() ? nullptr : found->second;
}

const Principal* Access::FindCertificate(std::string_view name) const {
  const auto found = certificates_.find(name);
  return found == certificates_.end() ? nullptr : found->second;
}

NewBearerKey MakeBearerKey() {
  // What it begins with lets scanners for lost secrets know it.
  const std::string key = "poold_" + Hex(RandomBytes(32));
  return {key, Hex(Sha256(key))};
}

AccessFile::AccessFile(fs::path path)
    : path_(std::move(path)), current_(std::make_shared<const Access>(path_, readings_)) {}

std::shared_ptr<const Access> AccessFile::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void AccessFile::Reload() noexcept {
  try {
    if (StillSo(readings_)) return;
    readings_.clear();
    const auto access = std::make_shared<const Access>(path_, readings_);
    {
      const std::lock_guard lock(mutex_);
      current_ = access;
    }
    spdlog::info("access file {} was read again: principals={} access_keys={} bearer_keys={} certificates={}",
                 path_.string(), access->principal_count(), access->access_key_count(), access->bearer_key_count(),
                 access->certificate_count());
  } catch (const std::exception& failure) {
    spdlog::error("{}; what was in force before stays so", failure.what());
  }
}

}  // namespace poold
