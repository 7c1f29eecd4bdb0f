#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace poold::storage {

// A real TCP proxy on loopback in front of a server's unix socket, that mistreats one COMMIT, or another message of a
// transaction. Of all that it forwards it looks for those and for the answer of a look-up only.
class CommitProxy {
 public:
  enum class Plan {
    kForward,           // mistreat nothing
    kCutBefore,         // the COMMIT never reaches the server
    kCutAfter,          // the server has committed and answered, but the answer never reaches the client
    kCutThenLookedUp,   // the server gets the COMMIT only when a look-up has been told that it is in progress
    kCutAfterAndHold,   // as kCutAfter, and no connection gets through until Open()
    kCutBeforeAndHold,  // as kCutBefore, likewise
    kLoseTheEnd  // the server gets the COMMIT, but not the end of the message, for which it waits; it has committed
  };

  explicit CommitProxy(const std::string& server_socket) : server_socket_(server_socket) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("the proxy cannot listen");
    }
    port_ = ntohs(address.sin_port);
    accepter_ = std::thread([this] { Accept(); });
  }

  ~CommitProxy() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    accepter_.join();
    for (std::thread& pump : pumps_) pump.join();
    ::close(listener_);
  }

  CommitProxy(const CommitProxy&) = delete;
  CommitProxy& operator=(const CommitProxy&) = delete;

  std::string Url(const std::string& database) const {
    return "postgresql://poold@127.0.0.1:" + std::to_string(port_) + "/" + database +
           "?sslmode=disable&gssencmode=disable";
  }

  // What happens to the next COMMIT. Those after it are forwarded.
  void Next(Plan plan) { plan_ = plan; }

  // Cuts the link at a round trip of the next transaction that has so many: 0 is the one with its BEGIN; and of those
  // after it, until that was done so many times. Plan: kCutBefore, kCutAfter.
  void NextAt(int message, Plan plan, int times = 1) {
    const std::lock_guard lock(mutex_);
    cut_at_ = message;
    cut_at_plan_ = plan;
    cuts_left_ = times;
  }
  // How many of those are still to come.
  int CutsLeft() {
    const std::lock_guard lock(mutex_);
    return cuts_left_;
  }
  // Whether all of them are: no transaction since had so many messages.
  bool Waiting() { return CutsLeft() > 0; }

  // How often a client has sent something, each time to wait for its answer.
  int RoundTrips() const { return round_trips_; }

  // Waits, with a bound, until a COMMIT was cut off. False when none was.
  bool WaitForCut() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return cut_; });
  }

  void Open() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }

 private:
  static constexpr int kSliceMs = 20;  // how often a thread looks whether the proxy ends
  // In whichever message it is: alone, or behind the statements that go with it.
  static constexpr std::string_view kCommit{"\0COMMIT\0", 8};

  // The end of a message, which asks for its answer.
  static constexpr std::string_view kSync{"S\0\0\0\4", 5};

  static constexpr std::string_view kBegin = "BEGIN ISOLATION";

  bool Ending() {
    const std::lock_guard lock(mutex_);
    return ending_;
  }

  void Accept() {
    while (!Ending()) {
      pollfd wait{listener_, POLLIN, 0};
      if (::poll(&wait, 1, kSliceMs) > 0) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) pumps_.emplace_back([this, client] { Pump(client); });
      }
    }
  }

  void Pump(int client) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !held_ || ending_; });
    }
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, server_socket_.c_str(), sizeof address.sun_path - 1);
    if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) Forward(client, server);
    ::close(client);
    ::close(server);
  }

  // What is to be done at this message of a transaction.
  Plan At(int message) {
    const std::lock_guard lock(mutex_);
    if (message < 0 || message != cut_at_ || cuts_left_ <= 0) return Plan::kForward;
    --cuts_left_;
    return cut_at_plan_;
  }

  void Forward(int client, int server) {
    int message = -1;  // of the transaction: a round trip; each is one chunk, since libpq waits for its answer
    while (!Ending()) {
      std::array<pollfd, 2> wait{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
      if (::poll(wait.data(), 2, kSliceMs) <= 0) continue;
      if (wait[0].revents != 0) {
        const std::string chunk = Read(client);
        if (chunk.empty()) return;
        ++round_trips_;
        if (chunk.find(kCommit) != std::string::npos) {
          const Plan plan = plan_.exchange(Plan::kForward);
          if (plan == Plan::kLoseTheEnd && chunk.ends_with(kSync)) {
            if (!Write(server, std::string_view(chunk).substr(0, chunk.size() - kSync.size()))) return;
            continue;
          }
          if (plan != Plan::kForward) return CutOff(plan, client, server, chunk);
        }
        message = chunk.find(kBegin) != std::string::npos ? 0 : message < 0 ? -1 : message + 1;
        if (const Plan plan = At(message); plan != Plan::kForward) return CutOff(plan, client, server, chunk);
        if (chunk.find(kCommit) != std::string::npos) message = -1;
        if (!Write(server, chunk)) return;
      }
      if (wait[1].revents != 0) {
        const std::string chunk = Read(server);
        if (chunk.empty() || !Write(client, chunk)) return;
        if (chunk.find("in progress") != std::string::npos) Set(looked_up_);
      }
    }
  }

  void CutOff(Plan plan, int client, int server, const std::string& commit) {
    if (plan == Plan::kCutAfterAndHold || plan == Plan::kCutBeforeAndHold) Set(held_);
    if (plan == Plan::kCutThenLookedUp) {
      ::shutdown(client, SHUT_RDWR);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(20), [this] { return looked_up_ || ending_; });
    }
    if (plan != Plan::kCutBefore && plan != Plan::kCutBeforeAndHold) {
      Write(server, commit);
      Read(server);  // it has committed
    }
    ::shutdown(server, SHUT_RDWR);
    ::shutdown(client, SHUT_RDWR);
    Set(cut_);
  }

  void Set(bool& flag) {
    {
      const std::lock_guard lock(mutex_);
      flag = true;
    }
    changed_.notify_all();
  }

  static std::string Read(int socket) {
    std::array<char, 16384> buffer;
    const ssize_t size = ::recv(socket, buffer.data(), buffer.size(), 0);
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
  }

  static bool Write(int socket, std::string_view data) {
    while (!data.empty()) {
      const ssize_t size = ::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  const std::string server_socket_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<Plan> plan_{Plan::kForward};
  std::atomic<int> round_trips_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool cut_ = false;
  bool held_ = false;
  bool looked_up_ = false;
  bool ending_ = false;
  int cut_at_ = -1;
  Plan cut_at_plan_ = Plan::kForward;
  int cuts_left_ = 0;

  std::vector<std::thread> pumps_;  // of accepter_, until it has ended
  std::thread accepter_;
};

}  // namespace poold::storage
