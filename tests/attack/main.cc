// `make attack`: attacks a real `poold dev` from loopback and prints a table of what that came to.
//
//   attack POOLD [SECONDS] [ATTACK]
//
// POOLD is the program, SECONDS how long each attack lasts (10), ATTACK the name of the only one to try.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "tests/attack/trial.h"

namespace {

using namespace poold;  // NOLINT

constexpr double kMebibyte = 1 << 20;
constexpr int kGreatestSeconds = 30;  // of each: all together at most ten minutes

void Print(const Attack& attack, const TrialResult& result) {
  int connections = 0;
  for (const AttackGroup& group : attack.groups) connections += group.connections;
  const std::string failed =
      result.failed == 0 ? ""
                         : ", " + std::to_string(result.failed) + " of " + std::to_string(result.calls) + " failed";
  std::printf("| %s | %d | %.0f MiB | %.1f | %.0f ms%s | %s | %s, %+.0f MiB | %lld |\n", attack.name.c_str(),
              connections, static_cast<double>(result.memory) / kMebibyte, result.cores,
              static_cast<double>(result.p99.count()) / 1'000, failed.c_str(), result.accepts ? "yes" : "no",
              result.serves ? "serves" : "does not serve", static_cast<double>(result.memory_afterwards) / kMebibyte,
              static_cast<long long>(result.flood.cut));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: %s POOLD [SECONDS] [ATTACK]\n", argv[0]);
    return 2;
  }
  try {
    TrialOptions options;
    if (argc > 2) options.duration = std::chrono::seconds(std::min(std::atoi(argv[2]), kGreatestSeconds));
    const auto attacks = argc > 3 ? std::vector{AttackNamed(argv[3])} : AllAttacks();
    std::puts(
        "| attack | connections | memory above rest | cores | bystander's p99 | new connections meanwhile | 5 s later "
        "| "
        "cut |");
    std::puts("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const Attack& attack : attacks) {
      const AttackedServer server(argv[1], attack.open_files);
      Print(attack, Try(server, attack, options));
    }
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "attack: %s\n", problem.what());
    return 1;
  }
  return 0;
}
