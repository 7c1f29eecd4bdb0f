#include "storage/postgres/connection_parameters.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "storage/postgres/database.h"
#include "storage/postgres/database_url.h"
#include "storage/postgres/failure.h"

namespace poold::storage {
namespace {

using Kind = StorageFailure::Kind;

// Environment variables count like the url, where libpq lets a parameter of ours override them.
bool InEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// "a,b" as {"a", "b"}; nothing as {""}.
std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

ConnectionParameters ConnectionParameters::Parse(const std::string& url, const Limits& limits) {
  if (const std::string mistake = MistakeInUrl(url); !mistake.empty()) {
    throw StorageFailure(Kind::kBug, "the database url cannot be right: " + mistake);
  }
  const auto parsed = ParseDatabaseUrl(url);
  if (!parsed) {
    throw StorageFailure(Kind::kBug,
                         "the database url cannot be read: it must be postgresql://user:password@host:port/name or "
                         "key=value pairs, with special characters percent-encoded");
  }

  std::map<std::string, std::string> values(parsed->begin(), parsed->end());
  values.emplace("client_encoding", "UTF8");
  values.emplace("fallback_application_name", "poold");
  values.emplace("keepalives_idle", "10");
  values.emplace("keepalives_interval", "5");
  values.emplace("keepalives_count", "3");
  values.emplace("tcp_user_timeout", "20000");
  const bool several = (values.contains("host") && values["host"].find(',') != std::string::npos) ||
                       (values.contains("hostaddr") && values["hostaddr"].find(',') != std::string::npos);
  if (several && !InEnvironment("PGTARGETSESSIONATTRS")) values.emplace("target_session_attrs", "primary");

  std::string attrs = values.contains("target_session_attrs") ? values["target_session_attrs"] : "";
  if (attrs.empty() && InEnvironment("PGTARGETSESSIONATTRS")) attrs = std::getenv("PGTARGETSESSIONATTRS");

  std::vector<std::pair<std::string, std::string>> settings;
  const auto limit = [&settings](const char* name, std::chrono::milliseconds value) {
    if (value.count() > 0) settings.emplace_back(name, std::to_string(value.count()));
  };
  limit("statement_timeout", limits.statement);
  limit("lock_timeout", limits.lock);
  limit("idle_in_transaction_session_timeout", limits.idle_in_transaction);
  settings.emplace_back("client_connection_check_interval", "250");
  if (limits.pooled) {
    std::string begin_settings;
    for (const auto& [name, value] : settings) begin_settings += "SET LOCAL " + name + " = " + value + "; ";
    return {{values.begin(), values.end()}, begin_settings};
  }

  // In `options` the later one wins.
  settings.emplace_back("plan_cache_mode", "force_generic_plan");
  settings.emplace_back("enable_seqscan", "off");
  settings.emplace_back("jit", "off");
  if (limits.refuse_writes && attrs != "read-write") settings.emplace_back("default_transaction_read_only", "on");
  std::string options;
  for (const auto& [name, value] : settings) options += "-c " + name + "=" + value + " ";
  if (values.contains("options")) {
    options += values["options"];
  } else if (InEnvironment("PGOPTIONS")) {
    options += std::getenv("PGOPTIONS");
  }
  values["options"] = options + " -c TimeZone=UTC -c DateStyle=ISO";

  return {{values.begin(), values.end()}, {}};
}

std::vector<ConnectionParameters> ConnectionParameters::Hosts() const {
  std::map<std::string, std::vector<std::string>> lists;
  std::size_t hosts = 1;
  for (const auto& [keyword, value] : values) {
    if (keyword == "target_session_attrs" && value == "prefer-standby") return {*this};  // a choice among all of them
    if (keyword != "host" && keyword != "hostaddr" && keyword != "port") continue;
    lists[keyword] = Split(value);
    if (keyword != "port") hosts = std::max(hosts, lists[keyword].size());
  }
  for (const auto& [keyword, list] : lists) {
    const bool fits = list.size() == hosts || (keyword == "port" && list.size() == 1);
    if (!fits) return {*this};  // libpq says what is wrong with it
  }
  std::vector<ConnectionParameters> each(hosts, *this);
  for (std::size_t i = 0; i < hosts; ++i) {
    for (auto& [keyword, value] : each[i].values) {
      if (const auto list = lists.find(keyword); list != lists.end()) {
        value = list->second[list->second.size() == 1 ? 0 : i];
      }
    }
  }
  return each;
}

}  // namespace poold::storage
