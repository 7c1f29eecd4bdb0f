#include "server/transport/http_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "server/base/error.h"

namespace poold {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

const std::set<std::string, std::less<>> kConsole = {"https://console.example", "http://tools.example:8443"};
const std::set<std::string, std::less<>> kNoOrigins;

struct Judgement {
  std::optional<Error> error;
};
void PrintTo(const Judgement& judgement, std::ostream* out) {
  *out << (judgement.error ? judgement.error->what() : "may call");
}

Judgement Judge(const Headers& headers, const std::string& method = "POST", bool callers_trusted = false,
                const std::set<std::string, std::less<>>& origins = kNoOrigins, bool on_loopback = false) {
  const HttpRequest request{method, "/", headers, ""};
  return {RefusalOf([&] { CheckOrigin(request, {callers_trusted, on_loopback, origins}); })};
}

MATCHER(MayCall, "") { return !arg.error; }
MATCHER(MayNotCall, "") { return arg.error && arg.error->fault() == Fault::kAccessDenied; }

TEST(HttpOrigin, ProgramsSendNeitherHeaderAndNoticeNothing) {
  EXPECT_THAT(Judge({{"host", "poold.example"}}, "POST", true), MayCall());
  EXPECT_THAT(Judge({{"host", "poold.example"}}, "GET", true), MayCall());
  EXPECT_THAT(Judge({}, "POST", true), MayCall());
}

// G2
TEST(HttpOrigin, MustBeTheEndpointsOwn) {
  for (const auto& [origin, host] :
       std::vector<std::pair<std::string, std::string>>{{"http://poold.example:8080", "poold.example:8080"},
                                                        {"https://POOLD.example:8080", "Poold.Example:8080"},
                                                        {"http://poold.example", "poold.example"},
                                                        {"http://poold.example", "poold.example:80"},
                                                        {"https://poold.example", "poold.example:443"},
                                                        {"http://127.0.0.1:8080", "127.0.0.1:8080"},
                                                        {"http://[::1]:8080", "[::1]:8080"}}) {
    EXPECT_THAT(Judge({{"host", host}, {"origin", origin}}), MayCall()) << origin << " at " << host;
  }
  for (const auto& [origin, host] :
       std::vector<std::pair<std::string, std::string>>{{"http://evil.example", "poold.example"},
                                                        {"http://poold.example:8081", "poold.example:8080"},
                                                        {"http://poold.example", "poold.example:8080"},
                                                        {"https://poold.example", "poold.example:80"},
                                                        {"http://poold.example.evil.example", "poold.example"},
                                                        {"http://poold.example@evil.example", "poold.example"},
                                                        {"http://", ""},
                                                        {"poold.example", "poold.example"},
                                                        {"", "poold.example"},
                                                        {"chrome-extension://poold.example", "poold.example"}}) {
    EXPECT_THAT(Judge({{"host", host}, {"origin", origin}}), MayNotCall()) << origin << " at " << host;
  }
  EXPECT_THAT(Judge({{"origin", "http://poold.example"}}), MayNotCall()) << "without a Host";
}

// G2
TEST(HttpOrigin, MayBeOneOfTheSettings) {
  const auto judge = [](const char* origin) {
    return Judge({{"host", "internal:8080"}, {"origin", origin}}, "POST", false, kConsole);
  };
  EXPECT_THAT(judge("https://console.example"), MayCall());
  EXPECT_THAT(judge("http://tools.example:8443"), MayCall());
  EXPECT_THAT(judge("http://console.example"), MayNotCall());
  EXPECT_THAT(judge("https://console.example:8443"), MayNotCall());
}

// G2
TEST(HttpOrigin, IsNeverNull) {
  for (const char* method : {"POST", "GET"}) {
    EXPECT_THAT(Judge({{"host", "127.0.0.1"}, {"origin", "null"}}, method, false, kConsole), MayNotCall());
  }
}

// G2
TEST(HttpOrigin, SecFetchSiteMustBeOfTheSameOriginOrNone) {
  for (const char* site : {"same-origin", "none"}) {
    EXPECT_THAT(Judge({{"host", "poold.example"}, {"sec-fetch-site", site}}), MayCall()) << site;
  }
  for (const char* site : {"cross-site", "same-site", "", "Same-Origin"}) {
    EXPECT_THAT(Judge({{"host", "poold.example"}, {"sec-fetch-site", site}}), MayNotCall()) << site;
    EXPECT_THAT(Judge({{"host", "poold.example"}, {"sec-fetch-site", site}}, "GET"), MayCall()) << site << ", a link";
  }
}

// G3: DNS rebinding.
TEST(HttpOrigin, NeedsAHostThatCannotBeReboundWhereCallersAreTrusted) {
  for (const std::string host :
       {"127.0.0.1:8080", "127.0.0.1", "10.0.0.7:8080", "[::1]:8080", "[::1]", "localhost", "localhost:8080",
        "LOCALHOST:8080", "poold.localhost:8080", "console.example", "console.example:443", "tools.example:8443"}) {
    EXPECT_THAT(Judge({{"host", host}, {"sec-fetch-site", "same-origin"}}, "POST", true, kConsole), MayCall()) << host;
    EXPECT_THAT(Judge({{"host", host}, {"origin", "http://" + host}}, "POST", true, kConsole), MayCall()) << host;
  }
  for (const std::string host : {"evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
                                 "tools.example", "127.1", "[::1]evil.example", "[::1", "", "notlocalhost"}) {
    for (const char* method : {"POST", "GET"}) {
      EXPECT_THAT(Judge({{"host", host}, {"origin", "http://" + host}}, method, true, kConsole), MayNotCall())
          << method << " " << host;
      EXPECT_THAT(Judge({{"host", host}, {"sec-fetch-site", "same-origin"}}, method, true, kConsole), MayNotCall())
          << method << " " << host;
    }
  }
}

// Browsers send neither header with a GET to http://, so nothing else tells a page whose name was rebound.
TEST(HttpOrigin, ReadsOnLoopbackNeedSuchAHostInAnyCase) {
  for (const char* method : {"GET", "HEAD"}) {
    EXPECT_THAT(Judge({{"host", "evil.example:8080"}}, method, true, kNoOrigins, true), MayNotCall()) << method;
    EXPECT_THAT(Judge({{"host", "127.0.0.1:8080"}}, method, true, kNoOrigins, true), MayCall()) << method;
    EXPECT_THAT(Judge({{"host", "localhost:8080"}}, method, true, kNoOrigins, true), MayCall()) << method;
    EXPECT_THAT(Judge({{"host", "console.example"}}, method, true, kConsole, true), MayCall()) << method;
    EXPECT_THAT(Judge({{"host", "evil.example:8080"}}, method, false, kNoOrigins, true), MayCall())
        << "callers need a key";
  }
  EXPECT_THAT(Judge({{"host", "poold.example"}}, "POST", true, kNoOrigins, true), MayCall()) << "not from a page";
  EXPECT_THAT(Judge({}, "GET", true, kNoOrigins, true), MayCall()) << "every browser sends a Host";
}

TEST(HttpOrigin, MustNotSayTwoThings) {
  const auto judged = Judge({{"host", "127.0.0.1"}, {"origin", "http://127.0.0.1"}, {"origin", "null"}});
  ASSERT_TRUE(judged.error);
  EXPECT_EQ(judged.error->fault(), Fault::kInvalid);
  EXPECT_EQ(judged.error->fields().at(0).name, "origin");
}

}  // namespace
}  // namespace poold
