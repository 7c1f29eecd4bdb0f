#pragma once

#include "server/base/periodic.h"
#include "server/rpc/call.h"

namespace poold {

// What becomes due without anybody calling: forgets client tokens after their day and opt-ins after
// their month, removes the numbers of deleted opt-out lists, activates PENDING numbers and ends deletions whose delay
// is over. In small batches that pass over rows others hold, so all replicas can do it at once and no call waits for
// it. `service` must outlive it.
class Housekeeping {
 public:
  explicit Housekeeping(Service& service);

 private:
  std::chrono::milliseconds Work(const std::stop_token& stop);

  Service& service_;
  Periodic work_;
};

}  // namespace poold
