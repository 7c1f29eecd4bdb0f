#include "tests/attack/attacks_on_grpc.h"

#include <zlib.h>

#include <deque>
#include <stdexcept>

#include "tests/attack/http2_peer.h"

namespace poold {
namespace {

// As many calls as gRPC lets a connection have.
constexpr int kCalls = 256;
constexpr std::size_t kFrame = 16'384;

// How many frames a peer adds at a time, where there is no natural end.
constexpr int kBatch = 100;

template <class Peer, class... Arguments>
std::function<std::unique_ptr<AttackPeer>()> Make(Arguments... arguments) {
  return [=] { return std::make_unique<Peer>(arguments...); };
}

// Calls that are reset as soon as they are complete.
class RapidResets final : public Http2Peer {
  std::string More() override {
    std::string out;
    for (int i = 0; i < kBatch; ++i) {
      out += Call();
      out += http2::Reset(stream());
      Forget(stream());
    }
    return out;
  }
};

// Calls whose answers are never read, by a client that does not acknowledge how many it may have.
class UnreadAnswers final : public Http2Peer {
  std::string More() override {
    std::string out;
    for (int i = 0; i < kBatch; ++i) {
      out += Call();
      Forget(stream());
    }
    return out;
  }
};

// A gzip stream of so many zeros, in a thousandth of the bytes: pieces of a MiB, each of which can be decompressed by
// itself.
std::string GzipOfZeros(int mebibytes) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&stream, 9, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("deflate");
  std::string zeros(1 << 20, '\0');
  std::string out;
  std::string buffer(64 << 10, '\0');
  for (int i = 0; i < mebibytes; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(zeros.data());
    stream.avail_in = static_cast<uInt>(zeros.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      deflate(&stream, i + 1 == mebibytes ? Z_FINISH : Z_NO_FLUSH);
      out.append(buffer, 0, buffer.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return out;
}

// Messages of 256 KiB that are 256 MiB when they are decompressed, one after the other.
class GzipBombs final : public Http2Peer {
  std::string More() override {
    static const std::string bomb = [] {
      const std::string gzip = GzipOfZeros(256);
      return http2::MessagePrefix(gzip.size(), true) + gzip;
    }();
    if (left_.empty() || !IsOpen(stream())) {
      if (open_calls() > 1) return {};
      left_ = bomb;
      return OpenCall(http2::Field("grpc-encoding", "gzip"));
    }
    std::string out = SendWithin(stream(), left_);
    if (left_.empty()) out += http2::Data(stream(), "", http2::kEndStream);
    return out;
  }

  std::string_view left_;
};

// Header blocks that never end. `begin` comes first, then CONTINUATIONs of `fragment`.
class EndlessHeaders final : public Http2Peer {
 public:
  EndlessHeaders(std::string begin, std::string fragment) : begin_(std::move(begin)), fragment_(std::move(fragment)) {}

 private:
  std::string More() override {
    std::string out;
    if (stream() == 0) {
      StopReplying();
      OpenCall();  // for its number
      out = http2::Headers(stream(), http2::CallFields(kAttackedMethod) + begin_, 0);
    }
    for (std::size_t i = 0; i < kBatch && out.size() < 4 * kFrame; ++i) {
      out += http2::Continuation(stream(), fragment_);
    }
    return out;
  }

  const std::string begin_;
  const std::string fragment_;
};

// gRPC limits what it keeps of each frame, not of all of them.
std::string ManyFields() {
  std::string fields;
  for (int i = 0; i < 3; ++i) fields += http2::Field("x-attack", std::string(4'000, 'a'));
  return fields;
}

// The begin of a field of a gibibyte. gRPC parses the field again with each byte.
std::string UnfinishedField() {
  return "\x10" + http2::Length(1) + "a" + http2::Length(1 << 30) + std::string(15'000, 'a');
}

// Messages of nearly a MiB, in all calls that a connection may have; the last byte of each never comes.
class HalfSentMessages final : public Http2Peer {
  static constexpr std::size_t kMessage = 1'000'000;

  std::string More() override {
    static const std::string message = http2::MessagePrefix(kMessage) + std::string(kMessage - 1, 'm');
    std::string out;
    if (stream() == 0) {
      for (int i = 0; i < kCalls; ++i) {
        out += OpenCall();
        left_.emplace_back(stream(), message);
      }
      return out;
    }
    for (auto& [id, left] : left_) out += SendWithin(id, left);
    return out;
  }

  std::deque<std::pair<std::uint32_t, std::string_view>> left_;
};

// All calls that a connection may have, without a message.
class CallsWithoutMessage final : public Http2Peer {
  std::string More() override {
    std::string out;
    for (int i = stream() == 0 ? 0 : kCalls; i < kCalls; ++i) out += OpenCall();
    return out;
  }
};

// Watches of the health service, which strangers may call, in all calls that a connection may have: they never end.
// Each has as many headers as gRPC takes.
class OpenStreams final : public Http2Peer {
  std::string More() override {
    static const std::string fields = http2::Field("x-attack", std::string(7'000, 'a'));
    std::string out;
    for (int i = 0; i < kBatch && open_calls() < kWatches; ++i) {
      out += OpenCallOf("/grpc.health.v1.Health/Watch", fields);
      out += http2::Data(stream(), http2::Message(0), http2::kEndStream);
    }
    return out;
  }
  static constexpr int kWatches = 250;
};

// The same frame again and again, on a stream whose message never comes.
class SameFrame final : public Http2Peer {
 public:
  explicit SameFrame(std::string frame) : frame_(std::move(frame)) {}

 private:
  std::string More() override {
    std::string out;
    if (stream() == 0) out = OpenCall();
    for (int i = 0; i < kBatch; ++i) out += frame_;
    return out;
  }

  const std::string frame_;
};

// Good calls without end, as many at a time as a connection may have, of a caller with this key.
class GoodCalls final : public Http2Peer {
 public:
  explicit GoodCalls(const std::string& key) : fields_(http2::Field("authorization", "Bearer " + key)) {}

 private:
  std::string More() override {
    std::string out;
    while (open_calls() < kCalls) out += Call(fields_);
    return out;
  }

  const std::string fields_;
};

// Calls of a stranger that are refused, as many at a time as a connection may have.
class RefusedCalls final : public Http2Peer {
  std::string More() override {
    std::string out;
    while (open_calls() < kCalls) out += Call();
    return out;
  }
};

constexpr int kConnections = 16;

Attack OnGrpc(std::string name, std::function<std::unique_ptr<AttackPeer>()> make, bool reads = true,
              int connections = kConnections) {
  return {std::move(name), {{AttackedEndpoint::kGrpc, connections, std::move(make), reads}}};
}

}  // namespace

std::vector<Attack> AttacksOnGrpc(const std::string& flooders_key) {
  return {
      OnGrpc("rapid resets", Make<RapidResets>()),
      OnGrpc("unread answers", Make<UnreadAnswers>(), false),
      OnGrpc("gzip bombs", Make<GzipBombs>()),
      OnGrpc("header blocks without end", Make<EndlessHeaders>(std::string(), ManyFields())),
      OnGrpc("tiny header frames", Make<EndlessHeaders>(UnfinishedField(), std::string("a"))),
      OnGrpc("half-sent messages", Make<HalfSentMessages>()),
      OnGrpc("calls without message", Make<CallsWithoutMessage>()),
      OnGrpc("open streams", Make<OpenStreams>(), true, 60),
      OnGrpc("refused calls", Make<RefusedCalls>()),
      OnGrpc("empty DATA frames", Make<SameFrame>(http2::Data(1, ""))),
      OnGrpc("PING flood", Make<SameFrame>(http2::Ping())),
      OnGrpc("SETTINGS flood", Make<SameFrame>(http2::Settings())),
      OnGrpc("WINDOW_UPDATE flood", Make<SameFrame>(http2::WindowUpdate(0, 1))),
      OnGrpc("one account's flood", Make<GoodCalls>(flooders_key)),
  };
}

}  // namespace poold
