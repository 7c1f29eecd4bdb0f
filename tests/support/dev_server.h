#pragma once

#include <string>

namespace poold {

// The `poold dev` of this test program, on a fresh data directory and a free port: started when it is first asked for,
// stopped and removed when the program ends. Tests share it and stay apart by using accounts of their own.

// "127.0.0.1:40123"
const std::string& DevAddress();
// The same of its AWS JSON door.
const std::string& DevHttpAddress();
// Connection string of its database.
const std::string& DevDatabaseUrl();
const std::string& DevDataDir();

// The connection string that a `poold dev` left in its data directory.
std::string DatabaseUrlIn(const std::string& data_dir);

}  // namespace poold
