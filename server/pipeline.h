#pragma once

#include "server/call.h"
#include "server/executor.h"

namespace poold {

struct Settings;

// The way of every call, whichever door it came by: admission on the door's thread, then the queue, then execution on a
// worker's. The steps are listed in pipeline.cc. No exception leaves it: each becomes one Error, once, here.
// Thread-safe. Must outlive its calls.
class Pipeline {
 public:
  explicit Pipeline(const Settings& settings);

  // Admits the call and queues it, or finishes it with the refusal. Never blocks and never touches the database. The
  // call's deadline must be set if the caller gave one; it is bounded by the settings here.
  void Start(Call& call) noexcept;

  // Calls that wait for a worker at this moment.
  std::size_t queued() const { return executor_.queued(); }

 private:
  void Execute(std::span<Call* const> calls) noexcept;

  const Settings& settings_;
  Executor executor_;
};

}  // namespace poold
