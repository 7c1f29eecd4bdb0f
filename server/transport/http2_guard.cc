#include "server/transport/http2_guard.h"

#include <cstring>

namespace poold {
namespace {

constexpr std::string_view kPrefaceText = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kRstStream = 3;
constexpr std::uint8_t kSettings = 4;
constexpr std::uint8_t kPushPromise = 5;
constexpr std::uint8_t kPing = 6;
constexpr std::uint8_t kGoaway = 7;
constexpr std::uint8_t kWindowUpdate = 8;
constexpr std::uint8_t kContinuation = 9;

constexpr std::uint8_t kEndStream = 1;  // of DATA and HEADERS
constexpr std::uint8_t kAck = 1;        // of SETTINGS and PING
constexpr std::uint8_t kEndHeaders = 4;
constexpr std::uint8_t kPadded = 8;

constexpr std::uint32_t kMessagePrefix = 5;  // of a gRPC message: whether it is compressed, and its length

constexpr std::string_view kNames[] = {"preface",        "late_preface", "protocol",    "frame_size",
                                       "header_block",   "late_headers", "streams",     "unfinished_bytes",
                                       "late_message",   "resets",       "pings",       "settings",
                                       "window_updates", "tiny_frames",  "other_frames"};
static_assert(std::size(kNames) == kHttp2Violations);

void AppendNumber(std::string& text, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift);
}

}  // namespace

std::string_view NameOf(Http2Violation violation) { return kNames[static_cast<std::size_t>(violation)]; }

bool Http2Guard::Frame::Read(std::span<const std::byte>& bytes) {
  const std::size_t count = std::min<std::size_t>(bytes.size(), header.size() - header_bytes);
  std::memcpy(header.data() + header_bytes, bytes.data(), count);
  bytes = bytes.subspan(count);
  header_bytes += static_cast<std::uint32_t>(count);
  if (header_bytes < header.size()) return false;

  header_bytes = 0;
  const auto byte = [this](std::size_t i) { return std::uint32_t{header[i]}; };
  length = byte(0) << 16 | byte(1) << 8 | byte(2);
  left = length;
  type = header[3];
  flags = header[4];
  stream = (byte(5) & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
  return true;
}

bool Http2Guard::Allowance::Refill(TimePoint now) {
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - filled_).count();
  const std::int64_t more = std::min<std::int64_t>(passed * rate_.per_second / 1'000'000, rate_.burst);
  if (more <= 0) return false;
  left_ = std::min(left_ + static_cast<int>(more), rate_.burst);
  // The rest of a frame's time counts for the next one.
  filled_ = more < rate_.burst ? filled_ + std::chrono::microseconds(more * 1'000'000 / rate_.per_second) : now;
  return left_ > 0;
}

Http2Guard::Http2Guard(const Http2Limits& limits, ByteBudget& unfinished, TimePoint now)
    : limits_(limits),
      share_(unfinished),
      began_at_(now),
      next_check_(now + limits.preface_time),
      resets_(limits.resets, now),
      refusals_(limits.refusals, now),
      pings_(limits.pings, now),
      settings_(limits.settings, now),
      window_updates_(limits.window_updates, now),
      tiny_frames_(limits.tiny_frames, now),
      other_frames_(limits.other_frames, now) {}

std::optional<Http2Violation> Http2Guard::FromClient(std::span<const std::byte> bytes, TimePoint now) {
  if (now >= next_check_) CheckTime(now);
  if (preface_bytes_ < kPrefaceText.size() && !bytes.empty()) ReadPreface(bytes);
  while (!bytes.empty() && !broken_) {
    if (client_.left == 0) {
      if (!client_.Read(bytes)) break;
      BeginClientFrame(now);
    } else {
      const auto payload = bytes.first(std::min<std::size_t>(bytes.size(), client_.left));
      bytes = bytes.subspan(payload.size());
      client_.left -= static_cast<std::uint32_t>(payload.size());
      if (client_.type == kData) FollowMessages(payload, now);
    }
    if (client_.left == 0 && !broken_) EndClientFrame(now);
  }
  return broken_;
}

