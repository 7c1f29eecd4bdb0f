// `poold inventory …`, and which numbers RequestPhoneNumber hands out by the program's settings.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/dev_server.h"
#include "tests/support/grpc_client.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

namespace poold {
namespace {

using namespace smsvoice::v2;  // NOLINT: requests and responses
using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class InventoryImport : public testing::Test {
 protected:
  static constexpr const char* kHeader =
      "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price\n";

  std::string File(const std::string& text) {
    const auto path = directory_.path() / "numbers.csv";
    std::ofstream(path) << text;
    return path;
  }
  // Into the `dev` that runs.
  Ran Import(const std::string& file) {
    return RunToEnd(Poold({"inventory", "import", "--data-dir", DevDataDir(), file}));
  }

  // A number of a country that only the test's file has.
  auto Request(const std::string& country) {
    return client_.Call<RequestPhoneNumberRequest>(
        "message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
        " number_capabilities: NUMBER_CAPABILITY_SMS iso_country_code: '" +
        country + "'");
  }

  TemporaryDirectory directory_;
  GrpcClient client_{DevAddress(), NewAccount()};
};

TEST_F(InventoryImport, PutsNumbersIntoARunningDev) {
  EXPECT_THAT(Request("ES"), IsNotFound(ResourceType::kPhoneNumber, "ES/LONG_CODE"));
  const Ran ran = Import(File(std::string(kHeader) + "+34600000001,ES,LONG_CODE,SMS|VOICE,1.75\n"));
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(ran.output, HasSubstr("imported 1 of 1"));
  const auto number = Request("ES");
  ASSERT_THAT(number, IsOk());
  EXPECT_EQ(number.response.phone_number(), "+34600000001");
  EXPECT_EQ(number.response.monthly_leasing_price(), "1.75");
  EXPECT_THAT(Request("ES"), IsFault(Fault::kNotFound)) << "there was one";
}

TEST_F(InventoryImport, ChangesNothingWhenTheFileHasAMistake) {
  const std::string good = std::string(kHeader) + "+351900000001,PT,LONG_CODE,SMS,1.75\n";
  struct Case {
    std::string text;
    const char* sentence;
  };
  const Case cases[] = {
      {good + "351900000002,PT,LONG_CODE,SMS,1.75\n", "line 3: phone_number must be E.164"},
      {good + "+351900000002,pt,LONG_CODE,SMS,1.75\n", "line 3: iso_country_code"},
      {good + "+351900000002,PT,SHORT_CODE,SMS,1.75\n", "line 3: number_type"},
      {good + "+351900000002,PT,LONG_CODE,FAX,1.75\n", "line 3: number_capabilities"},
      {good + "+351900000002,PT,LONG_CODE,SMS,cheap\n", "line 3: monthly_leasing_price"},
      {good + "+351900000002,PT\n", "line 3: has not as many values"},
      {good + "+351900000001,PT,LONG_CODE,SMS,1.75\n", "line 3: names a number for the second time"},
      {"+351900000001,PT,LONG_CODE,SMS,1.75\n", "line 1: the header"},
      {"", "the file is empty"},
  };
  for (const Case& c : cases) {
    const Ran ran = Import(File(c.text));
    EXPECT_EQ(ran.exit_code, 1) << c.sentence;
    EXPECT_THAT(ran.errors, AllOf(StartsWith("poold: "), HasSubstr(c.sentence)));
  }
  EXPECT_THAT(Request("PT"), IsFault(Fault::kNotFound));
  EXPECT_THAT(Import(directory_.path() / "absent.csv").errors, HasSubstr("cannot read"));
}

TEST_F(InventoryImport, NeedsToKnowTheDatabase) {
  const std::string file = File(kHeader);
  const Ran ran = RunToEnd(Poold({"inventory", "import", "--data-dir", directory_.path(), file}));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("say which database"));
  EXPECT_EQ(RunToEnd(Poold({"inventory", "import", "--database-url", FreshDatabase(true), file})).exit_code, 0);
}

std::string LongCodeOf(const std::string& country) {
  return "message_type: MESSAGE_TYPE_TRANSACTIONAL number_type: REQUESTABLE_NUMBER_TYPE_LONG_CODE"
         " number_capabilities: NUMBER_CAPABILITY_SMS iso_country_code: '" +
         country + "'";
}

// A database, and the commands on it.
class InventoryOf {
 public:
  explicit InventoryOf(std::string url) : url_(std::move(url)) {}

