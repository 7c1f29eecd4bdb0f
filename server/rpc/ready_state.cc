#include "server/rpc/ready_state.h"

#include <iterator>

namespace poold {
namespace {

struct StateRow {
  ReadyState state;
  std::string_view label;
  std::string_view sentence;
};

constexpr StateRow kStates[] = {
    {ReadyState::kReady, "ready", "ready"},
    {ReadyState::kStarting, "starting", "not ready: starting, the database has not answered yet"},
    {ReadyState::kUnreachable, "unreachable", "not ready: the database cannot be reached"},
    {ReadyState::kRefused, "refused", "not ready: the database refuses to show its schema"},
    {ReadyState::kNoSchema, "no_schema", "not ready: the database has no schema yet, run `poold migrate`"},
    {ReadyState::kSchemaOlder, "schema_older", "not ready: the schema is older than this build, run `poold migrate`"},
    {ReadyState::kSchemaNewer, "schema_newer", "not ready: the schema requires a newer build, update this server"},
    {ReadyState::kSchemaAltered, "schema_altered", "not ready: the schema is not this build's"},
    {ReadyState::kStopping, "stopping", "not ready: stopping"},
    {ReadyState::kGrpcSilent, "grpc_silent", "not ready: the gRPC endpoint no longer answers"},
};
static_assert(std::size(kStates) == static_cast<std::size_t>(kLastReadyState) + 1);

const StateRow& RowOf(ReadyState state) { return kStates[static_cast<std::size_t>(state)]; }

}  // namespace

std::string_view SentenceOf(ReadyState state) { return RowOf(state).sentence; }
std::string_view LabelOf(ReadyState state) { return RowOf(state).label; }

}  // namespace poold
