#pragma once

#include <barrier>
#include <future>
#include <type_traits>
#include <vector>

namespace poold {

// Runs `body(0)` … `body(count - 1)` on threads of their own that set off together; returns what they returned, in that
// order. An exception of any of them is thrown here, after all have ended.
template <class Body>
auto AtOnce(int count, const Body& body) {
  using Value = std::invoke_result_t<Body, int>;
  std::barrier start(count);
  std::vector<std::future<Value>> running;
  for (int i = 0; i < count; ++i) {
    running.push_back(std::async(std::launch::async, [&start, &body, i] {
      start.arrive_and_wait();
      return body(i);
    }));
  }
  for (auto& one : running) one.wait();
  std::vector<Value> values;
  for (auto& one : running) values.push_back(one.get());
  return values;
}

}  // namespace poold
