#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tests/attack/attack.h"
#include "tests/support/http2_frames.h"

namespace poold {

// An attacker that speaks HTTP/2 well enough to be listened to: it greets, acknowledges SETTINGS and keeps to the
// windows of flow control.
class Http2Peer : public AttackPeer {
 public:
  std::string Next() final;
  void Receive(std::string_view bytes) final;

 protected:
  // What this attack sends; empty: nothing for now.
  virtual std::string More() = 0;

  // The HEADERS of a call on the next stream. `fields`: besides those of every call.
  std::string OpenCall(const std::string& fields = {}, int flags = http2::kEndHeaders);
  // The same of another method.
  std::string OpenCallOf(std::string_view method, const std::string& fields = {}, int flags = http2::kEndHeaders);
  // The whole of a call with an empty request, on the next stream.
  std::string Call(const std::string& fields = {});
  std::uint32_t stream() const { return stream_; }                      // of the last call; 0: none yet
  int open_calls() const { return static_cast<int>(windows_.size()); }  // that the server has not ended
  bool IsOpen(std::uint32_t stream) const { return windows_.contains(stream); }
  // From now on it sends a header block, in which nothing else has a place.
  void StopReplying() { replying_ = false; }

  // No more is sent on it, and how it ends does not matter.
  void Forget(std::uint32_t stream) { windows_.erase(stream); }

  // DATA with as much of the payload's begin as the windows allow, and takes that away from it. Empty: nothing now.
  std::string SendWithin(std::uint32_t stream, std::string_view& payload);

 private:
  void HandleFrame(http2::Type type, int flags, std::uint32_t stream, std::string_view payload);

  bool began_ = false;
  std::string received_;  // the begin of a frame
  std::string replies_;
  bool replying_ = true;
  std::uint32_t stream_ = 0;
  std::size_t unreturned_ = 0;  // bytes of answers that the server got no room for yet
  std::int64_t connection_window_ = 65'535;
  std::int64_t initial_window_ = 65'535;
  std::map<std::uint32_t, std::int64_t> windows_;  // of each call that the server has not ended
};

// Calls this method, which strangers may try and the bystander calls as well.
inline constexpr std::string_view kAttackedMethod = "/smsvoice.v2.Pools/DescribePools";

}  // namespace poold
