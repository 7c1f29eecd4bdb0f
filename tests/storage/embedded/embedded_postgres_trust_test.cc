// Data directories that somebody else prepared: nothing outside of them is changed, and no code in them is run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include "storage/embedded/embedded_postgres.h"
#include "tests/support/temporary_directory.h"

namespace poold::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uid_t kStranger = 12345;

EmbeddedPostgres::Options In(const fs::path& data_dir) {
  return {.data_dir = data_dir.string(), .durable = false, .max_connections = 20, .progress = nullptr, .settings = {}};
}

// What it says when it doesn't start; nothing if it starts.
std::string RefusalOf(const fs::path& data_dir) {
  try {
    const EmbeddedPostgres postgres(In(data_dir));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string TextOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A directory in /tmp of that beginning, with a file in it.
class DirectoryInTmp {
 public:
  explicit DirectoryInTmp(const std::string& beginning) : path_("/tmp/" + beginning + "XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory in /tmp");
    Write(kept(), "untouched");
  }
  ~DirectoryInTmp() { fs::remove_all(path_); }
  DirectoryInTmp(const DirectoryInTmp&) = delete;
  DirectoryInTmp& operator=(const DirectoryInTmp&) = delete;

  const std::string& path() const { return path_; }
  fs::path kept() const { return fs::path(path_) / "kept"; }

 private:
  std::string path_;
};

// A data directory of this user's own, that no server has used yet.
class PreparedDataDir : public testing::Test {
 protected:
  PreparedDataDir() {
    fs::create_directory(data_);
    fs::permissions(data_, fs::perms(0711));
    Write(victim_, "untouched");
  }

  const TemporaryDirectory scratch_;
  const fs::path data_ = scratch_.path() / "data";
  const fs::path victim_ = scratch_.path() / "victim";
};

// A link to /tmp/.. would lead to all there is.
TEST_F(PreparedDataDir, RemovesNothingByALinkThatItDidNotMake) {
  const DirectoryInTmp sacrifice("poold-sacrifice-");
  fs::create_symlink(sacrifice.path(), data_ / "socket");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("socket is a symbolic link that poold did not make"));
  EXPECT_EQ(TextOf(sacrifice.kept()), "untouched");
}

TEST_F(PreparedDataDir, RemovesNoOtherFilesFromADirectoryOfASocket) {
  const DirectoryInTmp others("poold-socket-");
  fs::create_symlink(others.path(), data_ / "socket");
  Write(fs::path(others.path()) / ".s.PGSQL.5432", "no socket");
  EXPECT_EQ(RefusalOf(data_), "");
  EXPECT_EQ(TextOf(others.kept()), "untouched");
  EXPECT_EQ(TextOf(fs::path(others.path()) / ".s.PGSQL.5432"), "no socket");
}

TEST_F(PreparedDataDir, RemovesNothingThatAnotherUserMade) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const DirectoryInTmp others("poold-socket-");
  fs::remove(others.kept());
  ASSERT_EQ(chown(others.path().c_str(), kStranger, kStranger), 0);
  fs::create_symlink(others.path(), data_ / "socket");
  EXPECT_EQ(RefusalOf(data_), "");
  EXPECT_TRUE(fs::is_directory(others.path()));
}

TEST_F(PreparedDataDir, RefusesADirectoryOfItsSocketThatHoldsMore) {
  fs::create_directory(data_ / "socket");
  fs::permissions(data_ / "socket", fs::perms(0700));
  Write(data_ / "socket" / "kept", "untouched");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("socket is not as poold made it"));
  EXPECT_EQ(TextOf(data_ / "socket" / "kept"), "untouched");
}

TEST_F(PreparedDataDir, OverwritesNothingByALink) {
  for (const char* name : {"lock", "postgres.log"}) {
    fs::create_symlink(victim_, data_ / name);
    EXPECT_THAT(RefusalOf(data_), HasSubstr(std::string(name) + " is a symbolic link"));
    EXPECT_EQ(TextOf(victim_), "untouched") << name;
    fs::remove(data_ / name);
  }
  fs::remove(data_ / "lock");
  fs::create_symlink(scratch_.path() / "new", data_ / "lock");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("lock is a symbolic link"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "new"));
}

TEST_F(PreparedDataDir, OverwritesNothingByASecondNameOfAFile) {
  fs::create_hard_link(victim_, data_ / "lock");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("lock has another name elsewhere"));
  EXPECT_EQ(TextOf(victim_), "untouched");
}

