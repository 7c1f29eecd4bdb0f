#pragma once

#include <filesystem>
#include <string>

namespace poold {

// The bytes of a file that an operator named. Throws std::runtime_error with what is wrong and without the name: there
// is none, it may not be read, it is longer than 16 MiB, or it is no file: opening a pipe would wait for whoever writes
// it.
std::string ReadFile(const std::filesystem::path& path);

// The same of a file that decides who may do what. Also throws if group or others can write to it, or if others can
// exchange it: everybody may write to its directory, without a sticky bit, and it is not mounted read-only. Symbolic
// links are followed, as those that Kubernetes makes for a mounted secret: what counts is the file at their end, and
// the directory that `path` names.
std::string ReadProtectedFile(const std::filesystem::path& path);

}  // namespace poold
