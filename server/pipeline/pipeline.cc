#include "server/pipeline/pipeline.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/handlers/table.h"
#include "server/middleware/authenticate.h"
#include "server/middleware/authorize.h"
#include "server/middleware/client_token.h"
#include "server/middleware/throttle.h"
#include "server/middleware/transact.h"
#include "server/middleware/validate.h"
#include "server/rpc/method.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/record.h"
#include "server/telemetry/tracing.h"
#include "storage/postgres/failure.h"

namespace poold {
namespace {

using Step = void (*)(Call&);

void Trace(Call& call) {
  if (call.service().tracing != nullptr) call.service().tracing->Begin(call);
}

// Whether this build cannot serve on the schema that the database has. (An outage is no reason to refuse: a call waits
// for its end.)
bool HasAnotherSchema(ReadyState state) {
  switch (state) {
    case ReadyState::kNoSchema:
    case ReadyState::kSchemaOlder:
    case ReadyState::kSchemaNewer:
    case ReadyState::kSchemaAltered:
      return true;
    default:
      return false;
  }
}

void RefuseUntilReady(Call& call) {
  const ReadyState state = call.service().ready_state;
  if (call.service().page_tokens.load() != nullptr && !HasAnotherSchema(state)) return;
  throw Error::Unavailable(std::string(SentenceOf(state)));
}

void RefuseUnlessServed(Call& call) {
  if (IsUnknown(call.method())) throw Error::UnknownOperation(call.unknown_name());
  if (!IsServed(call.method(), call.settings())) throw Error::UnknownOperation(call.method().name);
}

void Read(Call& call) { call.Read(); }

void Validate(Call& call) { CheckRules(call.request()); }

// Before the queue. Cheap and without the database, so that a flood of bad calls costs little; in the order of the
// API's checks: who calls, then what is asked. Who calls is found out on the endpoint's thread ...
constexpr Step kIdentification[] = {RefuseUnlessServed, RefuseUntilReady, Authenticate};
constexpr Step kTracing[] = {Trace};
constexpr Step kAuthorization[] = {AuthorizeAction, Throttle};

// ... and so is what is asked, but for big requests.
constexpr Step kReading[] = {Read};
constexpr Step kBigReading[] = {RefuseIfTooLate, Read};
constexpr Step kChecks[] = {ReadClientToken, Validate, AuthorizeResources};

void CheckHeaders(Call& call) { CheckCredentials(call); }

// What of admission needs no body, so that strangers cannot make the server read and hold one. Throttle is not in it:
// the caller is not proven, and would use up the tokens of somebody else.
constexpr Step kBeforeTheBody[] = {RefuseUnlessServed, RefuseUntilReady, CheckHeaders};

void Execute(Call& call) { Transact(call, HandlerOf(call.method()).handle); }

// On a worker's thread.
constexpr Step kExecution[] = {RefuseIfTooLate, Execute};

Error FromStorage(const Call& call, const storage::StorageFailure& failure) {
  switch (failure.kind()) {
    case storage::StorageFailure::Kind::kUnavailable:
      return Error::Unavailable(failure.what());
    case storage::StorageFailure::Kind::kDeadline:
      return Error::Deadline(failure.what());
    case storage::StorageFailure::Kind::kCancelled:
      return Error::Cancelled(failure.what());
    case storage::StorageFailure::Kind::kContended:
      // An operation answers with no exception outside its documented list.
      return call.method().CanRefuseWith(smsvoice::v2::REFUSAL_CONFLICT) ? Error::LostRace()
                                                                         : Error::Busy(failure.what());
    case storage::StorageFailure::Kind::kBug:
      break;
  }
  return Error::Internal(failure.what());
}

// The boundary no exception crosses: gRPC would turn one into UNKNOWN.
template <std::size_t kCount>
std::optional<Error> Settle(Call& call, const Step (&steps)[kCount]) noexcept {
  try {
    for (const Step step : steps) step(call);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const storage::OutcomeUnknown& failure) {
    return Error::OutcomeUnknown(failure.what());
  } catch (const storage::StorageFailure& failure) {
    return FromStorage(call, failure);
  } catch (const std::exception& defect) {
    return Error::Internal(defect.what());
  } catch (...) {
    return Error::Internal("an exception of unknown type");
  }
}

// Of a call that was refused during admission; nullopt of what is no refusal.
std::optional<RefusalCause> CauseOf(const Error& error) {
  switch (error.fault()) {
    case Fault::kUnavailable:
      return RefusalCause::kNotReady;
    case Fault::kUnauthenticated:
    case Fault::kMissingAuthentication:
    case Fault::kIncompleteSignature:
    case Fault::kUnrecognizedClient:
    case Fault::kInvalidSignature:
      return RefusalCause::kUnauthenticated;
    case Fault::kAccessDenied:
      return RefusalCause::kAccessDenied;
    case Fault::kThrottled:
      return RefusalCause::kThrottled;
    case Fault::kSerialization:
      return RefusalCause::kUnreadable;
    case Fault::kInvalid:
      return error.reason() == reason::kCannotParse ? RefusalCause::kUnreadable : RefusalCause::kInvalid;
    case Fault::kUnknownOperation:
    case Fault::kUnknownTarget:
      return RefusalCause::kInvalid;
    case Fault::kUnknownCompression:
    case Fault::kCompressedFlag:
      return RefusalCause::kUnreadable;
    default:
      return std::nullopt;
  }
}

void Begin(Call& call) {
  call.service().metrics.Began();
  call.set_request_id(call.world().NewRequestId());
}

void Finish(Call& call, const std::optional<Error>& error) {
  Record(call, error ? &*error : nullptr);
  call.Finish(error ? &*error : nullptr);
}

void Started(Call& call, std::chrono::steady_clock::time_point now) {
  call.set_started(now);
  call.service().metrics.Waited(now - call.queued());
}

void Answer(Call& call) noexcept {
  Started(call, std::chrono::steady_clock::now());
  Finish(call, Settle(call, kExecution));
}

// The end of a call that was not admitted.
void Refuse(Call& call, const Error& error) {
  if (const auto cause = CauseOf(error)) call.service().metrics.Refused(*cause);
  Finish(call, error);
}

// Settle for a batch. If the batch fails for any reason, every call in it runs alone.
std::vector<Outcome> SettleTogether(const Together& together, std::span<Call* const> calls) noexcept {
  try {
    return AnswerTogether(together, calls);
  } catch (...) {
    return std::vector<Outcome>(calls.size(), {.apart = true});
  }
}

// How many calls are answered together; of listings fewer, since each is itself as long as many look-ups.
constexpr std::size_t kMostTogether = 64;
constexpr std::size_t kMostListings = 8;

// Two: while one waits for the database the other one answers. More only where there is much of everything.
int LookUpWorkers(int connections) { return std::max(std::min(2, connections), connections / 4); }

// For the same reason. No more than half of the connections are theirs, so that whoever goes apart has one.
int ChangeWorkers(int connections) { return std::max(1, std::min(connections / 2, LookUpWorkers(connections))); }

// Memory of requests that wait, in all queues: a tenth of what a small container has.
constexpr std::size_t kWaitingBytes = 128 << 20;
// Big requests that wait to be read. A request of 1 MiB takes some milliseconds, so the last one waits for a second or
// so.
constexpr std::size_t kBigRequestsWaiting = 128;

std::size_t Capacity(const PipelineSettings& settings) { return static_cast<std::size_t>(settings.queue_capacity); }

}  // namespace

Pipeline::Pipeline(const PipelineSettings& settings, bool dev)
    : settings_(settings),
      dev_(dev),
      waiting_(kWaitingBytes),
      others_(settings.database_connections, Capacity(settings), 1, waiting_,
              [](std::span<Call* const> calls) { Answer(*calls[0]); }),
      look_ups_(LookUpWorkers(settings.database_connections), Capacity(settings), kMostTogether, waiting_,
                [this](std::span<Call* const> calls) { AnswerReads(calls); }),
      listings_(settings.database_connections, Capacity(settings), kMostListings, waiting_,
                [this](std::span<Call* const> calls) { AnswerReads(calls); }),
      readers_(1, kBigRequestsWaiting, 1, waiting_,
               [this](std::span<Call* const> calls) { CheckAndQueue(*calls[0], Settle(*calls[0], kBigReading)); }) {
  const auto workers = static_cast<std::size_t>(ChangeWorkers(settings.database_connections));
  for (std::size_t i = 0; i < workers; ++i) {
    changes_.emplace_back(1, (Capacity(settings) + workers - 1) / workers, kMostTogether, waiting_,
                          [this](std::span<Call* const> calls) { AnswerGroups(calls); });
  }
  for (const Method& method : Methods()) queues_.push_back(QueuesOf(method));
  queues_.push_back(QueuesOf(UnknownMethod()));
}

// One that waits alone needs no group.
void Pipeline::AnswerReads(std::span<Call* const> calls) noexcept {
  calls.size() == 1 ? Answer(*calls[0]) : AnswerGroups(calls);
}

// Calls of one method: together, those that can. The others each go their own way on the workers of others_: what one
// of them meets there holds up none of its neighbours.
void Pipeline::AnswerTogetherOrElse(const Together& together, std::span<Call* const> calls) noexcept {
  std::vector<Call*> group;
  std::vector<Call*> apart;
  for (Call* call : calls) (CanJoin(together, *call) ? group : apart).push_back(call);

  const auto now = std::chrono::steady_clock::now();
  std::vector<Outcome> outcomes;
  if (!group.empty()) outcomes = SettleTogether(together, group);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].apart) {
      apart.push_back(group[i]);
    } else {
      Started(*group[i], now);
      Finish(*group[i], outcomes[i].refusal);
    }
  }
  for (Call* call : apart) Queue(others_, *call);
}

