#include "tunescope/io/isolated.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string_view>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

// What the first byte of the child's answer says of the rest.
constexpr char kResult = '+';
constexpr char kMessage = '-';

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;  // the parent sees that an answer is missing
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

[[noreturn]] void answer(int descriptor, const std::function<std::string()>& work, std::uint64_t cpu_seconds) {
  const rlimit limit{.rlim_cur = cpu_seconds, .rlim_max = cpu_seconds};
  ::setrlimit(RLIMIT_CPU, &limit);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) ::signal(signal, SIG_DFL);  // no trace of a crash
  std::string text;
  try {
    text = kResult + work();
  } catch (const std::exception& error) {
    text = kMessage + std::string(error.what());
  }
  write_all(descriptor, text);
  ::_exit(0);
}

}  // namespace

std::string run_isolated(const std::function<std::string()>& work, std::uint64_t cpu_seconds) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw EnvironmentError(std::string("no pipe can be made: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    answer(ends[1], work, cpu_seconds);
  }
  ::close(ends[1]);
  const std::string text = child > 0 ? read_all(ends[0]) : "";
  ::close(ends[0]);
  if (child < 0) throw EnvironmentError(std::string("no process can be started: ") + std::strerror(errno));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || text.empty()) throw Error("reading it crashes, or does not come to an end");
  if (text.front() != kResult) throw Error(text.substr(1));
  return text.substr(1);
}

}  // namespace tunescope
