#include "server/handlers/table.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "server/handlers/handlers.h"

namespace poold {
namespace {

using google::protobuf::Descriptor;

// What a function's type says of its request and response: it returns the response or, where that may be long, fills
// it. (A returned one is copied into the arena of the call's messages.)
template <typename Function>
struct Signature;
template <typename Response, typename RequestOf>
struct Signature<Response (*)(Call&, const RequestOf&)> {
  using Request = RequestOf;
  static void Handle(Response (*function)(Call&, const Request&), Call& call) {
    call.response<Response>() = function(call, call.request<Request>());
  }
};
template <typename Response, typename RequestOf>
struct Signature<void (*)(Call&, const RequestOf&, Response&)> {
  using Request = RequestOf;
  static void Handle(void (*function)(Call&, const Request&, Response&), Call& call) {
    function(call, call.request<Request>(), call.response<Response>());
  }
};

// The request says whose row it is.
struct RowOf {
  const Descriptor* request;
  Handler handler;
};

template <auto kFunction>
RowOf Row(std::vector<const Together*> together = {}) {
  using Type = Signature<decltype(kFunction)>;
  return {Type::Request::descriptor(), {[](Call& call) { Type::Handle(kFunction, call); }, std::move(together)}};
}

// By the index of the method.
std::vector<Handler> Table(const std::vector<RowOf>& rows) {
  std::vector<Handler> table;
  for (const Method& method : Methods()) {
    const auto row = std::ranges::find(rows, method.descriptor->input_type(), &RowOf::request);
    if (row == rows.end()) throw std::logic_error("no handler of " + method.descriptor->full_name());
    table.push_back(row->handler);
  }
  table.push_back({[](Call&) { throw std::logic_error("an unknown operation was let through"); }, {}});
  return table;
}

}  // namespace

const Handler& HandlerOf(const Method& method) {
  static const std::vector<Handler> kTable = Table({
      Row<&CreatePool>({&kCreatePoolsTogether}),
      Row<&DescribePools>({&kDescribePoolsTogether, &kListPoolsTogether}),
      Row<&UpdatePool>(),
      Row<&DeletePool>(),
      Row<&AssociateOriginationIdentity>({&kAssociateTogether}),
      Row<&DisassociateOriginationIdentity>(),
      Row<&ListPoolOriginationIdentities>({&kListMembersTogether}),
      Row<&BatchAssociateOriginationIdentities>(),
      Row<&BatchDisassociateOriginationIdentities>(),
      Row<&ReplaceOriginationIdentities>(),
      Row<&ListPoolsForOriginationIdentity>(),
      Row<&RequestPhoneNumber>(),
      Row<&DescribePhoneNumbers>(),
      Row<&UpdatePhoneNumber>(),
      Row<&ReleasePhoneNumber>(),
      Row<&RequestSenderId>(),
      Row<&DescribeSenderIds>(),
      Row<&UpdateSenderId>(),
      Row<&ReleaseSenderId>(),
      Row<&PutKeyword>(),
      Row<&DescribeKeywords>(),
      Row<&DeleteKeyword>(),
      Row<&TagResource>(),
      Row<&UntagResource>(),
      Row<&ListTagsForResource>(),
      Row<&CreateOptOutList>(),
      Row<&DescribeOptOutLists>(),
      Row<&DeleteOptOutList>(),
      Row<&PutOptedOutNumber>(),
      Row<&DescribeOptedOutNumbers>(),
      Row<&DeleteOptedOutNumber>(),
      Row<&PutResourcePolicy>(),
      Row<&GetResourcePolicy>(),
      Row<&DeleteResourcePolicy>(),
      Row<&DescribeAccountLimits>(),
      Row<&DescribeAccountAttributes>(),
      Row<&ResetAccount>(),
      Row<&SeedAccount>(),
  });
  return kTable[method.index];
}

}  // namespace poold
