#include "storage/postgres/database_url.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "storage/postgres/database.h"

namespace poold::storage {
namespace {

bool IsPassword(std::string_view keyword) { return keyword.ends_with("password"); }

// Whether there is an `@` in the list of hosts that does not begin a host. One that does marks an abstract socket.
bool HasAtInsideAHost(const std::string& hosts) {
  for (std::size_t at = hosts.find('@'); at != std::string::npos; at = hosts.find('@', at + 1)) {
    if (at > 0 && hosts[at - 1] != ',') return true;
  }
  return false;
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> ParseDatabaseUrl(const std::string& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(url.c_str(), &message),
                                                                            &PQconninfoFree);
  if (message != nullptr) PQfreemem(message);
  if (!parsed) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const auto& [keyword, value] = parameters.emplace_back(option->keyword, option->val);
    // A password with special characters in it can make a port, which libpq's messages would then quote.
    if (keyword == "port" && value.find_first_not_of("0123456789,") != std::string::npos) return std::nullopt;
  }
  return parameters;
}

std::string ToConnectionString(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string text;
  for (const auto& [keyword, value] : parameters) {
    text += (text.empty() ? "" : " ") + keyword + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "'";
  }
  return text;
}

std::string MistakeInUrl(const std::string& url) {
  const auto parsed = ParseDatabaseUrl(url);
  if (!parsed) return {};  // said when it is used
  const bool is_uri = url.starts_with("postgresql://") || url.starts_with("postgres://");
  for (const auto& [keyword, value] : *parsed) {
    if (keyword == "host" && HasAtInsideAHost(value)) {
      return "there is an `@` in the host; in a user or password write `@` as %40";
    }
    if (keyword == "dbname" && is_uri && value.find('@') != std::string::npos) {
      return "there is an `@` in the database's name; in a user or password write `@` as %40 and `/` as %2F";
    }
  }
  return {};
}

bool HasPassword(const std::string& url) {
  const auto parsed = ParseDatabaseUrl(url);
  return parsed && std::ranges::any_of(*parsed, [](const auto& parameter) { return IsPassword(parameter.first); });
}

std::string WithoutPasswords(const std::string& url) {
  auto parsed = ParseDatabaseUrl(url);
  if (!parsed || !MistakeInUrl(url).empty()) return "***";
  bool secret = false;
  for (auto& [keyword, value] : *parsed) {
    if (!IsPassword(keyword)) continue;
    secret = true;
    value = "***";
  }
  return secret ? ToConnectionString(*parsed) : url;
}

}  // namespace poold::storage
