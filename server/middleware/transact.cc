#include "server/middleware/transact.h"

#include <algorithm>
#include <optional>

#include "server/base/arn.h"
#include "server/base/fingerprint.h"
#include "server/base/limits.h"
#include "server/base/settings.h"
#include "server/base/world.h"
#include "server/middleware/known_accounts.h"
#include "server/rpc/method.h"
#include "server/rpc/rights.h"
#include "server/telemetry/metrics.h"
#include "storage/accounts.h"
#include "storage/client_tokens.h"
#include "storage/postgres/database.h"
#include "storage/postgres/failure.h"

namespace poold {
namespace {

// Thrown to roll back a call that only validates, or one that reads an account that is not there, once it has done
// everything.
struct Rehearsed {};

// Thrown to end a call whose answer is that of an earlier one: whatever it has done meanwhile is rolled back.
struct Replayed {
  std::string answer;
};

bool ValidatesOnly(const Call& call) {
  const auto* field = call.method().validate_only;
  return field != nullptr && call.request().GetReflection()->GetBool(call.request(), field);
}

// The time of a group of calls: what each of them needs at least to join, so that the group hardly ever runs out of its
// hastiest call's, and what all of them may take, if that isn't bounded by their deadlines alone.
struct GroupTime {
  std::chrono::milliseconds enough;
  std::optional<std::chrono::milliseconds> most;
};

GroupTime TimeOf(Together::Kind kind) {
  switch (kind) {
    case Together::Kind::kLookUp:
      return {std::chrono::milliseconds(100), std::nullopt};
    case Together::Kind::kListing:
      return {std::chrono::milliseconds(1000), std::chrono::milliseconds(800)};
    case Together::Kind::kChange:
      break;
  }
  return {std::chrono::milliseconds(500), std::chrono::milliseconds(1000)};  // before its commit
}

// How long a listing may take in a group: one that looks for what is rare in an account of many pools takes its time by
// itself.
constexpr std::chrono::milliseconds kLongestListing{100};
// How long a group that writes may wait for a lock, a token that is being used or an account's counter; and take with
// its commit.
constexpr std::chrono::milliseconds kLongestWait{200};
constexpr std::chrono::milliseconds kCommitAtMost{5000};

// In `dev` some calls act on an account as a whole (service Dev). They are alone in it, so that no other call of the
// account finds half of it gone; every lock is taken after this one.
void EnterAccount(Call& call) {
  if (!call.settings().dev) return;
  storage::LockAccount(call.tx(), call.scope().account,
                       call.method().policy.dev() ? storage::AccountLock::kAlone : storage::AccountLock::kShared);
}

storage::ClientToken TokenOf(const Call& call) { return {call.scope(), call.method().name, call.client_token()}; }

// What makes two calls the same. An answer shows what its caller may reach: a caller whose rights are limited is never
// given that of another.
storage::Bytes HashOf(const Call& call) {
  std::string hash = Fingerprint(call.request(), {"client_token"});
  const Rights* rights = call.rights();
  if (rights != nullptr && !rights->ReachEverything()) hash += call.principal();
  return {std::move(hash)};
}

storage::Bytes AnswerOf(const Call& call) { return {call.response().SerializeAsString()}; }

// Does the work, unless the token was used before. Whether it was is learnt together with the handler's first look-up;
// until then nothing of what a handler does can be seen by anybody.
void Act(Call& call, void (*handle)(Call&)) {
  if (call.client_token().empty()) return handle(call);

  const storage::Bytes hash = HashOf(call);
  const storage::Time now = call.world().Now();
  const auto used = [hash](const storage::StoredAnswer& first) {
    if (first.request_hash == hash) throw Replayed{first.response.data};
    throw Error::Invalid(reason::kInvalidRequest, "clientToken",
                         "was used before with other parameters; use a new token for a new request");
  };
  storage::ClaimClientToken(call.tx(), TokenOf(call), hash, now, now - limits::kClientTokenLife, used);
  handle(call);
  storage::StoreAnswers(call.tx(), {{TokenOf(call), AnswerOf(call)}});
}

// Claims the tokens of a group. Whoever's is used, or being used, goes apart: that is for its own transaction to look
// into. Both lists are told with the next statement, and must outlive the run.
void ClaimTokens(storage::Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes,
                 std::vector<bool>& have_token) {
  std::vector<storage::TokenClaim> claims;
  std::vector<std::size_t> claiming;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i]->client_token().empty()) continue;
    claims.push_back({TokenOf(*calls[i]), HashOf(*calls[i])});
    claiming.push_back(i);
  }
  storage::ClaimClientTokens(tx, claims, calls[0]->world().Now(),
                             [claiming, outcomes, &have_token](const std::vector<bool>& claimed) {
                               for (std::size_t n = 0; n < claimed.size(); ++n) {
                                 have_token[claiming[n]] = claimed[n];
                                 outcomes[claiming[n]].apart = !claimed[n];
                               }
                             });
}

void SettleTokens(storage::Transaction& tx, std::span<Call* const> calls, std::span<const Outcome> outcomes,
                  const std::vector<bool>& have_token) {
  std::vector<storage::AnswerToStore> answers;
  std::vector<storage::ClientToken> unused;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!have_token[i]) continue;
    if (outcomes[i].apart) {
      unused.push_back(TokenOf(*calls[i]));
    } else {
      answers.push_back({TokenOf(*calls[i]), AnswerOf(*calls[i])});
    }
  }
  storage::ReleaseClientTokens(tx, unused);
  storage::StoreAnswers(tx, answers);
}

}  // namespace

