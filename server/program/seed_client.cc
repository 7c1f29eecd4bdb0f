#include "server/program/seed_client.h"

#include <grpcpp/grpcpp.h>

#include <iostream>
#include <map>
#include <stdexcept>

#include "smsvoice/v2/dev.grpc.pb.h"

namespace poold {
namespace {

using smsvoice::v2::SeedAccountResponse;

// What is in which pool reads better by the pools' names.
void Print(const storage::Scope& scope, const SeedAccountResponse& made) {
  std::map<std::string, std::string> names;
  for (const auto& pool : made.pools()) names[pool.pool_id()] = pool.name();

  std::cout << "account " << scope.account << ", region " << scope.region << '\n';
  for (const auto& pool : made.pools())
    std::cout << "  pool          " << pool.pool_id() << "  " << pool.name() << '\n';
  for (const auto& number : made.phone_numbers()) {
    std::cout << "  phone number  " << number.phone_number_id() << "  " << number.phone_number() << ' '
              << number.iso_country_code()
              << (number.has_pool_id() ? ", in " + names[number.pool_id()] : ", in no pool") << '\n';
  }
  for (const auto& sender_id : made.sender_ids()) {
    std::string pools;
    for (const std::string& pool_id : sender_id.pool_ids())
      pools += (pools.empty() ? ", in " : " and ") + names[pool_id];
    std::cout << "  sender ID     " << sender_id.sender_id() << ' ' << sender_id.iso_country_code() << pools << '\n';
  }
  for (const std::string& name : made.opt_out_list_names()) std::cout << "  opt-out list  " << name << '\n';
  std::cout << std::flush;
}

std::string WhyNot(const std::string& address, const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return "the server at " + address + " is not a `poold dev`, and no other takes a demonstration account";
  }
  // Our servers say more than a code.
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
    return "no server at " + address + ": start `poold dev`, or say where it is with --grpc-listen (" +
           status.error_message() + ")";
  }
  return status.error_message();
}

}  // namespace

void Seed(const std::string& address, const storage::Scope& scope) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  context.AddMetadata("x-account-id", scope.account);
  context.AddMetadata("x-region", scope.region);
  SeedAccountResponse made;
  const grpc::Status status = smsvoice::v2::Dev::NewStub(channel)->SeedAccount(&context, {}, &made);
  if (!status.ok()) throw std::runtime_error(WhyNot(address, status));
  Print(scope, made);
}

}  // namespace poold