  Ran Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "inventory");
    arguments.insert(arguments.end(), {"--database-url", url_});
    return RunToEnd(Poold(arguments));
  }

  std::string Must(const std::vector<std::string>& arguments) const {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, 0) << ran.errors;
    return ran.output;
  }

  // The rows of `inventory count`, with single blanks.
  std::vector<std::string> Count() const {
    std::vector<std::string> rows;
    std::istringstream text(Must({"count"}));
    for (std::string line; std::getline(text, line);) {
      std::istringstream words(line);
      std::string row;
      for (std::string word; words >> word;) row += (row.empty() ? "" : " ") + word;
      rows.push_back(row);
    }
    return rows;
  }

 private:
  const std::string url_;
};

class Inventory : public testing::Test {
 protected:
  static constexpr const char* kHeader =
      "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price\n";

  std::string File(const std::string& text) {
    const auto path = directory_.path() / "numbers.csv";
    std::ofstream(path) << text;
    return path;
  }

  Ran Run(const std::vector<std::string>& arguments) const { return inventory_.Run(arguments); }
  std::string Must(const std::vector<std::string>& arguments) const { return inventory_.Must(arguments); }
  std::vector<std::string> Count() const { return inventory_.Count(); }

  Program::Options Server(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"serve", "--grpc-listen", "127.0.0.1:0", "--database-url", url_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Poold(arguments);
  }

  const std::string url_ = FreshDatabase(true);
  const InventoryOf inventory_{url_};
  TemporaryDirectory directory_;
};

TEST_F(Inventory, CommandsSayThatTheSchemaIsMissing) {
  const std::string empty = FreshDatabase(/*migrated=*/false);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"inventory", "count"}, {"inventory", "list"}, {"inventory", "clear", "--fictional"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--database-url", empty});
    const Ran ran = RunToEnd(Poold(arguments));
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.output, "") << "a file that the output goes to must not look like a list";
    EXPECT_THAT(ran.errors, testing::HasSubstr("run `poold migrate`"));
  }
}

TEST_F(Inventory, ImportedNumbersGoOutBeforeFictionalOnes) {
  Must({"import", File(std::string(kHeader) + "+12065550999,US,LONG_CODE,SMS,1.00\n")});
  Program server(Server({"--fictional-numbers"}));
  const GrpcClient client(ReadyAddress(server), NewAccount());
  EXPECT_EQ(client.Must<RequestPhoneNumberRequest>(LongCodeOf("US")).phone_number(), "+12065550999");
  EXPECT_EQ(client.Must<RequestPhoneNumberRequest>(LongCodeOf("US")).phone_number(), "+12015550100");
  EXPECT_THAT(server.errors(), Not(HasSubstr("no imported numbers")));
}

TEST_F(Inventory, FictionalNumbersAreNotServedUnlessToldSo) {
  Program server(Server());
  const GrpcClient client(ReadyAddress(server), NewAccount());
  EXPECT_THAT(client.Call<RequestPhoneNumberRequest>(LongCodeOf("US")),
              IsNotFound(ResourceType::kPhoneNumber, "US/LONG_CODE"));
  server.WaitForLog("the inventory has no imported numbers");
  Must({"import", File(std::string(kHeader) + "+12065550999,US,LONG_CODE,SMS,1.00\n")});
  EXPECT_EQ(client.Must<RequestPhoneNumberRequest>(LongCodeOf("US")).phone_number(), "+12065550999");
  EXPECT_THAT(client.Call<RequestPhoneNumberRequest>(LongCodeOf("US")),
              IsNotFound(ResourceType::kPhoneNumber, "US/LONG_CODE"));
}

