#include "server/pipeline.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "server/config.h"
#include "server/method.h"
#include "server/metrics.h"
#include "server/middleware/authenticate.h"
#include "server/middleware/authorize.h"
#include "server/middleware/client_token.h"
#include "server/middleware/record.h"
#include "server/middleware/throttle.h"
#include "server/middleware/transact.h"
#include "server/middleware/validate.h"
#include "server/tracing.h"
#include "server/world.h"
#include "storage/failure.h"

namespace poold {
namespace {

using Step = void (*)(Call&);

void Trace(Call& call) {
  if (call.service().tracing != nullptr) call.service().tracing->Begin(call);
}

void RefuseUntilReady(Call& call) {
  if (call.service().page_tokens.load() == nullptr) throw Error::Unavailable("the database's schema is not there yet");
}

void RefuseUnlessServed(Call& call) {
  if (!IsServed(call.method(), call.settings())) throw Error::UnknownOperation(call.method().name);
}

void Read(Call& call) { call.Read(); }

void Validate(Call& call) { CheckRules(call.request()); }

// Before the queue, on the door's thread. Cheap and without the database, so that a flood of bad calls costs little;
// in the order of the API's checks: who calls, then what is asked.
constexpr Step kAdmission[] = {
    Trace, RefuseUnlessServed, RefuseUntilReady, Authenticate,       AuthorizeAction, Throttle,
    Read,  ReadClientToken,    Validate,         AuthorizeResources,
};

// On a worker's thread.
constexpr Step kExecution[] = {
    RefuseIfTooLate,
    Transact,
};

Error FromStorage(const Call& call, const StorageFailure& failure) {
  switch (failure.kind()) {
    case StorageFailure::Kind::kUnavailable:
      return Error::Unavailable(failure.what());
    case StorageFailure::Kind::kDeadline:
      return Error::Deadline(failure.what());
    case StorageFailure::Kind::kCancelled:
      return Error::Cancelled(failure.what());
    case StorageFailure::Kind::kContended:
      // An operation answers with no exception outside its documented list.
      return call.method().CanRefuseWith(smsvoice::v2::REFUSAL_CONFLICT) ? Error::LostRace()
                                                                         : Error::Unavailable(failure.what());
    case StorageFailure::Kind::kBug:
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
  } catch (const StorageFailure& failure) {
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
    default:
      return std::nullopt;
  }
}

// Like Settle. A defect in answering them together is none of each by itself.
std::vector<std::optional<Error>> SettleTogether(std::span<Call* const> calls) noexcept {
  try {
    return AnswerTogether(calls);
  } catch (...) {
    return {};
  }
}

// Behind Validate, so that what it holds has its form.
bool IsLookUp(const Call& call) { return call.method().together != nullptr && call.method().together->fits(call); }

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

// Calls of one method: together, those that can, the others each by itself.
void AnswerTogetherOrAlone(std::span<Call* const> calls) noexcept {
  std::vector<Call*> together;
  std::vector<Call*> alone;
  for (Call* call : calls) (calls.size() > 1 && CanJoin(*call) ? together : alone).push_back(call);

  const auto outcomes = together.size() > 1 ? SettleTogether(together) : std::vector<std::optional<Error>>();
  if (outcomes.empty()) alone.insert(alone.begin(), together.begin(), together.end());
  for (std::size_t i = 0; i < outcomes.size(); ++i) Finish(*together[i], outcomes[i]);
  for (Call* call : alone) Finish(*call, Settle(*call, kExecution));
}

void AnswerLookUps(std::span<Call* const> calls) noexcept {
  const auto now = std::chrono::steady_clock::now();
  for (Call* call : calls) Started(*call, now);
  std::map<const Method*, std::vector<Call*>> by_method;
  for (Call* call : calls) by_method[&call->method()].push_back(call);
  for (const auto& [method, alike] : by_method) AnswerTogetherOrAlone(alike);
}

// How many look-ups one statement answers.
constexpr std::size_t kMostTogether = 64;

std::size_t Capacity(const Settings& settings) { return static_cast<std::size_t>(settings.queue_capacity); }

}  // namespace

Pipeline::Pipeline(const Settings& settings)
    : settings_(settings),
      look_ups_(std::max(1, settings.database_connections / 4), Capacity(settings), kMostTogether,
                [](std::span<Call* const> calls) { AnswerLookUps(calls); }),
      others_(settings.database_connections, Capacity(settings), 1,
              [](std::span<Call* const> calls) { Answer(*calls[0]); }) {}

void Pipeline::Start(Call& call) noexcept {
  Metrics& metrics = call.service().metrics;
  metrics.Began();
  call.set_request_id(call.world().NewRequestId());
  const auto given = call.deadline() > call.received() ? call.deadline() : call.received() + settings_.default_deadline;
  call.set_deadline(std::min(given, call.received() + settings_.greatest_deadline));

  if (const auto error = Settle(call, kAdmission)) {
    if (const auto cause = CauseOf(*error)) metrics.Refused(*cause);
    return Finish(call, error);
  }
  call.set_queued(std::chrono::steady_clock::now());
  if (!(IsLookUp(call) ? look_ups_ : others_).Submit(call)) {
    metrics.Refused(RefusalCause::kQueueFull);
    Finish(call, Error::Throttled(std::chrono::milliseconds(100), "Too many calls are waiting; try again later"));
  }
}

}  // namespace poold