void Pipeline::AnswerGroups(std::span<Call* const> calls) noexcept {
  std::map<const Together*, std::vector<Call*>> alike;
  for (Call* call : calls) alike[TogetherOf(*call, HandlerOf(call->method()).together)].push_back(call);
  for (const auto& [together, group] : alike) AnswerTogetherOrElse(*together, group);
}

std::chrono::milliseconds Pipeline::greatest_deadline() const { return settings_.greatest_deadline; }

std::size_t Pipeline::queued() const {
  std::size_t queued = readers_.queued() + look_ups_.queued() + listings_.queued() + others_.queued();
  for (const Executor& executor : changes_) queued += executor.queued();
  return queued;
}

// Where calls of the method wait, but for the few that the method's batches leave out.
Pipeline::Queues Pipeline::QueuesOf(const Method& method) {
  Queues queues;
  const auto& ways = HandlerOf(method).together;
  if (ways.empty() || (method.policy.writes() && dev_)) queues.push_back(&others_);
  for (const Together* together : ways) {
    if (together->kind == Together::Kind::kLookUp) queues.push_back(&look_ups_);
    if (together->kind == Together::Kind::kListing) queues.push_back(&listings_);
    if (together->kind != Together::Kind::kChange) continue;
    for (Executor& changes : changes_) queues.push_back(&changes);
  }
  return queues;
}

