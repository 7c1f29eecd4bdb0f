#pragma once

#include <latch>
#include <thread>
#include <vector>

namespace poold {

// Calls act(0) ... act(count - 1), each on a thread of its own and all at once, and waits for them. Returns what they
// returned, in that order. `act` must not throw.
template <class Act>
auto InParallel(int count, const Act& act) {
  std::vector<decltype(act(0))> results(static_cast<std::size_t>(count));
  std::latch start(count);
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      results[static_cast<std::size_t>(i)] = act(i);
    });
  }
  threads.clear();  // joins
  return results;
}

}  // namespace poold
