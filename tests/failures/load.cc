#include "tests/failures/load.h"

#include <algorithm>

#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A caller whose call was refused waits a little, as our retry policy says.
constexpr milliseconds kPause{20};
// How long the last creations may take.
constexpr std::chrono::seconds kToFinish{30};

constexpr const char* kSenderId = "sender_id: 'EXAMPLECO' iso_country_code: 'GB'";
constexpr const char* kPool =
    "origination_identity: 'EXAMPLECO' iso_country_code: 'GB' message_type: MESSAGE_TYPE_TRANSACTIONAL client_token: '";

std::set<std::string> Listed(const GrpcClient& client) {
  std::set<std::string> pools;
  DescribePoolsRequest request;
  do {
    const auto reply = client.Call(request);
    if (reply.error) throw std::runtime_error(reply.error->what());
    for (const auto& pool : reply.response.pools()) pools.insert(pool.pool_id());
    request.set_next_token(reply.response.next_token());
  } while (!request.next_token().empty());
  return pools;
}

int Missing(const std::set<std::string>& from, const std::set<std::string>& in) {
  return static_cast<int>(std::ranges::count_if(from, [&](const auto& one) { return !in.contains(one); }));
}

}  // namespace

Load::Load(const Options& options) {
  for (int i = 0; i < options.callers; ++i) {
    callers_.push_back(std::make_unique<Caller>(Caller{GrpcClient(options.address, NewAccount()), {}, false, {}}));
    callers_.back()->client.Must<RequestSenderIdRequest>(kSenderId);
    callers_.back()->client.deadline = options.deadline;
  }
  for (int i = 0; i < options.callers; ++i) {
    Caller& caller = *callers_[static_cast<std::size_t>(i)];
    caller.thread = std::thread([this, &caller, i] { Work(caller, i); });
  }
}

Load::~Load() {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) ended_ = Clock::now() - kToFinish;  // at once
  }
  changed_.notify_all();
  for (const auto& caller : callers_) {
    if (caller->thread.joinable()) caller->thread.join();
  }
}

void Load::Work(Caller& caller, int number) {
  for (int i = 0;; ++i) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
    }
    if (!Create(caller, std::to_string(number) + "-" + std::to_string(i))) {
      caller.unfinished = true;
      return;
    }
  }
}

bool Load::Create(Caller& caller, const std::string& token) {
  const auto request = GrpcClient::Parse<CreatePoolRequest>(kPool + token + "'");
  for (bool first = true;; first = false) {
    const auto start = Clock::now();
    const auto reply = caller.client.Call(request);
    Count(reply.error, first, std::chrono::ceil<milliseconds>(Clock::now() - start));
    if (!reply.error) {
      caller.pools.insert(reply.response.pool_id());
      return true;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPause, [this] { return ended_ && Clock::now() - *ended_ >= kToFinish; });
    if (ended_ && Clock::now() - *ended_ >= kToFinish) return false;
  }
}

void Load::Count(const std::optional<Error>& error, bool first, milliseconds took) {
  {
    const std::lock_guard lock(mutex_);
    tally_.slowest = std::max(tally_.slowest, took);
    if (error) {
      ++tally_.failed;
      ++tally_.faults[error->fault()];
      if (first) ++tally_.retried;
      if (!error->retryable()) tally_.unretryable.emplace_back(error->what());
    } else {
      ++tally_.acknowledged;
      const auto now = Clock::now();
      tally_.longest_gap = std::max(tally_.longest_gap, std::chrono::ceil<milliseconds>(now - last_acknowledged_));
      last_acknowledged_ = now;
    }
  }
  changed_.notify_all();
}

bool Load::Wait(int Tally::*count, int more, std::chrono::seconds patience) {
  std::unique_lock lock(mutex_);
  const int enough = tally_.*count + more;
  return changed_.wait_for(lock, patience, [&] { return tally_.*count >= enough; });
}

bool Load::WaitForMore(int acknowledged, std::chrono::seconds patience) {
  return Wait(&Tally::acknowledged, acknowledged, patience);
}

bool Load::WaitForFailures(int failed, std::chrono::seconds patience) { return Wait(&Tally::failed, failed, patience); }

Load::Tally Load::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

Load::Difference Load::Finish() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = Clock::now();
  }
  changed_.notify_all();
  Difference difference;
  for (const auto& caller : callers_) {
    caller->thread.join();
    caller->client.deadline = std::chrono::seconds(20);
    const std::set<std::string> listed = Listed(caller->client);
    difference.lost += Missing(caller->pools, listed);
    difference.surplus += Missing(listed, caller->pools);
    difference.unfinished += caller->unfinished ? 1 : 0;
  }
  return difference;
}

}  // namespace poold
