#include "server/middleware/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/temporary_directory.h"

namespace poold {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr const char* kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

// What is logged as long as this lives.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
    spdlog::set_pattern("%l %v");
  }
  ~Log() { spdlog::set_default_logger(before_); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // What came since it was last asked.
  std::string Take() {
    std::string text = text_.str();
    text_.str("");
    return text;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

class AccessFileTest : public testing::Test {
 protected:
  fs::path Write(const std::string& name, const std::string& text) {
    const fs::path path = directory.path() / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // One principal with one key, and its secret.
  static std::string File(const std::string& secret) {
    return "principals:\n"
           "  - name: billing\n"
           "    account: \"111122223333\"\n"
           "    access_keys:\n"
           "      - id: AKIDEXAMPLE\n"
           "        secret: " +
           secret + "\n";
  }

  static std::string SecretIn(const AccessFile& file, const std::string& id = "AKIDEXAMPLE") {
    const auto access = file.current();
    const AccessKey* key = access->FindAccessKey(id);
    return key == nullptr ? "(nobody has it)" : key->secret;
  }

  // Why the file is refused.
  std::string Refusal(const std::string& text) {
    try {
      const AccessFile file(Write("access.yaml", text));
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "was read";
  }

  TemporaryDirectory directory;
};

TEST_F(AccessFileTest, IsRefusedIfOthersCanWriteToIt) {
  const fs::path path = Write("access.yaml", File(kSecret));
  for (const unsigned int mode : {0660U, 0606U}) {
    fs::permissions(path, fs::perms(mode));
    EXPECT_THAT(Refusal(File(kSecret)), HasSubstr("access.yaml cannot be read: group or others can write to it"));
  }
  fs::permissions(path, fs::perms(0640));
  EXPECT_EQ(Refusal(File(kSecret)), "was read");
}

TEST_F(AccessFileTest, IsRefusedIfOthersCanWriteToItsSecrets) {
  const std::string text =
      "principals:\n"
      "  - {name: billing, account: \"111122223333\", access_keys: [{id: AKIDEXAMPLE, secret_file: secret}]}\n";
  fs::permissions(Write("secret", kSecret), fs::perms(0666));
  EXPECT_THAT(Refusal(text), HasSubstr("secret_file cannot be read: group or others can write to it"));
}

TEST_F(AccessFileTest, IsRefusedIfOthersCanExchangeIt) {
  Write("access.yaml", File(kSecret));
  fs::permissions(directory.path(), fs::perms(0777));
  EXPECT_THAT(Refusal(File(kSecret)), HasSubstr("everybody can write to its directory"));
  fs::permissions(directory.path(), fs::perms(01777));
  EXPECT_EQ(Refusal(File(kSecret)), "was read");
}

TEST_F(AccessFileTest, KeepsWhatWasInForceWhenOthersMayWriteToIt) {
  AccessFile file(Write("access.yaml", File(kSecret)));
  fs::permissions(Write("access.yaml", File("another")), fs::perms(0666));
  const Log log;
  file.Reload();
  EXPECT_EQ(SecretIn(file), kSecret);
}

// As the kubelet makes the volume of a secret: links in a directory with a sticky bit, files of root's.
TEST_F(AccessFileTest, IsReadFromAVolumeOfKubernetes) {
  fs::permissions(directory.path(), fs::perms(01777));
  fs::create_directory(directory.path() / "..2024_01_02");
  fs::permissions(Write("..2024_01_02/access.yaml", File(kSecret)), fs::perms(0440));
  fs::create_symlink("..2024_01_02", directory.path() / "..data");
  fs::create_symlink("..data/access.yaml", directory.path() / "access.yaml");
  EXPECT_EQ(SecretIn(AccessFile(directory.path() / "access.yaml")), kSecret);
}

TEST_F(AccessFileTest, TellsWhoHasWhichKey) {
  Write("other", "fromAFile\n");
  const AccessFile file(Write("access.yaml", R"(
principals:
  - name: billing
    account: "111122223333"
    access_keys:
      - id: AKIDEXAMPLE
        secret: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
      - secret_file: other
        id: "123456789012"  # in any order
  - name: Web.shop_2-a
    account: 012345678901
    access_keys: [{id: AKID_2-x, secret: "#'&*:{}[]"}]
)"));
  const auto access = file.current();
  EXPECT_EQ(access->principal_count(), 2u);
  EXPECT_EQ(access->access_key_count(), 3u);
  struct Row {
    const char* id;
    const char* secret;
    const char* principal;
    const char* account;
  };
  for (const Row& row : {Row{"AKIDEXAMPLE", kSecret, "billing", "111122223333"},
                         Row{"123456789012", "fromAFile", "billing", "111122223333"},
                         Row{"AKID_2-x", "#'&*:{}[]", "Web.shop_2-a", "012345678901"}}) {
    const AccessKey* key = access->FindAccessKey(row.id);
    ASSERT_NE(key, nullptr) << row.id;
    EXPECT_EQ(key->secret, row.secret);
    EXPECT_EQ(key->principal->name, row.principal);
    EXPECT_EQ(key->principal->account, row.account);
  }
  for (const char* nobodys : {"", "AKIDEXAMPL", "AKIDEXAMPLE ", "akidexample", "billing"}) {
    EXPECT_EQ(access->FindAccessKey(nobodys), nullptr) << nobodys;
  }
}

TEST_F(AccessFileTest, SaysInWhichRegionsAPrincipalMayCall) {
  const std::string before = "principals: [{name: a, account: '111122223333', access_keys: [{id: A, secret: b}]";
  const AccessFile file(Write("access.yaml", before + ", regions: [us-east-1, eu-west-2]}]"));
  EXPECT_THAT(file.current()->FindAccessKey("A")->principal->regions, testing::ElementsAre("eu-west-2", "us-east-1"));
  const AccessFile all(Write("access.yaml", before + "}]"));
  EXPECT_THAT(all.current()->FindAccessKey("A")->principal->regions, testing::IsEmpty());
  EXPECT_THAT(Refusal(before + ", regions: []}]"), testing::HasSubstr("regions must not be empty"));
  EXPECT_THAT(Refusal(before + ", regions: us-east-1}]"), testing::HasSubstr("regions must be a list"));
  EXPECT_THAT(Refusal(before + ", regions: [US-EAST-1]}]"), testing::HasSubstr("regions must have names of regions"));
}

TEST_F(AccessFileTest, MayLetNobodyIn) {
  EXPECT_EQ(AccessFile(Write("access.yaml", "principals: []\n")).current()->access_key_count(), 0u);
}

TEST_F(AccessFileTest, CutsOneNewlineOffASecretFile) {
  for (const char* text : {"secret", "secret\n", "secret\r\n"}) {
    Write("key", text);
    const AccessFile file(Write("access.yaml",
                                "principals: [{name: a, account: '111122223333', "
                                "access_keys: [{id: AKIDEXAMPLE, secret_file: key}]}]"));
    EXPECT_EQ(SecretIn(file), "secret");
  }
}

TEST_F(AccessFileTest, FindsSecretFilesBesideItselfAndByTheirWholePath) {
  fs::create_directory(directory.path() / "keys");
  const fs::path whole = Write("keys/one", "first");
  Write("keys/two", "second");
  const AccessFile file(Write("access.yaml",
                              "principals:\n"
                              "  - name: a\n"
                              "    account: '111122223333'\n"
                              "    access_keys:\n"
                              "      - {id: ONE, secret_file: " +
                                  whole.string() +
                                  "}\n"
                                  "      - {id: TWO, secret_file: keys/two}\n"));
  EXPECT_EQ(SecretIn(file, "ONE"), "first");
  EXPECT_EQ(SecretIn(file, "TWO"), "second");
}

// ---- what is wrong with a file

struct BadFile {
  std::string name;
  std::string text;
  int line;  // 0: none
  std::string says;
};
void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.text; }

class BadAccessFile : public AccessFileTest, public testing::WithParamInterface<BadFile> {};

TEST_P(BadAccessFile, IsRefusedWithItsLineAndWhatToDo) {
  const BadFile& bad = GetParam();
  Write("empty", "");
  Write("newline", "\n");
  Write("two-lines", "one\ntwo\n");
  const std::string place = "access file " + (directory.path() / "access.yaml").string();
  const std::string line = bad.line == 0 ? ": " : ", line " + std::to_string(bad.line) + ": ";
  EXPECT_THAT(Refusal(bad.text), AllOf(StartsWith(place + line), HasSubstr(bad.says)));
}

// A file whose one principal, or whose one access key, has these lines; they begin in the file's third, or sixth.
BadFile BadPrincipal(const std::string& name, const std::string& lines, int line, const std::string& says) {
  return {name, "# who may call\nprincipals:\n" + lines, line, says};
}
BadFile BadKey(const std::string& name, const std::string& lines, int line, const std::string& says) {
  return BadPrincipal(name, "- name: billing\n  account: '111122223333'\n  access_keys:\n" + lines, line, says);
}

const std::string kKeys = "  access_keys: [{id: AKIDEXAMPLE, secret: abc}]\n";

INSTANTIATE_TEST_SUITE_P(
    Whole, BadAccessFile,
    testing::Values(BadFile{"Empty", "", 0, "begins with `principals:`"},
                    BadFile{"CommentAlone", "# nobody\n", 0, "begins with `principals:`"},
                    BadFile{"Text", "principals", 1, "the file must be a map"},  //
                    BadFile{"List", "- principals\n", 1, "the file must be a map"},
                    BadFile{"TwoDocuments", "principals: []\n---\nprincipals: []\n", 0, "one YAML document"},
                    BadFile{"NoPrincipals", "{}", 1, "the file needs principals"},
                    BadFile{"PrincipalsTwice", "principals: []\nprincipals: []\n", 2, "the file has principals twice"},
                    BadFile{"PrincipalsEmpty", "principals:\n", 1, "principals must be a list"},
                    BadFile{"PrincipalsAMap", "principals:\n  name: billing\n", 1, "principals must be a list"},
                    BadFile{"UnknownMember", "principals: []\nprincipal: []\n", 2,
                            "unknown member principal; the file has principals"},
                    BadFile{"MemberThatIsNoText", "principals: []\n[1, 2]: []\n", 2, "unknown member; the file has"},
                    BadFile{"NotYaml", "principals:\n  - name: billing\n account: 1\n", 3, "it is not YAML"},
                    BadFile{"NotYamlEither", "principals: [{\n", 2, "it is not YAML"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Principal, BadAccessFile,
    testing::Values(
        BadPrincipal("Text", "- billing\n", 3, "a principal must be a map with the members name, account"),
        BadPrincipal("NoName", "- account: '111122223333'\n" + kKeys, 3, "a principal needs name"),
        BadPrincipal("NoAccount", "- name: billing\n" + kKeys, 3, "a principal needs account"),
        BadPrincipal("NoKeys", "- name: billing\n  account: '111122223333'\n", 3,
                     "a principal needs access_keys, bearer_keys or certificates"),
        BadPrincipal("EmptyKeys", "- name: billing\n  account: '111122223333'\n  access_keys: []\n", 5,
                     "access_keys must not be empty"),
        BadPrincipal("KeysNoList", "- name: billing\n  account: '111122223333'\n  access_keys: {id: a}\n", 5,
                     "access_keys must be a list"),
        BadPrincipal("UnknownMember", "- name: billing\n  acount: '111122223333'\n" + kKeys, 4,
                     "unknown member acount; a principal has name, account, access_keys"),
        BadPrincipal("MemberTwice", "- name: billing\n  name: billing\n" + kKeys, 4, "a principal has name twice"),
        BadPrincipal("EmptyName", "- name: ''\n  account: '111122223333'\n" + kKeys, 3, "name must be a text"),
        BadPrincipal("NullName", "- name:\n  account: '111122223333'\n" + kKeys, 3, "name must be a text"),
        BadPrincipal("NameWithBlank", "- name: a b\n  account: '111122223333'\n" + kKeys, 3, "1 to 64 letters"),
        BadPrincipal("LongName", "- name: " + std::string(65, 'a') + "\n  account: '111122223333'\n" + kKeys, 3,
                     "1 to 64 letters"),
        BadPrincipal("NameTwice",
                     "- name: a\n  account: '111122223333'\n" + kKeys + "- name: a\n  account: '111122223334'\n" +
                         kKeys,
                     6, "another principal has this name"),
        BadPrincipal("ShortAccount", "- name: a\n  account: 11112222333\n" + kKeys, 4, "12 digits in quotes"),
        BadPrincipal("LongAccount", "- name: a\n  account: '1111222233334'\n" + kKeys, 4, "12 digits in quotes"),
        // What some tools make of 123456789012.
        BadPrincipal("AccountAsAFloat", "- name: a\n  account: 1.23456789012e+11\n" + kKeys, 4, "12 digits in quotes"),
        BadPrincipal("AccountWithDashes", "- name: a\n  account: 1111-2222-3333\n" + kKeys, 4, "12 digits in quotes"),
        BadPrincipal("AccountAList", "- name: a\n  account: ['111122223333']\n" + kKeys, 4, "account must be a text")),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    AccessKey, BadAccessFile,
    testing::Values(
        BadKey("Text", "  - AKIDEXAMPLE\n", 6, "an access key must be a map with the members id, secret, secret_file"),
        BadKey("NoId", "  - secret: abc\n", 6, "an access key needs id"),
        BadKey("NoSecret", "  - id: AKIDEXAMPLE\n", 6, "an access key needs secret"),
        BadKey("BothSecrets", "  - id: AKIDEXAMPLE\n    secret: abc\n    secret_file: abc\n", 8, "leave one out"),
        BadKey("UnknownMember", "  - id: AKIDEXAMPLE\n    secrets: abc\n", 7,
               "unknown member secrets; an access key has id, secret, secret_file"),
        BadKey("EmptyId", "  - id: ''\n    secret: abc\n", 6, "id must be a text"),
        BadKey("IdWithSlash", "  - id: a/b\n    secret: abc\n", 6, "1 to 128 letters"),
        BadKey("LongId", "  - id: " + std::string(129, 'a') + "\n    secret: abc\n", 6, "1 to 128 letters"),
        BadKey("IdTwice", "  - id: AKIDEXAMPLE\n    secret: abc\n  - id: AKIDEXAMPLE\n    secret: abd\n", 8,
               "another access key has this id"),
        BadKey("IdOfAnotherPrincipal",
               "  - id: AKIDEXAMPLE\n    secret: abc\n- name: b\n  account: '111122223334'\n" + kKeys, 10,
               "another access key has this id"),
        BadKey("EmptySecret", "  - id: AKIDEXAMPLE\n    secret: ''\n", 7, "secret must be a text and not empty"),
        BadKey("NullSecret", "  - id: AKIDEXAMPLE\n    secret:\n", 7, "secret must be a text and not empty"),
        BadKey("SecretWithBlank", "  - id: AKIDEXAMPLE\n    secret: 'a b'\n", 7, "visible ASCII"),
        BadKey("SecretNotAscii", "  - id: AKIDEXAMPLE\n    secret: \u00fc\n", 7, "visible ASCII"),
        BadKey("SecretAMap", "  - id: AKIDEXAMPLE\n    secret: {a: b}\n", 7, "secret must be a text"),
        BadKey("EmptySecretFileName", "  - id: AKIDEXAMPLE\n    secret_file: ''\n", 7, "secret_file must be a text"),
        BadKey("MissingSecretFile", "  - id: AKIDEXAMPLE\n    secret_file: missing\n", 7,
               "secret_file cannot be read: No such file or directory"),
        BadKey("SecretFileADirectory", "  - id: AKIDEXAMPLE\n    secret_file: .\n", 7,
               "secret_file cannot be read: it is no file"),
        BadKey("EmptySecretFile", "  - id: AKIDEXAMPLE\n    secret_file: empty\n", 7, "must hold the secret"),
        BadKey("SecretFileOfANewline", "  - id: AKIDEXAMPLE\n    secret_file: newline\n", 7, "must hold the secret"),
        BadKey("SecretFileOfTwoLines", "  - id: AKIDEXAMPLE\n    secret_file: two-lines\n", 7, "visible ASCII")),
    [](const auto& test) { return test.param.name; });

BadFile BadEvidence(const std::string& name, const std::string& lines, int line, const std::string& says) {
  return BadPrincipal(name, "- name: billing\n  account: '111122223333'\n" + lines, line, says);
}
const std::string kDigest(64, 'a');

INSTANTIATE_TEST_SUITE_P(
    OtherEvidence, BadAccessFile,
    testing::Values(
        BadEvidence("BearerKeysEmpty", "  bearer_keys: []\n", 5, "bearer_keys must not be empty"),
        BadEvidence("BearerKeyUnhashed", "  bearer_keys:\n  - sha256: poold_0123\n", 6, "not the key itself"),
        BadEvidence("BearerKeyOfOtherDigits", "  bearer_keys:\n  - sha256: " + std::string(64, 'g') + "\n", 6,
                    "64 hexadecimal digits"),
        BadEvidence("BearerKeyAText", "  bearer_keys: [" + kDigest + "]\n", 5, "a bearer key must be a map"),
        BadEvidence("BearerKeyTwice",
                    "  bearer_keys:\n  - sha256: " + kDigest + "\n  - sha256: " + std::string(64, 'A') + "\n", 7,
                    "in the file already"),
        BadEvidence("CertificateOfNothing", "  certificates:\n  - {}\n", 6, "a certificate needs uri or dns"),
        BadEvidence("CertificateOfBoth", "  certificates:\n  - {uri: 'spiffe://a/b', dns: a}\n", 6, "not both"),
        BadEvidence("CertificateByItsCommonName", "  certificates:\n  - cn: billing\n", 6, "unknown member cn"),
        BadEvidence("UriThatIsNone", "  certificates:\n  - uri: billing\n", 6, "uri must be one"),
        BadEvidence("DnsWithAStar", "  certificates:\n  - dns: '*.example.org'\n", 6, "dns must be a name"),
        BadEvidence("CertificateTwice",
                    "  certificates:\n  - dns: a.example\n- name: b\n  account: '111122223334'\n"
                    "  certificates:\n  - dns: a.example\n",
                    10, "of one principal only")),
    [](const auto& test) { return test.param.name; });

BadFile BadRights(const std::string& name, const std::string& line, const std::string& says) {
  return BadEvidence(name, kKeys + "  " + line + "\n", 6, says);
}

INSTANTIATE_TEST_SUITE_P(
    Rights, BadAccessFile,
    testing::Values(BadRights("AllowAText", "allow: '*'", "allow must be a list"),
                    BadRights("AllowNothingKnown", "allow: ['sms-voice:DescribePool']", "no operation of this server"),
                    BadRights("AllowOfAnotherService", "allow: ['sns:*']", "no operation of this server"),
                    BadRights("AllowWithoutService", "allow: [DescribePools]", "such as sms-voice:DescribePools"),
                    BadRights("DenyNothingKnown", "deny: ['sms-voice:*Pols']", "no operation of this server"),
                    BadRights("DenyAMap", "deny: [{a: b}]", "deny must have operations"),
                    BadRights("ResourceAnId", "resources: [pool-0123]", "resources must have * alone, or ARNs"),
                    BadRights("ResourceEmpty", "resources: ['']", "resources must have * alone, or ARNs"),
                    BadRights("ResourceOverAllColons", "resources: ['arn:*']", "with all six parts"),
                    BadRights("ResourceOverOneColon", "resources: ['arn:aws:sms-voice:*:pool/*']",
                              "do not reach over a colon"),
                    BadRights("ResourceOfStars", "resources: ['**']", "* alone"),
                    BadRights("AlowUnknown", "alow: ['*']", "unknown member alow")),
    [](const auto& test) { return test.param.name; });

TEST_F(AccessFileTest, KnowsCallersByBearerKeysAndCertificates) {
  // echo -n poold_1 | sha256sum
  const AccessFile file(Write("access.yaml", R"(
principals:
  - name: billing
    account: "111122223333"
    bearer_keys:
      - sha256: E693F1653BF47991CECA3B400C13454FDB5C1458706C5D836F54E1F4881BD1E2
    certificates:
      - uri: spiffe://example.org/ns/shop/sa/billing
      - dns: billing.example.org
)"));
  const auto access = file.current();
  EXPECT_EQ(access->bearer_key_count(), 1u);
  EXPECT_EQ(access->certificate_count(), 2u);
  ASSERT_NE(access->FindBearerKey("poold_1"), nullptr);
  EXPECT_EQ(access->FindBearerKey("poold_1")->account, "111122223333");
  for (const char* known : {"uri:spiffe://example.org/ns/shop/sa/billing", "dns:billing.example.org"}) {
    ASSERT_NE(access->FindCertificate(known), nullptr) << known;
    EXPECT_EQ(access->FindCertificate(known)->name, "billing");
  }
  for (const char* unknown : {"", "dns:", "uri:billing.example.org", "dns:BILLING.example.org", "billing.example.org",
                              "uri:spiffe://example.org/ns/shop/sa/billing/", "uri:spiffe://example.org/ns/shop/sa"}) {
    EXPECT_EQ(access->FindCertificate(unknown), nullptr) << unknown;
  }
}

TEST_F(AccessFileTest, KnowsAMadeBearerKeyAndNoOther) {
  const NewBearerKey made = MakeBearerKey();
  const AccessFile file(Write(
      "access.yaml", "principals: [{name: a, account: '111122223333', bearer_keys: [{sha256: " + made.sha256 + "}]}]"));
  const auto access = file.current();
  ASSERT_NE(access->FindBearerKey(made.key), nullptr);
  EXPECT_EQ(access->FindBearerKey(made.key)->name, "a");
  EXPECT_EQ(access->FindBearerKey(made.sha256), nullptr) << "who has read the file has no key";
  EXPECT_EQ(access->FindBearerKey(""), nullptr);
  EXPECT_EQ(access->FindBearerKey(MakeBearerKey().key), nullptr);
  EXPECT_EQ(made.key.size(), 70u) << "256 bits in hex, and a beginning";
}

struct RightsCase {
  std::string name;
  std::string rights;  // lines of a principal
  std::vector<std::string> allows;
  std::vector<std::string> denies;
};
void PrintTo(const RightsCase& row, std::ostream* out) { *out << row.rights; }
class RightsTest : public AccessFileTest, public testing::WithParamInterface<RightsCase> {};

TEST_P(RightsTest, AllowWhatIsAllowedAndNotDenied) {
  const AccessFile file(Write(
      "access.yaml",
      "principals: [{name: a, account: '111122223333', access_keys: [{id: A, secret: b}]" + GetParam().rights + "}]"));
  const auto access = file.current();
  const Rights& rights = access->FindAccessKey("A")->principal->rights;
  for (const std::string& action : GetParam().allows) EXPECT_TRUE(rights.Allow("sms-voice:" + action)) << action;
  for (const std::string& action : GetParam().denies) EXPECT_FALSE(rights.Allow("sms-voice:" + action)) << action;
}

INSTANTIATE_TEST_SUITE_P(
    All, RightsTest,
    testing::Values(
        RightsCase{"LeftOut", "", {"DescribePools", "DeletePool", "ReplaceOriginationIdentities"}, {}},
        RightsCase{"Empty", ", allow: []", {}, {"DescribePools", "DeletePool"}},
        RightsCase{"Everything", ", allow: ['*']", {"DescribePools", "DeletePool"}, {}},
        RightsCase{"One", ", allow: ['sms-voice:DescribePools']", {"DescribePools"}, {"DescribePool", "DeletePool"}},
        RightsCase{"Wildcards",
                   ", allow: ['sms-voice:Describe*', 'sms-voice:*Keyword']",
                   {"DescribePools", "PutKeyword", "DeleteKeyword"},
                   {"DeletePool", "ListPoolOriginationIdentities"}},
        RightsCase{"DenyWins",
                   ", allow: ['sms-voice:DeletePool', 'sms-voice:*'], deny: ['sms-voice:Delete*']",
                   {"DescribePools"},
                   {"DeletePool", "DeleteKeyword"}},
        RightsCase{
            "DenyAlone", ", deny: ['sms-voice:Dele?ePool']", {"DescribePools", "DeleteKeyword"}, {"DeletePool"}}),
    [](const auto& test) { return test.param.name; });

TEST_F(AccessFileTest, SaysThatItIsMissing) {
  const fs::path missing = directory.path() / "missing.yaml";
  try {
    const AccessFile file(missing);
    FAIL() << "was read";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "access file " + missing.string() + " cannot be read: No such file or directory");
  }
}

TEST_F(AccessFileTest, RepeatsNoSecretInWhatItSaysOfABrokenFile) {
  const std::string secret = "wJalrXUtnFEMI";
  for (const std::string& text : {
           "principals: " + secret,
           secret,
           "{" + secret + "+/: a}",
           "principals: [" + secret + "]",
           File("*" + secret),
           File("'" + secret + " a'"),
           File("{" + secret + "+: a}"),
           File("[" + secret + "]"),
           File("!" + secret + " \"\""),
           File("\"" + secret + "\\q\""),
           File("abc") + "        secret: " + secret + "\n",
           "principals: [{name: a, account: '111122223333', access_keys: [{id: a, secret_file: " + secret + "}]}]",
           "principals: [{name: a, account: '111122223333', access_keys: [{id: " + secret + "+/, secret: a}]}]",
           "principals: [{name: a, account: " + secret + ", access_keys: [{id: a, secret: a}]}]",
       }) {
    EXPECT_THAT(Refusal(text), AllOf(StartsWith("access file "), Not(HasSubstr(secret)))) << text;
  }
}

// ---- changes

TEST_F(AccessFileTest, IsReadAgainWhenItChanged) {
  const Log log;
  AccessFile file(Write("access.yaml", File("first")));
  Write("access.yaml", File("second"));
  EXPECT_EQ(SecretIn(file), "first") << "until somebody looks";
  file.Reload();
  EXPECT_EQ(SecretIn(file), "second");
}

TEST_F(AccessFileTest, SaysOnceThatItWasReadAgainAndNothingWhenItIsAsItWas) {
  Log log;
  AccessFile file(Write("access.yaml", File("first")));
  file.Reload();
  EXPECT_THAT(log.Take(), IsEmpty());
  Write("access.yaml", File("second"));
  file.Reload();
  EXPECT_EQ(log.Take(), "info access file " + (directory.path() / "access.yaml").string() +
                            " was read again: principals=1 access_keys=1 bearer_keys=0 certificates=0\n");
  file.Reload();
  Write("access.yaml", File("second"));  // written anew, but the same
  file.Reload();
  EXPECT_THAT(log.Take(), IsEmpty());
}

TEST_F(AccessFileTest, IsReadAgainWhenOneOfTheSameSizeAndTimeTakesItsPlace) {
  const Log log;
  const fs::path path = Write("access.yaml", File("first"));
  AccessFile file(path);
  const auto time = fs::last_write_time(path);
  const fs::path next = Write("next.yaml", File("other"));
  fs::last_write_time(next, time);
  fs::rename(next, path);
  file.Reload();
  EXPECT_EQ(SecretIn(file), "other");
}

// Kubernetes' mount of a secret: access.yaml -> ..data/access.yaml, ..data -> ..1, and ..data is exchanged.
TEST_F(AccessFileTest, IsReadAgainWhenALinkOnTheWayToItLeadsElsewhere) {
  const Log log;
  fs::create_directory(directory.path() / "..1");
  fs::create_directory(directory.path() / "..2");
  const std::string text =
      "principals: [{name: a, account: '111122223333', "
      "access_keys: [{id: ONE, secret_file: key}, {id: TWO, secret: two}]}]";
  Write("..1/access.yaml", text);
  Write("..1/key", "first\n");
  Write("..2/access.yaml", text);
  Write("..2/key", "second\n");
  fs::create_symlink("..1", directory.path() / "..data");
  fs::create_symlink("..data/access.yaml", directory.path() / "access.yaml");
  fs::create_symlink("..data/key", directory.path() / "key");
  AccessFile file(directory.path() / "access.yaml");
  EXPECT_EQ(SecretIn(file, "ONE"), "first");
  fs::create_symlink("..2", directory.path() / "..next");
  fs::rename(directory.path() / "..next", directory.path() / "..data");
  file.Reload();
  EXPECT_EQ(SecretIn(file, "ONE"), "second");
  EXPECT_EQ(SecretIn(file, "TWO"), "two");
}

// Opening a pipe waits for whoever writes into it.
TEST_F(AccessFileTest, IsNotWaitedForWhereAPipeTakesItsPlace) {
  Log log;
  const fs::path path = Write("access.yaml", File("first"));
  AccessFile file(path);
  fs::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  file.Reload();
  EXPECT_EQ(SecretIn(file), "first");
  EXPECT_THAT(log.Take(), HasSubstr("it is no file"));
  fs::remove(path);
  Write("access.yaml", File("second"));
  file.Reload();
  EXPECT_EQ(SecretIn(file), "second");
}

TEST_F(AccessFileTest, IsReadAgainWhenASecretFileChangedGoesOrComesBack) {
  Log log;
  Write("key", "first");
  AccessFile file(Write("access.yaml",
                        "principals: [{name: a, account: '111122223333', "
                        "access_keys: [{id: AKIDEXAMPLE, secret_file: key}]}]"));
  Write("key", "second");
  file.Reload();
  EXPECT_EQ(SecretIn(file), "second");
  log.Take();

  fs::remove(directory.path() / "key");
  file.Reload();
  EXPECT_EQ(SecretIn(file), "second") << "what was in force stays so";
  EXPECT_THAT(log.Take(), AllOf(StartsWith("error "), HasSubstr("secret_file cannot be read")));
  file.Reload();
  EXPECT_THAT(log.Take(), IsEmpty());

  Write("key", "third");
  file.Reload();
  EXPECT_EQ(SecretIn(file), "third");
}

TEST_F(AccessFileTest, StaysInForceWhenItIsBrokenAndSaysSoOncePerChange) {
  Log log;
  const fs::path path = Write("access.yaml", File("first"));
  AccessFile file(path);
  const auto expect_kept = [&](const std::string& says) {
    file.Reload();
    EXPECT_EQ(SecretIn(file), "first");
    EXPECT_THAT(log.Take(), AllOf(StartsWith("error access file "), HasSubstr(says),
                                  HasSubstr("; what was in force before stays so\n")));
    file.Reload();
    EXPECT_EQ(SecretIn(file), "first");
    EXPECT_THAT(log.Take(), IsEmpty());
  };
  Write("access.yaml", File("''"));
  expect_kept("line 6: secret must be a text and not empty");
  Write("access.yaml", File("\n    secret: unexpected"));
  expect_kept("line 7: unknown member secret");
  Write("access.yaml", "");
  expect_kept("begins with `principals:`");
  fs::remove(path);
  expect_kept("cannot be read: No such file or directory");
  Write("access.yaml", File("second"));
  file.Reload();
  EXPECT_EQ(SecretIn(file), "second");
}

TEST_F(AccessFileTest, LeavesTheOneInUseAsItWas) {
  const Log log;
  AccessFile file(Write("access.yaml", File("first")));
  const auto in_use = file.current();
  const AccessKey* key = in_use->FindAccessKey("AKIDEXAMPLE");
  Write("access.yaml", "principals: []\n");
  file.Reload();
  EXPECT_EQ(SecretIn(file), "(nobody has it)");
  EXPECT_EQ(key->secret, "first");
  EXPECT_EQ(key->principal->name, "billing");
}

}  // namespace
}  // namespace poold
