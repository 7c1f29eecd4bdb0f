#pragma once

// A client's socket that a test reads and writes byte by byte. One thread.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "server/base/unique_fd.h"

namespace poold {

class TcpClient {
 public:
  // Makes the socket and nothing else yet.
  TcpClient() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    Must(socket_.get());
    const timeval patience{20, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }
  // `server`: "127.0.0.1:50051". `from`: the address that it comes from, another one of 127.0.0.0/8.
  explicit TcpClient(const std::string& server, const std::string& from = "127.0.0.1") : TcpClient() {
    Connect(server, from);
  }

  void Connect(const std::string& server, const std::string& from = "127.0.0.1") {
    const sockaddr_in own = Address(from, "0");
    Must(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)));
    const std::size_t colon = server.rfind(':');
    const sockaddr_in there = Address(server.substr(0, colon), server.substr(colon + 1));
    Must(connect(socket_.get(), reinterpret_cast<const sockaddr*>(&there), sizeof(there)));
  }

  // Throws std::system_error if the server has ended the connection or takes nothing.
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      Must(sent);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // The same; false instead of an exception.
  bool TrySend(std::string_view bytes) {
    try {
      Send(bytes);
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  // What has come, at least a byte; "" if the server sends nothing more. Throws std::system_error if nothing comes for
  // 20 s, or the connection was reset.
  std::string ReadSome() {
    std::string bytes(64 << 10, '\0');
    const ssize_t size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    Must(size);
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }
  // All that comes until the connection ends, by whatever, or until so much has come.
  std::string ReadToEnd(std::size_t enough = std::string::npos) {
    std::string all;
    try {
      for (std::string some; all.size() < enough && !(some = ReadSome()).empty();) all += some;
    } catch (const std::system_error& reset) {
      if (reset.code() != std::errc::connection_reset) throw;
    }
    return all;
  }
  std::string Read(std::size_t count) {
    std::string bytes(count, '\0');
    const ssize_t size = recv(socket_.get(), bytes.data(), count, MSG_WAITALL);
    Must(size);
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }

  // Sends nothing more, but still reads.
  void CloseHalf() { shutdown(socket_.get(), SHUT_WR); }
  // Ends the connection by a reset.
  void Reset() {
    const linger at_once{1, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    socket_.Close();
  }
  int file() const { return socket_.get(); }

 private:
  static sockaddr_in Address(const std::string& host, const std::string& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
  }

  static void Must(ssize_t result) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), "client");
  }

  UniqueFd socket_;
};

}  // namespace poold
