#include "server/transport/connection_counts.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace poold {
namespace {

// A connection's other end: "192.0.2.1" or "2001:db8::1", from any port.
struct Peer {
  explicit Peer(const std::string& text) {
    auto* ipv4 = reinterpret_cast<sockaddr_in*>(&address);
    auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (inet_pton(AF_INET, text.c_str(), &ipv4->sin_addr) == 1) {
      ipv4->sin_family = AF_INET;
      ipv4->sin_port = next_port++;
    } else {
      EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &ipv6->sin6_addr), 1) << text;
      ipv6->sin6_family = AF_INET6;
      ipv6->sin6_port = next_port++;
    }
  }
  operator const sockaddr*() const { return reinterpret_cast<const sockaddr*>(&address); }

  static inline in_port_t next_port = 1;
  sockaddr_storage address{};
};

using Tickets = std::vector<ConnectionCounts::Ticket>;

// Opens connections until one is refused; how many that were.
int Fill(ConnectionCounts& counts, const std::string& from, Tickets& tickets) {
  int opened = 0;
  while (auto ticket = counts.Admit(Peer(from))) {
    tickets.push_back(std::move(*ticket));
    ++opened;
  }
  return opened;
}

TEST(ConnectionCounts, BoundConnectionsOfAnAddress) {
  ConnectionCounts counts({.in_all = 100, .per_address = 3});
  Tickets tickets;
  EXPECT_EQ(Fill(counts, "192.0.2.1", tickets), 3);
  EXPECT_EQ(Fill(counts, "192.0.2.2", tickets), 3) << "others are not concerned";
  tickets.pop_back();
  EXPECT_EQ(Fill(counts, "192.0.2.2", tickets), 1);
  EXPECT_EQ(counts.count(), 6);
}

TEST(ConnectionCounts, BoundConnectionsInAll) {
  ConnectionCounts counts({.in_all = 4, .per_address = 3});
  Tickets tickets;
  EXPECT_EQ(Fill(counts, "192.0.2.1", tickets), 2);
  EXPECT_EQ(Fill(counts, "192.0.2.2", tickets), 1);
  EXPECT_EQ(Fill(counts, "192.0.2.3", tickets), 1);
  EXPECT_EQ(Fill(counts, "192.0.2.4", tickets), 0);
  tickets.clear();
  EXPECT_EQ(counts.count(), 0);
  EXPECT_EQ(Fill(counts, "192.0.2.3", tickets), 2);
}

TEST(ConnectionCounts, LeaveSomeForTheNextAddressHoweverManyAreGreedy) {
  ConnectionCounts counts({.in_all = 1024, .per_address = 1024});
  Tickets tickets;
  for (int greedy = 1; greedy <= 20; ++greedy) {
    EXPECT_GT(Fill(counts, "192.0.2." + std::to_string(greedy), tickets), 0);
    EXPECT_GT(1024 - counts.count(), 1024 / (greedy + 1) - 1) << greedy;
  }
}

TEST(ConnectionCounts, LeaveTheLimitOfAnAddressWhereThereArePlenty) {
  ConnectionCounts counts({.in_all = 1024, .per_address = 256});
  Tickets tickets;
  for (const char* address : {"192.0.2.1", "192.0.2.2"}) EXPECT_EQ(Fill(counts, address, tickets), 256) << address;
}

TEST(ConnectionCounts, TakeTheAddressesOfAnIpv6HostForOne) {
  ConnectionCounts counts({.in_all = 100, .per_address = 2});
  Tickets tickets;
  EXPECT_EQ(Fill(counts, "2001:db8:0:1::1", tickets), 2);
  EXPECT_EQ(Fill(counts, "2001:db8:0:1:ffff::2", tickets), 0);
  EXPECT_EQ(Fill(counts, "2001:db8:0:2::1", tickets), 2);
}

TEST(ConnectionCounts, TakeAnIpv4AddressInIpv6FormForItself) {
  ConnectionCounts counts({.in_all = 100, .per_address = 2});
  Tickets tickets;
  EXPECT_EQ(Fill(counts, "::ffff:192.0.2.1", tickets), 2);
  EXPECT_EQ(Fill(counts, "192.0.2.1", tickets), 0);
  EXPECT_EQ(Fill(counts, "::ffff:192.0.2.2", tickets), 2);
  EXPECT_EQ(Fill(counts, "::1", tickets), 2);
}

