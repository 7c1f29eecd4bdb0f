// The attacks on both endpoints and on HTTP, and the list of all.

#include <chrono>
#include <ctime>
#include <stdexcept>

#include "tests/attack/attack.h"
#include "tests/attack/attacks_on_grpc.h"
#include "tests/attack/trial.h"

namespace poold {
namespace {

// Connects and says nothing.
class Idle final : public AttackPeer {
  std::string Next() override { return {}; }
};

// "20261130T162000Z"
std::string Now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &utc)};
}

// A request whose body never ends: by a stranger who knows the id of a key, but not the key.
class UnfinishedBody final : public AttackPeer {
 public:
  // Sends `at_once` bytes, and from then on a byte each tick if it `trickles`.
  UnfinishedBody(std::size_t at_once, bool trickles) : at_once_(at_once), trickles_(trickles) {}

 private:
  static constexpr std::size_t kBody = 1'000'000;

  std::string Next() override {
    if (began_) return trickles_ && (turn_ = !turn_) ? " " : "";
    began_ = true;
    const std::string time = Now();
    return "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
           "X-Amz-Target: PinpointSMSVoiceV2.DescribePools\r\nX-Amz-Date: " +
           time + "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + std::string(kKnownKeyId) + "/" +
           time.substr(0, 8) +
           "/us-east-1/sms-voice/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=" +
           std::string(64, '0') + "\r\nContent-Length: " + std::to_string(kBody) + "\r\n\r\n" +
           std::string(at_once_, ' ');
  }

  const std::size_t at_once_;
  const bool trickles_;
  bool began_ = false;
  bool turn_ = false;  // Next is asked until there is nothing
};

template <class Peer, class... Arguments>
AttackGroup Group(AttackedEndpoint endpoint, int connections, Arguments... arguments) {
  return {endpoint, connections, [=] { return std::make_unique<Peer>(arguments...); }};
}

}  // namespace

std::vector<Attack> AllAttacks() {
  using enum AttackedEndpoint;
  std::vector<Attack> attacks = {
      // More than the server may have files.
      {"idle connections", {Group<Idle>(kHttp, 1'030), Group<Idle>(kGrpc, 1'030)}, 1'024},
  };
  for (Attack& attack : AttacksOnGrpc(std::string(kFloodersKey))) attacks.push_back(std::move(attack));
  attacks.push_back({"HTTP bodies", {Group<UnfinishedBody>(kHttp, 500, std::size_t{999'999}, false)}});
  attacks.push_back({"slow HTTP bodies", {Group<UnfinishedBody>(kHttp, 500, std::size_t{65'536}, true)}});
  return attacks;
}

Attack AttackNamed(std::string_view name) {
  for (Attack& attack : AllAttacks()) {
    if (attack.name == name) return std::move(attack);
  }
  throw std::invalid_argument("there is no attack named " + std::string(name));
}

}  // namespace poold
