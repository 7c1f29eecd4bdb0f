#pragma once

#include <string>

namespace poold {

// The private, throw-away PostgreSQL of this test program: started when it is first asked for, stopped and removed when
// the program ends. Nothing of it is flushed to disk. Any thread may call any of these.

// Connection string of its main database, migrated to head. Tests share it and stay apart by using accounts of their
// own.
const std::string& TestDatabaseUrl();

// Connection string of one more database on the same server, empty or migrated to head.
std::string FreshDatabase(bool migrated);

// A twelve-digit account id that no other test of this program got.
std::string NewAccount();

// A country code that no other test of this program got and no country has, so that the inventory of numbers holds for
// it what the test puts there. There are some forty.
std::string NewCountry();

}  // namespace poold
