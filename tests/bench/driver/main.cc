// bench_driver: makes load and prints what came of it as JSON. Closed loop: so many calls are under way at any time, on
// so many connections. Open loop (--rate): calls are sent when they are due, whatever became of those before them, and
// a call's latency counts from when it was due: a server that stalls is not spared the calls that nobody could send.

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <vector>

#include "tests/bench/driver/http2.h"
#include "tests/bench/driver/workload.h"

namespace poold::bench {
namespace {

using nlohmann::json;
using Seconds = std::chrono::duration<double>;

// How long answers may take that are still awaited when the time is over. Under overload that is mostly what waits
// here, for the server to take more calls.
constexpr std::chrono::seconds kToFinish{20};

struct Options {
  std::string address;
  Workload::Options workload;
  int connections = 8;
  int streams = 16;  // of a connection
  double rate = 0;   // calls per second; 0: closed loop
  double seconds = 3;
  double warm_up = 0.5;  // before that, not counted
  int calls = 0;         // instead: so many, one after the other, and the last one is shown
};

// Latencies in milliseconds, all of them: the rates here leave room for that.
class Latencies {
 public:
  void Add(Clock::duration latency) { all_.push_back(std::chrono::duration<float, std::milli>(latency).count()); }

  json Summary() {
    if (all_.empty()) return nullptr;
    std::sort(all_.begin(), all_.end());
    const auto at = [&](double share) {
      return all_[static_cast<std::size_t>(share * static_cast<double>(all_.size() - 1))];
    };
    return {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"max", all_.back()}};
  }

 private:
  std::vector<float> all_;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string Hex(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

class Driver {
 public:
  explicit Driver(const Options& options)
      : options_(options), workload_(options.workload), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int i = 0; i < options.connections; ++i) {
      connections_.push_back(std::make_unique<Connection>(
          options.address,
          [this](Connection& connection, std::unique_ptr<Call> call) { End(connection, std::move(call)); }));
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLET;
      event.data.ptr = connections_.back().get();
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back()->socket(), &event);
    }
  }
  ~Driver() { close(epoll_); }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  json Run() {
    if (options_.calls > 0) return RunSome();
    started_ = Clock::now();
    from_ = started_ + std::chrono::duration_cast<Clock::duration>(Seconds(options_.warm_up));
    until_ = from_ + std::chrono::duration_cast<Clock::duration>(Seconds(options_.seconds));
    const double cpu = CpuSeconds();
    options_.rate > 0 ? RunOpen() : RunClosed();
    return Report((CpuSeconds() - cpu) / Seconds(Clock::now() - started_).count());
  }

 private:
  void RunClosed() {
    again_ = true;
    for (const auto& connection : connections_) {
      for (int i = 0; i < options_.streams; ++i) Start(*connection, Clock::now());
      connection->Send();
    }
    while (Clock::now() < until_) Poll(until_);
    again_ = false;
    Finish();
  }

  void RunOpen() {
    std::size_t next = 0;
    for (std::int64_t i = 0;;) {
      const auto now = Clock::now();
      const auto due = [&] {
        return started_ + std::chrono::duration_cast<Clock::duration>(Seconds(static_cast<double>(i) / options_.rate));
      };
      std::vector<bool> touched(connections_.size());
      for (; due() <= now && due() < until_; ++i) {
        Start(*connections_[next], due());
        touched[next] = true;
        next = (next + 1) % connections_.size();
      }
      for (std::size_t c = 0; c < touched.size(); ++c) {
        if (touched[c]) connections_[c]->Send();
      }
      if (due() >= until_) break;
      Poll(due());
    }
    Finish();
  }

  // For a look at one call: nothing is counted.
  json RunSome() {
    from_ = until_ = Clock::time_point::max();
    for (int i = 0; i < options_.calls; ++i) {
      Start(*connections_[0], Clock::now());
      connections_[0]->Send();
      Finish();
      if (!last_ || !IsRight(*last_)) {
        throw std::runtime_error("a call went wrong: status " + std::to_string(last_ ? last_->grpc_status : -1) + " " +
                                 (last_ ? last_->exception + " answer " + Hex(last_->answer) : ""));
      }
    }
    const Choice& choice = workload_.choice();
    return {{"account", choice.account},
            {"pool", std::to_string(choice.pool)},
            {"sender_id", std::to_string(choice.sender_id)},
            {"phone_number", std::to_string(choice.phone_number)},
            {"token", choice.token},
            {"answer", Hex(last_->answer)}};
  }

  void Finish() {
    const auto limit = Clock::now() + kToFinish;
    while (under_way_ > 0 && Clock::now() < limit) Poll(limit);
  }

  // Waits until something arrives, or until `until`.
  void Poll(Clock::time_point until) {
    const auto left = std::max(Clock::duration(0), until - Clock::now());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec limit{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    std::array<epoll_event, 64> events;
    const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      connection.Receive();
      connection.Send();
    }
  }

