#pragma once

// Stories of reads: what a call is asked, and what other calls do meanwhile to what it reads.

#include <google/protobuf/descriptor.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/api.h"

namespace poold {

// Answers as texts, so that stories about different methods look the same.
using Read = std::function<std::string(Api&)>;

struct Story {
  Read read;
  std::vector<std::function<void()>> steps;  // each one transaction
};

// The accounts of a story: whose things are read, and another one that it shares some with.
struct Accounts {
  static Settings SettingsOf() {
    Settings settings;
    settings.api.dev = true;  // it can be emptied
    settings.api.quotas.pools = 100'000;
    settings.api.quotas.phone_numbers = 100'000;
    settings.api.quotas.sender_ids = 100'000;
    settings.api.quotas.opt_out_lists = 100'000;
    return settings;
  }

  Api owner{SettingsOf()};
  Api consumer;
};

// How a story begins, anew each time, and the request that it is about.
struct Chapter {
  std::string name;
  const google::protobuf::Descriptor* request;
  Story (*tell)(Accounts&);
};

inline void PrintTo(const Chapter& chapter, std::ostream* out) { *out << chapter.name; }

// For each method that reads.
const std::vector<Chapter>& ReadStories();

// Steps of other stories about the owner's opt-out lists.
std::function<void()> DeletingList(Accounts& accounts, const std::string& list);
std::function<void()> CreatingList(Accounts& accounts, const std::string& list, const std::string& more = {});

}  // namespace poold
