#include "server/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/version.h"
#include "server/rpc/call.h"
#include "server/rpc/method.h"

namespace poold {
namespace {

using prometheus::ClientMetric;
using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Seconds. From a look-up in memory to the longest deadline.
const Histogram::BucketBoundaries kDurations{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,     0.25,   0.5,   1,      2.5,   5,    10,    30};

constexpr std::string_view kDoors[] = {"grpc", "http"};
constexpr std::string_view kCauses[] = {"not_ready", "unauthenticated", "access_denied", "throttled",  "queue_full",
                                        "too_late",  "unreadable",      "invalid",       "connections"};
static_assert(std::size(kCauses) == static_cast<std::size_t>(RefusalCause::kConnections) + 1);

double Seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

template <typename T>
prometheus::Family<T>& Family(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::detail::Builder<T>().Name(name).Help(help).Register(registry);
}

// What is read at the time of a scrape.
class FamilyList {
 public:
  void Add(const char* name, const char* help, MetricType type, double value) {
    Add(name, help, type, "", {{"", value}});
  }

  // One that `label` splits up.
  void Add(const char* name, const char* help, MetricType type, const char* label,
           const std::vector<std::pair<std::string, double>>& values) {
    MetricFamily& family = families_.emplace_back(MetricFamily{name, help, type, {}});
    for (const auto& [label_value, value] : values) {
      ClientMetric& metric = family.metric.emplace_back();
      if (*label != '\0') metric.label.push_back({label, label_value});
      (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
    }
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void AddDatabase(FamilyList& list, const storage::DatabaseStats& stats) {
  const auto number = [](auto count) { return static_cast<double>(count); };
  list.Add("poold_database_connections", "Open connections to the database.", MetricType::Gauge, "state",
           {{"in_use", number(stats.in_use)}, {"idle", number(std::max(0, stats.open - stats.in_use))}});
  list.Add("poold_database_waiting", "Runs that wait until a connection to the database is free.", MetricType::Gauge,
           number(stats.waiting));
  list.Add("poold_database_connects_total", "Attempts to connect to the database.", MetricType::Counter, "outcome",
           {{"ok", number(stats.connects)}, {"failed", number(stats.connect_failures)}});
  list.Add("poold_transactions_total",
           "Transactions with all their attempts, by how they ended; a reading counts as committed.",
           MetricType::Counter, "outcome",
           {{"committed", number(stats.reads + stats.writes)},
            {"rolled_back", number(stats.rolled_back)},
            {"failed", number(stats.failures)}});
  list.Add("poold_transaction_retries_total", "Further attempts of transactions, by what ended the one before.",
           MetricType::Counter, "cause",
           {{"serialization", number(stats.retries_serialization)},
            {"deadlock", number(stats.retries_deadlock)},
            {"connection", number(stats.retries_connection)},
            {"other", number(stats.retries_other)}});
  list.Add("poold_commits_in_doubt_total", "Commits whose answer was lost, by what the look-up said.",
           MetricType::Counter, "outcome",
           {{"committed", number(stats.in_doubt_committed)},
            {"aborted", number(stats.in_doubt_aborted)},
            {"unknown", number(stats.in_doubt_unknown)}});
}

void AddReady(FamilyList& list, ReadyState state) {
  list.Add("poold_ready", "1 while calls are served, else 0.", MetricType::Gauge, state == ReadyState::kReady ? 1 : 0);
  std::vector<std::pair<std::string, double>> reasons;
  for (std::size_t i = 0; i <= static_cast<std::size_t>(kLastReadyState); ++i) {
    const auto reason = static_cast<ReadyState>(i);
    if (reason != ReadyState::kReady) reasons.emplace_back(LabelOf(reason), reason == state ? 1 : 0);
  }
  list.Add("poold_not_ready", "1 for the reason for which calls are not served, else 0.", MetricType::Gauge, "reason",
           reasons);
}

// The names that every Prometheus client library gives them.
void AddProcess(FamilyList& list) {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream stat_file("/proc/self/stat");
  std::string stat;
  std::getline(stat_file, stat);
  // What follows the name, which is in parentheses and may hold anything: the third field and on.
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::vector<std::string> field(1, "");
  for (std::string text; fields >> text;) field.push_back(text);
  if (field.size() > 22) {
    const auto at = [&](std::size_t index) { return std::stod(field[index - 2]); };  // numbered as in proc(5)
    list.Add("process_cpu_seconds_total", "CPU time of the process, user and system, in seconds.", MetricType::Counter,
             (at(14) + at(15)) / ticks);
    list.Add("process_resident_memory_bytes", "Resident memory in bytes.", MetricType::Gauge,
             at(24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    std::ifstream kernel("/proc/stat");
    for (std::string line; std::getline(kernel, line);) {
      if (!line.starts_with("btime ")) continue;
      list.Add("process_start_time_seconds", "Start of the process since the Unix epoch in seconds.", MetricType::Gauge,
               std::stod(line.substr(6)) + at(22) / ticks);
    }
  }
  std::error_code unreadable;
  double files = 0;
  for (std::filesystem::directory_iterator each("/proc/self/fd", unreadable), end; each != end; ++each) ++files;
  list.Add("process_open_fds", "Open file descriptors.", MetricType::Gauge, files);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  list.Add("process_max_fds", "How many file descriptors may be open.", MetricType::Gauge,
           static_cast<double>(limit.rlim_cur));
}

}  // namespace

class Metrics::Impl {
 public:
  Impl() {
    Family<Gauge>(registry_, "poold_build_info", "The version that runs; always 1.")
        .Add({{"version", std::string(Version())}})
        .Set(1);
    for (std::size_t cause = 0; cause < std::size(kCauses); ++cause) {
      refused_[cause] = &refused_family_.Add({{"cause", std::string(kCauses[cause])}});
    }
    for (std::size_t door = 0; door < std::size(kDoors); ++door) {
      durations_[door] = std::vector<Histogram*>(Methods().size() + 1);  // the last: UnknownMethod
      calls_[door] = std::vector<Outcomes>(Methods().size() + 1);
    }
  }

  void Ended(const Call& call, const Error* error) {
    in_flight_.Decrement();
    const std::size_t door = call.http_request() == nullptr ? 0 : 1;
    const std::size_t method = call.method().index;
    CallsOf(door, method, error).Increment();
    DurationsOf(door, method).Observe(Seconds(std::chrono::steady_clock::now() - call.received()));
  }

  void Statement(std::string_view name, std::chrono::nanoseconds took) { StatementsOf(name).Observe(Seconds(took)); }

  std::string Text() {
    auto families = registry_.Collect();
    FamilyList now;
    {
      const std::lock_guard lock(mutex_);
      if (sources_.database) AddDatabase(now, sources_.database());
      if (sources_.queue_length) {
        now.Add("poold_queue_length", "Calls that wait for a worker at this moment.", MetricType::Gauge,
                static_cast<double>(sources_.queue_length()));
      }
      if (sources_.spans_dropped) {
        now.Add("poold_spans_dropped_total", "Spans that were lost, since the collector was away or too slow.",
                MetricType::Counter, static_cast<double>(sources_.spans_dropped()));
      }
      AddReady(now, sources_.ready_state ? sources_.ready_state() : ReadyState::kStarting);
    }
    AddProcess(now);
    for (MetricFamily& family : now.Take()) families.push_back(std::move(family));
    return prometheus::TextSerializer().Serialize(families);
  }

  void ConnectionCut(std::string_view cause, int connections) {
    cut_family_.Add({{"cause", std::string(cause)}}).Increment(connections);
  }

  void Watch(Sources sources) {
    const std::lock_guard lock(mutex_);
    sources_ = std::move(sources);
  }

  void Began() { in_flight_.Increment(); }
  void Refused(RefusalCause cause) { refused_[static_cast<std::size_t>(cause)]->Increment(); }
  void Waited(std::chrono::nanoseconds time) { queue_wait_.Observe(Seconds(time)); }

 private:
  // By Fault; before them, that all went well; behind them, kConflict that is ALREADY_EXISTS.
  static constexpr std::size_t kOutcomes = static_cast<std::size_t>(Fault::kInvalidSignature) + 3;
  struct Outcomes {
    Outcomes() = default;
    Outcomes(const Outcomes&) {}  // for the vector, which makes them all empty
    std::array<std::atomic<Counter*>, kOutcomes> counters{};
  };

  static std::size_t IndexOf(const Error* error) {
    if (error == nullptr) return 0;
    if (error->code() != RowOf(error->fault()).code) return kOutcomes - 1;
    return 1 + static_cast<std::size_t>(error->fault());
  }

  static std::string NameOf(std::size_t method) {
    return std::string((method < Methods().size() ? Methods()[method] : UnknownMethod()).name);
  }

  // The child is looked up in the library's table once, and then known by its place.
  Counter& CallsOf(std::size_t door, std::size_t method, const Error* error) {
    std::atomic<Counter*>& known = calls_[door][method].counters[IndexOf(error)];
    if (Counter* counter = known.load(std::memory_order_acquire)) return *counter;
    Counter& added =
        calls_family_.Add({{"door", std::string(kDoors[door])},
                           {"method", NameOf(method)},
                           {"code", std::string(CodeName(error == nullptr ? grpc::StatusCode::OK : error->code()))},
                           {"exception", error == nullptr ? "" : std::string(error->exception())}});
    known.store(&added, std::memory_order_release);
    return added;
  }

  Histogram& DurationsOf(std::size_t door, std::size_t method) {
    std::atomic_ref known(durations_[door][method]);
    if (Histogram* histogram = known.load(std::memory_order_acquire)) return *histogram;
    Histogram& added =
        durations_family_.Add({{"door", std::string(kDoors[door])}, {"method", NameOf(method)}}, kDurations);
    known.store(&added, std::memory_order_release);
    return added;
  }

  Histogram& StatementsOf(std::string_view name) {
    {
      const std::shared_lock lock(statements_mutex_);
      const auto found = statements_.find(name);
      if (found != statements_.end()) return *found->second;
    }
    Histogram& added = statements_family_.Add({{"statement", std::string(name)}}, kDurations);
    const std::unique_lock lock(statements_mutex_);
    return *statements_.try_emplace(name, &added).first->second;
  }

  prometheus::Registry registry_;
  prometheus::Family<Counter>& calls_family_ =
      Family<Counter>(registry_, "poold_calls_total", "Calls that were answered.");
  prometheus::Family<Histogram>& durations_family_ = Family<Histogram>(
      registry_, "poold_call_duration_seconds", "From a call's arrival to its answer, with the time in the queue.");
  prometheus::Family<Counter>& refused_family_ =
      Family<Counter>(registry_, "poold_refused_total", "Calls refused before they had any effect, by cause.");
  prometheus::Family<Counter>& cut_family_ = Family<Counter>(
      registry_, "poold_connections_cut_total", "gRPC connections that were cut for what the client did, by cause.");
  prometheus::Family<Histogram>& statements_family_ = Family<Histogram>(
      registry_, "poold_statement_duration_seconds", "Round trips to the database, by the statement's name.");
  Gauge& in_flight_ =
      Family<Gauge>(registry_, "poold_calls_in_flight", "Calls that came in and are not answered yet.").Add({});
  Histogram& queue_wait_ =
      Family<Histogram>(registry_, "poold_queue_wait_seconds", "How long calls waited for a worker.")
          .Add({}, kDurations);
  std::array<Counter*, std::size(kCauses)> refused_{};
  std::array<std::vector<Histogram*>, std::size(kDoors)> durations_;
  std::array<std::vector<Outcomes>, std::size(kDoors)> calls_;

  std::shared_mutex statements_mutex_;
  std::unordered_map<std::string_view, Histogram*> statements_;

  std::mutex mutex_;
  Sources sources_;  // guarded by mutex_
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::Began() { impl_->Began(); }
void Metrics::Ended(const Call& call, const Error* error) { impl_->Ended(call, error); }
void Metrics::Refused(RefusalCause cause) { impl_->Refused(cause); }
void Metrics::Waited(std::chrono::nanoseconds time) { impl_->Waited(time); }
void Metrics::Statement(std::string_view name, std::chrono::nanoseconds took) { impl_->Statement(name, took); }
void Metrics::ConnectionCut(std::string_view cause, int connections) { impl_->ConnectionCut(cause, connections); }
void Metrics::Watch(Sources sources) { impl_->Watch(std::move(sources)); }
std::string Metrics::Text() const { return impl_->Text(); }

}  // namespace poold
