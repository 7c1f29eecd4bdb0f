#pragma once

// `poold serve` as it is deployed: a role that is no superuser, in a database of its own, on a server that others run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "storage/embedded/embedded_postgres.h"
#include "tests/failures/load.h"
#include "tests/support/given.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"

namespace poold {

// Of every call: the server's default deadline. A commit that is under way may take a second more.
inline constexpr std::chrono::milliseconds kDeadline{2000};
inline constexpr std::chrono::milliseconds kAtMost = kDeadline + std::chrono::milliseconds(1000 + 1500);

// A url of an EmbeddedPostgres, for the database and the role of the service.
inline std::string ServiceUrl(const storage::EmbeddedPostgres& postgres) {
  std::string url = postgres.UrlOf("service");
  return url.replace(url.find("user=poold"), std::string("user=poold").size(), "user=service");
}

// Runs SQL as the server's superuser; returns the first field of the first row, if any.
inline std::string Ask(const std::string& url, const std::string& sql) {
  pqxx::connection connection(url);
  pqxx::nontransaction look(connection);
  const pqxx::result rows = look.exec(sql);
  return rows.empty() ? std::string() : std::string(rows[0][0].c_str());
}

inline void MakeServiceDatabase(const storage::EmbeddedPostgres& postgres) {
  Ask(postgres.url(), "CREATE ROLE service LOGIN");
  Ask(postgres.url(), "CREATE DATABASE service OWNER service");
  const Ran migrated = RunToEnd(Poold({"migrate", "--database-url", ServiceUrl(postgres)}));
  if (migrated.exit_code != 0) throw std::runtime_error(migrated.errors);
}

inline Program::Options ServiceProgram(const std::string& database_url, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"serve",      "--grpc-listen",      "127.0.0.1:0", "--database-url",
                                        database_url, "--default-deadline", "2s",          "--quota-pools",
                                        "1000000",    "--log-level",        "warn"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Poold(arguments);
}

inline bool IsServing(const GrpcClient& client) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::health::v1::HealthCheckResponse response;
  return grpc::health::v1::Health::NewStub(client.channel())->Check(&context, {}, &response).ok() &&
         response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

// Everything that was acknowledged is there once, nothing else is, and nothing of it by half.
inline void ExpectExactlyOnce(Load& load, const std::string& admin_url) {
  const Load::Difference difference = load.Finish();
  EXPECT_EQ(difference.lost, 0);
  EXPECT_EQ(difference.surplus, 0);
  EXPECT_EQ(difference.unfinished, 0);
  const Load::Tally tally = load.tally();
  std::cout << tally.acknowledged << " acknowledged, " << tally.failed << " attempts failed, " << tally.retried
            << " calls repeated, slowest attempt " << tally.slowest.count()
            << " ms, longest time without one that went "
            << "well " << tally.longest_gap.count() << " ms\n";
  EXPECT_THAT(tally.unretryable, testing::IsEmpty());
  EXPECT_THAT(tally.faults, testing::Each(testing::Key(testing::AnyOf(Fault::kUnavailable, Fault::kDeadline))));
  EXPECT_LT(tally.slowest, kAtMost);
  EXPECT_EQ(Ask(admin_url,
                "SELECT count(*) FROM pools p WHERE (SELECT count(*) FROM pool_members m"
                " WHERE (m.account_id, m.region, m.pool_id) = (p.account_id, p.region, p.pool_id)) <> 1"),
            "0")
      << "each has its one member";
  EXPECT_EQ(Ask(admin_url,
                "SELECT count(*) FROM accounts a WHERE a.pools <> (SELECT count(*) FROM pools p"
                " WHERE (p.account_id, p.region) = (a.account_id, a.region))"),
            "0")
      << "quotas count what is there";
  EXPECT_EQ(Ask(admin_url, "SELECT count(*) FROM client_tokens WHERE response IS NULL"), "0");
}

}  // namespace poold
