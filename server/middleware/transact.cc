#include "server/middleware/transact.h"

#include "server/config.h"
#include "server/fingerprint.h"
#include "server/known_accounts.h"
#include "server/limits.h"
#include "server/method.h"
#include "server/metrics.h"
#include "server/world.h"
#include "storage/accounts.h"
#include "storage/client_tokens.h"
#include "storage/database.h"
#include "storage/failure.h"

namespace poold {
namespace {

// Thrown to roll back a call that only validates, once it has done everything.
struct Rehearsed {};

// Thrown to end a call whose answer is that of an earlier one: whatever it has done meanwhile is rolled back.
struct Replayed {
  std::string answer;
};

bool ValidatesOnly(const Call& call) {
  const auto* field = call.method().validate_only;
  return field != nullptr && call.request().GetReflection()->GetBool(call.request(), field);
}

// In `dev` some calls act on an account as a whole (service Dev). They are alone in it, so that no other call of the
// account finds half of it gone; every lock is taken after this one.
void EnterAccount(Call& call) {
  if (!call.settings().dev) return;
  LockAccount(call.tx(), call.scope().account, call.method().policy.dev() ? AccountLock::kAlone : AccountLock::kShared);
}

// Does the work, unless the token was used before. Whether it was is learnt together with the handler's first look-up;
// until then nothing of what a handler does can be seen by anybody.
void Act(Call& call) {
  if (call.client_token().empty()) return call.method().handle(call);

  const ClientToken claim{call.scope(), call.method().name, call.client_token()};
  const Bytes hash{Fingerprint(call.request(), {"client_token"})};
  const Time now = call.world().Now();
  const auto used = [hash](const StoredAnswer& first) {
    if (first.request_hash == hash) throw Replayed{first.response.data};
    throw Error::Invalid(reason::kInvalidRequest, "clientToken",
                         "was used before with other parameters; use a new token for a new request");
  };
  ClaimClientToken(call.tx(), claim, hash, now, now - limits::kClientTokenLife, used);
  call.method().handle(call);
  StoreAnswer(call.tx(), claim, Bytes{call.response().SerializeAsString()});
}

}  // namespace

void RefuseIfTooLate(Call& call) {
  const bool gone = call.stop_token().stop_requested();
  if (!gone && std::chrono::steady_clock::now() < call.deadline()) return;
  call.service().metrics.Refused(RefusalCause::kTooLate);
  throw gone ? Error::Cancelled("the caller went away while the call was queued")
             : Error::Deadline("the deadline passed in the queue");
}

bool CanJoin(const Call& call) {
  constexpr std::chrono::milliseconds kEnough{100};
  return !call.stop_token().stop_requested() && std::chrono::steady_clock::now() + kEnough < call.deadline() &&
         call.service().known_accounts.Knows(call.scope());
}

std::vector<std::optional<Error>> AnswerTogether(std::span<Call* const> calls) {
  auto deadline = calls[0]->deadline();
  for (const Call* call : calls) deadline = std::min(deadline, call->deadline());
  std::vector<std::optional<Error>> outcomes;
  const auto log = std::make_shared<WorkLog>();
  try {
    calls[0]->service().database.Run(
        Database::Mode::kRead, {deadline, {}},
        [&](Transaction& tx) {
          for (Call* call : calls) call->response().Clear();
          outcomes = calls[0]->method().together->answer(tx, calls);
        },
        log.get());
  } catch (const StorageFailure&) {
    return {};
  }
  for (Call* call : calls) call->set_shared_work_log(log);
  return outcomes;
}

void Transact(Call& call) {
  Database& database = call.service().database;
  const Bounds bounds{call.deadline(), call.stop_token()};
  call.service().known_accounts.Ensure(call.scope(), [&] {
    database.Run(
        Database::Mode::kWrite, bounds, [&](Transaction& tx) { EnsureAccount(tx, call.scope(), call.world().Now()); },
        &call.work_log());
  });

  const auto mode = call.method().policy.writes() ? Database::Mode::kWrite : Database::Mode::kRead;
  call.set_validate_only(ValidatesOnly(call));
  try {
    database.Run(
        mode, bounds,
        [&](Transaction& tx) {
          call.response().Clear();
          call.set_tx(&tx);
          if (mode == Database::Mode::kWrite) EnterAccount(call);
          Act(call);
          if (call.validate_only()) throw Rehearsed();
        },
        &call.work_log());
  } catch (const Rehearsed&) {
    // The response stands; what was written to make it does not.
  } catch (const Replayed& replayed) {
    // What the first call did can be seen, but it may be on this server alone: a commit whose wait for the standbys was
    // called off, which the first caller was not told as a success. Nobody is, before it is as safe as any commit.
    database.Run(Database::Mode::kWrite, bounds, &FollowCommits, &call.work_log());
    if (!call.response().ParseFromString(replayed.answer)) throw Error::Internal("a stored answer is unreadable");
  }
}

}  // namespace poold
