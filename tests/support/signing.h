#pragma once

// HTTP requests signed with AWS Signature Version 4: those that others signed (tests/data/sigv4), and our own, to be
// wrong in one way only.

#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "build_paths.h"
#include "server/base/digest.h"
#include "server/rpc/http_request.h"

namespace poold {

inline constexpr const char* kKeyId = "AKIDEXAMPLE";
inline constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

// A request of tests/data/sigv4, signed with the two above.
struct SignedRequest {
  std::string name;
  HttpRequest request;
};
inline void PrintTo(const SignedRequest& request, std::ostream* out) { *out << request.name; }

// All of "suite.json" or "clients.json".
inline std::vector<SignedRequest> SignedRequests(const std::string& file) {
  const auto rows = nlohmann::json::parse(std::ifstream(std::string(kSourceDir) + "/tests/data/sigv4/" + file));
  std::vector<SignedRequest> requests;
  for (const auto& row : rows) {
    HttpRequest request{row.at("method"), row.at("target"), row.at("headers"), row.at("body")};
    for (auto& header : request.headers) {
      for (char& c : header.first) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    requests.push_back({row.at("name"), std::move(request)});
  }
  return requests;
}

// How to sign. What is wrong here is signed all the same.
struct Signing {
  std::string key_id = kKeyId;
  std::string secret = kSecret;
  std::string time = "20240101T000000Z";  // FakeWorld::kStart
  std::string date = "20240101";
  std::string region = "eu-west-2";
  std::string service = "sms-voice";
  std::string terminator = "aws4_request";
  std::string signed_headers = "content-type;host;x-amz-date;x-amz-target";
  std::string body_hash = {};  // empty: that of the body
};

// `POST /` of DescribePools as botocore sends it, at FakeWorld::kStart, without Authorization.
inline HttpRequest DescribePoolsOverHttp() {
  return {"POST",
          "/",
          {{"host", "localhost:8080"},
           {"x-amz-target", "PinpointSMSVoiceV2.DescribePools"},
           {"content-type", "application/x-amz-json-1.0"},
           {"x-amz-date", "20240101T000000Z"},
           {"content-length", "2"}},
          "{}"};
}

// The value of the Authorization header. Signs the headers as they are: their values must need no trimming.
inline std::string AuthorizationOf(const HttpRequest& request, const Signing& signing) {
  const std::string scope = signing.date + "/" + signing.region + "/" + signing.service + "/" + signing.terminator;
  std::string canonical = request.method + "\n" + request.target + "\n\n";
  std::istringstream names(signing.signed_headers);
  for (std::string name; std::getline(names, name, ';');) {
    canonical += name + ":";
    for (const auto& header : request.headers) {
      if (header.first == name) canonical += header.second;
    }
    canonical += "\n";
  }
  canonical += "\n" + signing.signed_headers + "\n";
  canonical += signing.body_hash.empty() ? Hex(Sha256(request.body)) : signing.body_hash;

  std::string key = "AWS4" + signing.secret;
  for (const auto& term : {signing.date, signing.region, signing.service, signing.terminator}) {
    key = HmacSha256(key, term);
  }
  const std::string string_to_sign = "AWS4-HMAC-SHA256\n" + signing.time + "\n" + scope + "\n" + Hex(Sha256(canonical));
  return "AWS4-HMAC-SHA256 Credential=" + signing.key_id + "/" + scope + ", SignedHeaders=" + signing.signed_headers +
         ", Signature=" + Hex(HmacSha256(key, string_to_sign));
}

// The request with that header.
inline HttpRequest Signed(HttpRequest request, const Signing& signing = {}) {
  const std::string authorization = AuthorizationOf(request, signing);
  request.headers.emplace_back("authorization", authorization);
  return request;
}

// The header's value, to be read or changed. The header must be there.
inline std::string& HeaderOf(HttpRequest& request, const std::string& name) {
  for (auto& header : request.headers) {
    if (header.first == name) return header.second;
  }
  throw std::invalid_argument(name);
}

}  // namespace poold
