#include "tests/attack/trial.h"

#include <sys/stat.h>

#include <fstream>
#include <future>
#include <thread>

#include "server/base/digest.h"
#include "tests/attack/bystander.h"
#include "tests/attack/usage.h"

namespace poold {
namespace {

// Writes the access file and returns its path.
std::string WriteAccessFile(const std::filesystem::path& directory) {
  const std::string path = directory / "access.yaml";
  std::ofstream file(path);
  file << "principals:\n"
       << "  - name: bystander\n    account: \"111111111111\"\n    bearer_keys:\n      - sha256: "
       << Hex(Sha256(kBystandersKey)) << "\n"
       << "  - name: flooder\n    account: \"222222222222\"\n    bearer_keys:\n      - sha256: "
       << Hex(Sha256(kFloodersKey)) << "\n    access_keys:\n      - id: " << kKnownKeyId
       << "\n        secret: nobody-signs-with-it\n";
  file.close();
  chmod(path.c_str(), 0600);
  return path;
}

Program::Options ServerCommand(const std::string& poold, int open_files, const std::filesystem::path& directory) {
  std::vector<std::string> command;
  if (open_files > 0) command = {"sh", "-c", "ulimit -n " + std::to_string(open_files) + R"( && exec "$0" "$@")"};
  const std::string data = directory / "data";
  for (const std::string& word :
       {poold, std::string("dev"), std::string("--access-file"), WriteAccessFile(directory),
        std::string("--grpc-listen"), std::string("127.0.0.1:0"), std::string("--data-dir"), data}) {
    command.push_back(word);
  }
  // By the environment: older programs, too, start with it.
  return {.command = command, .environment = {{"POOLD_GRPC_GUARD", "on"}}, .working_directory = {}};
}

// Resident memory that is back but for so much is as before.
constexpr std::int64_t kAsBefore = 32 << 20;

}  // namespace

AttackedServer::AttackedServer(const std::string& poold, int open_files)
    : program_(ServerCommand(poold, open_files, directory_.path())),
      grpc_address_(ReadyAddress(program_)),
      http_address_(ReadyHttpAddress(program_)) {}

TrialResult Try(const AttackedServer& server, const Attack& attack, const TrialOptions& options) {
  const std::string& grpc_address = server.grpc_address();
  const std::string key(kBystandersKey);

  Bystander bystander(grpc_address, key);
  // What the first calls take for good belongs to the rest.
  for (int i = 0; i < 20; ++i) Bystander::IsServed(grpc_address, key);
  const std::int64_t rest = ResidentBytes(server.pid());

  TrialResult result;
  std::atomic<bool> alarm = false;
  MemoryWatch watch(server.pid(), rest + options.greatest_memory, alarm);
  const auto used_before = ProcessorTime(server.pid());
  const auto began = std::chrono::steady_clock::now();
  auto flood = std::async(std::launch::async,
                          [&] { return Flood(attack, grpc_address, server.http_address(), options.duration, alarm); });
  std::this_thread::sleep_for(options.duration / 2);
  result.accepts = Bystander::IsServed(grpc_address, key);
  result.flood = flood.get();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const std::chrono::duration<double> used = ProcessorTime(server.pid()) - used_before;
  result.cores = used / took;
  bystander.Stop();
  result.calls = bystander.calls();
  result.failed = bystander.failed();
  result.p99 = bystander.p99();

  const auto end = std::chrono::steady_clock::now() + options.recovery;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    result.memory_afterwards = ResidentBytes(server.pid()) - rest;
  } while (result.memory_afterwards > kAsBefore && std::chrono::steady_clock::now() < end);
  result.memory = watch.peak() - rest;  // what it did last may have come to it after the attack
  result.serves = Bystander::IsServed(grpc_address, key);
  return result;
}

}  // namespace poold
