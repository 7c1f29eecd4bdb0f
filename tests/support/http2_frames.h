#pragma once

// Frames of HTTP/2 made by hand, also such as no good client sends. All functions return bytes for the wire.

#include <cstdint>
#include <string>
#include <string_view>

namespace poold::http2 {

enum class Type : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

inline constexpr int kEndStream = 1;   // of DATA and HEADERS
inline constexpr int kAck = 1;         // of SETTINGS and PING
inline constexpr int kEndHeaders = 4;  // of HEADERS and CONTINUATION
inline constexpr int kPadded = 8;      // of DATA and HEADERS

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// `count` bytes of a number, the greatest first.
inline std::string Number(std::uint64_t number, int count = 4) {
  std::string bytes;
  for (int shift = (count - 1) * 8; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

// The 9 bytes that begin a frame.
inline std::string FrameHeader(std::size_t length, Type type, int flags, std::uint32_t stream) {
  return Number(length, 3) + static_cast<char>(type) + static_cast<char>(flags) + Number(stream);
}

inline std::string Frame(Type type, int flags, std::uint32_t stream, std::string_view payload) {
  return FrameHeader(payload.size(), type, flags, stream).append(payload);
}

inline std::string Settings() { return Frame(Type::kSettings, 0, 0, {}); }
inline std::string SettingsAck() { return Frame(Type::kSettings, kAck, 0, {}); }
inline std::string Ping() { return Frame(Type::kPing, 0, 0, "12345678"); }
inline std::string Reset(std::uint32_t stream) { return Frame(Type::kRstStream, 0, stream, Number(8)); }  // CANCEL
inline std::string WindowUpdate(std::uint32_t stream, std::uint32_t more) {
  return Frame(Type::kWindowUpdate, 0, stream, Number(more));
}
inline std::string Headers(std::uint32_t stream, std::string_view block, int flags = kEndHeaders) {
  return Frame(Type::kHeaders, flags, stream, block);
}
inline std::string Continuation(std::uint32_t stream, std::string_view block, int flags = 0) {
  return Frame(Type::kContinuation, flags, stream, block);
}
inline std::string Data(std::uint32_t stream, std::string_view payload, int flags = 0) {
  return Frame(Type::kData, flags, stream, payload);
}

// What a client sends first.
inline std::string Hello() { return std::string(kPreface) + Settings(); }

// The prefix of a gRPC message, and a whole message of zeros.
inline std::string MessagePrefix(std::size_t length, bool compressed = false) {
  return std::string(1, compressed ? 1 : 0) + Number(length);
}
inline std::string Message(std::size_t length) { return MessagePrefix(length) + std::string(length, '\0'); }

// A field of a header block: a literal that is never indexed, without Huffman's code. HPACK's length of a text that is
// longer than 126 bytes takes several bytes.
inline std::string Length(std::size_t length) {
  if (length < 127) return std::string(1, static_cast<char>(length));
  std::string bytes(1, '\x7f');
  for (length -= 127; length >= 128; length >>= 7) bytes += static_cast<char>(length | 128);
  return bytes + static_cast<char>(length);
}
inline std::string Field(std::string_view name, std::string_view value) {
  return '\x10' + Length(name.size()).append(name) + Length(value.size()).append(value);
}

// The header block of a call of gRPC: "/smsvoice.v2.Pools/DescribePools".
inline std::string CallFields(std::string_view path) {
  return Field(":method", "POST") + Field(":scheme", "http") + Field(":path", path) + Field(":authority", "localhost") +
         Field("content-type", "application/grpc") + Field("te", "trailers");
}

}  // namespace poold::http2
