#include "storage/embedded/trusted_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_directory.h"

namespace poold::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uid_t kStranger = 12345;

void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string TextOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

template <typename Function>
std::string RefusalOf(Function function) {
  try {
    function();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

// A directory "dir" of this user's own, in a temporary one.
class TrustedDirectories : public testing::Test {
 protected:
  TrustedDirectories() { fs::create_directory(dir_); }

  std::string RefusalOfDirectory() const {
    return RefusalOf([&] { TrustedDirectory::Open(dir_); });
  }
  std::string RefusalOfFile() const {
    return RefusalOf([&] { TrustedDirectory::Open(dir_)->Read("file"); });
  }

  const TemporaryDirectory scratch_;
  const fs::path dir_ = scratch_.path() / "dir";
};

TEST_F(TrustedDirectories, AreMadeWithTheirModeWhateverTheUmask) {
  const mode_t before = umask(077);
  const fs::path made = scratch_.path() / "above" / "made";
  const TrustedDirectory opened = TrustedDirectory::OpenOrMake(made / "", 0711);
  umask(before);
  EXPECT_EQ(opened.path(), fs::canonical(made));
  EXPECT_EQ(fs::status(made).permissions(), fs::perms(0711));
}

TEST_F(TrustedDirectories, MayBeMissing) { EXPECT_FALSE(TrustedDirectory::Open(scratch_.path() / "none")); }

TEST_F(TrustedDirectories, AreRefusedIfOthersCanWriteToThem) {
  for (const unsigned int mode : {0770U, 0707U, 01777U}) {
    fs::permissions(dir_, fs::perms(mode));
    EXPECT_THAT(RefusalOfDirectory(), HasSubstr("can be written to by other users")) << std::oct << mode;
  }
}

TEST_F(TrustedDirectories, AreRefusedIfTheyAreAnothersOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(chown(dir_.c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(RefusalOfDirectory(), HasSubstr("belongs to user 12345"));
}

TEST_F(TrustedDirectories, AreReachedByLinksOfThisUserOnly) {
  const fs::path first = scratch_.path() / "first";
  const fs::path second = scratch_.path() / "second";
  fs::create_symlink("dir", first);
  fs::create_symlink(first, second);
  EXPECT_EQ(TrustedDirectory::Open(second / "")->path(), fs::canonical(dir_));
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a link away";
  ASSERT_EQ(lchown(first.c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(RefusalOf([&] { TrustedDirectory::Open(second / ""); }),
              HasSubstr("first is a symbolic link of user 12345"));
}

TEST_F(TrustedDirectories, AreNotFoundInCirclesOfLinks) {
  fs::create_symlink("b", scratch_.path() / "a");
  fs::create_symlink("a", scratch_.path() / "b");
  EXPECT_THAT(RefusalOf([&] { TrustedDirectory::Open(scratch_.path() / "a"); }), HasSubstr("too many symbolic links"));
}

TEST_F(TrustedDirectories, ReadWhatIsInThem) {
  Write(dir_ / "file", "0123456789");
  EXPECT_EQ(TrustedDirectory::Open(dir_)->Read("file"), "0123456789");
  EXPECT_EQ(TrustedDirectory::Open(dir_)->Read("file", 7), "789");
  EXPECT_EQ(TrustedDirectory::Open(dir_)->Read("none"), std::nullopt);
}

TEST_F(TrustedDirectories, RefuseFilesThatAreLinks) {
  Write(scratch_.path() / "elsewhere", "secret");
  fs::create_symlink(scratch_.path() / "elsewhere", dir_ / "file");
  EXPECT_THAT(RefusalOfFile(), HasSubstr("is a symbolic link"));
  fs::remove(dir_ / "file");
  fs::create_hard_link(scratch_.path() / "elsewhere", dir_ / "file");
  EXPECT_THAT(RefusalOfFile(), HasSubstr("(a hard link)"));
}

TEST_F(TrustedDirectories, RefuseWhatIsNoFile) {
  ASSERT_EQ(mkfifo((dir_ / "file").c_str(), 0600), 0);
  EXPECT_THAT(RefusalOfFile(), HasSubstr("is no file"));
  fs::remove(dir_ / "file");
  fs::create_directory(dir_ / "file");
  EXPECT_THAT(RefusalOfFile(), HasSubstr("is no file"));
}

TEST_F(TrustedDirectories, RefuseFilesThatOthersCanChange) {
  Write(dir_ / "file", "text");
  fs::permissions(dir_ / "file", fs::perms(0660));
  EXPECT_THAT(RefusalOfFile(), AllOf(HasSubstr("can be written to by other users"), HasSubstr("chmod go-w")));
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  fs::permissions(dir_ / "file", fs::perms(0600));
  ASSERT_EQ(chown((dir_ / "file").c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(RefusalOfFile(), HasSubstr("belongs to user 12345"));
}

TEST_F(TrustedDirectories, ReplaceALinkAndNotWhereItLeads) {
  Write(scratch_.path() / "elsewhere", "untouched");
  for (const char* name : {"file", "file.new-file"}) fs::create_symlink(scratch_.path() / "elsewhere", dir_ / name);
  TrustedDirectory::Open(dir_)->Replace("file", "new");
  EXPECT_EQ(TextOf(scratch_.path() / "elsewhere"), "untouched");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(dir_ / "file")));
  EXPECT_EQ(TextOf(dir_ / "file"), "new");
  EXPECT_EQ(fs::status(dir_ / "file").permissions(), fs::perms(0600));
  EXPECT_FALSE(fs::exists(fs::symlink_status(dir_ / "file.new-file")));
}

TEST_F(TrustedDirectories, StayWhereTheyAreWhenTheirNameIsGivenAway) {
  const auto opened = TrustedDirectory::Open(dir_);
  fs::rename(dir_, scratch_.path() / "moved");
  fs::create_directory(dir_);
  opened->Replace("file", "text");
  EXPECT_TRUE(fs::exists(scratch_.path() / "moved" / "file"));
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(TrustedDirectories, HaveSubdirectoriesOfTheOwnerThatIsNamed) {
  const auto opened = TrustedDirectory::Open(dir_);
  opened->MakeSubdirectory("sub", 0700, std::nullopt);
  EXPECT_EQ(opened->Subdirectory("sub", geteuid()).path(), fs::canonical(dir_) / "sub");
  EXPECT_THAT(RefusalOf([&] { opened->MakeSubdirectory("sub", 0700, std::nullopt); }), HasSubstr("File exists"));
  fs::create_symlink("sub", dir_ / "link");
  EXPECT_THAT(RefusalOf([&] { opened->Subdirectory("link", geteuid()); }), HasSubstr("cannot open the directory"));
  if (geteuid() != 0) GTEST_SKIP() << "only root can make directories of others";
  opened->MakeSubdirectory("theirs", 0700, UnixUser{"", kStranger, kStranger, {}});
  EXPECT_NO_THROW(opened->Subdirectory("theirs", kStranger));
  EXPECT_THAT(RefusalOf([&] { opened->Subdirectory("theirs", geteuid()); }), HasSubstr("belongs to user 12345"));
}

}  // namespace
}  // namespace poold::storage
