// One account can neither see nor change what is another's: every operation of the table, called by one account with
// every identifier of another in every text that a request has. Requests are made from their descriptors, so that a new
// operation, or a new field, is tested as soon as it is there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>

#include "server/base/arn.h"
#include "server/base/digest.h"
#include "server/base/text.h"
#include "server/handlers/beyond.h"
#include "server/middleware/access.h"
#include "tests/support/api.h"
#include "tests/support/given.h"
#include "tests/support/matchers.h"
#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using testing::Contains;
using testing::IsEmpty;

constexpr const char* kOptedOut = "+12065550123";

// What an account has: two of everything, so that listings have pages.
struct Estate {
  std::string account;
  std::string pool;    // with `member` and `sender_id`, a keyword, tags and a policy
  std::string member;  // a number in it
  std::string number;  // one in no pool, with a keyword
  std::string digits;  // of that
  std::string sender_id;
  std::string list;   // with `kOptedOut`
  std::string token;  // with which it made something
  // A listing's name, and the token of its second page.
  std::map<std::string, std::string> pages;

  storage::Scope scope() const { return {account, "us-east-1"}; }
  std::vector<std::string> arns() const {
    return {PoolArn(scope(), pool), PhoneNumberArn(scope(), number), PhoneNumberArn(scope(), member),
            SenderIdArn(scope(), sender_id, "GB"), OptOutListArn(scope(), list)};
  }
  // Texts that no other account has, and by which an answer would give something away.
  std::vector<std::string> unmistakable() const {
    std::vector<std::string> texts{account, pool, member, number, digits};
    for (const auto& [name, page] : pages) texts.push_back(page);
    return texts;
  }
  // All that could be written into a request to mean something of it.
  std::vector<std::string> identifiers() const {
    std::vector<std::string> all = arns();
    all.insert(all.end(), {pool, member, number, digits, sender_id, list, token});
    for (const auto& [name, page] : pages) all.push_back(page);
    return all;
  }
};

bool NamesResources(const FieldDescriptor& field) {
  const auto& rule = field.options().GetExtension(smsvoice::v2::rule);
  return (field.is_repeated() ? rule.items().arn_types_size() : rule.arn_types_size()) > 0;
}

bool IsRequired(const FieldDescriptor& field) { return field.options().GetExtension(smsvoice::v2::rule).required(); }

bool IsText(const FieldDescriptor& field) { return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING; }

// What a text that an operation needs says when an account speaks of its own things. A field of a new name fails the
// test here until this knows it.
std::string OwnText(const Estate& own, const FieldDescriptor& field) {
  const bool of_sender_id = field.containing_type()->FindFieldByName("sender_id") != nullptr;
  const std::map<std::string, std::string> texts = {
      {"pool_id", own.pool},
      {"phone_number_id", own.number},
      {"origination_identity", own.number},
      {"sender_id", own.sender_id},
      {"iso_country_code", of_sender_id ? "GB" : "US"},
      {"opt_out_list_name", own.list},
      {"opted_out_number", kOptedOut},
      {"resource_arn", PoolArn(own.scope(), own.pool)},
      {"keyword", "HOURS"},
      {"keyword_message", "9 to 5"},
      {"tag_keys", "team"},
      {"key", "team"},
      {"value", "blue"},
      {"values", "ACTIVE"},
      {"filter", "206"},
      {"policy", R"({"Statement": {"Effect": "Allow", "Principal": "999999999999", "Action": "sms-voice:*"}})"},
  };
  const auto found = texts.find(field.name());
  if (found == texts.end()) throw std::logic_error("say here what " + field.full_name() + " means");
  return found->second;
}

int OwnChoice(const FieldDescriptor& field) {
  if (field.enum_type()->full_name() == "smsvoice.v2.MessageType") return MESSAGE_TYPE_TRANSACTIONAL;
  if (field.enum_type()->full_name() == "smsvoice.v2.NumberCapability") return NUMBER_CAPABILITY_SMS;
  if (field.enum_type()->full_name() == "smsvoice.v2.RequestableNumberType") return REQUESTABLE_NUMBER_TYPE_LONG_CODE;
  return field.enum_type()->value(1)->number();
}