TEST_F(Inventory, IsCountedByCountryAndType) {
  Must({"clear", "--fictional"});
  EXPECT_THAT(Count(), ElementsAre("country type imported fictional held", "all 0 0 0"));
  Must({"import", File("phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price,fictional\n"
                       "+34600000001,ES,LONG_CODE,SMS,1.00,false\n"
                       "+34600000002,ES,LONG_CODE,SMS,1.00,false\n"
                       "+34600000003,ES,LONG_CODE,SMS,1.00,true\n"
                       "+351900000001,PT,TOLL_FREE,SMS,1.00,false\n")});
  Program server(Server());
  const GrpcClient client(ReadyAddress(server), NewAccount());
  client.Must<RequestPhoneNumberRequest>(LongCodeOf("ES"));
  EXPECT_THAT(Count(), ElementsAre("country type imported fictional held", "ES LONG_CODE 2 1 1", "PT TOLL_FREE 1 0 0",
                                   "all 3 1 1"));
  EXPECT_THAT(Must({"count"}), StartsWith("country  type       imported  fictional  held\n"
                                          "ES       LONG_CODE         2          1     1\n"));
}

TEST_F(Inventory, IsListedAsAFileThatImportReads) {
  Must({"import", File(std::string(kHeader) + "+34600000001,ES,LONG_CODE,SMS|VOICE,1.75\n"
                                              "+34900000001,ES,TOLL_FREE,VOICE,2.00\n")});
  EXPECT_EQ(Must({"list", "--country", "ES"}),
            "phone_number,iso_country_code,number_type,number_capabilities,monthly_leasing_price,fictional,held_by\n"
            "+34600000001,ES,LONG_CODE,SMS|VOICE,1.75,false,\n"
            "+34900000001,ES,TOLL_FREE,VOICE,2.00,false,\n");
  EXPECT_THAT(Must({"list", "--country", "ES", "--type", "TOLL_FREE"}), Not(HasSubstr("LONG_CODE")));

  // More than one page of it.
  const std::string all = Must({"list"});
  const auto counted = Count();
  const InventoryOf other(FreshDatabase(true));
  other.Must({"clear", "--fictional"});
  EXPECT_THAT(other.Must({"import", File(all)}), ContainsRegex("imported [0-9]{5} of "));
  EXPECT_EQ(other.Count(), counted) << "what is fictional stays so";
  EXPECT_EQ(other.Must({"list"}), all);
}

TEST_F(Inventory, NumbersAreRemovedWholeFileOrNothing) {
  Must({"import", File(std::string(kHeader) + "+34600000001,ES,LONG_CODE,SMS,1.00\n"
                                              "+34600000002,ES,LONG_CODE,SMS,1.00\n")});
  const std::string account = NewAccount();
  Program server(Server());
  const GrpcClient client(ReadyAddress(server), account);
  const auto held = client.Must<RequestPhoneNumberRequest>(LongCodeOf("ES"));
  ASSERT_EQ(held.phone_number(), "+34600000001");

  // The list is also a file of what to remove.
  const std::string both = File(Must({"list", "--country", "ES"}));
  const Ran refused = Run({"remove", both});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.errors, AllOf(StartsWith("poold: nothing was removed, since accounts have 1 of the numbers"),
                                    HasSubstr("\n  +34600000001 of account " + account + "\n")));
  EXPECT_THAT(Must({"list", "--country", "ES"}), HasSubstr("+34600000002"));

  client.Must<ReleasePhoneNumberRequest>("phone_number_id: '" + held.phone_number_id() + "'");
  EXPECT_EQ(Must({"remove", both}), "removed 2 of 2\n");
  EXPECT_EQ(Must({"remove", both}), "removed 0 of 2\n2 were not in the inventory\n");
  EXPECT_THAT(client.Call<RequestPhoneNumberRequest>(LongCodeOf("ES")), IsFault(Fault::kNotFound));
}