void RefuseIfTooLate(Call& call) {
  const bool gone = call.stop_token().stop_requested();
  if (!gone && std::chrono::steady_clock::now() < call.deadline()) return;
  call.service().metrics.Refused(RefusalCause::kTooLate);
  throw gone ? Error::Cancelled("the caller went away while the call was queued")
             : Error::Deadline("the deadline passed in the queue");
}

const Together* TogetherOf(const Call& call, std::span<const Together* const> ways) {
  if (ways.empty()) return nullptr;
  // Without members that this build doesn't know, so that it is small: such calls have queues of their own.
  if (!call.request().GetReflection()->GetUnknownFields(call.request()).empty()) return nullptr;
  // What a rehearsal wrote is rolled back; in `dev` accounts are entered one by one.
  if (call.method().policy.writes() && (ValidatesOnly(call) || call.settings().dev)) return nullptr;
  const auto fits = std::ranges::find_if(ways, [&](const Together* way) { return way->fits(call); });
  return fits == ways.end() ? nullptr : *fits;
}

bool CanJoin(const Together& together, const Call& call) {
  return !call.stop_token().stop_requested() &&
         std::chrono::steady_clock::now() + TimeOf(together.kind).enough < call.deadline() &&
         call.service().known_accounts.Knows(call.scope());
}

std::vector<Outcome> AnswerTogether(const Together& together, std::span<Call* const> calls) {
  const bool writes = together.kind == Together::Kind::kChange;
  const auto [first, last] = std::ranges::minmax_element(calls, {}, &Call::deadline);
  const auto now = std::chrono::steady_clock::now();
  const auto most = TimeOf(together.kind).most;
  const storage::Bounds bounds{
      .deadline = most ? std::min((*first)->deadline(), now + *most) : (*first)->deadline(),
      .stop = calls.size() == 1 ? calls[0]->stop_token() : std::stop_token(),
      .commit_deadline = std::min((*last)->deadline(), now + kCommitAtMost),
      .tries = writes ? storage::Tries::kOne : storage::Tries::kSome,  // those that are left try again, each by itself
  };
  std::vector<Outcome> outcomes;
  std::vector<bool> have_token;
  bool may_be_committed = false;
  const auto refuse_rest = [&](const Error& error) {
    for (Outcome& outcome : outcomes) {
      if (!outcome.apart) outcome.refusal = error;
    }
  };
  const auto log = std::make_shared<storage::WorkLog>();
  try {
    calls[0]->service().database.Run(
        writes ? storage::Database::Mode::kWrite : storage::Database::Mode::kRead, bounds,
        [&](storage::Transaction& tx) {
          outcomes.assign(calls.size(), {});
          have_token.assign(calls.size(), false);
          for (Call* call : calls) call->response().Clear();
          if (writes) {
            LimitLockWaits(tx, kLongestWait);
            ClaimTokens(tx, calls, outcomes, have_token);
          }
          if (together.kind == Together::Kind::kListing) LimitStatements(tx, kLongestListing);
          together.answer(tx, calls, outcomes);
          if (std::ranges::all_of(outcomes, &Outcome::apart)) throw AllApart();
          if (writes) SettleTokens(tx, calls, outcomes, have_token);
          may_be_committed = writes;
        },
        log.get());
  } catch (const AllApart&) {
    outcomes.assign(calls.size(), {.apart = true});
  } catch (const storage::OutcomeUnknown& failure) {
    refuse_rest(Error::OutcomeUnknown(failure.what()));
  } catch (const storage::StorageFailure&) {
    throw;
  } catch (const std::exception& defect) {  // no memory left, say
    if (!may_be_committed) throw;
    refuse_rest(Error::Internal(defect.what()));
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!outcomes[i].apart) calls[i]->set_shared_work_log(log);
  }
  return outcomes;
}

void Transact(Call& call, void (*handle)(Call&)) {
  storage::Database& database = call.service().database;
  const storage::Bounds bounds{call.deadline(), call.stop_token(), {}, storage::Tries::kUntilDeadline};
  KnownAccounts& known_accounts = call.service().known_accounts;
  const bool writes = call.method().policy.writes();
  bool known = known_accounts.Knows(call.scope());
  if (writes && !known) {
    database.Run(
        storage::Database::Mode::kWrite, bounds,
        [&](storage::Transaction& tx) { storage::EnsureAccount(tx, call.scope(), call.world().Now()); },
        &call.work_log());
    known_accounts.Remember(call.scope());
    known = true;
  }

  call.set_validate_only(ValidatesOnly(call));
  try {
    database.Run(
        writes || !known ? storage::Database::Mode::kWrite : storage::Database::Mode::kRead, bounds,
        [&](storage::Transaction& tx) {
          call.response().Clear();
          call.set_tx(&tx);
          if (writes) EnterAccount(call);
          // A read finds an account that never wrote as its first write would make it, and leaves no trace of it.
          const bool made = !known && storage::EnsureAccount(tx, call.scope(), call.world().Now());
          if (!known && !made) known_accounts.Remember(call.scope());  // another server has committed it
          Act(call, handle);
          if (call.validate_only() || made) throw Rehearsed();
        },
        &call.work_log());
  } catch (const Rehearsed&) {
    // The response stands; what was written to make it does not.
  } catch (const Replayed& replayed) {
    // What the first call did can be seen, but it may be on this server alone: a commit whose wait for the standbys was
    // called off, which the first caller was not told as a success. Nobody is, before it is as safe as any commit.
    database.Run(storage::Database::Mode::kWrite, bounds, &storage::FollowCommits, &call.work_log());
    if (!call.response().ParseFromString(replayed.answer)) throw Error::Internal("a stored answer is unreadable");
  }
}

}  // namespace poold