// Gives the fields that must be given, of the account's own things.
void Fill(Message& message, const Estate& own) {
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (!IsRequired(field)) continue;
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Fill(field.is_repeated() ? *reflection->AddMessage(&message, &field)
                               : *reflection->MutableMessage(&message, &field),
           own);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      if (field.is_repeated())
        reflection->AddEnumValue(&message, &field, OwnChoice(field));
      else
        reflection->SetEnumValue(&message, &field, OwnChoice(field));
    } else if (IsText(field)) {
      if (field.is_repeated())
        reflection->AddString(&message, &field, OwnText(own, field));
      else
        reflection->SetString(&message, &field, OwnText(own, field));
    } else {
      throw std::logic_error("say here what " + field.full_name() + " means");
    }
  }
}

// A text of a request: the fields that lead to it.
using Slot = std::vector<const FieldDescriptor*>;

std::string NameOf(const Slot& slot) {
  std::string name;
  for (const FieldDescriptor* field : slot) name += (name.empty() ? "" : ".") + field->name();
  return name;
}

std::vector<Slot> SlotsOf(const Descriptor& type, const Slot& before = {}) {
  std::vector<Slot> slots;
  for (int i = 0; i < type.field_count(); ++i) {
    Slot slot = before;
    slot.push_back(type.field(i));
    if (IsText(*type.field(i))) slots.push_back(slot);
    if (type.field(i)->message_type() == nullptr) continue;
    const auto inner = SlotsOf(*type.field(i)->message_type(), slot);
    slots.insert(slots.end(), inner.begin(), inner.end());
  }
  return slots;
}

// Writes the text there, alone if there can be several. What stands on the way and is not there yet is made and filled.
void Write(Message& message, const Slot& slot, const std::string& text, const Estate& own, std::size_t depth = 0) {
  const auto* reflection = message.GetReflection();
  const FieldDescriptor& field = *slot[depth];
  if (depth + 1 == slot.size()) {
    if (!field.is_repeated()) return reflection->SetString(&message, &field, text);
    reflection->ClearField(&message, &field);
    return reflection->AddString(&message, &field, text);
  }
  if (!field.is_repeated()) return Write(*reflection->MutableMessage(&message, &field), slot, text, own, depth + 1);
  if (reflection->FieldSize(message, &field) == 0) Fill(*reflection->AddMessage(&message, &field), own);
  Write(*reflection->MutableRepeatedMessage(&message, &field, 0), slot, text, own, depth + 1);
}

class Isolation : public testing::Test {
 protected:
  static Settings Dev() {
    Settings settings;
    settings.api.dev = true;
    return settings;
  }

  struct Outcome {
    std::unique_ptr<Message> response;
    std::optional<Error> error;

    std::string text() const { return error ? error->what() : response->ShortDebugString(); }
  };

  Outcome Run(const Estate& caller, const Method& method, const Message& request) {
    Outcome outcome{method.NewResponse(), std::nullopt};
    outcome.error = api.Run(caller.scope(), {}, request, *outcome.response);
    return outcome;
  }

  std::unique_ptr<Message> OwnRequest(const Estate& own, const Method& method) {
    auto request = method.NewRequest();
    Fill(*request, own);
    return request;
  }