TEST(ConnectionCounts, CountUnixSocketsAsOneAddress) {
  ConnectionCounts counts({.in_all = 100, .per_address = 1});
  const sockaddr unix_socket{AF_UNIX, {}};
  const auto ticket = counts.Admit(&unix_socket);
  EXPECT_TRUE(ticket);
  EXPECT_FALSE(counts.Admit(&unix_socket));
}

TEST(ConnectionCounts, AdmitNobodyWhereNoneMayBe) {
  ConnectionCounts counts({.in_all = 10, .per_address = 0});
  EXPECT_FALSE(counts.Admit(Peer("192.0.2.1")));
  EXPECT_EQ(counts.count(), 0);
}

// A count whose time stands still until told.
struct Timed {
  explicit Timed(ConnectionCounts::Limits limits) : counts(limits, [this] { return now; }) {}
  ConnectionCounts::Clock::time_point now{std::chrono::hours(1)};
  ConnectionCounts counts;
};

TEST(ConnectionCounts, BoundNewConnectionsOfAnAddressAlsoThoseThatEnded) {
  Timed timed({.in_all = 100, .per_address = 9, .new_per_address = 2, .new_time = std::chrono::seconds(4)});
  Tickets tickets;
  EXPECT_EQ(Fill(timed.counts, "192.0.2.1", tickets), 2);
  tickets.clear();
  EXPECT_EQ(timed.counts.count(), 0);
  EXPECT_EQ(Fill(timed.counts, "192.0.2.1", tickets), 0);
  EXPECT_EQ(Fill(timed.counts, "192.0.2.2", tickets), 2) << "others are not concerned";
  for (const int more : {2, 2, 2, 2, 1, 0}) {
    timed.now += std::chrono::seconds(4);
    EXPECT_EQ(Fill(timed.counts, "192.0.2.1", tickets), more);
  }
}

TEST(ConnectionCounts, CountAPunishedConnectionTwice) {
  Timed timed({.in_all = 100, .per_address = 9, .new_per_address = 2, .new_time = std::chrono::seconds(4)});
  timed.counts.Admit(Peer("192.0.2.1"))->Punish(std::chrono::seconds(10));
  EXPECT_FALSE(timed.counts.Admit(Peer("192.0.2.1")));
  timed.now += std::chrono::seconds(4);
  EXPECT_TRUE(timed.counts.Admit(Peer("192.0.2.1")));
  EXPECT_FALSE(timed.counts.Admit(Peer("192.0.2.1")));
  timed.now += std::chrono::seconds(6);
  EXPECT_TRUE(timed.counts.Admit(Peer("192.0.2.1")));
  EXPECT_TRUE(timed.counts.Admit(Peer("192.0.2.1")));
}

TEST(ConnectionCounts, ForgiveConnectionsThatDidOnlyGood) {
  Timed timed({.in_all = 100, .per_address = 9, .new_per_address = 2, .new_time = std::chrono::seconds(4)});
  const auto other = timed.counts.Admit(Peer("192.0.2.2"));
  for (int i = 0; i < 20; ++i) {
    auto ticket = timed.counts.Admit(Peer("192.0.2.1"));
    ASSERT_TRUE(ticket) << i;
    ticket->Forgive();
  }
  Tickets tickets;
  EXPECT_EQ(Fill(timed.counts, "192.0.2.1", tickets), 2);
  EXPECT_EQ(Fill(timed.counts, "192.0.2.2", tickets), 1);
}

TEST(ConnectionCounts, RememberNoMoreNewConnectionsThanFourTimesTheLimitInAll) {
  Timed timed({.in_all = 1, .per_address = 1, .new_per_address = 1, .new_time = std::chrono::seconds(4)});
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}) {
    EXPECT_TRUE(timed.counts.Admit(Peer(address))) << address;
    timed.now += std::chrono::milliseconds(1);
  }
  EXPECT_FALSE(timed.counts.Admit(Peer("192.0.2.2")));
  EXPECT_TRUE(timed.counts.Admit(Peer("192.0.2.1"))) << "the oldest was forgotten";
}

TEST(ConnectionCounts, StayRightAmongThreads) {
  ConnectionCounts counts({.in_all = 6, .per_address = 4});
  std::vector<std::jthread> threads;
  for (const char* from : {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"}) {
    threads.emplace_back([&counts, peer = Peer(from)] {
      for (int i = 0; i < 5000; ++i) {
        const auto one = counts.Admit(peer);
        const auto other = counts.Admit(peer);
        if (counts.count() > 6) ADD_FAILURE();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(counts.count(), 0);
}

}  // namespace
}  // namespace poold