void Http2Guard::ReadPreface(std::span<const std::byte>& bytes) {
  const std::size_t count = std::min(bytes.size(), kPrefaceText.size() - preface_bytes_);
  Require(std::memcmp(bytes.data(), kPrefaceText.data() + preface_bytes_, count) == 0, Http2Violation::kPreface);
  preface_bytes_ += count;
  bytes = bytes.subspan(count);
}

void Http2Guard::BeginClientFrame(TimePoint now) {
  const Frame& frame = client_;
  if (!began_) {
    Require(frame.type == kSettings && (frame.flags & kAck) == 0, Http2Violation::kProtocol);
  }
  if (header_block_stream_ != 0) {
    Require(frame.type == kContinuation && frame.stream == header_block_stream_, Http2Violation::kProtocol);
  }
  // Those have limits of their own.
  if (frame.type != kData && frame.type != kHeaders && frame.type != kContinuation) {
    Require(frame.length <= limits_.frame_bytes, Http2Violation::kFrameSize);
  }
  if (broken_) return;

  switch (frame.type) {
    case kData:
      BeginData(now);
      break;
    case kHeaders:
      BeginHeaders(now);
      break;
    case kContinuation:
      Require(header_block_stream_ != 0, Http2Violation::kProtocol);
      AddToHeaderBlock();
      if (const auto stream = Find(frame.stream); stream != streams_.end() && stream->open > 0) {
        ChargeOpen(*stream, frame.length);
      }
      break;
    case kRstStream:
      if (const auto stream = Find(frame.stream); stream != streams_.end()) {
        Close(stream);
        ++unanswered_;
        Require(resets_.Take(now), Http2Violation::kResets);
      } else {
        Require(tiny_frames_.Take(now), Http2Violation::kTinyFrames);
      }
      break;
    case kSettings:
      Require(settings_.Take(now), Http2Violation::kSettings);
      break;
    case kPing:
      Require(pings_.Take(now), Http2Violation::kPings);
      break;
    case kWindowUpdate:
      Require(window_updates_.Take(now), Http2Violation::kWindowUpdates);
      break;
    case kPushPromise:
      Require(false, Http2Violation::kProtocol);
      break;
    default:
      Require(other_frames_.Take(now), Http2Violation::kOtherFrames);
  }
}

void Http2Guard::BeginHeaders(TimePoint now) {
  const Frame& frame = client_;
  Require((frame.flags & kPadded) == 0 && frame.stream % 2 == 1, Http2Violation::kProtocol);
  header_block_stream_ = frame.stream;
  header_block_bytes_ = 0;
  header_block_since_ = now;
  Await(now + limits_.header_time);
  AddToHeaderBlock();

  const bool ends = (frame.flags & kEndStream) != 0;
  if (frame.stream > last_stream_) {
    last_stream_ = frame.stream;
    Require(streams_.size() < limits_.streams, Http2Violation::kStreams);
    if (broken_) return;
    const bool is_free = streams_.size() < limits_.free_streams;
    Stream& stream = streams_.emplace_back(Stream{.id = frame.stream, .client_ended = ends, .since = now});
    if (!is_free) {
      ChargeOpen(stream, limits_.stream_cost + frame.length);
    } else if (!ends) {
      Charge(limits_.stream_cost);
      stream.unfinished = static_cast<std::int32_t>(limits_.stream_cost);
    }
    if (!ends) Await(now + limits_.message_time);
    window_updates_.Allow(2);
    tiny_frames_.Allow(2);
  } else if (const auto stream = Find(frame.stream); stream != streams_.end()) {
    Require(ends && !stream->client_ended, Http2Violation::kProtocol);
    EndClientSide(*stream);
  } else {
    Require(tiny_frames_.Take(now), Http2Violation::kTinyFrames);
  }
}