  Estate NewEstate() {
    Estate estate;
    estate.account = NewAccount();
    api.scope = estate.scope();
    GivenNumber(api);
    estate.number = GivenNumber(api);
    GivenKeyword(api, estate.number, "HOURS", "9 to 5");
    estate.digits = TheNumber(api, estate.number).phone_number().substr(1);
    estate.sender_id = GivenSenderId(api, "EXAMPLECO");
    GivenSenderIdPool(api, "OTHERCO");
    estate.member = GivenNumber(api);
    estate.pool = GivenPool(api, estate.member, "tags: {key: 'team' value: 'blue'}");
    GivenMember(api, estate.pool, estate.sender_id, "iso_country_code: 'GB'");
    GivenKeyword(api, estate.pool, "HOURS", "9 to 5");
    estate.list = "Shared-Name";
    for (const char* number : {kOptedOut, "+12065550124"}) {
      if (number == kOptedOut) GivenOptOutList(api, estate.list);
      PutOptedOutNumberRequest request;
      request.set_opt_out_list_name(estate.list);
      request.set_opted_out_number(number);
      EXPECT_THAT(api.Call(request), IsOk());
    }
    // A policy for somebody else.
    GivenShare(api, PoolArn(estate.scope(), estate.pool), "999999999999");
    estate.token = "token-1";
    EXPECT_THAT(api.Call<CreateOptOutListRequest>("opt_out_list_name: 'By-Token' client_token: 'token-1'"), IsOk());
    for (const Method& method : Methods()) {
      const Descriptor& type = *method.descriptor->input_type();
      const FieldDescriptor* size = type.FindFieldByName("max_results");
      if (size == nullptr) continue;
      const auto request = OwnRequest(estate, method);
      // The pool has more than one identity and keyword; the number has one.
      const FieldDescriptor* identity = type.FindFieldByName("origination_identity");
      if (identity != nullptr) {
        const bool by_pool = method.name == "DescribeKeywords";
        request->GetReflection()->SetString(request.get(), identity, by_pool ? estate.pool : estate.member);
      }
      request->GetReflection()->SetInt32(request.get(), size, 1);
      const auto outcome = Run(estate, method, *request);
      EXPECT_FALSE(outcome.error) << method.name << ": " << outcome.text();
      const FieldDescriptor* token = method.descriptor->output_type()->FindFieldByName("next_token");
      const std::string next = outcome.response->GetReflection()->GetString(*outcome.response, token);
      if (!next.empty()) estate.pages[std::string(method.name)] = next;
    }
    return estate;
  }

  // Every row of every table that belongs to the account.
  std::string Dump(const Estate& estate) {
    std::string dump;
    api.Sql([&](storage::Transaction& tx) {
      dump.clear();
      std::string all = "SELECT 'inventory', t::text FROM inventory_numbers t WHERE held_by = $1";
      for (const storage::Row row : tx.Run({"test",
                                            "SELECT table_name FROM information_schema.columns"
                                            " WHERE table_schema = 'public' AND column_name = 'account_id'"})) {
        std::string table;
        row.Read(table);
        all += " UNION ALL SELECT '" + table + "', t::text FROM " + table + " t WHERE account_id = $1";
      }
      all += " ORDER BY 1, 2";
      for (const storage::Row row : tx.Run({"test", all, true}, storage::Params(estate.account))) {
        std::string table;
        std::string text;
        row.Read(table, text);
        dump.append(table).append(" ").append(text).append("\n");
      }
    });
    return dump;
  }

  // The refusal is one that the operation documents.
  static bool IsDocumented(const Method& method, const Error& error) {
    switch (error.fault()) {
      case Fault::kAccessDenied:
      case Fault::kInvalid:
        return true;
      case Fault::kNotFound:
        return method.CanRefuseWith(REFUSAL_NOT_FOUND);
      case Fault::kConflict:
        return method.CanRefuseWith(REFUSAL_CONFLICT);
      case Fault::kQuota:
        return method.CanRefuseWith(REFUSAL_QUOTA);
      default:
        return false;
    }
  }

  // The call, by somebody else, told and changed nothing of the estate. `request` may hold texts of it.
  void ExpectNothingGivenAway(const Estate& owner, const Method& method, const Message& request,
                              const Outcome& outcome) {
    const std::string asked = request.ShortDebugString();
    if (outcome.error) {
      EXPECT_TRUE(IsDocumented(method, *outcome.error)) << method.name << " " << asked << ": " << outcome.text();
    }
    for (const std::string& secret : owner.unmistakable()) {
      if (asked.find(secret) != asked.npos) continue;
      EXPECT_EQ(outcome.text().find(secret), std::string::npos)
          << method.name << " " << asked << ": " << outcome.text();
    }
  }

