#include "server/transport/prepared_status.h"

#include <stdexcept>

namespace poold {
namespace {

constexpr std::string_view kPlaceholder = "00000000-0000-0000-0000-000000000000";

}  // namespace

PreparedStatus::PreparedStatus(const Error& error)
    : status_(ToGrpcStatus(error, kPlaceholder)), request_id_at_(status_.error_details().find(kPlaceholder)) {
  if (request_id_at_ == std::string::npos) throw std::logic_error("a status without the request id");
}

grpc::Status PreparedStatus::For(const std::string& request_id) const {
  if (request_id.size() != kPlaceholder.size()) throw std::invalid_argument("not a request id: " + request_id);
  std::string details = status_.error_details();
  details.replace(request_id_at_, request_id.size(), request_id);
  return grpc::Status(status_.error_code(), status_.error_message(), details);
}

}  // namespace poold
