#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "server/pipeline/executor.h"
#include "server/pipeline/full_queue_log.h"
#include "server/rpc/call.h"

namespace poold {

struct PipelineSettings;
struct Together;

// The way of every call, whichever endpoint it came by: admission on the endpoint's thread, then the queue, then
// execution on a worker's. A big request is read by a thread of its own, so that it keeps nobody else waiting. Every
// queue serves accounts in turn. The steps are listed in pipeline.cc. No exception leaves it: each becomes one Error,
// once, here. Thread-safe. Must outlive its calls.
class Pipeline {
 public:
  // `dev`: it serves `poold dev`. The settings must outlive it.
  Pipeline(const PipelineSettings& settings, bool dev);

  // Admits the call and queues it, or finishes it with the refusal, now or on another thread. Never blocks and never
  // touches the database. The call's deadline must be set if the caller gave one; it is bounded by the settings here.
  void Start(Call& call) noexcept;

  // Of a call over HTTP whose body has not been read: true if its headers alone are reason for a refusal, with which
  // the call is then finished. False: nothing has been done; the request may be read, and started as a call of its own.
  bool RefuseByHeaders(Call& call) noexcept;

  // No call runs longer.
  std::chrono::milliseconds greatest_deadline() const;

  // Calls that wait for a worker at this moment.
  std::size_t queued() const;

  // The refusal of a call whose queue is full: always this object, so that an endpoint may have its answer ready.
  static const Error& QueueFull();

  // A request of more bytes is read and checked by a thread of its own: that takes milliseconds.
  static constexpr std::size_t kBigRequest = 64 << 10;

 private:
  using Queues = std::vector<Executor*>;

  Queues QueuesOf(const Method& method);
  Executor& QueueOf(const Call& call);
  bool AreFull(const Call& call) const;
  bool MayBeFullFor(const Call& call) const;

  // The rest of admission, once it was tried to read the request.
  void CheckAndQueue(Call& call, const std::optional<Error>& unreadable) noexcept;
  void Queue(Executor& executor, Call& call) noexcept;
  void RefuseForFullQueue(Call& call) noexcept;

  void AnswerReads(std::span<Call* const> calls) noexcept;
  void AnswerGroups(std::span<Call* const> calls) noexcept;
  void AnswerTogetherOrElse(const Together& together, std::span<Call* const> calls) noexcept;

  const PipelineSettings& settings_;
  const bool dev_;
  FullQueueLog full_queue_log_;
  WaitingBytes waiting_;  // of all queues
  // As many workers as database connections: more would only wait for one.
  Executor others_;
  // Calls that read a few rows and are answered together (Handler::together). A few workers are enough for them, and
  // better than many: the fewer take calls, the more wait to be taken together. They end before others_, to which they
  // hand what can't go together.
  Executor look_ups_;
  // Those that read pages. Each is work enough for a worker of its own, but if more wait, they go together, too.
  Executor listings_;
  // Those that write, by account, one worker each: those of one account would only wait for each other, and if a commit
  // took long, their groups would fall apart. They end before others_, too.
  std::deque<Executor> changes_;
  // Reads and checks big requests. It ends before all others, to which it hands them.
  Executor readers_;
  // By the index of the method: where its calls wait.
  std::vector<Queues> queues_;
};

}  // namespace poold
