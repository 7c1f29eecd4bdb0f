#pragma once

// The settings of a server: plain structs, of which each part of the program takes only its own. Every setting has a
// flag (--grpc-listen), an environment variable (POOLD_GRPC_LISTEN), a name in the file of --config (grpc-listen) and a
// default; server/program/setting_flags.cc ties them together, docs/settings.md lists them all.

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "server/base/limits.h"

namespace poold {

// How much an account may have in a region, unless it says otherwise.
struct Quotas {
  std::int64_t pools = limits::kPools;
  std::int64_t origination_identities_per_pool = limits::kOriginationIdentitiesPerPool;
  std::int64_t phone_numbers = limits::kPhoneNumbers;
  // In all regions together, without those where the account has an amount of its own; 0: four times phone_numbers.
  std::int64_t phone_numbers_in_all_regions = 0;
  std::int64_t sender_ids = limits::kSenderIds;
  std::int64_t opt_out_lists = limits::kOptOutLists;
  std::int64_t keywords = limits::kKeywords;  // of a pool, and of a phone number
  std::int64_t tags_per_resource = limits::kTagsPerResource;
};

// How often an account may call an operation. A caller that does not exceed it is never refused.
struct Throttling {
  // kAws: the documented rates. kAuto: limits::kCallsPerSecond with an access file, else kOff.
  enum class Kind { kAuto, kOff, kAws, kRate } kind = Kind::kAuto;
  double calls_per_second = 0;  // of kRate
};

// What the API does where its documentation leaves a choice.
struct ApiSettings {
  Quotas quotas;

  // The first texts of the two keywords that every number and pool has.
  std::string help_message = "Reply STOP to stop receiving messages.";
  std::string stop_message = "You are unsubscribed and will receive no more messages.";

  // Countries (ISO 3166-1 alpha-2) whose networks know no sender IDs, and those where a sender ID must be registered.
  std::set<std::string, std::less<>> countries_without_sender_ids = {"CA", "CN", "US"};
  std::set<std::string, std::less<>> countries_requiring_registration = {"AE", "EG", "IN", "JO", "KW", "QA",
                                                                         "RU", "SA", "SG", "TR", "VN"};

  // How long a number stays PENDING, and how long a deleted pool can still be seen as DELETING. Zero: not at all.
  std::chrono::milliseconds number_activation_delay{0};
  std::chrono::milliseconds pool_deletion_delay{0};

  Throttling throttling;

  // What DescribeAccountAttributes answers: SANDBOX or PRODUCTION.
  std::string account_tier = "PRODUCTION";

  // Whose call it is when the caller doesn't say.
  std::string default_account = "123456789012";
  std::string default_region = "us-east-1";

  // The regions that exist here; calls of others are refused. Empty: those of AWS or, in `serve` with an access file,
  // only default_region.
  std::set<std::string, std::less<>> regions;

  // Whether RequestPhoneNumber hands out fictional numbers when there is no imported one. `dev` always does.
  bool fictional_numbers = false;

  // Whether this is `poold dev`, which also serves what acts on whole accounts (service Dev). No flag: the command
  // says.
  bool dev = false;
};

// The database that a command works on.
struct DatabaseSettings {
  std::string url;                  // empty: that of a running `dev` in data_dir
  std::string password_file;        // read anew for each connection; empty: what the url says
  bool prepared_statements = true;  // false behind a pooler that mixes transactions of clients
  std::string data_dir = ".poold";  // where `dev` keeps its PostgreSQL
};

// The queues and workers of calls, and how long a call may take.
struct PipelineSettings {
  int database_connections = 8;                      // also the number of workers: one each
  int queue_capacity = 1024;                         // calls that wait for a worker; more are refused at once
  std::chrono::milliseconds default_deadline{5000};  // of callers that give none
  std::chrono::milliseconds greatest_deadline{30000};
};

// The gRPC endpoint, and the one for probes.
struct GrpcSettings {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT; port 0 picks a free one
  std::string health_listen = "off";       // HOST:PORT of an endpoint for probes only, or "off"
  std::string reflection = "on";           // gRPC server reflection; or "off"
  int connections = 0;                     // in all; 0: what the limit of open files allows, at most 1024
  int connections_per_address = 256;
  // Whether a guard reads the frames of each connection before gRPC does: on, off, or auto (where strangers can
  // connect).
  std::string guard = "auto";
  // Connections are asked to end when they are so old, so that clients find servers that came later, and when no call
  // has run on them for so long. Zero: never.
  std::chrono::milliseconds max_connection_age{3'600'000};
  std::chrono::milliseconds max_connection_idle{600'000};
};

// The HTTP endpoint.
struct HttpSettings {
  std::string listen = "127.0.0.1:8080";  // HOST:PORT, or "off"
  int connections = 0;                    // in all; 0: what the limit of open files allows, at most 4096;
                                          // 0.5 KB to 40 KB each
  int connections_per_address = 1024;
  std::chrono::milliseconds idle_timeout{60000};    // until the next request begins
  std::chrono::milliseconds header_timeout{10000};  // from a request's first byte to the end of its headers
  std::chrono::milliseconds body_timeout{20000};    // from there to its end; also for taking the answer
  std::int64_t body_bytes = 64 << 20;               // all bodies that are in memory at one moment
  // Origins (https://console.example) of which browsers may call, besides the endpoint's own.
  std::set<std::string, std::less<>> origins;
  // Connections end after the first answer that is given when they are so old. Zero: never.
  std::chrono::milliseconds max_connection_age{3'600'000};
};

// The certificate of both endpoints and its key, PEM files, read again when they change (server/transport/tls.h).
struct TlsSettings {
  std::string certificate;  // empty: no TLS
  std::string key;          // empty: it is in the certificate's file
  // The authorities whose client certificates say who calls. Empty: clients are not asked for any.
  std::string client_ca;
};

struct LogSettings {
  std::string level = "info";   // debug, info, warn, error
  std::string format = "text";  // text, json
  // Calls that take so long are logged as warnings, with where the time went. Zero: none.
  std::chrono::milliseconds slow_call{1000};
};

// What happens after SIGTERM.
struct DrainSettings {
  std::chrono::milliseconds delay{0};      // how long it goes on serving, while it says NOT_SERVING
  std::chrono::milliseconds limit{10000};  // how long running calls may go on after that
};

// All of a server.
struct Settings {
  ApiSettings api;
  DatabaseSettings database;
  PipelineSettings pipeline;
  GrpcSettings grpc;
  HttpSettings http;
  TlsSettings tls;
  LogSettings log;
  DrainSettings drain;

  // Who may call, and what they may do (server/middleware/access.h). Empty means that callers are trusted to be who
  // they say.
  std::string access_file;
  // Allows that on addresses that other hosts can reach.
  bool trust_all_callers = false;
};

}  // namespace poold
