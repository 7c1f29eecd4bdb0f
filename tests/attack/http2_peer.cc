#include "tests/attack/http2_peer.h"

#include <algorithm>
#include <utility>

namespace poold {
namespace {

std::uint32_t NumberAt(std::string_view bytes, std::size_t begin, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = begin; i < begin + count; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kGreatestFrame = 16'384;
constexpr std::size_t kReturnWindow = 16'384;  // of answers, before the server gets room for more

}  // namespace

std::string Http2Peer::Next() {
  std::string out = began_ ? std::string() : http2::Hello();
  began_ = true;
  if (replying_) out += replies_;
  replies_.clear();
  return out + More();
}

void Http2Peer::Receive(std::string_view bytes) {
  received_ += bytes;
  std::string_view left = received_;
  while (left.size() >= kFrameHeader) {
    const std::size_t length = NumberAt(left, 0, 3);
    if (left.size() < kFrameHeader + length) break;
    HandleFrame(static_cast<http2::Type>(left[3]), left[4], NumberAt(left, 5, 4), left.substr(kFrameHeader, length));
    left.remove_prefix(kFrameHeader + length);
  }
  received_ = std::string(left);
}

void Http2Peer::HandleFrame(http2::Type type, int flags, std::uint32_t stream, std::string_view payload) {
  if (type == http2::Type::kData) unreturned_ += payload.size();
  if (unreturned_ > kReturnWindow) {
    replies_ += http2::WindowUpdate(0, static_cast<std::uint32_t>(std::exchange(unreturned_, 0)));
  }
  if (type == http2::Type::kSettings && (flags & http2::kAck) == 0) {
    constexpr std::uint32_t kInitialWindowSize = 4;
    for (; payload.size() >= 6; payload.remove_prefix(6)) {
      if (NumberAt(payload, 0, 2) != kInitialWindowSize) continue;
      const std::int64_t window = NumberAt(payload, 2, 4);
      for (auto& [id, left] : windows_) left += window - initial_window_;
      initial_window_ = window;
    }
    replies_ += http2::SettingsAck();
  } else if (type == http2::Type::kWindowUpdate && payload.size() == 4) {
    const auto window = windows_.find(stream);
    if (stream == 0) connection_window_ += NumberAt(payload, 0, 4);
    if (window != windows_.end()) window->second += NumberAt(payload, 0, 4);
  } else if (type == http2::Type::kPing && (flags & http2::kAck) == 0) {
    replies_ += http2::Frame(http2::Type::kPing, http2::kAck, 0, payload);
  } else if (type == http2::Type::kRstStream ||
             ((type == http2::Type::kHeaders || type == http2::Type::kData) && (flags & http2::kEndStream) != 0)) {
    windows_.erase(stream);
  }
}

std::string Http2Peer::OpenCall(const std::string& fields, int flags) {
  return OpenCallOf(kAttackedMethod, fields, flags);
}

std::string Http2Peer::OpenCallOf(std::string_view method, const std::string& fields, int flags) {
  stream_ = stream_ == 0 ? 1 : stream_ + 2;
  windows_.try_emplace(stream_, initial_window_);
  return http2::Headers(stream_, http2::CallFields(method) + fields, flags);
}

std::string Http2Peer::Call(const std::string& fields) {
  std::string out = OpenCall(fields);
  return out += http2::Data(stream_, http2::Message(0), http2::kEndStream);
}

std::string Http2Peer::SendWithin(std::uint32_t stream, std::string_view& payload) {
  const auto window = windows_.find(stream);
  if (window == windows_.end()) return {};
  const std::int64_t allowed = std::min({window->second, connection_window_, std::int64_t{kGreatestFrame}});
  if (allowed <= 0 || payload.empty()) return {};
  const std::string_view part = payload.substr(0, static_cast<std::size_t>(allowed));
  payload.remove_prefix(part.size());
  window->second -= static_cast<std::int64_t>(part.size());
  connection_window_ -= static_cast<std::int64_t>(part.size());
  return http2::Data(stream, part);
}

}  // namespace poold
