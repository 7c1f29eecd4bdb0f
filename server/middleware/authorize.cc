#include "server/middleware/authorize.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/base/arn.h"
#include "server/middleware/rules.h"
#include "server/rpc/method.h"
#include "server/rpc/rights.h"
#include "storage/opt_out_lists.h"

namespace poold {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;

constexpr std::string_view kPool = "pool";
constexpr std::string_view kPhoneNumber = "phone-number";
constexpr std::string_view kSenderId = "sender-id";
constexpr std::string_view kOptOutList = "opt-out-list";

// What a request names by a text that is no ARN, where the field allows these types: as the handlers understand it.
std::string TypeOf(std::string_view id, const RepeatedPtrField<std::string>& types) {
  const auto has = [&types](std::string_view type) { return std::ranges::find(types, type) != types.end(); };
  if (types.size() == 1) return types[0];
  if (has(kPool) && IsPoolId(id)) return std::string(kPool);
  if (has(kSenderId) && !IsPhoneNumberId(id) && !IsDigits(id)) return std::string(kSenderId);
  return std::string(kPhoneNumber);
}

// The country that stands beside a sender ID.
std::string CountryIn(const Message& message) {
  const FieldDescriptor* country = message.GetDescriptor()->FindFieldByName("iso_country_code");
  return country == nullptr ? "" : message.GetReflection()->GetString(message, country);
}

// Adds the ARN of what a text names; of an opt-out list those of both lists that its name may mean.
void AddArnNamed(const std::string& text, const RepeatedPtrField<std::string>& types, const Message& message,
                 const storage::Scope& scope, std::vector<std::string>& arns) {
  if (text.starts_with("arn:")) return arns.push_back(text);
  const std::string type = TypeOf(text, types);
  if (type == kSenderId) return arns.push_back(SenderIdArn(scope, text, CountryIn(message)));
  arns.push_back(MakeArn(PartitionOf(scope.region), scope.region, scope.account, type, text));
  if (type != kOptOutList) return;
  const auto otherwise = storage::OtherMeaningOf(text);
  if (!otherwise.empty()) arns.push_back(OptOutListArn(scope, otherwise));
}

// The texts of a string field, one or many; an empty one names nothing.
std::vector<std::string> TextsOf(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  std::vector<std::string> texts;
  if (!field.is_repeated()) {
    texts.push_back(reflection->GetString(message, &field));
  } else {
    for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
      texts.push_back(reflection->GetRepeatedString(message, &field, i));
    }
  }
  std::erase(texts, "");
  return texts;
}

// Adds the ARNs of all that the message names.
void AddNamed(const MessagePlan& plan, const Message& message, const storage::Scope& scope,
              std::vector<std::string>& arns) {
  const auto* reflection = message.GetReflection();
  for (const FieldPlan& its : plan.fields) {
    const FieldDescriptor* field = its.field;
    if (its.message != nullptr && !field->is_repeated() && reflection->HasField(message, field)) {
      AddNamed(*its.message, reflection->GetMessage(message, field), scope, arns);
    }
    for (int i = 0; its.message != nullptr && field->is_repeated() && i < reflection->FieldSize(message, field); ++i) {
      AddNamed(*its.message, reflection->GetRepeatedMessage(message, field, i), scope, arns);
    }
    const auto& types = its.value.arn_types();
    if (types.empty()) continue;
    for (const std::string& text : TextsOf(message, *field)) AddArnNamed(text, types, message, scope, arns);
  }
}

Error Denied(const Call& call, const std::string& where) {
  return Error::AccessDenied("This caller is not authorized to perform " + call.method().policy.action() + where);
}

}  // namespace

void AuthorizeAction(Call& call) {
  const Rights* rights = call.rights();
  if (rights != nullptr && !rights->Allow(call.method().policy.action())) throw Denied(call, "");
}

void AuthorizeResources(Call& call) {
  const Rights* rights = call.rights();
  if (rights == nullptr || rights->ReachEverything()) return;
  std::vector<std::string> arns;
  AddNamed(PlanOf(*call.request().GetDescriptor()), call.request(), call.scope(), arns);
  const storage::Scope& scope = call.scope();
  const std::string& created = call.method().policy.creates();
  if (!created.empty()) {
    arns.push_back(MakeArn(PartitionOf(scope.region), scope.region, scope.account, created, "*"));
  }
  if (arns.empty()) throw Denied(call, " on all resources: name those that you mean");
  for (const std::string& arn : arns) {
    if (!rights->Reach(arn)) throw Denied(call, " on " + arn);
  }
}

}  // namespace poold
