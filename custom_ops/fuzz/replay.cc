// Runs a fuzz target without libFuzzer: on the files that are named, or else on a stream of random inputs, the same on
// every machine. Takes libFuzzer's flags -runs=N, -seed=N and -artifact_prefix=PATH.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// What the sanitizers find is to end as other crashes do, in a signal.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

namespace {

constexpr uint64_t kMostBytes = 4096;  // as of libFuzzer

std::vector<uint8_t> input;  // the one that runs
std::string artifact_prefix;

// SplitMix64, of Steele, Lea and Flood (2014).
uint64_t mix(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void draw_input(uint64_t seed, uint64_t run) {
  uint64_t state = seed * 0x100000001b3u + run;
  input.resize(mix(state) % kMostBytes);
  for (uint8_t& byte : input) byte = static_cast<uint8_t>(mix(state) >> 56);
}

// Writes the input that ends the process, and says where.
void keep_input() {
  uint64_t name = 14695981039346656037u;
  for (const uint8_t byte : input) name = (name ^ byte) * 1099511628211u;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(name));
  const std::string path = artifact_prefix + "crash-" + digits;
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(input.data()), std::ssize(input));
  std::fprintf(stderr, "Test unit written to %s\n", path.c_str());
}

void on_signal(int signal) {
  keep_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void replay(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", path);
    std::exit(2);
  }
  input.assign(std::istreambuf_iterator<char>(file), {});
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int count, char** arguments) {
  uint64_t runs = 10'000, seed = 1;
  std::vector<const char*> files;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::string value = argument.substr(argument.find('=') + 1);
    if (argument.starts_with("-runs=")) {
      runs = std::stoull(value);
    } else if (argument.starts_with("-seed=")) {
      seed = std::stoull(value);
    } else if (argument.starts_with("-artifact_prefix=")) {
      artifact_prefix = value;
    } else if (argument.starts_with("-")) {
      std::fprintf(stderr, "%s is not known; -runs=, -seed= and -artifact_prefix= are\n", argument.c_str());
      return 2;
    } else {
      files.push_back(arguments[i]);
    }
  }
  std::signal(SIGABRT, on_signal);
#if !defined(__SANITIZE_ADDRESS__)
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_signal);
#endif
  for (const char* path : files) replay(path);
  for (uint64_t run = 0; files.empty() && run < runs; ++run) {
    draw_input(seed, run);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::fprintf(stderr, "Done %llu runs\n", static_cast<unsigned long long>(files.empty() ? runs : files.size()));
}
