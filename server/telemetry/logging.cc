#include "server/telemetry/logging.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace poold {
namespace {

// The message as a JSON string.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = JsonString({message.payload.data(), message.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

std::unique_ptr<spdlog::formatter> FormatterOf(bool json, bool calls) {
  const char* pattern = !json   ? "%Y-%m-%dT%H:%M:%S.%eZ %l %v"
                        : calls ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*})";
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonMessage>('*').set_pattern(pattern);
  return formatter;
}

// Standard error. Lines gather for a moment and are then written by a thread of its own, so that under load neither a
// system call nor a wake-up is needed for each.
class Output {
 public:
  Output() : thread_([this](const std::stop_token& stop) { Run(stop); }) {}

  void Write(std::string_view line) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.size() + line.size() > kMost) {
        ++lost_;
        return;
      }
      first = pending_.empty();
      pending_.append(line);
    }
    if (first) ready_.notify_one();
  }

  // Writes what is left; what comes later is lost.
  void Finish() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr std::size_t kMost = 4 << 20;
  static constexpr std::chrono::milliseconds kGathering{10};

  // Until it is stopped and nothing is left.
  void Run(const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "log");
    std::string lines;
    std::unique_lock lock(mutex_);
    while (ready_.wait(lock, stop, [this] { return !pending_.empty(); })) {
      ready_.wait_for(lock, stop, kGathering, [] { return false; });
      lines.clear();
      lines.swap(pending_);
      const std::size_t lost = std::exchange(lost_, 0);
      lock.unlock();
      std::fwrite(lines.data(), 1, lines.size(), stderr);
      if (lost > 0) spdlog::warn("{} lines of the log are lost: nobody read them", lost);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::string pending_;
  std::size_t lost_ = 0;
  std::jthread thread_;
};

// Owned by the sinks.
std::weak_ptr<Output>& TheOutput() {
  static std::weak_ptr<Output> output;
  return output;
}

// One for each form of line; both lead to the same place.
class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(std::shared_ptr<Output> output) : output_(std::move(output)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    output_->Write({line.data(), line.size()});
  }
  void flush_() override {}

  const std::shared_ptr<Output> output_;
};

std::shared_ptr<spdlog::logger> MakeLogger(const std::string& name, bool json, bool calls,
                                           const std::shared_ptr<Output>& output) {
  auto sink = std::make_shared<Sink>(output);
  sink->set_formatter(FormatterOf(json, calls));
  return std::make_shared<spdlog::logger>(name, std::move(sink));
}

// gRPC's own lines may quote what strangers sent: of them only the place is told, for whoever reads its source.
void LogOfGrpc(gpr_log_func_args* line) {
  const std::string_view file(line->file);
  spdlog::debug("gRPC: {}:{}", file.substr(file.rfind('/') + 1), line->line);
}

}  // namespace

void SetUpLogging(const LogSettings& settings) {
  const bool json = settings.format == "json";
  const auto output = std::make_shared<Output>();
  TheOutput() = output;
  spdlog::set_default_logger(MakeLogger("poold", json, false, output));
  spdlog::register_logger(MakeLogger(kCallLog, json, true, output));
  spdlog::set_level(spdlog::level::from_str(settings.level));
  gpr_set_log_function(&LogOfGrpc);
  google::protobuf::SetLogHandler(nullptr);  // what it says of unreadable messages, their senders are told
}

void LogRefusedRequest(const LogSettings& settings, std::string_view request_id, std::string_view door,
                       std::string_view exception) {
  const auto logger = spdlog::get(kCallLog);
  if (logger == nullptr) return;
  if (settings.format == "json") {
    logger->info(R"("request_id":"{}","door":"{}","outcome":"{}")", request_id, door, exception);
  } else {
    logger->info("request_id={} door={} outcome={}", request_id, door, exception);
  }
}

void FinishLogging() {
  gpr_set_log_function([](gpr_log_func_args*) {});
  if (const auto output = TheOutput().lock()) output->Finish();
  spdlog::shutdown();
}

std::string JsonString(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

std::string WithoutNumbers(std::string_view text) {
  constexpr std::size_t kShown = 3;
  constexpr std::size_t kLeast = 7;
  std::string shown;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
    if (end - i >= kLeast) {
      shown.append(text.substr(i, kShown)).append("...");
    } else {
      end = std::max(end, i + 1);
      shown.append(text.substr(i, end - i));
    }
    i = end;
  }
  return shown;
}

}  // namespace poold
