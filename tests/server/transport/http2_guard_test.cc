#include "server/transport/http2_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "build_paths.h"
#include "tests/support/conversation.h"
#include "tests/support/http2_frames.h"

namespace poold {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Violation = Http2Violation;

// A file of this repository.
std::string ReadSource(const std::string& path) {
  std::ifstream file(std::string(kSourceDir) + "/" + path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// A connection that has begun. Its limits and its time are the test's; the budget is its own.
class Http2GuardTest : public testing::Test {
 protected:
  using Result = std::optional<Violation>;

  void Begin() { ASSERT_EQ(Client(http2::Hello()), std::nullopt); }

  Result Client(std::string_view bytes) { return Guard().FromClient(std::as_bytes(std::span(bytes)), now_); }
  Result Server(std::string_view bytes) { return Guard().FromServer(std::as_bytes(std::span(bytes)), now_); }
  Http2Guard& Guard() {
    if (!guard_) guard_.emplace(limits_, budget_, now_);
    return *guard_;
  }

  // Opens the next stream, without a message.
  Result Open(int flags = http2::kEndHeaders) { return Client(http2::Headers(next_stream_ += 2, "fields", flags)); }
  // A good call: all of it from both sides.
  Result Call() {
    Open();
    Client(http2::Data(next_stream_, http2::Message(20), http2::kEndStream));
    return Server(Answer(next_stream_));
  }
  // A call that is refused, as gRPC does it: with trailers alone.
  Result RefusedCall() {
    Open(http2::kEndHeaders | http2::kEndStream);
    return Server(http2::Headers(next_stream_, "trailers", http2::kEndHeaders | http2::kEndStream));
  }
  static std::string Answer(std::uint32_t stream) {
    return http2::Headers(stream, "fields") + http2::Data(stream, http2::Message(30)) +
           http2::Headers(stream, "trailers", http2::kEndHeaders | http2::kEndStream);
  }

  // How many times `act` may be done until the limit is broken. At most a million.
  template <typename Act>
  int CountUntil(Violation violation, Act act) {
    for (int count = 0; count < 1'000'000; ++count) {
      if (const Result result = act(); result) {
        EXPECT_EQ(*result, violation) << NameOf(*result);
        return count;
      }
    }
    return 1'000'000;
  }

  Http2Limits limits_;
  ByteBudget budget_{limits_.unfinished_bytes};
  Http2Guard::TimePoint now_{1'000s};
  std::optional<Http2Guard> guard_;
  std::uint32_t next_stream_ = static_cast<std::uint32_t>(-1);  // the first one is 1
};

TEST_F(Http2GuardTest, LetsGoodCallsPassWithoutEnd) {
  Begin();
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(Call(), std::nullopt) << i;
  EXPECT_EQ(budget_.taken(), 0);
}

TEST_F(Http2GuardTest, WhatDoesNotSpeakHttp2IsCut) {
  EXPECT_EQ(Client("PRI * HTTP/2.0\r\n"), std::nullopt);
  EXPECT_EQ(Client("\r\nXM"), Violation::kPreface);
  EXPECT_EQ(Client("\r\n"), Violation::kPreface);  // stays broken
}

TEST_F(Http2GuardTest, ThePrefaceComesInTime) {
  Client(http2::kPreface);
  EXPECT_EQ(Guard().next_check(), now_ + limits_.preface_time);
  now_ += limits_.preface_time - 1ms;
  EXPECT_EQ(Guard().CheckTime(now_), std::nullopt);
  now_ += 1ms;
  EXPECT_EQ(Guard().CheckTime(now_), Violation::kLatePreface);
}

TEST_F(Http2GuardTest, NothingIsAwaitedOfAnIdleConnection) {
  Begin();
  Call();
  now_ += limits_.message_time;  // what was awaited when the call began is looked at once more
  EXPECT_EQ(Guard().CheckTime(now_), std::nullopt);
  EXPECT_EQ(Guard().next_check(), Http2Guard::TimePoint::max());
  now_ += 24h * 30;
  EXPECT_EQ(Call(), std::nullopt);
}

TEST_F(Http2GuardTest, SettingsComeFirst) {
  EXPECT_EQ(Client(std::string(http2::kPreface) + http2::Ping()), Violation::kProtocol);
}

TEST_F(Http2GuardTest, AHeaderBlockIsNotTooLong) {
  Begin();
  const std::string half(16'384, 'h');
  EXPECT_EQ(Client(http2::Headers(1, half, 0) + http2::Continuation(1, half, http2::kEndHeaders)), std::nullopt);
  EXPECT_EQ(Client(http2::Headers(3, half, 0) + http2::Continuation(3, half)), std::nullopt);
  EXPECT_EQ(Client(http2::Continuation(3, "x", http2::kEndHeaders)), Violation::kHeaderBlock);
}

TEST_F(Http2GuardTest, AHeaderBlockMayBeOneFrame) {
  Begin();
  EXPECT_EQ(Client(http2::Headers(1, std::string(32'768, 'h'))), std::nullopt);
  EXPECT_EQ(Client(http2::Headers(3, std::string(32'769, 'h'))), Violation::kHeaderBlock);
}

TEST_F(Http2GuardTest, AHeaderBlockIsNotCutIntoSmallFrames) {
  Begin();
  const auto fragment = static_cast<std::size_t>(limits_.header_fragment_bytes);
  EXPECT_EQ(Client(http2::Headers(1, std::string(fragment, 'h'), 0) + http2::Continuation(1, "", http2::kEndHeaders)),
            std::nullopt);
  EXPECT_EQ(Client(http2::Headers(3, std::string(fragment - 1, 'h'), 0)), Violation::kHeaderBlock);
}

TEST_F(Http2GuardTest, ContinuationsWithoutEndAreCut) {
  Begin();
  Client(http2::Headers(1, std::string(4'096, 'h'), 0));
  EXPECT_EQ(
      CountUntil(Violation::kHeaderBlock, [&] { return Client(http2::Continuation(1, std::string(4'096, 'h'))); }), 7);
}

TEST_F(Http2GuardTest, NothingComesBetweenTheFramesOfAHeaderBlock) {
  Begin();
  Client(http2::Headers(1, std::string(4'096, 'h'), 0));
  EXPECT_EQ(Client(http2::Ping()), Violation::kProtocol);
}

TEST_F(Http2GuardTest, AContinuationContinuesTheSameStream) {
  Begin();
  Client(http2::Headers(1, std::string(4'096, 'h'), 0));
  EXPECT_EQ(Client(http2::Continuation(3, "", http2::kEndHeaders)), Violation::kProtocol);
}

TEST_F(Http2GuardTest, AContinuationHasSomethingToContinue) {
  Begin();
  Open();
  EXPECT_EQ(Client(http2::Continuation(1, "", http2::kEndHeaders)), Violation::kProtocol);
}

TEST_F(Http2GuardTest, AHeaderBlockComesInTime) {
  Begin();
  Client(http2::FrameHeader(100, http2::Type::kHeaders, http2::kEndHeaders, 1));
  now_ += limits_.header_time - 1ms;
  EXPECT_EQ(Client("h"), std::nullopt);
  EXPECT_LE(Guard().next_check(), now_ + 1ms);
  now_ += 1ms;
  EXPECT_EQ(Client("h"), Violation::kLateHeaders);
}

TEST_F(Http2GuardTest, PaddingIsRefusedAsGrpcDoes) {
  Begin();
  EXPECT_EQ(Open(http2::kEndHeaders | http2::kPadded), Violation::kProtocol);
  guard_.reset();
  Begin();
  Open();
  EXPECT_EQ(Client(http2::Data(next_stream_, "12345", http2::kPadded)), Violation::kProtocol);
}

TEST_F(Http2GuardTest, FramesAreNotLongerThanHttp2Allows) {
  Begin();
  EXPECT_EQ(Client(http2::Frame(http2::Type::kGoaway, 0, 0, std::string(16'384, 'g'))), std::nullopt);
  EXPECT_EQ(Client(http2::FrameHeader(16'385, http2::Type::kGoaway, 0, 0)), Violation::kFrameSize);
}

TEST_F(Http2GuardTest, StreamsAreLimitedBeforeTheClientAcknowledgesIt) {
  Begin();
  EXPECT_EQ(CountUntil(Violation::kStreams, [&] { return Open(http2::kEndHeaders | http2::kEndStream); }), 256);
}

TEST_F(Http2GuardTest, StreamsThatTheServerEndedMakeRoom) {
  Begin();
  for (int i = 0; i < 256; ++i) Open(http2::kEndHeaders | http2::kEndStream);
  Server(Answer(1) + http2::Reset(3));
  EXPECT_EQ(CountUntil(Violation::kStreams, [&] { return Open(http2::kEndHeaders | http2::kEndStream); }), 2);
}

TEST_F(Http2GuardTest, RapidResetsAreCut) {
  Begin();
  const auto reset = [&] {
    Open();
    return Client(http2::Reset(next_stream_));
  };
  EXPECT_EQ(CountUntil(Violation::kResets, reset), 64);
  EXPECT_EQ(budget_.taken(), 0);
}

TEST_F(Http2GuardTest, ResetsComeBackWithTime) {
  Begin();
  const auto reset = [&] {
    Open();
    return Client(http2::Reset(next_stream_));
  };
  for (int i = 0; i < 64; ++i) reset();
  now_ += 500ms;
  EXPECT_EQ(CountUntil(Violation::kResets, reset), 128);
}

TEST_F(Http2GuardTest, EachCallThatWasAnsweredAllowsAReset) {
  Begin();
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_EQ(Call(), std::nullopt);
    Open();
    ASSERT_EQ(Client(http2::Reset(next_stream_)), std::nullopt) << i;
  }
}

TEST_F(Http2GuardTest, ALongConnectionMayGiveUpAllItsCallsTwice) {
  Begin();
  for (int i = 0; i < 2'000; ++i) Call();
  EXPECT_EQ(CountUntil(Violation::kResets,
                       [&] {
                         Open();
                         return Client(http2::Reset(next_stream_));
                       }),
            512);
}

TEST_F(Http2GuardTest, MakingTheServerResetIsCut) {
  Begin();
  EXPECT_EQ(CountUntil(Violation::kResets,
                       [&] {
                         Open();
                         return Server(http2::Reset(next_stream_));
                       }),
            64);
}

TEST_F(Http2GuardTest, TheServersResetAfterItsAnswerIsNotTheClientsDoing) {
  Begin();
  for (int i = 0; i < 2'000; ++i) {
    Open();
    Client(http2::Data(next_stream_, http2::Message(20)));
    ASSERT_EQ(Server(Answer(next_stream_) + http2::Reset(next_stream_)), std::nullopt);
  }
}

TEST_F(Http2GuardTest, AFloodOfPingsIsCut) {
  Begin();
  EXPECT_EQ(CountUntil(Violation::kPings, [&] { return Client(http2::Ping()); }), 100);
}

TEST_F(Http2GuardTest, APingForEachAnswerIsAllowed) {
  Begin();
  for (int i = 0; i < 2'000; ++i) {
    Call();
    ASSERT_EQ(Client(http2::Ping()), std::nullopt);
  }
}

TEST_F(Http2GuardTest, TheServersPingsMayBeAnswered) {
  Begin();
  for (int i = 0; i < 500; ++i) {
    Server(http2::Ping());
    ASSERT_EQ(Client(http2::Frame(http2::Type::kPing, http2::kAck, 0, "12345678")), std::nullopt);
  }
}

TEST_F(Http2GuardTest, AFloodOfSettingsIsCut) {
  Begin();  // which sends the first of the fifty
  EXPECT_EQ(CountUntil(Violation::kSettings, [&] { return Client(http2::Settings()); }), 49);
}

TEST_F(Http2GuardTest, TheServersSettingsMayBeAcknowledged) {
  Begin();
  for (int i = 0; i < 500; ++i) {
    Server(http2::Settings());
    ASSERT_EQ(Client(http2::SettingsAck()), std::nullopt);
  }
}

TEST_F(Http2GuardTest, AFloodOfWindowUpdatesIsCut) {
  Begin();
  EXPECT_EQ(CountUntil(Violation::kWindowUpdates, [&] { return Client(http2::WindowUpdate(0, 1)); }), 500);
}

TEST_F(Http2GuardTest, EachStreamAndEachFrameOfAnAnswerAllowTwoWindowUpdates) {
  Begin();
  for (int i = 0; i < 1'000; ++i) {
    Open(http2::kEndHeaders | http2::kEndStream);
    ASSERT_EQ(Client(http2::WindowUpdate(0, 30) + http2::WindowUpdate(next_stream_, 30)), std::nullopt) << i;
    Server(http2::Headers(next_stream_, "trailers", http2::kEndHeaders | http2::kEndStream));
    ASSERT_EQ(Client(http2::WindowUpdate(0, 30) + http2::WindowUpdate(next_stream_, 30)), std::nullopt) << i;
  }
}

TEST_F(Http2GuardTest, AFloodOfPrioritiesAndUnknownFramesIsCut) {
  Begin();
  EXPECT_EQ(CountUntil(Violation::kOtherFrames,
                       [&] {
                         Client(http2::Frame(http2::Type::kPriority, 0, 1, "12345"));
                         return Client(http2::Frame(static_cast<http2::Type>(0xfa), 0, 0, "x"));
                       }),
            50);
}

TEST_F(Http2GuardTest, AFloodOfEmptyDataFramesIsCut) {
  Begin();
  Open();
  EXPECT_EQ(CountUntil(Violation::kTinyFrames, [&] { return Client(http2::Data(1, "")); }), 500);
}

TEST_F(Http2GuardTest, AMessageByteByByteIsCut) {
  Begin();
  Open();
  Client(http2::Data(1, http2::MessagePrefix(10'000)));
  EXPECT_EQ(CountUntil(Violation::kTinyFrames, [&] { return Client(http2::Data(1, "x")); }), 499);
}

TEST_F(Http2GuardTest, APrefixByItselfAndAnEndByItselfAreAllowed) {
  Begin();
  for (int i = 0; i < 2'000; ++i) {
    Open();
    ASSERT_EQ(Client(http2::Data(next_stream_, http2::MessagePrefix(3)) + http2::Data(next_stream_, "abc") +
                     http2::Data(next_stream_, "", http2::kEndStream)),
              std::nullopt)
        << i;
    Server(Answer(next_stream_));
  }
}

TEST_F(Http2GuardTest, ResetsOfStreamsThatEndedAreCutWhenTheyFlood) {
  Begin();
  Call();
  EXPECT_EQ(CountUntil(Violation::kTinyFrames, [&] { return Client(http2::Reset(1)); }), 500);
}

TEST_F(Http2GuardTest, UnfinishedMessagesAreLimited) {
  Begin();
  // The first share is a ninth of the budget: an eighth of what is left.
  const std::int64_t share = limits_.unfinished_bytes / 9 + limits_.free_bytes;
  Open();
  Client(http2::Data(1, http2::MessagePrefix(100 << 20)));
  const std::string part(16'384, '\0');
  const int count = CountUntil(Violation::kUnfinishedBytes, [&] { return Client(http2::Data(1, part)); });
  EXPECT_EQ(count, (share - limits_.stream_cost - limits_.frame_cost - 5) / (16'384 + limits_.frame_cost));
  guard_.reset();
  EXPECT_EQ(budget_.taken(), 0);
}

TEST_F(Http2GuardTest, OtherConnectionsThatHoldUnfinishedMessagesLeaveSomeForTheNextOne) {
  std::deque<Http2Guard> greedy;
  for (int i = 0; i < 16; ++i) {
    Http2Guard& guard = greedy.emplace_back(limits_, budget_, now_);
    std::string bytes = http2::Hello();
    const auto send = [&] { return guard.FromClient(std::as_bytes(std::span(bytes)), now_); };
    EXPECT_EQ(send(), std::nullopt);
    for (std::uint32_t stream = 1; budget_.taken() < limits_.unfinished_bytes; stream += 2) {
      bytes = http2::Headers(stream, "fields") +
              http2::Data(stream, http2::MessagePrefix(16'384) + std::string(16'000, '\0'));
      if (send()) break;
    }
  }
  Begin();
  Open();
  EXPECT_EQ(Client(http2::Data(1, http2::MessagePrefix(1 << 20))), std::nullopt);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(Client(http2::Data(1, std::string(16'384, '\0'))), std::nullopt);
}

TEST_F(Http2GuardTest, MessagesThatBecomeCompleteCostNothingMore) {
  Begin();
  std::string message = http2::Message(1 << 20);
  for (int i = 0; i < 50; ++i) {
    Open();
    for (std::size_t begin = 0; begin < message.size(); begin += 16'384) {
      ASSERT_EQ(Client(http2::Data(next_stream_, std::string_view(message).substr(begin, 16'384))), std::nullopt);
    }
    Client(http2::Data(next_stream_, "", http2::kEndStream));
    EXPECT_EQ(budget_.taken(), 0);
    Server(Answer(next_stream_));  // so that few streams are open
  }
}

TEST_F(Http2GuardTest, AnEndOrAResetGivesBackWhatAMessageTook) {
  Begin();
  for (int i = 0; i < 1'000; ++i) {
    Open();
    ASSERT_EQ(Client(http2::Data(next_stream_, http2::MessagePrefix(200'000) + std::string(16'000, '\0'))),
              std::nullopt);
    ASSERT_EQ(Client(http2::Data(next_stream_, std::string(16'000, '\0'), i % 2 == 0 ? http2::kEndStream : 0)),
              std::nullopt);
    if (i % 2 == 1) Client(http2::Reset(next_stream_));
    if (i % 2 == 0) Server(Answer(next_stream_));
    EXPECT_EQ(budget_.taken(), 0);
  }
}

TEST_F(Http2GuardTest, FurtherMessagesCountUntilTheServerReacts) {
  Begin();
  Open();
  Client(http2::Data(1, http2::Message(10)));
  const std::string message = http2::Message(16'000);
  for (int i = 0; i < 10; ++i) Client(http2::Data(1, message));
  EXPECT_EQ(budget_.taken(), 10 * (16'005 + limits_.frame_cost) - limits_.free_bytes);
  Server(http2::Headers(1, "fields"));
  EXPECT_EQ(budget_.taken(), 0);
}

TEST_F(Http2GuardTest, AMessageComesInTime) {
  Begin();
  Open();
  EXPECT_EQ(Client(http2::Data(1, http2::MessagePrefix(10))), std::nullopt);
  now_ += limits_.message_time - 1ms;
  EXPECT_EQ(Client(http2::Data(1, "123456789")), std::nullopt);
  now_ += 1ms;
  EXPECT_EQ(Guard().CheckTime(now_), Violation::kLateMessage);
}

TEST_F(Http2GuardTest, AStreamWithoutAMessageIsLate) {
  Begin();
  Open();
  now_ += limits_.message_time;
  EXPECT_EQ(Guard().CheckTime(now_), Violation::kLateMessage);
}

TEST_F(Http2GuardTest, ALaterMessageIsAwaitedFromItsFirstByte) {
  Begin();
  Open();
  Client(http2::Data(1, http2::Message(10)));
  now_ += 1h;  // nothing is awaited meanwhile
  Open();      // so that there is something to look at a second before the message is late
  now_ += 1s;
  EXPECT_EQ(Client(http2::Data(1, http2::MessagePrefix(10))), std::nullopt);
  Client(http2::Data(3, http2::Message(0)));
  now_ += limits_.message_time - 1s;
  EXPECT_EQ(Guard().CheckTime(now_), std::nullopt);
  now_ += 1s;
  EXPECT_EQ(Guard().CheckTime(now_), Violation::kLateMessage);
}

TEST_F(Http2GuardTest, ARunningCallIsNotLate) {
  Begin();
  Open();
  Client(http2::Data(1, http2::Message(10), http2::kEndStream));
  now_ += 1h;
  EXPECT_EQ(Guard().CheckTime(now_), std::nullopt);
  EXPECT_EQ(Server(Answer(1)), std::nullopt);
}

TEST_F(Http2GuardTest, MessagesThatShareAFrameAreFollowed) {
  Begin();
  Open();
  const std::string three = http2::Message(0) + http2::Message(7) + http2::MessagePrefix(1'000);
  EXPECT_EQ(Client(http2::Data(1, three)), std::nullopt);
  now_ += limits_.message_time - 1ms;
  EXPECT_EQ(Client(http2::Data(1, std::string(1'000, 'x'))), std::nullopt);
  now_ += 1h;
  EXPECT_EQ(Guard().CheckTime(now_), std::nullopt);
}

TEST_F(Http2GuardTest, TrailersEndAStream) {
  Begin();
  Open();
  Client(http2::Data(1, http2::MessagePrefix(100'000) + std::string(16'000, '\0')));
  EXPECT_EQ(Client(http2::Headers(1, "trailers", http2::kEndHeaders | http2::kEndStream)), std::nullopt);
  now_ += 1h;
  EXPECT_EQ(Guard().CheckTime(now_), std::nullopt);
  EXPECT_EQ(Client(http2::Headers(1, "trailers", http2::kEndHeaders | http2::kEndStream)), Violation::kProtocol);
}

TEST_F(Http2GuardTest, TrailersThatDoNotEndTheStreamAreCut) {
  Begin();
  Open();
  EXPECT_EQ(Client(http2::Headers(1, "trailers")), Violation::kProtocol);
}

TEST_F(Http2GuardTest, HeadersOfStreamsThatEndedAreCutWhenTheyFlood) {
  Begin();
  Call();
  EXPECT_EQ(CountUntil(Violation::kTinyFrames, [&] { return Client(http2::Headers(1, "fields")); }), 500);
}

TEST_F(Http2GuardTest, ClientsPromiseNothing) {
  Begin();
  EXPECT_EQ(Client(http2::Frame(http2::Type::kPushPromise, 0, 1, "1234")), Violation::kProtocol);
}

TEST_F(Http2GuardTest, DataForAStreamThatTheServerEndedIsAllowed) {
  Begin();
  Open();
  Client(http2::Data(1, http2::MessagePrefix(40'000)));
  Server(Answer(1));
  EXPECT_EQ(Client(http2::Data(1, std::string(16'384, 'x'))), std::nullopt);
  EXPECT_EQ(Client(http2::Data(1, "", http2::kEndStream)), std::nullopt);
  EXPECT_EQ(budget_.taken(), 0);
}

TEST_F(Http2GuardTest, DataOnAStreamThatNeverBeganIsCut) {
  Begin();
  EXPECT_EQ(Client(http2::Data(1, "x")), Violation::kProtocol);
}

TEST_F(Http2GuardTest, DataAfterTheClientsEndIsCut) {
  Begin();
  Open(http2::kEndHeaders | http2::kEndStream);
  EXPECT_EQ(Client(http2::Data(1, "x")), Violation::kProtocol);
}

// Cut into pieces of any size, good conversations of real clients (tests/fuzz/seeds) break no limit.
TEST_F(Http2GuardTest, RecordedConversationsPassHoweverTheyAreCut) {
  for (const char* client : {"grpc-in-python", "grpc-js"}) {
    const std::string file = ReadSource("tests/fuzz/seeds/http2_guard_fuzz/" + std::string(client));
    std::size_t longest = 0;
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
      guard_.reset();
      for (const ConversationPiece& piece : ReadConversation(file)) {
        now_ += piece.pause;
        longest = std::max(longest, piece.bytes.size());
        for (std::size_t begin = 0; begin < piece.bytes.size(); begin += size) {
          const auto part = piece.bytes.substr(begin, size);
          ASSERT_EQ(piece.from_server ? Server(part) : Client(part), std::nullopt) << client << " by " << size;
        }
      }
      EXPECT_TRUE(Guard().server_between_frames());
      EXPECT_EQ(budget_.taken(), 0);
    }
    EXPECT_GT(longest, 1'000U);
  }
}

// docs/security.md has a row for each limit.
TEST_F(Http2GuardTest, EveryLimitIsDocumented) {
  const std::string page = ReadSource("docs/security.md");
  for (int i = 0; i < kHttp2Violations; ++i) {
    EXPECT_THAT(page, HasSubstr("`" + std::string(NameOf(static_cast<Violation>(i))) + "`"));
  }
}

TEST_F(Http2GuardTest, AConnectionIsBlamelessWhenItsCallsWereAnswered) {
  Begin();
  EXPECT_FALSE(Guard().IsBlameless()) << "it has done nothing";
  Open(http2::kEndHeaders | http2::kEndStream);
  EXPECT_FALSE(Guard().IsBlameless()) << "a call is open";
  Server(Answer(1));
  EXPECT_TRUE(Guard().IsBlameless());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Guard().IsBlameless()) << i;
    Open();
    Client(http2::Reset(next_stream_));
  }
  EXPECT_FALSE(Guard().IsBlameless()) << "more were reset than answered";
  Call();
  EXPECT_TRUE(Guard().IsBlameless());
  Client(http2::Data(1, "x", http2::kPadded));
  EXPECT_FALSE(Guard().IsBlameless()) << "it broke a limit";
}

TEST_F(Http2GuardTest, AConnectionWhoseCallsAreRefusedIsNotBlameless) {
  Begin();
  RefusedCall();
  EXPECT_FALSE(Guard().IsBlameless());
  Call();
  EXPECT_TRUE(Guard().IsBlameless());
  RefusedCall();
  EXPECT_FALSE(Guard().IsBlameless());
}

TEST_F(Http2GuardTest, RefusedCallsPaceAConnection) {
  Begin();
  for (int i = 0; i < 64; ++i) {
    ASSERT_FALSE(Guard().IsPaced(now_)) << i;
    ASSERT_EQ(RefusedCall(), std::nullopt);
  }
  EXPECT_TRUE(Guard().IsPaced(now_));
  now_ += 4ms;
  EXPECT_TRUE(Guard().IsPaced(now_));
  now_ += 1ms;
  EXPECT_FALSE(Guard().IsPaced(now_));
  // In the long run a new one every 5 ms, however often somebody asks.
  int calls = 0;
  for (int i = 0; i < 10'000; ++i) {
    now_ += 1ms;
    if (Guard().IsPaced(now_)) continue;
    ASSERT_EQ(RefusedCall(), std::nullopt);
    ++calls;
  }
  EXPECT_NEAR(calls, 2'000, 5);
}

TEST_F(Http2GuardTest, RefusalsOfCallsThatWereOpenMustBeMadeUpFor) {
  Begin();
  for (int i = 0; i < 256; ++i) Open(http2::kEndHeaders | http2::kEndStream);
  for (std::uint32_t stream = 1; stream < 512; stream += 2) {
    Server(http2::Headers(stream, "fields") + http2::Headers(stream, "trailers", http2::kEndStream));
  }
  now_ += 960ms;  // 192 of them were more than it may have
  EXPECT_TRUE(Guard().IsPaced(now_));
  now_ += 5ms;
  EXPECT_FALSE(Guard().IsPaced(now_));
}

TEST_F(Http2GuardTest, AnswersMakeUpForRefusals) {
  Begin();
  for (int i = 0; i < 5'000; ++i) {
    Call();
    RefusedCall();
    ASSERT_FALSE(Guard().IsPaced(now_)) << i;
  }
}

TEST_F(Http2GuardTest, OpenStreamsCostNothingUpToALimit) {
  Begin();
  for (std::size_t i = 0; i < limits_.free_streams; ++i) Open(http2::kEndHeaders | http2::kEndStream);
  EXPECT_EQ(budget_.taken(), 0);
  const std::string block(4'096, 'h');
  std::int64_t cost = -limits_.free_bytes;
  for (int i = 0; i < 20; ++i) {
    next_stream_ += 2;
    EXPECT_EQ(Client(http2::Headers(next_stream_, block, 0) + http2::Continuation(next_stream_, "c", 4) +
                     http2::Data(next_stream_, http2::Message(10), i % 2)),
              std::nullopt);
    cost += limits_.stream_cost + 4'097;
  }
  EXPECT_EQ(budget_.taken(), cost) << "also when their messages are complete";
  Server(http2::Headers(next_stream_, "fields") + http2::Data(next_stream_, http2::Message(30)));
  EXPECT_EQ(budget_.taken(), cost);
  Server(http2::Headers(next_stream_, "trailers", http2::kEndHeaders | http2::kEndStream));
  Client(http2::Reset(next_stream_ - 2));
  EXPECT_EQ(budget_.taken(), cost - 2 * (limits_.stream_cost + 4'097));
}

TEST_F(Http2GuardTest, OpenStreamsOfAllConnectionsAreLimited) {
  std::deque<Http2Guard> greedy;
  const std::string block(7'000, 'h');
  std::int64_t opened = 0;
  for (int i = 0; i < 100; ++i) {
    Http2Guard& guard = greedy.emplace_back(limits_, budget_, now_);
    std::string bytes = http2::Hello();
    std::uint32_t stream = static_cast<std::uint32_t>(-1);
    while (!guard.FromClient(std::as_bytes(std::span(bytes)), now_) && stream + 2 < 500) {
      bytes = http2::Headers(stream += 2, block, http2::kEndHeaders | http2::kEndStream);
      ++opened;
    }
  }
  const std::int64_t free = 100 * (static_cast<std::int64_t>(limits_.free_streams) + 6);
  EXPECT_LT((opened - free) * (limits_.stream_cost + 7'000), limits_.unfinished_bytes);
}

TEST_F(Http2GuardTest, GoawayNamesTheLimit) {
  Begin();
  Open();
  Open();
  const std::string calm = Guard().Goaway(Violation::kResets);
  EXPECT_EQ(calm, http2::Frame(http2::Type::kGoaway, 0, 0, http2::Number(3) + http2::Number(0xb) + "resets"));
  const std::string mistake = Guard().Goaway(Violation::kProtocol);
  EXPECT_EQ(mistake, http2::Frame(http2::Type::kGoaway, 0, 0, http2::Number(3) + http2::Number(1) + "protocol"));
}

TEST_F(Http2GuardTest, KnowsWhereAFrameOfTheServerEnds) {
  Begin();
  EXPECT_TRUE(Guard().server_between_frames());
  const std::string frame = http2::Data(1, "abc");
  for (std::size_t i = 0; i < frame.size(); ++i) {
    Server(frame.substr(i, 1));
    EXPECT_EQ(Guard().server_between_frames(), i + 1 == frame.size()) << i;
  }
}

}  // namespace
}  // namespace poold