  Api api{Dev()};
};

TEST_F(Isolation, HoldsForEveryOperationWithEveryIdentifierInEveryText) {
  std::set<std::string> tried;
  for (const Method& method : Methods()) {
    SCOPED_TRACE(method.name);
    const Estate theirs = NewEstate();
    const Estate own = NewEstate();
    const std::string before = Dump(theirs);
    ASSERT_THAT(before, testing::HasSubstr(theirs.pool));

    for (const Slot& slot : SlotsOf(*method.descriptor->input_type())) {
      for (const std::string& identifier : theirs.identifiers()) {
        const auto request = OwnRequest(own, method);
        Write(*request, slot, identifier, own);
        const Outcome outcome = Run(own, method, *request);
        ExpectNothingGivenAway(theirs, method, *request, outcome);
        const bool is_theirs_alone =
            identifier != theirs.sender_id && identifier != theirs.list && identifier != theirs.token;
        if (is_theirs_alone && (NamesResources(*slot.back()) || slot.back()->name() == "next_token")) {
          EXPECT_TRUE(outcome.error) << NameOf(slot) << " " << identifier << ": " << outcome.text();
          tried.insert(std::string(method.name));
        }
      }
    }
    // All of it theirs: exactly what its owner would send, and the same by ARN.
    const auto request = OwnRequest(theirs, method);
    ExpectNothingGivenAway(theirs, method, *request, Run(own, method, *request));
    for (const auto& [name, token] : theirs.pages) {
      const FieldDescriptor* page = method.descriptor->input_type()->FindFieldByName("next_token");
      if (page == nullptr || name != method.name) continue;
      for (const Estate* named : {&own, &theirs}) {
        const auto next = OwnRequest(*named, method);
        next->GetReflection()->SetString(next.get(), page, token);
        EXPECT_TRUE(Run(own, method, *next).error) << "their page of " << name;
      }
    }
    const std::string after = Dump(theirs);
    EXPECT_EQ(after, before) << method.name << " changed what is another account's";

    // It was no defect of the requests: the owner is served with the same identifiers.
    const Outcome by_owner = Run(theirs, method, *request);
    const bool was_understood = !by_owner.error || by_owner.error->fault() == Fault::kConflict;
    EXPECT_TRUE(was_understood) << request->ShortDebugString() << ": " << by_owner.text();
  }
  // Every operation has a text that names resources but these.
  std::set<std::string> without;
  for (const Method& method : Methods()) {
    if (!tried.contains(std::string(method.name))) without.insert(std::string(method.name));
  }
  EXPECT_THAT(without,
              testing::UnorderedElementsAre("RequestSenderId", "CreateOptOutList", "ResetAccount", "SeedAccount"));
}

// The check above sees what it is to see.
TEST_F(Isolation, WouldBeSeenToFail) {
  const Estate theirs = NewEstate();
  const std::string before = Dump(theirs);
  api.scope = theirs.scope();
  EXPECT_THAT(theirs.pages, Contains(testing::Key("DescribePools")));
  EXPECT_THAT(theirs.pages, Contains(testing::Key("ListPoolOriginationIdentities")));
  EXPECT_THAT(theirs.pages, Contains(testing::Key("DescribeOptedOutNumbers")));
  for (const char* table : {"pools ", "phone_numbers ", "sender_ids ", "pool_members ", "pool_keywords ", "tags ",
                            "phone_number_keywords ", "opt_out_lists ", "opted_out_numbers ", "resource_policies ",
                            "resource_grants ", "client_tokens ", "inventory "}) {
    EXPECT_THAT(before, testing::HasSubstr(std::string("\n") + table)) << "something of every kind";
  }
  ASSERT_THAT(api.Call<TagResourceRequest>("resource_arn: '" + PoolArn(theirs.scope(), theirs.pool) +
                                           "' tags: {key: 'a' value: 'b'}"),
              IsOk());
  EXPECT_NE(Dump(theirs), before);
}

