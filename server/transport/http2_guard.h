#pragma once

// The guard of an HTTP/2 connection: it reads what a client sends before gRPC does, and says when a client breaks a
// limit that gRPC does not have. gRPC C++ 1.51 lets a stranger hold gigabytes or a whole core with one connection:
// by streams that are reset at once, header blocks without end, and messages that never become complete.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/transport/byte_budget.h"

namespace poold {

// How many frames of a kind a connection may send: `burst` at once, `per_second` on average, and `at_first` when it is
// new.
struct FrameRate {
  int burst;
  int per_second;
  int at_first = burst;
};

// What a connection may do. The defaults are what clients of gRPC need, and several times more.
struct Http2Limits {
  // From the connection's begin to the client's first frame.
  std::chrono::milliseconds preface_time{10'000};

  // The bytes of a header block: HEADERS with its CONTINUATIONs. gRPC takes 16 KiB of metadata.
  std::int64_t header_block_bytes = 32 << 10;
  // Each frame of a header block but the last has at least so many bytes. gRPC parses an unfinished field again with
  // each frame; clients fill a frame (16,384 bytes or more) before they begin the next one.
  std::int64_t header_fragment_bytes = 4 << 10;
  // From a header block's first byte to its last one.
  std::chrono::milliseconds header_time{10'000};

  // The greatest frame but for headers and DATA: what HTTP/2 allows where nothing else is announced. gRPC announces
  // 4 MiB, for DATA, and enforces it.
  std::int64_t frame_bytes = 16'384;

  // Streams that are open at one moment: what gRPC announces (kCallsPerConnection in grpc.cc). gRPC itself enforces it
  // only once the client has acknowledged it.
  std::size_t streams = 256;

  // Of them, those that cost nothing while they are open. What each further one costs, until it ends, counts among the
  // unfinished messages: stream_cost, and the bytes of its header block.
  std::size_t free_streams = 32;

  // Unfinished messages, by what they cost gRPC: the bytes that have come or are announced by a frame, and these.
  std::int64_t unfinished_bytes = 64 << 20;  // on all connections together: the capacity of the budget
  std::int64_t free_bytes = 64 << 10;        // of each connection, which the budget does not count
  std::int64_t frame_cost = 64;              // of each DATA frame, beside its bytes
  std::int64_t stream_cost = 8 << 10;        // of a stream until its first message is complete; see free_streams
  // From a stream's begin to the end of its first message; from the first byte of a later message to its last one.
  std::chrono::milliseconds message_time{20'000};

  // Streams that the client resets, or makes the server reset. Each call that the server has ended allows one more.
  // The work for a reset stream goes on in gRPC, which counts it no more. A client may give up all its calls at once,
  // twice; a new connection has to earn that, since making connections costs an attacker little.
  FrameRate resets{512, 256, 64};
  // Calls that the server ends without an answer (no DATA): refused ones, most likely. Each answer allows one more.
  // This limit cuts nobody, since an overloaded server refuses good callers as well: a connection that exceeds it is
  // not read from until it has made up for it. A new one may have few, as above.
  FrameRate refusals{500, 200, 64};
  // Each frame of an answer allows one more: clients measure the bandwidth with them.
  FrameRate pings{100, 10};
  // Each SETTINGS frame of the server allows one more: its acknowledgement.
  FrameRate settings{50, 10};
  // Each frame of an answer, and each stream, allows two more.
  FrameRate window_updates{500, 200};
  // DATA frames of fewer than tiny_bytes that end neither a message nor a stream, and resets of streams that are not
  // open. Each stream allows two more: a client may send a message's prefix by itself.
  FrameRate tiny_frames{500, 100};
  std::int64_t tiny_bytes = 512;
  // PRIORITY, GOAWAY and frames of unknown types.
  FrameRate other_frames{100, 10};
};

// The limit that a client broke.
enum class Http2Violation {
  kPreface,  // the client does not speak HTTP/2
  kLatePreface,
  kProtocol,  // what HTTP/2 forbids or gRPC does not support, such as padding
  kFrameSize,
  kHeaderBlock,  // too long, or in too many frames
  kLateHeaders,
  kStreams,  // too many at once
  kUnfinishedBytes,
  kLateMessage,
  kResets,
  kPings,
  kSettings,
  kWindowUpdates,
  kTinyFrames,
  kOtherFrames,
};
inline constexpr int kHttp2Violations = 15;

// Its name, for metrics and logs: "header_block".
std::string_view NameOf(Http2Violation violation);

// One connection. It keeps no bytes and does no I/O; the time is told. One thread at a time.
//
// How the bytes are cut into spans makes no difference to what it says. A connection that broke a limit stays broken.
class Http2Guard {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `unfinished`: for the unfinished messages of all connections; a connection gets a fair part of it
  // (ByteShare::TryTakeFairly). Both must outlive the guard.
  Http2Guard(const Http2Limits& limits, ByteBudget& unfinished, TimePoint now);
  Http2Guard(const Http2Guard&) = delete;
  Http2Guard& operator=(const Http2Guard&) = delete;

  // The next bytes from the client, before gRPC gets them. If a limit is broken, gRPC must not get them.
  std::optional<Http2Violation> FromClient(std::span<const std::byte> bytes, TimePoint now);

  // The next bytes from gRPC, before the client gets them.
  std::optional<Http2Violation> FromServer(std::span<const std::byte> bytes, TimePoint now);

  // Whether something is late. To be called at next_check() or soon after, which is TimePoint::max() if nothing is
  // awaited. Calls at other times do no harm.
  std::optional<Http2Violation> CheckTime(TimePoint now);
  TimePoint next_check() const { return next_check_; }

  // Whether more calls were refused than the limit allows, so that for now nothing more should be read from the client.
  // It never lasts long: a second or two for all calls that a connection may have. Nothing else waits meanwhile.
  bool IsPaced(TimePoint now) { return refusals_.IsSpent(now); }

  // Whether the server has answered calls of the connection, has none left to answer, and answered as many as were
  // reset or refused.
  bool IsBlameless() const { return !broken_ && streams_.empty() && answered_ > 0 && answered_ >= unanswered_; }

  // Whether the bytes from gRPC so far end with a whole frame: only then can a frame be put after them.
  bool server_between_frames() const { return server_.left == 0 && server_.header_bytes == 0; }
  // The frame that tells the client why it is cut: ENHANCE_YOUR_CALM or PROTOCOL_ERROR, with the name of the limit.
  std::string Goaway(Http2Violation violation) const;

 private:
  // A frame's 9 bytes, collected, and how many bytes of its payload are yet to come.
  struct Frame {
    std::array<std::uint8_t, 9> header;
    std::uint32_t header_bytes = 0;  // of `header` that have come; 0 between frames and within a payload
    std::uint32_t left = 0;
    std::uint32_t length = 0;
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;

    // Takes bytes of the header from the front; true when it is complete.
    bool Read(std::span<const std::byte>& bytes);
  };

  // A stream from its HEADERS until the server ends it or either side resets it.
  struct Stream {
    std::uint32_t id;
    bool client_ended = false;
    bool has_message = false;        // its first message is complete
    bool answered = false;           // the server has sent DATA
    std::uint8_t prefix_bytes = 0;   // of the message's prefix that have come
    std::uint32_t message_left = 0;  // of the message; the length as far as it has come while the prefix is read
    std::int32_t unfinished = 0;     // what its unfinished message costs
    std::int32_t unanswered = 0;     // what complete messages after the first cost that the server did not react to
    std::int32_t open = 0;           // what it costs as long as it is open
    TimePoint since;                 // when what is awaited began

    bool IsAwaited() const { return !client_ended && (!has_message || unfinished > 0); }
  };

  // The oldest mostly end first, which is cheap for a deque.
  using Streams = std::deque<Stream>;

  // Frames of a kind that may be sent now.
  class Allowance {
   public:
    Allowance(FrameRate rate, TimePoint now) : rate_(rate), left_(rate.at_first), filled_(now) {}
    // Takes one if there is one.
    bool Take(TimePoint now) { return !IsSpent(now) && (--left_, true); }
    // Takes one also if there is none: then nothing is left until that has been made up for.
    void Spend() { --left_; }
    bool IsSpent(TimePoint now) { return left_ <= 0 && !Refill(now); }
    void Allow(int more) { left_ = std::min(left_ + more, rate_.burst); }

   private:
    // Whether there is one now.
    bool Refill(TimePoint now);

    FrameRate rate_;
    int left_;
    TimePoint filled_;
  };

  void ReadPreface(std::span<const std::byte>& bytes);
  void BeginClientFrame(TimePoint now);
  void BeginHeaders(TimePoint now);
  void AddToHeaderBlock();
  void BeginData(TimePoint now);
  void FollowMessages(std::span<const std::byte> payload, TimePoint now);
  void EndMessage(Stream& stream, std::uint32_t frame_left, TimePoint now);
  void EndClientFrame(TimePoint now);
  void BeginServerFrame(TimePoint now);

  Streams::iterator Find(std::uint32_t id);  // end(): not open
  void EndClientSide(Stream& stream);
  void Close(Streams::iterator stream);
  void ChargeOpen(Stream& stream, std::int64_t bytes);
  void Charge(std::int64_t bytes);
  void Return(std::int64_t bytes);
  void Await(TimePoint moment) { next_check_ = std::min(next_check_, moment); }
  void Require(bool kept, Http2Violation violation) {
    if (!kept && !broken_) broken_ = violation;
  }

  const Http2Limits& limits_;
  ByteShare share_;
  std::int64_t unfinished_ = 0;  // of all streams, what share_ has and the free bytes
  std::optional<Http2Violation> broken_;

  std::size_t preface_bytes_ = 0;
  bool began_ = false;  // the client's first frame has come
  Frame client_;
  Frame server_;
  std::uint32_t last_stream_ = 0;
  std::int64_t answered_ = 0;              // streams that the server has ended with an answer, and ...
  std::int64_t unanswered_ = 0;            // ... that were refused or reset before
  std::uint32_t header_block_stream_ = 0;  // not 0: its header block is not complete
  std::int64_t header_block_bytes_ = 0;
  TimePoint header_block_since_;
  bool message_ended_ = false;  // in the client's frame that is being read
  Streams streams_;             // by id
  const TimePoint began_at_;
  TimePoint next_check_;

  Allowance resets_;
  Allowance refusals_;
  Allowance pings_;
  Allowance settings_;
  Allowance window_updates_;
  Allowance tiny_frames_;
  Allowance other_frames_;
};

}  // namespace poold