TEST_F(PreparedDataDir, IsRefusedIfItIsAnothersOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(chown(data_.c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(RefusalOf(data_), HasSubstr("data belongs to user 12345"));
  EXPECT_TRUE(fs::is_empty(data_));
}

TEST_F(PreparedDataDir, IsRefusedIfOthersCanWriteToIt) {
  for (const unsigned int mode : {0773U, 01777U}) {
    fs::permissions(data_, fs::perms(mode));
    EXPECT_THAT(RefusalOf(data_), HasSubstr("data can be written to by other users"));
    EXPECT_TRUE(fs::is_empty(data_));
  }
}

TEST_F(PreparedDataDir, FollowsNoLinkToACluster) {
  { const EmbeddedPostgres postgres(In(scratch_.path() / "other")); }
  fs::create_symlink(scratch_.path() / "other" / "postgres", data_ / "postgres");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("postgres is a symbolic link that poold did not make"));
}

// A data directory with a cluster in it: a copy, since a copy costs less than making one.
class PreparedCluster : public PreparedDataDir {
 protected:
  static void SetUpTestSuite() {
    original_ = std::make_unique<TemporaryDirectory>();
    const EmbeddedPostgres postgres(In(original_->path() / "data"));
  }
  static void TearDownTestSuite() { original_.reset(); }

  PreparedCluster() {
    fs::remove(data_);
    const std::string copy = "cp -a " + (original_->path() / "data").string() + " " + data_.string();
    if (std::system(copy.c_str()) != 0) throw std::runtime_error(copy);
  }

  inline static std::unique_ptr<TemporaryDirectory> original_;
  const fs::path cluster_ = data_ / "postgres";
};

TEST_F(PreparedCluster, RunsNoConfigurationThatOthersCouldWrite) {
  for (const char* name : {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf"}) {
    fs::permissions(cluster_ / name, fs::perms(0606));
    EXPECT_THAT(RefusalOf(data_), HasSubstr(std::string(name) + " can be written to by other users"));
    fs::permissions(cluster_ / name, fs::perms(0600));
    if (geteuid() != 0) continue;
    struct stat before {};
    ASSERT_EQ(stat((cluster_ / name).c_str(), &before), 0);
    ASSERT_EQ(chown((cluster_ / name).c_str(), kStranger, kStranger), 0);
    fs::permissions(cluster_ / name, fs::perms(0644));
    EXPECT_THAT(RefusalOf(data_), HasSubstr(std::string(name) + " belongs to user 12345"));
    ASSERT_EQ(chown((cluster_ / name).c_str(), before.st_uid, before.st_gid), 0);
  }
  EXPECT_EQ(RefusalOf(data_), "");
}

TEST_F(PreparedCluster, RunsNoConfigurationBehindALink) {
  fs::rename(cluster_ / "postgresql.conf", scratch_.path() / "postgresql.conf");
  fs::create_symlink(scratch_.path() / "postgresql.conf", cluster_ / "postgresql.conf");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("postgresql.conf is a symbolic link"));
}

TEST_F(PreparedCluster, IsRefusedIfOthersCanEnter) {
  fs::permissions(cluster_, fs::perms(0750));
  EXPECT_THAT(RefusalOf(data_), AllOf(HasSubstr("is open to others than its owner"), HasSubstr("chmod 700")));
}

// What it says in its configuration would run as that user.
TEST_F(PreparedCluster, IsRefusedIfItIsAnothersOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  Write(scratch_.path() / "code", "#!/bin/sh\ntouch " + (scratch_.path() / "ran").string() + "\n");
  fs::permissions(scratch_.path() / "code", fs::perms(0755));
  fs::permissions(scratch_.path(), fs::perms(0777));
  // PostgreSQL runs it when it starts.
  std::ofstream(cluster_ / "postgresql.conf", std::ios::app)
      << "restore_command = '" << (scratch_.path() / "code").string() << "'\n";
  Write(cluster_ / "recovery.signal", "");
  for (const auto& entry : fs::recursive_directory_iterator(cluster_)) {
    ASSERT_EQ(lchown(entry.path().c_str(), kStranger, kStranger), 0);
  }
  ASSERT_EQ(chown(cluster_.c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(RefusalOf(data_),
              HasSubstr("postgres belongs to user 12345; under root only databases of user postgres"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "ran"));
}

// Under root: the user of the database is not root, and could have made these.
TEST_F(PreparedCluster, LetsTheDatabasesUserLeadRootNowhere) {
  if (geteuid() != 0) GTEST_SKIP() << "only root runs the database as another user";
  Write(victim_, "1\n2\n");
  fs::create_symlink(victim_, cluster_ / "postmaster.pid");
  EXPECT_THAT(RefusalOf(data_), HasSubstr("postmaster.pid is a symbolic link"));
  EXPECT_EQ(TextOf(victim_), "1\n2\n");
}

}  // namespace
}  // namespace poold::storage
