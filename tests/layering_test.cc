// Keeps what the compiler cannot: which library is known where, and whose names are in which namespace. The arrows
// between folders are kept by their include roots (tests/arrows_test.mjs).

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "build_paths.h"

namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;    // "server/handlers/pools.cc"
  std::string header;  // "storage/pools.h" or "grpcpp/grpcpp.h"
};

// Tells `then` the file and the match of each line in the folders that matches.
template <typename Then>
void ForEachLine(std::initializer_list<const char*> folders, const std::regex& pattern, Then then) {
  for (const char* folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(poold::kSourceDir) / folder)) {
      if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
      std::ifstream file(entry.path());
      std::smatch match;
      for (std::string line; std::getline(file, line);) {
        if (std::regex_search(line, match, pattern)) {
          then(fs::relative(entry.path(), poold::kSourceDir).string(), match);
        }
      }
    }
  }
}

std::vector<Include> AllIncludes() {
  std::vector<Include> includes;
  ForEachLine({"server", "storage"}, std::regex(R"(^\s*#include\s*["<]([^">]+)[">])"),
              [&](const std::string& file, const std::smatch& match) {
                includes.push_back({file, match[1]});
              });
  return includes;
}

// Includes of files that match `files` and name a header that matches `headers`, "file includes header" each.
std::vector<std::string> Find(const std::string& files, const std::string& headers) {
  const std::regex file_pattern(files);
  const std::regex header_pattern(headers);
  std::vector<std::string> found;
  for (const Include& include : AllIncludes()) {
    if (std::regex_match(include.file, file_pattern) && std::regex_match(include.header, header_pattern)) {
      found.push_back(include.file + " includes " + include.header);
    }
  }
  return found;
}

const std::vector<std::string> kNone;

TEST(Layering, SeesTheIncludes) { EXPECT_FALSE(Find("server/handlers/pools\\.cc", "storage/pools\\.h").empty()); }

TEST(Layering, StorageKnowsNothingAboveIt) {
  EXPECT_EQ(Find("storage/.*", "(server|smsvoice|google|grpc|grpcpp)/.*"), kNone);
}

// What reads the access file, and what a method is, need no database.
TEST(Layering, AccessFileNeedsNoDatabase) {
  EXPECT_EQ(Find("server/middleware/access\\.(h|cc)|server/(base|rpc)/.*", "storage/(?!values/).*"), kNone);
}

// What knows libpq's connections and results is private to storage/, and no public header leads there.
TEST(Layering, OnlyStorageKnowsItsConnections) {
  const std::string known = "(commit_outcome|connection_parameters|connections|round_trip|session)\\.h";
  EXPECT_EQ(Find("server/.*", "storage/postgres/" + known), kNone);
  EXPECT_EQ(Find("storage/(?!postgres/(commit_outcome|connections|session)\\.h).*\\.h", "storage/postgres/" + known),
            kNone);
}

TEST(Layering, StorageHasItsOwnNamespace) {
  std::vector<std::string> elsewhere;
  ForEachLine({"storage"}, std::regex(R"(^namespace (\w\S*) \{)"),
              [&](const std::string& file, const std::smatch& match) {
                if (match[1] != "poold::storage") elsewhere.push_back(file);
              });
  EXPECT_EQ(elsewhere, kNone);
}

// The linker takes two types of one name in one namespace for one type, even if no file sees both. It then uses the
// code of either for both.
TEST(Layering, OneTypeForEachNameInANamespace) {
  std::map<std::string, std::string> homes;
  std::string space;  // that the last line of its kind opened
  ForEachLine({"server", "storage", "tests/support"},
              std::regex(R"(^(?:namespace (poold\S*)|(?:class|struct|enum class|enum) (\w+)(?: final)?(?: : .*)?) \{)"),
              [&](const std::string& file, const std::smatch& match) {
                if (!file.ends_with(".h")) return;
                if (match[1].matched) {
                  space = match[1];
                  return;
                }
                const std::string name = space + "::" + match[2].str();
                const auto [home, is_new] = homes.emplace(name, file);
                EXPECT_TRUE(is_new) << name << " is in " << home->second << " and in " << file;
              });
  EXPECT_TRUE(homes.contains("poold::storage::Transaction"));
}

// Each library has one home, so that it can be changed there.
TEST(Layering, LibrariesStayAtHome) {
  struct Home {
    const char* library;
    const char* headers;
    const char* files;
  };
  constexpr Home kHomes[] = {
      {"libpqxx", "pqxx/.*", "storage/postgres/migrate\\.cc|storage/embedded/embedded_postgres\\.cc"},
      {"libpq", "libpq.*|postgres.*\\.h", "storage/postgres/(session|round_trip|transaction|database_url)\\.cc"},
      {"gRPC", "grpc(pp)?/.*",
       "server/transport/(grpc|grpc_acceptor|grpc_call|grpc_memory|prepared_status|reflection|served_schema)\\.(h|cc)|"
       "server/transport/health\\.cc|server/base/error\\.(h|cc)|server/telemetry/logging\\.cc|"
       "server/program/(health|seed)_client\\.cc"},
      {"generated gRPC stubs", ".*\\.grpc\\.pb\\.h", "server/program/(health|seed)_client\\.cc"},
      {"OpenSSL", "openssl/.*",
       "server/base/digest\\.cc|server/program/self_check\\.cc|"
       "server/transport/(tls|tls_context|client_certificate|client_stream)\\.cc"},
      {"Boost.Asio, Boost.Beast", "boost/(asio|beast).*", "server/transport/http(_[a-z]+)*\\.(h|cc)"},
      {"yaml-cpp", "yaml-cpp/.*", "server/middleware/access\\.cc|server/program/settings_file\\.cc"},
      {"RE2", "re2/.*",
       "server/middleware/pattern\\.cc|server/handlers/configuration\\.cc|server/program/inventory_file\\.cc"},
      {"Boost.JSON", "boost/json.*",
       "server/handlers/policy\\.cc|server/telemetry/logging\\.cc|server/transport/json\\.cc"},
      {"spdlog", "spdlog/.*",
       "server/program/(commands|housekeeping|readiness|server)\\.cc|server/telemetry/(logging|record|tracing)\\.cc|"
       "server/middleware/(access|transact)\\.cc|server/pipeline/full_queue_log\\.cc|server/transport/"
       "(cut_log|tls)\\.cc"},
      {"CLI11", "CLI/.*", "server/program/(command_line|command_help|setting_flags|settings_file)\\.cc"},
      {"prometheus-cpp", "prometheus/.*", "server/telemetry/metrics\\.cc"},
      {"OpenTelemetry", "opentelemetry/.*", "server/telemetry/tracing\\.cc"},
  };
  const auto all = AllIncludes();
  for (const Home& home : kHomes) {
    const std::regex headers(home.headers);
    const std::regex files(home.files);
    for (const Include& include : all) {
      if (std::regex_match(include.header, headers)) {
        EXPECT_TRUE(std::regex_match(include.file, files)) << home.library << " is not at home in " << include.file;
      }
    }
  }
}

}  // namespace