void Http2Guard::AddToHeaderBlock() {
  header_block_bytes_ += client_.length;
  Require(header_block_bytes_ <= limits_.header_block_bytes, Http2Violation::kHeaderBlock);
  if ((client_.flags & kEndHeaders) == 0) {
    Require(client_.length >= limits_.header_fragment_bytes, Http2Violation::kHeaderBlock);
  }
}

void Http2Guard::BeginData(TimePoint now) {
  const Frame& frame = client_;
  Require((frame.flags & kPadded) == 0 && frame.stream % 2 == 1 && frame.stream <= last_stream_,
          Http2Violation::kProtocol);
  message_ended_ = false;
  const auto stream = Find(frame.stream);
  // The server may have ended the stream while this was on its way; gRPC then drops it.
  if (stream == streams_.end()) return;
  Require(!stream->client_ended, Http2Violation::kProtocol);
  if (frame.length == 0 || broken_) return;
  if (!stream->IsAwaited()) {
    stream->since = now;
    Await(now + limits_.message_time);
  }
  const std::int64_t cost = frame.length + limits_.frame_cost;
  Charge(cost);
  stream->unfinished += static_cast<std::int32_t>(cost);
}

// Reads the prefixes of the messages, and skips the messages.
void Http2Guard::FollowMessages(std::span<const std::byte> payload, TimePoint now) {
  const auto stream = Find(client_.stream);
  if (stream == streams_.end()) return;
  while (!payload.empty()) {
    if (stream->prefix_bytes < kMessagePrefix) {
      const auto byte = std::to_integer<std::uint32_t>(payload.front());
      payload = payload.subspan(1);
      // The first byte says whether it is compressed; the length follows.
      stream->message_left = stream->prefix_bytes == 0 ? 0 : stream->message_left << 8 | byte;
      ++stream->prefix_bytes;
    } else {
      const auto count = std::min<std::size_t>(payload.size(), stream->message_left);
      payload = payload.subspan(count);
      stream->message_left -= static_cast<std::uint32_t>(count);
    }
    if (stream->prefix_bytes == kMessagePrefix && stream->message_left == 0) {
      EndMessage(*stream, client_.left + static_cast<std::uint32_t>(payload.size()), now);
    }
  }
}

// `frame_left`: what still follows in the same frame, which is paid for already: it begins the next message.
void Http2Guard::EndMessage(Stream& stream, std::uint32_t frame_left, TimePoint now) {
  message_ended_ = true;
  const auto rest = static_cast<std::int32_t>(frame_left);
  const std::int32_t finished = stream.unfinished - rest;
  if (stream.has_message) {
    stream.unanswered += finished;
  } else {
    stream.has_message = true;
    Return(finished);
  }
  stream.unfinished = rest;
  stream.prefix_bytes = 0;
  stream.since = now;
  if (rest > 0) Await(now + limits_.message_time);
}

void Http2Guard::EndClientFrame(TimePoint now) {
  began_ = true;
  const Frame& frame = client_;
  if ((frame.type == kHeaders || frame.type == kContinuation) && (frame.flags & kEndHeaders) != 0) {
    header_block_stream_ = 0;
  }
  if (frame.type != kData) return;
  if ((frame.flags & kEndStream) != 0) {
    if (const auto stream = Find(frame.stream); stream != streams_.end()) EndClientSide(*stream);
  } else if (frame.length < limits_.tiny_bytes && !message_ended_) {
    Require(tiny_frames_.Take(now), Http2Violation::kTinyFrames);
  }
}

std::optional<Http2Violation> Http2Guard::FromServer(std::span<const std::byte> bytes, TimePoint now) {
  while (!bytes.empty()) {
    if (server_.left == 0) {
      if (server_.Read(bytes)) BeginServerFrame(now);
    } else {
      const std::size_t count = std::min<std::size_t>(bytes.size(), server_.left);
      bytes = bytes.subspan(count);
      server_.left -= static_cast<std::uint32_t>(count);
    }
  }
  return broken_;
}