// What a caller may reach by the `resources` of an access file: what its request names and makes, and nothing else.
// Each operation of the table is called so, and by a caller that may reach everything.
class Reaching : public Isolation {
 protected:
  // Metadata of a caller of the account that may reach these ARNs.
  Api::Metadata CallerReaching(const Estate& estate, const std::vector<std::string>& arns) {
    std::string resources;
    for (const std::string& arn : arns) resources += (resources.empty() ? "'" : ", '") + arn + "'";
    std::ofstream(path_) << "principals: [{name: somebody, account: '" << estate.account
                         << "', bearer_keys: [{sha256: " << Hex(Sha256("key")) << "}], resources: [" << resources
                         << "]}]";
    access_ = std::make_unique<AccessFile>(path_);
    api.service().access = access_.get();
    return {{"authorization", "Bearer key"}};
  }

  Outcome RunReaching(const Estate& estate, const std::vector<std::string>& arns, const Method& method,
                      const Message& request) {
    Outcome outcome{method.NewResponse(), std::nullopt};
    outcome.error = api.Run(estate.scope(), CallerReaching(estate, arns), request, *outcome.response);
    api.service().access = nullptr;
    return outcome;
  }

  // What the account would send to have the operation change or show as much as it can.
  std::unique_ptr<Message> FarReachingRequest(const Estate& estate, const Method& method) {
    const std::map<std::string_view, std::map<std::string, std::string>> further = {
        {"UpdatePool", {{"opt_out_list_name", estate.list}}},
        {"DisassociateOriginationIdentity", {{"origination_identity", estate.sender_id}, {"iso_country_code", "GB"}}},
        {"BatchDisassociateOriginationIdentities",
         {{"origination_identities.origination_identity", estate.sender_id},
          {"origination_identities.iso_country_code", "GB"}}},
        {"ListPoolsForOriginationIdentity", {{"origination_identity", estate.member}}},
        {"PutKeyword", {{"origination_identity", estate.pool}, {"keyword_message", "10 to 4"}}},
        {"DeleteKeyword", {{"origination_identity", estate.pool}}},
        {"DescribeKeywords", {{"origination_identity", estate.member}}},
        {"RequestPhoneNumber", {{"pool_id", estate.pool}}},
        {"DescribePools", {{"pool_ids", estate.pool}}},
        {"DescribePhoneNumbers", {{"phone_number_ids", estate.member}}},
        {"DescribeSenderIds", {{"sender_ids.sender_id", estate.sender_id}}},
        {"DescribeOptOutLists", {{"opt_out_list_names", estate.list}}},
    };
    auto request = OwnRequest(estate, method);
    const auto texts = further.find(method.name);
    if (texts == further.end()) return request;
    for (const Slot& slot : SlotsOf(*method.descriptor->input_type())) {
      const auto text = texts->second.find(NameOf(slot));
      if (text != texts->second.end()) Write(*request, slot, text->second, estate);
    }
    return request;
  }

  // The ARNs of what it names, and of what it makes.
  std::vector<std::string> NamedAndMade(const Estate& estate, const Method& method, const Message& request) {
    std::vector<std::string> arns;
    const std::string text = request.ShortDebugString();
    for (const std::string& arn : estate.arns()) {
      const std::string tail = arn.substr(arn.rfind(':') + 1);
      const std::string id = tail.substr(tail.find('/') + 1);
      if (text.find('"' + id.substr(0, id.find('/')) + '"') != text.npos || text.find(arn) != text.npos) {
        arns.push_back(arn);
      }
    }
    const std::string& made = method.policy.creates();
    if (!made.empty()) arns.push_back(MakeArn("aws", "us-east-1", estate.account, made, "*"));
    return arns;
  }

