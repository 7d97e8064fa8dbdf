#include "cli/doctor/process_limits.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>

#include <array>

namespace tunescope::cli {
namespace {

struct ProcessLimit {
  decltype(RLIMIT_FSIZE) resource;
  std::string_view option;  // of `ulimit`
  rlim_t enough;
  std::string_view meaning;
};

constexpr rlim_t kGigabyte = 1'000'000'000;
constexpr std::array kLimits = {
    ProcessLimit{RLIMIT_FSIZE, "-f", 10 * kGigabyte, "bytes in a file, which checkpoints and results may exceed"},
    ProcessLimit{RLIMIT_AS, "-v", 64 * kGigabyte,
                 "bytes of addresses, of which LibTorch takes many more than of memory"},
    ProcessLimit{RLIMIT_CPU, "-t", RLIM_INFINITY, "seconds of processor time, after which the kernel ends a rank"},
    ProcessLimit{RLIMIT_NOFILE, "-n", 256, "open files, connections between ranks among them"},
    ProcessLimit{RLIMIT_NPROC, "-u", 256, "processes and threads of this user"},
};

}  // namespace

std::vector<std::string> process_limit_problems() {
  std::vector<std::string> problems;
  for (const ProcessLimit& limit : kLimits) {
    rlimit found{};
    if (::getrlimit(limit.resource, &found) != 0 || found.rlim_cur >= limit.enough) continue;
    const std::string remedy = found.rlim_max >= limit.enough
                                   ? fmt::format("raise it with ulimit -S {} {}", limit.option,
                                                 found.rlim_max == RLIM_INFINITY ? "unlimited" : "hard")
                                   : "ask the administrators for more, or use another node";
    problems.push_back(fmt::format("ulimit {} allows {} {}; {}", limit.option, found.rlim_cur, limit.meaning, remedy));
  }
  return problems;
}

}  // namespace tunescope::cli