  void Start(Connection& connection, Clock::time_point due) {
    auto call = workload_.Next();
    call->due = due;
    connection.Start(std::move(call));
    ++under_way_;
    ++sent_;
    if (due >= from_ && due < until_) ++due_in_time_;
  }

  void End(Connection& connection, std::unique_ptr<Call> call) {
    --under_way_;
    if (options_.calls > 0) {
      last_ = std::move(call);
      return;
    }
    const auto now = Clock::now();
    const bool in_time = now >= from_ && now < until_;
    const bool counts = options_.rate > 0 ? call->due >= from_ && call->due < until_ : in_time;
    const bool right = IsRight(*call);
    const bool throttled = call->grpc_status == 8 && call->exception == "ThrottlingException";
    if (right && in_time) ++right_in_time_;
    if (counts) {
      if (right) {
        latencies_.Add(now - call->due);
      } else if (throttled) {
        ++throttled_;
        refusals_.Add(now - call->due);
        refusals_from_sent_.Add(now - call->sent);
      } else {
        ++errors_[call->grpc_status == 0 ? "wrong answer" : std::to_string(call->grpc_status) + " " + call->exception];
      }
    }
    if (again_ && now < until_) Start(connection, now);
  }

  json Report(double cpu) {
    std::int64_t errors = 0;
    for (const auto& [what, count] : errors_) errors += count;
    return {{"per_second", static_cast<double>(right_in_time_) / options_.seconds},
            {"offered_per_second", static_cast<double>(due_in_time_) / options_.seconds},
            {"sent", sent_},
            {"throttled_per_second", static_cast<double>(throttled_) / options_.seconds},
            {"errors", errors},
            {"errors_by_kind", errors_},
            {"unanswered", under_way_},
            {"milliseconds", latencies_.Summary()},
            {"throttled_milliseconds", refusals_.Summary()},
            {"throttled_milliseconds_from_sent", refusals_from_sent_.Summary()},
            {"driver_cpu", cpu}};
  }

  const Options options_;
  Workload workload_;
  const int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Clock::time_point started_;
  Clock::time_point from_;   // what happens from here ...
  Clock::time_point until_;  // ... to here counts
  bool again_ = false;       // closed loop: each call that ends is followed by another
  std::unique_ptr<Call> last_;

  std::int64_t sent_ = 0;
  std::int64_t under_way_ = 0;
  std::int64_t due_in_time_ = 0;
  std::int64_t right_in_time_ = 0;
  std::int64_t throttled_ = 0;
  std::map<std::string, std::int64_t> errors_;
  Latencies latencies_;
  Latencies refusals_;
  Latencies refusals_from_sent_;
};

int Main(int argc, char** argv) {
  Options options;
  Workload::Options& workload = options.workload;
  CLI::App app("Loads a gRPC server with one operation and prints what came of it as JSON.");
  app.add_option("--address", options.address, "HOST:PORT, IPv4")->required();
  app.add_option("--operation", workload.operation)->required()->check(CLI::IsMember(Workload::Operations()));
  app.add_option("--connections", options.connections)->capture_default_str();
  app.add_option("--streams", options.streams, "calls at once on a connection")->capture_default_str();
  app.add_option("--rate", options.rate, "calls per second, whatever comes back; 0: as fast as it goes");
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--warm-up", options.warm_up, "seconds before that")->capture_default_str();
  app.add_option("--calls", options.calls, "so many, one after the other, instead; shows the last");
  app.add_option("--keys", workload.keys_file, "file of lines ACCOUNT KEY; without it callers name their account");
  app.add_option("--expect", workload.expect, "what each answer must contain, instead of the operation's own");
  app.add_option("--refused", workload.refused, "the exception with which each call must be refused");
  app.add_option("--accounts", workload.data.accounts)->capture_default_str();
  app.add_option("--pools", workload.data.pools, "of an account")->capture_default_str();
  app.add_option("--sender-ids", workload.data.sender_ids, "of an account")->capture_default_str();
  app.add_option("--members", workload.data.members, "of a pool whose members are listed")->capture_default_str();
  app.add_option("--member-step", workload.data.member_step, "every so manieth pool has them")->capture_default_str();
  app.add_option("--first-number", workload.first_number, "the first phone number to associate");
  app.add_flag("--one-account", workload.one_account, "every call is the first account's");
  app.add_option("--seed", workload.seed, "another one for each run: client tokens are made of it");
  CLI11_PARSE(app, argc, argv);
  std::cout << Driver(options).Run() << std::endl;
  return 0;
}

}  // namespace
}  // namespace poold::bench

int main(int argc, char** argv) {
  try {
    return poold::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "bench_driver: " << error.what() << std::endl;
    return 1;
  }
}
