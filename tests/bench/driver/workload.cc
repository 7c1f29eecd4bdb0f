#include "tests/bench/driver/workload.h"

#include <fstream>
#include <map>
#include <stdexcept>

#include "smsvoice/v2/pools.pb.h"

namespace poold::bench {
namespace {

using namespace smsvoice::v2;  // NOLINT: the requests

// Names hold numbers of nineteen digits, so that pgbench, whose variables are numbers, can make them too.
constexpr std::int64_t kFirst = 1'000'000'000'000'000'000;

std::string PoolName(std::int64_t number) { return "pool-0000000000000" + std::to_string(number); }
std::string PhoneNumberName(std::int64_t number) { return "phone-0000000000000" + std::to_string(number); }
std::string SenderIdName(std::int64_t number) { return "BENCH" + std::to_string(number); }

using Fill = void (Workload::*)(Call&);

}  // namespace

std::vector<std::string> Workload::Operations() {
  return {"describe", "members", "page", "create", "associate", "update", "invalid"};
}

Workload::Workload(Options options) : options_(std::move(options)), random_(options_.seed) {
  const std::map<std::string, std::function<void(Call&)>> operations = {
      {"describe", [this](Call& call) { Describe(call); }},   {"members", [this](Call& call) { Members(call); }},
      {"page", [this](Call& call) { Page(call); }},           {"create", [this](Call& call) { Create(call); }},
      {"associate", [this](Call& call) { Associate(call); }}, {"update", [this](Call& call) { Update(call); }},
      {"invalid", [this](Call& call) { Invalid(call); }}};
  const auto found = operations.find(options_.operation);
  if (found == operations.end()) throw std::invalid_argument("no such operation: " + options_.operation);
  fill_ = found->second;

  if (!options_.keys_file.empty()) {
    std::ifstream keys(options_.keys_file);
    for (std::string account, key; keys >> account >> key;) callers_.push_back("Bearer " + key);
    if (static_cast<std::int64_t>(callers_.size()) < options_.data.accounts) {
      throw std::invalid_argument(options_.keys_file + " has not a key for each account");
    }
  } else {
    for (std::int64_t i = 0; i < options_.data.accounts; ++i) callers_.push_back(std::to_string(100'000'000'001 + i));
  }
}

std::unique_ptr<Call> Workload::Next() {
  auto call = std::make_unique<Call>();
  call->header = options_.keys_file.empty() ? "x-account-id" : "authorization";
  // A number's account follows from it.
  choice_.phone_number = kFirst + options_.first_number + calls_ * (options_.one_account ? options_.data.accounts : 1);
  ChooseAccount(options_.one_account ? 0 : Random(options_.data.accounts));
  fill_(*call);
  call->header_value = callers_[static_cast<std::size_t>(account_)];
  if (!options_.expect.empty()) call->expected = options_.expect;
  if (!options_.refused.empty()) call->refused = options_.refused;
  ++calls_;
  return call;
}

void Workload::Describe(Call& call) {
  DescribePoolsRequest request;
  request.add_pool_ids(PoolName(choice_.pool));
  call.path = "/smsvoice.v2.Pools/DescribePools";
  call.request = Framed(request.SerializeAsString());
  call.expected = PoolName(choice_.pool);
}

void Workload::Members(Call& call) {
  choice_.pool -= (choice_.pool - kFirst) % options_.data.member_step;
  ListPoolOriginationIdentitiesRequest request;
  request.set_pool_id(PoolName(choice_.pool));
  call.path = "/smsvoice.v2.Pools/ListPoolOriginationIdentities";
  call.request = Framed(request.SerializeAsString());
  call.expected = PoolName(choice_.pool);
  call.repeated = "arn:aws:sms-voice:";
  call.times = static_cast<int>(options_.data.members) + 1;  // and the pool's
}

void Workload::Page(Call& call) {
  DescribePoolsRequest request;
  auto* type = request.add_filters();
  type->set_name(POOL_FILTER_NAME_MESSAGE_TYPE);
  type->add_values("TRANSACTIONAL");
  auto* protection = request.add_filters();
  protection->set_name(POOL_FILTER_NAME_DELETION_PROTECTION_ENABLED);
  protection->add_values("false");
  call.path = "/smsvoice.v2.Pools/DescribePools";
  call.request = Framed(request.SerializeAsString());
  call.expected = choice_.account;
  call.repeated = "arn:aws:sms-voice:";
  call.times = 100;
}

void Workload::Create(Call& call) {
  choice_.sender_id = 100'000 + Random(options_.data.sender_ids);
  choice_.token = "bench-" + std::to_string(options_.seed) + "-" + std::to_string(calls_);
  CreatePoolRequest request;
  request.set_origination_identity(SenderIdName(choice_.sender_id));
  request.set_iso_country_code("GB");
  request.set_message_type(MESSAGE_TYPE_TRANSACTIONAL);
  request.set_client_token(choice_.token);
  auto* tag = request.add_tags();
  tag->set_key("team");
  tag->set_value("billing");
  call.path = "/smsvoice.v2.Pools/CreatePool";
  call.request = Framed(request.SerializeAsString());
  call.expected = choice_.account + ":pool/pool-";
}

void Workload::Associate(Call& call) {
  // Only pools of an even number take the numbers' message type, and the first one of an account is full.
  ChooseAccount((choice_.phone_number - kFirst) % options_.data.accounts);
  choice_.pool = kFirst + account_ * options_.data.pools + 2 + 2 * Random(options_.data.pools / 2 - 1);
  AssociateOriginationIdentityRequest request;
  request.set_pool_id(PoolName(choice_.pool));
  request.set_origination_identity(PhoneNumberName(choice_.phone_number));
  call.path = "/smsvoice.v2.Pools/AssociateOriginationIdentity";
  call.request = Framed(request.SerializeAsString());
  call.expected = PhoneNumberName(choice_.phone_number);
}

// Of one pool, so that each call changes it. By what is changed no other operation chooses pools.
void Workload::Update(Call& call) {
  ChooseAccount(0);
  choice_.pool = kFirst + 1;
  UpdatePoolRequest request;
  request.set_pool_id(PoolName(choice_.pool));
  request.set_shared_routes_enabled(calls_ % 2 == 0);
  call.path = "/smsvoice.v2.Pools/UpdatePool";
  call.request = Framed(request.SerializeAsString());
  call.expected = PoolName(choice_.pool);
}

// CreatePool with a country that cannot be one.
void Workload::Invalid(Call& call) {
  CreatePoolRequest request;
  request.set_origination_identity(SenderIdName(100'000));
  request.set_iso_country_code("GBR");
  request.set_message_type(MESSAGE_TYPE_TRANSACTIONAL);
  call.path = "/smsvoice.v2.Pools/CreatePool";
  call.request = Framed(request.SerializeAsString());
  call.refused = "ValidationException";
}

std::int64_t Workload::Random(std::int64_t end) {
  return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random_);
}

void Workload::ChooseAccount(std::int64_t account) {
  account_ = account;
  choice_.account = std::to_string(100'000'000'001 + account);
  choice_.pool = kFirst + account * options_.data.pools + Random(options_.data.pools);
}

bool IsRight(const Call& call) {
  if (!call.refused.empty()) return call.grpc_status > 0 && call.exception == call.refused;
  if (call.grpc_status != 0 || call.answer.find(call.expected) == std::string::npos) return false;
  if (call.repeated.empty()) return true;
  int times = 0;
  for (std::size_t at = 0; (at = call.answer.find(call.repeated, at)) != std::string::npos; ++at) ++times;
  return times == call.times;
}

}  // namespace poold::bench
