#include "cli/doctor/diagnosis.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

namespace tunescope::cli {
namespace {

constexpr double kLeastBytesOfRank = 1e9;
constexpr double kLargestSecondsAhead = 1.0;

// "0-3, 6"
std::string ranges_of(const std::vector<int>& sorted) {
  std::string text;
  for (std::size_t first = 0; first < sorted.size();) {
    std::size_t last = first;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    text += text.empty() ? "" : ", ";
    text += first == last ? std::to_string(sorted[first]) : fmt::format("{}-{}", sorted[first], sorted[last]);
    first = last + 1;
  }
  return text;
}

std::string names_of(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", ranges_of(ranks));
}

// "n1, n2, n3 and 61 others"
std::string host_names(const std::vector<std::string>& hosts) {
  constexpr std::size_t kNamed = 3;
  if (hosts.size() <= kNamed + 1) return fmt::format("{}", fmt::join(hosts, ", "));
  return fmt::format("{} and {} others", fmt::join(hosts.begin(), hosts.begin() + kNamed, ", "), hosts.size() - kNamed);
}

std::string counted(int count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

struct AlikeRanks {
  std::vector<int> ranks;
  std::vector<std::string> hosts;
  double least_memory = 0.0;
};

std::string too_many_threads(const RankFacts& rank) {
  return fmt::format(
      "on {} a rank has {} on {}, which take turns; {}, or give each rank more cores (mpirun --bind-to none, srun "
      "--cpus-per-task={})",
      rank.host, counted(rank.threads, "thread"), counted(rank.cores, "core"),
      rank.threads_by.empty() ? "start fewer ranks"
                              : fmt::format("{} says so: set it to {}", rank.threads_by, rank.cores),
      rank.threads);
}

// What is wrong with the ranks of a host together, of which `any` is one.
void append_host_problems(std::vector<std::string>& problems, const RankFacts& any, const std::vector<RankFacts>& all) {
  const auto count = static_cast<int>(std::ranges::count(all, any.host, &RankFacts::host));
  const int threads = count * any.threads;
  const bool fits_its_cores = any.device == "cpu" && any.threads <= any.cores;
  if (fits_its_cores && threads > any.node_cores) {
    problems.push_back(fmt::format("on {} {} with {} each share {}; start at most {} there, or ask for more cores",
                                   any.host, counted(count, "rank"), counted(any.threads, "thread"),
                                   counted(any.node_cores, "core"),
                                   counted(std::max(1, any.node_cores / any.threads), "rank")));
  }
  if (fits_its_cores && any.core_quota > 0.0 && any.core_quota < threads) {
    problems.push_back(
        fmt::format("on {} the control group leaves the time of {:.1f} cores to {}; use fewer ranks or threads "
                    "(run.threads), or give the container more",
                    any.host, any.core_quota, counted(threads, "thread")));
  }
  if (any.memory_bytes < kLeastBytesOfRank * count) {
    problems.push_back(
        fmt::format("on {} {} can allocate {:.1f} GB, and small models take 1 GB per rank; ask for more memory (sbatch "
                    "--mem), or start fewer ranks",
                    any.host, counted(count, "rank"), any.memory_bytes / 1e9));
  }
}

}  // namespace

std::vector<Fact> rank_lines(const std::vector<RankFacts>& ranks) {
  std::map<std::tuple<int, int, int, int, std::string>, AlikeRanks> alike;
  for (const RankFacts& rank : ranks) {
    AlikeRanks& same = alike[{rank.cores, rank.node_cores, rank.machine_cores, rank.threads, rank.device}];
    same.least_memory = same.ranks.empty() ? rank.memory_bytes : std::min(same.least_memory, rank.memory_bytes);
    same.ranks.push_back(rank.rank);
    if (same.hosts.empty() || same.hosts.back() != rank.host) same.hosts.push_back(rank.host);
  }
  std::vector<Fact> lines;
  for (const auto& [key, same] : alike) {
    const auto& [cores, node_cores, machine_cores, threads, device] = key;
    lines.push_back({names_of(same.ranks),
                     fmt::format("on {}: {} on {} of {} ({} in the machine), {:.1f} GB of memory free, {}",
                                 host_names(same.hosts), counted(threads, "thread"), cores, counted(node_cores, "core"),
                                 machine_cores, same.least_memory / 1e9, device.empty() ? "no device" : device)});
  }
  return lines;
}

std::vector<std::string> rank_problems(const std::vector<RankFacts>& ranks) {
  std::vector<std::string> problems;
  std::set<std::string> hosts;
  for (const RankFacts& rank : ranks) {
    if (hosts.insert(rank.host).second) append_host_problems(problems, rank, ranks);
    std::vector<std::string> own = rank.problems;
    if (rank.device == "cpu" && rank.threads > rank.cores) own.push_back(too_many_threads(rank));
    if (std::abs(rank.seconds_ahead) > kLargestSecondsAhead) {
      own.push_back(fmt::format(
          "the clock of {} is {:.1f} s {} that of {}, so that a sweep may stop too late before the end of an "
          "allocation; ask the administrators to synchronize them",
          rank.host, std::abs(rank.seconds_ahead), rank.seconds_ahead > 0.0 ? "ahead of" : "behind",
          ranks.front().host));
    }
    for (const std::string& problem : own) {
      if (std::ranges::find(problems, problem) == problems.end()) problems.push_back(problem);
    }
  }
  return problems;
}

std::vector<std::string> telling_variables() {
  constexpr std::array<std::string_view, 15> kNames = {
      "OMP_NUM_THREADS",    "MKL_NUM_THREADS",   "CUDA_VISIBLE_DEVICES", "HDF5_USE_FILE_LOCKING", "SLURM_JOB_ID",
      "SLURM_JOB_NODELIST", "SLURM_NTASKS",      "SLURM_STEP_NUM_TASKS", "SLURM_CPUS_PER_TASK",   "SLURM_CPUS_ON_NODE",
      "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_JOB_END_TIME",   "SLURM_STEP_ID",         "SLURM_MPI_TYPE"};
  std::vector<std::string> set;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (name.starts_with("NCCL_") || std::ranges::find(kNames, name) != kNames.end()) set.emplace_back(text);
  }
  std::ranges::sort(set);
  return set;
}

}  // namespace tunescope::cli