  // Texts by which a row or an answer tells of things of the account that these ARNs do not reach. Of a number in a
  // pool the pool's id is shown, and so it is with the name of a list: they are settings of the number.
  static std::vector<std::string> OutOfReach(const Estate& estate, const std::vector<std::string>& arns) {
    const Rights rights{{"*"}, {}, arns};
    std::vector<std::string> texts;
    const auto add = [&](const std::string& arn, const std::string& text) {
      if (!rights.Reach(arn)) texts.push_back(text);
    };
    add(PhoneNumberArn(estate.scope(), estate.member), estate.member);
    add(PhoneNumberArn(estate.scope(), estate.number), estate.number);
    add(PhoneNumberArn(estate.scope(), estate.number), estate.digits);
    add(SenderIdArn(estate.scope(), estate.sender_id, "GB"), estate.sender_id);
    return texts;
  }

  // The lines that only one of two dumps has.
  static std::vector<std::string> Changed(const std::string& before, const std::string& after) {
    const auto lines = [](const std::string& text) {
      std::istringstream stream(text);
      std::set<std::string> all;
      for (std::string line; std::getline(stream, line);) all.insert(line);
      return all;
    };
    std::vector<std::string> changed;
    std::ranges::set_symmetric_difference(lines(before), lines(after), std::back_inserter(changed));
    return changed;
  }

  void ExpectNothingBeyond(const Estate& estate, const std::vector<std::string>& arns, const std::string& before,
                           const Outcome& outcome) {
    for (const std::string& text : OutOfReach(estate, arns)) {
      EXPECT_THAT(outcome.text(), testing::Not(testing::HasSubstr(text)));
      for (const std::string& line : Changed(before, Dump(estate))) {
        EXPECT_THAT(LowerCase(line), testing::Not(testing::HasSubstr(LowerCase(text))));
      }
    }
  }

 private:
  TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "access.yaml";
  std::unique_ptr<AccessFile> access_;
};

TEST_F(Reaching, IsAnsweredForEveryOperation) {
  std::vector<std::string> answered;
  for (const Beyond& beyond : BeyondOfMethods()) answered.emplace_back(beyond.method);
  std::vector<std::string> methods;
  for (const Method& method : Methods()) methods.emplace_back(method.name);
  EXPECT_THAT(answered, testing::UnorderedElementsAreArray(methods))
      << "say in handlers/beyond.cc what the operation changes and shows besides what its request names";
}

TEST_F(Reaching, HoldsForEveryOperation) {
  using Changes = Beyond::Changes;
  Estate estate = NewEstate();
  for (const Beyond& beyond : BeyondOfMethods()) {
    SCOPED_TRACE(beyond.method);
    const Method& method = *FindMethod(beyond.method);
    auto request = FarReachingRequest(estate, method);
    const auto named = NamedAndMade(estate, method, *request);
    const std::string before = Dump(estate);
    const Outcome limited = RunReaching(estate, named, method, *request);
    ExpectNothingBeyond(estate, named, before, limited);

    const bool is_denied = limited.error && limited.error->fault() == Fault::kAccessDenied;
    EXPECT_EQ(is_denied, named.empty() || beyond.changes != Changes::kNothing) << limited.text();
    if (is_denied) {
      EXPECT_EQ(Dump(estate), before);
    } else if (Dump(estate) != before) {
      estate = NewEstate();
      request = FarReachingRequest(estate, method);
    }

    // Who may reach everything has it done, and then that which is out of reach is changed or shown as it is declared.
    const std::string then = Dump(estate);
    const Outcome full = RunReaching(estate, {"*"}, method, *request);
    const bool was_understood = !full.error || full.error->fault() == Fault::kConflict;
    EXPECT_TRUE(was_understood) << full.text();
    if (beyond.shows == Beyond::Shows::kMembersOfPool) {
      EXPECT_THAT(full.text(), testing::HasSubstr(estate.member));
      EXPECT_THAT(limited.text(), testing::Not(testing::HasSubstr(estate.member)));
    }
    if (beyond.shows == Beyond::Shows::kPoolsOfIdentity) {
      EXPECT_THAT(full.text(), testing::HasSubstr(estate.pool));
      EXPECT_THAT(limited.text(), testing::Not(testing::HasSubstr(estate.pool)));
    }
    const bool changed = Dump(estate) != then;
    EXPECT_TRUE(changed || beyond.changes == Changes::kNothing);
    if (changed) estate = NewEstate();
  }
}