TEST_F(Inventory, RemoveChangesNothingWhenTheFileHasAMistake) {
  Must({"import", File(std::string(kHeader) + "+34600000001,ES,LONG_CODE,SMS,1.00\n")});
  const Ran ran = Run({"remove", File("phone_number\n+34600000001\n34600000002\n")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.errors, HasSubstr("line 3: phone_number must be E.164"));
  EXPECT_THAT(Must({"list", "--country", "ES"}), HasSubstr("+34600000001"));
  EXPECT_THAT(Run({"remove", directory_.path() / "absent.csv"}).errors, HasSubstr("cannot read"));
}

TEST_F(Inventory, FilesOfManyBatchesCountWholeOrNotAtAll) {
  std::ostringstream many;
  many << kHeader;
  for (int i = 0; i < 12'000; ++i) many << "+3460" << 1'000'000 + i << ",ES,LONG_CODE,SMS,1.00\n";
  const Ran wrong = Run({"import", File(many.str() + "+34600000000,ES,LONG_CODE,FAX,1.00\n")});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.errors, HasSubstr("line 12002: number_capabilities"));
  EXPECT_THAT(Must({"count"}), Not(HasSubstr("ES ")));
  const Ran twice = Run({"import", File(many.str() + "+34601000000,ES,LONG_CODE,SMS,1.00\n")});
  EXPECT_THAT(twice.errors, HasSubstr("line 12002: names a number for the second time"));
  EXPECT_THAT(Must({"count"}), Not(HasSubstr("ES ")));
  EXPECT_THAT(Must({"import", File(many.str())}), HasSubstr("imported 12000 of 12000\n"));
  EXPECT_THAT(Must({"remove", File(many.str())}), HasSubstr("removed 12000 of 12000\n"));
}

TEST_F(Inventory, CanBeReadFromAPipe) {
  Program::Options piped = Poold({"inventory", "import", "/dev/stdin", "--database-url", url_});
  const std::string file = File(std::string(kHeader) + "+34600000001,ES,LONG_CODE,SMS,1.00\n");
  std::string command = "cat " + file + " |";
  for (const std::string& word : piped.command) command += " '" + word + "'";
  piped.command = {"bash", "-c", command};
  const Ran ran = RunToEnd(piped);
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_THAT(Must({"list", "--country", "ES"}), HasSubstr("+34600000001"));
}

TEST_F(Inventory, ClearRemovesTheFictionalNumbersThatNobodyHas) {
  const std::string account = NewAccount();
  Program server(Server({"--fictional-numbers"}));
  const GrpcClient client(ReadyAddress(server), account);
  const auto held = client.Must<RequestPhoneNumberRequest>(LongCodeOf("US"));
  Must({"import", File(std::string(kHeader) + "+34600000001,ES,LONG_CODE,SMS,1.00\n")});
  EXPECT_EQ(Run({"clear"}).exit_code, 2);
  EXPECT_THAT(Must({"clear", "--fictional"}),
              ContainsRegex("^removed [0-9]{5} fictional numbers\n1 are held by accounts and stay\n$"));
  EXPECT_THAT(Count(), ElementsAre("country type imported fictional held", "ES LONG_CODE 1 0 0", "US LONG_CODE 0 1 1",
                                   "all 1 1 1"));
  client.Must<ReleasePhoneNumberRequest>("phone_number_id: '" + held.phone_number_id() + "'");
  EXPECT_EQ(client.Must<RequestPhoneNumberRequest>(LongCodeOf("US")).phone_number(), held.phone_number());
}

}  // namespace
}  // namespace poold