void Http2Guard::BeginServerFrame(TimePoint now) {
  const Frame& frame = server_;
  if (frame.type == kData || frame.type == kHeaders) {
    pings_.Allow(1);
    window_updates_.Allow(2);
    const auto stream = Find(frame.stream);
    if (stream == streams_.end()) return;
    Return(stream->unanswered);
    stream->unanswered = 0;
    if (frame.type == kData) stream->answered = true;
    if ((frame.flags & kEndStream) != 0) {
      resets_.Allow(1);
      if (stream->answered) {
        ++answered_;
        refusals_.Allow(1);
      } else {
        ++unanswered_;
        refusals_.Spend();
      }
      Close(stream);
    }
  } else if (frame.type == kRstStream) {
    // Something that the client did made gRPC end the stream, or its call was late.
    if (const auto stream = Find(frame.stream); stream != streams_.end()) {
      Close(stream);
      ++unanswered_;
      Require(resets_.Take(now), Http2Violation::kResets);
    }
  } else if (frame.type == kSettings && (frame.flags & kAck) == 0) {
    settings_.Allow(1);
  } else if (frame.type == kPing && (frame.flags & kAck) == 0) {
    pings_.Allow(1);
  }
}

std::optional<Http2Violation> Http2Guard::CheckTime(TimePoint now) {
  if (now < next_check_) return broken_;
  next_check_ = TimePoint::max();
  const auto check = [&](TimePoint due, Http2Violation violation) {
    Require(now < due, violation);
    Await(due);
  };
  if (!began_) check(began_at_ + limits_.preface_time, Http2Violation::kLatePreface);
  if (header_block_stream_ != 0) check(header_block_since_ + limits_.header_time, Http2Violation::kLateHeaders);
  for (const Stream& stream : streams_) {
    if (stream.IsAwaited()) check(stream.since + limits_.message_time, Http2Violation::kLateMessage);
  }
  return broken_;
}

std::string Http2Guard::Goaway(Http2Violation violation) const {
  constexpr std::uint32_t kProtocolError = 0x1;
  constexpr std::uint32_t kEnhanceYourCalm = 0xb;
  const bool is_mistake = violation == Http2Violation::kPreface || violation == Http2Violation::kProtocol;
  const std::string_view name = NameOf(violation);
  const std::size_t length = 8 + name.size();
  std::string frame = {0, 0, static_cast<char>(length), static_cast<char>(kGoaway), 0};
  AppendNumber(frame, 0);
  AppendNumber(frame, last_stream_);
  AppendNumber(frame, is_mistake ? kProtocolError : kEnhanceYourCalm);
  return frame.append(name);
}

Http2Guard::Streams::iterator Http2Guard::Find(std::uint32_t id) {
  const auto found = std::lower_bound(streams_.begin(), streams_.end(), id,
                                      [](const Stream& stream, std::uint32_t sought) { return stream.id < sought; });
  return found != streams_.end() && found->id != id ? streams_.end() : found;
}

void Http2Guard::EndClientSide(Stream& stream) {
  stream.client_ended = true;
  Return(stream.unfinished);
  stream.unfinished = 0;
}

void Http2Guard::Close(Streams::iterator stream) {
  Return(stream->unfinished + stream->unanswered + stream->open);
  streams_.erase(stream);
}

void Http2Guard::ChargeOpen(Stream& stream, std::int64_t bytes) {
  Charge(bytes);
  stream.open += static_cast<std::int32_t>(bytes);
}

void Http2Guard::Charge(std::int64_t bytes) {
  unfinished_ += bytes;
  const std::int64_t more = unfinished_ - limits_.free_bytes - share_.taken();
  if (more > 0) Require(share_.TryTakeFairly(more), Http2Violation::kUnfinishedBytes);
}

void Http2Guard::Return(std::int64_t bytes) {
  unfinished_ -= bytes;
  const std::int64_t less = share_.taken() - std::max<std::int64_t>(unfinished_ - limits_.free_bytes, 0);
  if (less > 0) share_.Return(less);
}

}  // namespace poold