// What a resource policy may open to another account (behaviour 4.9): looking, the numbers on an opt-out list, and to
// give that list to pools and numbers of its own.
const std::map<std::string, std::set<std::string>> kShareable = {
    {"pool", {"DescribePools", "ListPoolOriginationIdentities", "DescribeKeywords", "ListTagsForResource"}},
    {"phone-number", {"DescribePhoneNumbers", "DescribeKeywords", "ListTagsForResource"}},
    {"sender-id", {"DescribeSenderIds", "ListTagsForResource"}},
    {"opt-out-list",
     {"DescribeOptOutLists", "DescribeOptedOutNumbers", "PutOptedOutNumber", "DeleteOptedOutNumber",
      "ListTagsForResource", "UpdatePool", "UpdatePhoneNumber", "RequestPhoneNumber"}}};

struct Share {
  std::string type;
  bool everything;  // sms-voice:*, or else one action after the other
};

void PrintTo(const Share& share, std::ostream* out) { *out << share.type << (share.everything ? " *" : " each"); }

class SharedIsolation : public Isolation, public testing::WithParamInterface<Share> {
 protected:
  static std::string ArnOf(const Estate& estate, const std::string& type) {
    for (const std::string& arn : estate.arns()) {
      if (ParseArn(arn)->type == type) return arn;
    }
    throw std::logic_error(type);
  }

  // The operations that `own` gets done with the ARN of theirs.
  std::set<std::string> GotDone(const Estate& own, const Estate& theirs, const std::string& arn) {
    std::set<std::string> done;
    std::string before = Dump(theirs);
    for (const Method& method : Methods()) {
      for (const Slot& slot : SlotsOf(*method.descriptor->input_type())) {
        if (!NamesResources(*slot.back())) continue;
        const auto request = OwnRequest(own, method);
        Write(*request, slot, arn, own);
        const Outcome outcome = Run(own, method, *request);
        if (outcome.error) {
          EXPECT_TRUE(IsDocumented(method, *outcome.error)) << method.name << ": " << outcome.text();
        } else {
          done.insert(std::string(method.name));
        }
        const std::string after = Dump(theirs);
        if (outcome.error || !method.policy.writes()) {
          EXPECT_EQ(after, before) << method.name;
        }
        before = after;
      }
    }
    return done;
  }
};

TEST_P(SharedIsolation, GivesWhatThePolicyGrantsAndNoMore) {
  const Share& share = GetParam();
  const std::set<std::string>& shareable = kShareable.at(share.type);
  const auto got_done_with = [&](const std::string& action) {
    const Estate theirs = NewEstate();
    const Estate own = NewEstate();
    const std::string arn = ArnOf(theirs, share.type);
    api.scope = theirs.scope();
    GivenShare(api, arn, own.account, {action});
    return GotDone(own, theirs, arn);
  };
  if (share.everything) {
    EXPECT_EQ(got_done_with("sms-voice:*"), shareable);
    return;
  }
  for (const std::string& operation : shareable) {
    EXPECT_EQ(got_done_with("sms-voice:" + operation), std::set<std::string>{operation});
  }
  EXPECT_THAT(got_done_with("sms-voice:DeletePool"), IsEmpty()) << "it is the owner's, whatever the policy says";
}

INSTANTIATE_TEST_SUITE_P(All, SharedIsolation,
                         testing::Values(Share{"pool", true}, Share{"pool", false}, Share{"phone-number", true},
                                         Share{"phone-number", false}, Share{"sender-id", true},
                                         Share{"sender-id", false}, Share{"opt-out-list", true},
                                         Share{"opt-out-list", false}),
                         [](const auto& test) {
                           std::string name = test.param.type + (test.param.everything ? "_everything" : "_each");
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace poold
