#include "storage/postgres/failure.h"

namespace poold::storage {
namespace {

using Kind = StorageFailure::Kind;

struct StateRow {
  std::string_view prefix;  // of SQLSTATE: a state of five characters, or a class of two
  Kind kind;
};

// The longest match wins.
constexpr StateRow kStates[] = {
    {"08", Kind::kUnavailable},     // connection exceptions
    {"08P01", Kind::kBug},          // protocol violation: we or libpq
    {"23505", Kind::kContended},    // unique violation: someone was there first
    {"23P01", Kind::kContended},    // exclusion violation: likewise
    {"25006", Kind::kUnavailable},  // read-only: a standby, or fenced off. Inside kRead it is a bug: see Database
    {"25P03", Kind::kUnavailable},  // idle in transaction for too long: we were frozen
    {"26000", Kind::kUnavailable},  // prepared statement unknown: a pooler gave us another connection
    {"42P05", Kind::kUnavailable},  // prepared statement known already: likewise
    {"28", Kind::kUnavailable},     // cannot log in
    {"3D000", Kind::kUnavailable},  // no such database, yet
    {"40", Kind::kContended},       // transaction rolled back: serialization, deadlock
    {"40002", Kind::kBug},          // a deferred constraint
    {"40003", Kind::kUnavailable},  // statement completion unknown
    {"53", Kind::kUnavailable},     // out of disk, memory, connections
    {"55006", Kind::kContended},    // object in use
    {"55P03", Kind::kContended},    // lock not available
    {"57", Kind::kUnavailable},     // operator intervention: shutting down, crashed, starting up
    {"57014", Kind::kDeadline},     // statement stopped: its time was up
    {"58", Kind::kUnavailable},     // I/O errors
};

}  // namespace

Kind KindOfSqlstate(std::string_view sqlstate) {
  const StateRow* best = nullptr;
  for (const StateRow& row : kStates) {
    if (sqlstate.starts_with(row.prefix) && (best == nullptr || row.prefix.size() > best->prefix.size())) best = &row;
  }
  return best == nullptr ? Kind::kBug : best->kind;
}

bool IsLostLink(const StorageFailure& failure) {
  const std::string_view state = failure.sqlstate();
  return failure.kind() == Kind::kUnavailable &&
         (state.empty() || state.starts_with("08") || state.starts_with("57P") || state == "25P03");
}

}  // namespace poold::storage