Executor& Pipeline::QueueOf(const Call& call) {
  const Together* together = TogetherOf(call, HandlerOf(call.method()).together);
  if (together == nullptr) return others_;
  switch (together->kind) {
    case Together::Kind::kLookUp:
      return look_ups_;
    case Together::Kind::kListing:
      return listings_;
    case Together::Kind::kChange:
      break;
  }
  return changes_[std::hash<std::string>()(call.scope().account) % changes_.size()];
}

bool Pipeline::AreFull(const Call& call) const {
  return std::ranges::all_of(queues_[call.method().index], [](const Executor* queue) { return queue->IsFull(); });
}

bool Pipeline::MayBeFullFor(const Call& call) const {
  const std::string& account = call.scope().account;
  return std::ranges::any_of(queues_[call.method().index],
                             [&](const Executor* queue) { return queue->IsFullFor(account); });
}

bool Pipeline::RefuseByHeaders(Call& call) noexcept {
  if (AreFull(call)) {
    Begin(call);
    RefuseForFullQueue(call);
    return true;
  }
  const auto error = Settle(call, kBeforeTheBody);
  if (!error) return false;
  Begin(call);
  Settle(call, kTracing);
  Refuse(call, *error);
  return true;
}

// A call whose queue is full is refused as early as that is known, since refusals must cost little when there is too
// much to do: before the caller is known, if no account has a place; else before anything else is done. Of a method
// with several queues the request says which one, so it is read first.
void Pipeline::Start(Call& call) noexcept {
  Begin(call);
  if (AreFull(call)) return RefuseForFullQueue(call);
  const auto given = call.deadline() > call.received() ? call.deadline() : call.received() + settings_.default_deadline;
  call.set_deadline(std::min(given, call.received() + settings_.greatest_deadline));

  const auto unidentified = Settle(call, kIdentification);
  const bool big = call.RequestBytes() > kBigRequest;
  const bool read_first = !unidentified && !big && MayBeFullFor(call);
  std::optional<Error> unreadable;
  if (read_first) {
    unreadable = Settle(call, kReading);
    if (!unreadable && QueueOf(call).IsFullFor(call.scope().account)) return RefuseForFullQueue(call);
  }
  Settle(call, kTracing);
  if (unidentified) return Refuse(call, *unidentified);
  if (const auto error = Settle(call, kAuthorization)) return Refuse(call, *error);
  if (big) return Queue(readers_, call);
  CheckAndQueue(call, read_first ? unreadable : Settle(call, kReading));
}

void Pipeline::CheckAndQueue(Call& call, const std::optional<Error>& unreadable) noexcept {
  if (unreadable) return Refuse(call, *unreadable);
  if (const auto error = Settle(call, kChecks)) return Refuse(call, *error);
  call.set_queued(std::chrono::steady_clock::now());
  Queue(QueueOf(call), call);
}

void Pipeline::Queue(Executor& executor, Call& call) noexcept {
  if (!executor.Submit(call)) RefuseForFullQueue(call);
}

const Error& Pipeline::QueueFull() {
  static const Error error =
      Error::Throttled(std::chrono::milliseconds(100), "Too many calls are waiting; try again later");
  return error;
}

void Pipeline::RefuseForFullQueue(Call& call) noexcept {
  call.service().metrics.Refused(RefusalCause::kQueueFull);
  RecordUnlogged(call, &QueueFull());
  full_queue_log_.Count(call.scope().account, std::chrono::steady_clock::now());
  call.Finish(&QueueFull());
}

}  // namespace poold
