#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>

#include "server/transport/client_certificate.h"

namespace poold {

// The client at the far end of a connection that is relayed to gRPC.
struct GrpcPeer {
  std::string address;            // "192.0.2.7" or "2001:db8::7"
  ClientCertificate certificate;  // no names: it has shown none
};

// Who is behind each internal address: gRPC sees relayed connections come from addresses of this program's own
// (NamedPair::address). Any thread.
class GrpcPeers {
 public:
  // Keeps an address known as long as it exists.
  class Entry {
   public:
    Entry() = default;
    Entry(GrpcPeers& home, std::string address) : home_(&home), address_(std::move(address)) {}
    ~Entry() { Forget(); }
    Entry(Entry&& other) noexcept : home_(std::exchange(other.home_, nullptr)), address_(std::move(other.address_)) {}
    Entry& operator=(Entry&& other) noexcept {
      if (this != &other) {
        Forget();
        home_ = std::exchange(other.home_, nullptr);
        address_ = std::move(other.address_);
      }
      return *this;
    }

   private:
    void Forget() {
      if (home_ != nullptr) std::exchange(home_, nullptr)->Forget(address_);
    }

    GrpcPeers* home_ = nullptr;
    std::string address_;
  };

  // This object must outlive the entry.
  [[nodiscard]] Entry Add(std::string internal_address, GrpcPeer peer) {
    const std::unique_lock lock(mutex_);
    peers_.insert_or_assign(internal_address, std::make_shared<const GrpcPeer>(std::move(peer)));
    return {*this, std::move(internal_address)};
  }

  // nullptr: no relayed connection that is still open has this address.
  std::shared_ptr<const GrpcPeer> Find(std::string_view internal_address) const {
    const std::shared_lock lock(mutex_);
    const auto found = peers_.find(internal_address);
    return found == peers_.end() ? nullptr : found->second;
  }

 private:
  void Forget(const std::string& address) {
    const std::unique_lock lock(mutex_);
    peers_.erase(address);
  }

  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const GrpcPeer>, std::less<>> peers_;  // guarded by mutex_
};

}  // namespace poold
