#pragma once

#include <filesystem>
#include <string>

namespace poold {

// The bytes of a file that an operator named. Throws std::runtime_error with what is wrong and without the name: there
// is none, it may not be read, it is longer than 16 MiB, or it is no file: opening a pipe would wait for whoever writes
// it.
std::string ReadFile(const std::filesystem::path& path);

}  // namespace poold
