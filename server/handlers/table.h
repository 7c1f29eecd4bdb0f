#pragma once

#include <vector>

#include "server/rpc/call.h"
#include "server/rpc/method.h"
#include "server/rpc/together.h"

namespace poold {

// What does the work of a method: a row of the table in table.cc.
struct Handler {
  void (*handle)(Call& call);  // calls the method's function in handlers.h, and fills the response
  // Ways to batch this method, tried in order. A call that none of them accepts runs alone.
  std::vector<const Together*> together;
};

// That of UnknownMethod() throws: such a call is refused before. The table is made at first use, which throws
// std::logic_error if a method has no row; then constant; any thread.
const Handler& HandlerOf(const Method& method);

}  // namespace poold
