#pragma once

#include <string_view>

namespace poold {

// Whether calls can be served, and if not, why.
enum class ReadyState {
  kReady,
  kStarting,       // the first look at the database has not ended yet
  kUnreachable,    // the database does not answer
  kRefused,        // the database answers, but not what it is asked: a missing privilege, for instance
  kNoSchema,       // never migrated
  kSchemaOlder,    // migrations are missing that this build needs
  kSchemaNewer,    // a migration was applied that requires a newer build
  kSchemaAltered,  // what was applied isn't what this build would have applied
  kStopping,
  kGrpcSilent  // the gRPC endpoint no longer answers (server/program/self_check.h): only a restart helps
};
inline constexpr ReadyState kLastReadyState = ReadyState::kGrpcSilent;

// Whether the process is worth keeping: false if only a restart can help.
constexpr bool IsAlive(ReadyState state) { return state != ReadyState::kGrpcSilent; }

// For people, as GET /readyz says it to anybody: so it names no host, role or table. The log has the details.
std::string_view SentenceOf(ReadyState state);

// For metrics: one word.
std::string_view LabelOf(ReadyState state);

}  // namespace poold
