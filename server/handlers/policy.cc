#include "server/handlers/policy.h"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <map>
#include <optional>
#include <set>

#include "server/base/arn.h"
#include "server/base/error.h"
#include "server/base/text.h"
#include "server/rpc/method.h"

namespace poold {
namespace {

namespace json = boost::json;

constexpr std::string_view kEverybody = "*";

Error Wrong(std::string_view reason, std::string what) { return Error::Invalid(reason, "policy", std::move(what)); }

Error Unclear(const std::string& what) { return Wrong(reason::kInvalidParameter, what); }

// A text, or a list of texts.
std::vector<std::string> TextsOf(const json::value& value, const std::string& what) {
  std::vector<std::string> texts;
  const auto add = [&](const json::value& text) {
    if (!text.is_string()) throw Unclear(what + " must be a text or a list of texts");
    texts.emplace_back(text.get_string());
  };
  if (value.is_array()) {
    for (const json::value& text : value.get_array()) add(text);
  } else {
    add(value);
  }
  return texts;
}

// Looks for a member that an object has twice, in a text that is well-formed JSON. json::parse keeps the last of two:
// what the policy shows and what it does would differ.
class MemberCheck {
 public:
  // What boost::json::basic_parser calls. GrantsFrom has read the text already, so the sizes are bounded.
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  bool on_object_begin(json::error_code&) {
    objects_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, json::error_code&) {
    objects_.pop_back();
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    name_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view rest, std::size_t, json::error_code&) {
    name_.append(rest.data(), rest.size());
    if (!objects_.back().insert(name_).second) {
      throw Unclear("must not have the member " + Printable(name_, kShownName) + " twice in one object");
    }
    name_.clear();
    return true;
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  static constexpr std::size_t kShownName = 64;  // bytes of a name in a message

  std::vector<std::set<std::string>> objects_;  // the names so far, of each object that is not at its end
  std::string name_;                            // what has come of it
};

json::object Parse(const std::string& policy) {
  json::parse_options options;
  options.max_depth = 16;
  json::error_code failure;
  const json::value document = json::parse(policy, failure, {}, options);
  if (failure || !document.is_object()) throw Wrong(reason::kCannotParse, "must be a JSON object");
  json::basic_parser<MemberCheck> check(options);
  check.write_some(/*more=*/false, policy.data(), policy.size(), failure);
  if (failure) throw Wrong(reason::kCannotParse, "must be a JSON object");
  return document.get_object();
}

// "*", 12 digits, or the ARN of an account: "arn:aws:iam::444455556666:root".
std::string AccountOf(const std::string& principal) {
  if (principal == kEverybody || IsAccount(principal)) return principal;
  if (!principal.starts_with("arn:")) {
    throw Unclear("Principal must be \"*\", a 12-digit account, or arn:aws:iam::<account>:root");
  }
  const auto account = AccountOfRoot(principal);
  if (!account) {
    throw Unclear(
        "Principal must not be the ARN of a user or a role: this service knows accounts, not who is in them, so a "
        "grant "
        "to one user could not be kept; name the account, by its 12 digits or as arn:aws:iam::<account>:root");
  }
  return std::string(*account);
}

// The accounts of a Principal; services are of no concern here.
std::set<std::string> AccountsOf(const json::value& principal) {
  std::set<std::string> accounts;
  const auto add = [&](const json::value& value) {
    for (const std::string& text : TextsOf(value, "Principal")) accounts.insert(AccountOf(text));
  };
  if (const auto* kinds = principal.if_object()) {
    if (const auto* aws = kinds->if_contains("AWS")) add(*aws);
  } else {
    add(principal);
  }
  return accounts;
}

std::set<std::string> ActionsOf(const std::vector<std::string>& patterns) {
  std::set<std::string> actions;
  for (const Method& method : Methods()) {
    const std::string& action = method.policy.action();
    const auto covers = [&](const std::string& pattern) {
      return MatchesPattern(LowerCase(pattern), LowerCase(action));
    };
    if (std::ranges::any_of(patterns, covers)) actions.insert(action);
  }
  return actions;
}

using Actions = std::map<std::string, std::set<std::string>>;  // by account

// Adds what the statement allows or denies.
void Read(const json::object& statement, const std::string& resource_arn, Actions& allowed, Actions& denied) {
  const auto* effect = statement.if_contains("Effect");
  if (effect == nullptr || !effect->is_string() || (*effect != "Allow" && *effect != "Deny")) {
    throw Unclear("each statement must have the Effect Allow or Deny");
  }
  const bool allows = *effect == "Allow";
  const bool beyond_us =
      statement.contains("NotPrincipal") || statement.contains("NotAction") || statement.contains("NotResource");
  if (allows && (beyond_us || statement.contains("Condition"))) return;
  if (!beyond_us && !(statement.contains("Principal") && statement.contains("Action"))) {
    throw Unclear("each statement must have Principal and Action");
  }
  if (const auto* resource = statement.if_contains("Resource")) {
    const auto patterns = TextsOf(*resource, "Resource");
    if (!std::ranges::all_of(patterns, &IsArnPattern)) {
      throw Unclear(
          "Resource must be \"*\" or an ARN with all six parts, such as arn:aws:sms-voice:*:123456789012:pool/*; "
          "wildcards do not reach over a colon");
    }
    if (std::ranges::none_of(patterns, [&](const std::string& pattern) { return ArnMatches(pattern, resource_arn); }))
      return;
  }
  const auto accounts =
      statement.contains("Principal") ? AccountsOf(statement.at("Principal")) : std::set{std::string(kEverybody)};
  const auto actions = ActionsOf(statement.contains("Action") ? TextsOf(statement.at("Action"), "Action")
                                                              : std::vector<std::string>{"*"});
  for (const std::string& account : accounts)
    (allows ? allowed : denied)[account].insert(actions.begin(), actions.end());
}

}  // namespace

std::vector<storage::Grant> GrantsFrom(const std::string& policy, const std::string& resource_arn) {
  const json::object document = Parse(policy);
  const auto* statements = document.if_contains("Statement");
  if (statements == nullptr) throw Unclear("must have Statement");

  Actions allowed;
  Actions denied;
  const auto read = [&](const json::value& statement) {
    if (!statement.is_object()) throw Unclear("each statement must be a JSON object");
    Read(statement.get_object(), resource_arn, allowed, denied);
  };
  if (statements->is_array()) {
    for (const json::value& statement : statements->get_array()) read(statement);
  } else {
    read(*statements);
  }

  std::set<std::string> named;
  for (const Actions* actions : {&allowed, &denied}) {
    for (const auto& [account, ignored] : *actions) named.insert(account);
  }
  std::vector<storage::Grant> grants;
  for (const std::string& account : named) {
    std::set<std::string> actions = allowed[account];
    if (account != kEverybody)
      actions.insert(allowed[std::string(kEverybody)].begin(), allowed[std::string(kEverybody)].end());
    for (const std::string& everywhere : {account, std::string(kEverybody)}) {
      for (const std::string& action : denied[everywhere]) actions.erase(action);
    }
    grants.push_back({account, {actions.begin(), actions.end()}});
  }
  return grants;
}

}  // namespace poold
