#pragma once

#include <google/protobuf/arena.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "server/error.h"
#include "smsvoice/v2/rules.pb.h"

namespace poold {

class Call;
class Transaction;
struct ApiSettings;

// What became of a call that was to be answered together with others.
struct Outcome {
  bool apart = false;                 // it must go its own way: nothing was done for it
  std::optional<Error> refusal = {};  // of one that isn't apart: nothing if it is answered
};

// Thrown by Together::answer to undo what it did: all of them go their own ways.
struct AllApart {};

// How several calls of a method, of whatever accounts, are answered together if they wait at the same time: what reads
// in one round trip, what writes in one transaction of few statements.
struct Together {
  // In which queue they wait: what is quick must not wait behind what isn't.
  enum class Kind {
    kLookUp,   // reads a few rows by their keys: one statement for all of them
    kListing,  // reads a page: a statement for each, in one round trip
    kChange,   // writes
  };
  Kind kind;
  // Whether this call may be answered so. Looks at the request alone.
  bool (*fits)(const Call& call);
  // Fills each call's response, or says what else becomes of it; that has no effect on the other calls. Does nothing
  // for calls that are `apart` once the first statement has been answered. A batch of writes never refuses a call: it
  // marks a call that a rule would refuse as `apart`, and that call then runs alone.
  void (*answer)(Transaction& tx, std::span<Call* const> calls, std::span<Outcome> outcomes);
};

// One RPC: a row of the table in method.cc.
struct Method {
  std::string_view name;                                 // "CreatePool"; unique among all services
  const google::protobuf::MethodDescriptor* descriptor;  // nullptr: UnknownMethod
  smsvoice::v2::MethodPolicy policy;
  // Fields of the request; nullptr if it has none of that name.
  const google::protobuf::FieldDescriptor* client_token;
  const google::protobuf::FieldDescriptor* validate_only;
  const google::protobuf::FieldDescriptor* max_results;  // these two by which a request asks for a page
  const google::protobuf::FieldDescriptor* next_token;
  const google::protobuf::Message* request;  // empty ones, to make others of
  const google::protobuf::Message* response;
  void (*handle)(Call& call);  // calls the handler, fills the response
  // Ways to batch this method, tried in order. A call that none of them accepts runs alone.
  std::vector<const Together*> together = {};
  std::size_t index = 0;  // of its row

  std::unique_ptr<google::protobuf::Message> NewRequest() const;
  std::unique_ptr<google::protobuf::Message> NewResponse() const;
  bool CanRefuseWith(smsvoice::v2::Refusal refusal) const;
};

// The messages of a call, empty; doors make them before the Call that refers to them. The arena owns them and all that
// is in them: the hundreds of small objects of a page would each be allocated and freed by themselves.
struct Messages {
  explicit Messages(const Method& method)
      : request(method.request->New(&arena)), response(method.response->New(&arena)) {}

  google::protobuf::Arena arena;
  google::protobuf::Message* const request;
  google::protobuf::Message* const response;
};

// All of them, in the order of the API. Made at first use, then constant; any thread.
std::span<const Method> Methods();

// Whether a server with these settings serves the method. The pipeline refuses the others; a door had better not show
// them.
bool IsServed(const Method& method, const ApiSettings& settings);

// nullptr if there is none of that name.
const Method* FindMethod(std::string_view name);

// Stands for every operation that does not exist, so that a call to one goes the way of all calls: it is refused,
// logged and counted like others, under the name "unknown". It has no descriptor, its messages are empty, and no server
// serves it. Its index follows that of the last of Methods().
const Method& UnknownMethod();
bool IsUnknown(const Method& method);

}  // namespace poold
