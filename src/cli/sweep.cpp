#include "tunescope/sweep/sweep.hpp"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>

#include "tunescope/atomic_file.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"
#include "tunescope/error.hpp"
#include "tunescope/mpi/environment.hpp"
#include "tunescope/sweep/inputs.hpp"

namespace tunescope::cli {
namespace {

// A job with its inputs, on one rank.
struct Job {
  explicit Job(SweepSpec parsed)
      : spec(std::move(parsed)), inputs(spec, [](const std::string& warning) { spdlog::warn("{}", warning); }) {}
  SweepSpec spec;
  SweepInputs inputs;
};

// What rank 0 has found out, for all: the status, and where it is good the hashes.
struct Preparation {
  ExitStatus status = kAllDone;
  InputHashes hashes;
};

SweepSpec parse_job(int argc, char** argv) { return read_only_job(parse_command_line(argc, argv)); }

void log_to_file(const ResultPaths& paths, int rank) {
  auto logger = spdlog::basic_logger_mt("rank", (paths.log / fmt::format("rank-{}.log", rank)).string());
  logger->set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%e [rank {}] %l: %v", rank));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// On rank 0, before any training: everything that can be wrong with the job is found and reported here, once.
Preparation prepare(const Communicator& world, int argc, char** argv, std::optional<Job>& job) {
  Preparation preparation;
  if (world.rank() == 0) {
    try {
      refuse_singletons(world);
      SweepSpec spec = parse_job(argc, argv);
      prepare_results_folder(ResultPaths(spec));
      log_to_file(ResultPaths(spec), 0);
      job.emplace(std::move(spec));
      preparation.hashes = job->inputs.load_and_hash();
      write_text_atomically(ResultPaths(job->spec).job, job->spec.job_text);
    } catch (const std::exception& error) {
      fmt::print(stderr, "tunescope: {}\n", error.what());
      preparation.status = status_of(error);
    }
  }
  preparation.status = static_cast<ExitStatus>(std::stoi(world.broadcast(std::to_string(preparation.status))));
  if (preparation.status != kAllDone) return preparation;
  preparation.hashes = InputHashes::parse(world.broadcast(preparation.hashes.serialize()));
  if (world.rank() != 0) {
    SweepSpec spec = parse_job(argc, argv);
    log_to_file(ResultPaths(spec), world.rank());
    job.emplace(std::move(spec));
  }
  return preparation;
}

WorkerOptions set_up_worker(const Communicator& world, const SweepSpec& spec) {
  const Communicator node = world.split_by_node();
  // Under a launcher that binds each rank to cores of its own, the node's share is the sum of the ranks' masks.
  const std::int64_t own_cores = available_cores();
  const std::vector<std::int64_t> cores = node.all_gather(own_cores);
  const auto all_cores = static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  const std::int64_t node_cores = std::min(std::accumulate(cores.begin(), cores.end(), std::int64_t{0}), all_cores);
  const std::int64_t shared_out = threads_per_rank(static_cast<int>(node_cores), node.size());
  const WorkerOptions worker{
      .device = choose_device(spec.device, node.rank()),
      .rank = world.rank(),
      .threads = static_cast<int>(spec.threads > 0 ? spec.threads : std::min(shared_out, own_cores))};
  at::set_num_threads(worker.threads);
  spdlog::info("device {}, {} threads, node-local rank {} of {}, {} of {} cores usable", worker.device.str(),
               worker.threads, node.rank(), node.size(), own_cores, all_cores);
  if (world.rank() == 0 && worker.device.is_cpu() && spec.threads == 0 && worker.threads * node.size() < all_cores) {
    fmt::print(
        "note: {} of this node's {} cores are used: the launcher binds the ranks to cores; mpirun --bind-to none "
        "lifts that\n",
        worker.threads * node.size(), all_cores);
  }
  return worker;
}

// The trials to run, longest expected first, the same on every rank.
std::vector<std::size_t> agree_on_order(const Communicator& world, const std::vector<PlannedTrial>& trials) {
  std::string text;
  if (world.rank() == 0) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      if (trials[i].state == StoredState::kMissing || trials[i].state == StoredState::kFailed) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return trials[a].flops > trials[b].flops; });
    for (const std::size_t i : order) text += std::to_string(i) + " ";
  }
  std::istringstream stream(world.broadcast(text));
  return {std::istream_iterator<std::size_t>(stream), {}};
}

void print_start(const Communicator& world, const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                 const std::vector<std::size_t>& order, const WorkerOptions& worker) {
  for (const PlannedTrial& planned : trials) {
    if (!planned.warning.empty()) fmt::print("warning: {}\n", planned.warning);
  }
  fmt::print("{}: {} trials, {} already there, {} to run on {} rank{} with {} thread{} each ({})\n", spec.name,
             trials.size(), trials.size() - order.size(), order.size(), world.size(), world.size() == 1 ? "" : "s",
             worker.threads, worker.threads == 1 ? "" : "s", worker.device.str());
  if (static_cast<std::size_t>(world.size()) > order.size() && !order.empty()) {
    fmt::print("note: more ranks than trials; {} ranks will have nothing to do\n",
               static_cast<std::size_t>(world.size()) - order.size());
  }
  std::fflush(stdout);
}

ExitStatus finish(const Job& job, const InputHashes& hashes, double seconds) {
  const std::vector<PlannedTrial> trials = stored_trials(job.spec, hashes);
  merge_results(job.spec, trials);
  std::size_t bad = 0;
  for (const PlannedTrial& planned : trials) bad += planned.state == StoredState::kDone ? 0 : 1;
  fmt::print("{} of {} trials done{} in {}\nresults: {}\n", trials.size() - bad, trials.size(),
             bad > 0 ? fmt::format(", {} failed or diverged (tunescope status tells why)", bad) : "",
             readable_duration(seconds), job.spec.results_file().string());
  return bad == 0 ? kAllDone : kSomeFailed;
}

}  // namespace

ExitStatus sweep(int argc, char** argv) {
  const auto begin = std::chrono::steady_clock::now();
  const MpiEnvironment mpi;
  const Communicator& world = mpi.world();
  try {
    std::optional<Job> job;
    const Preparation preparation = prepare(world, argc, argv, job);
    if (preparation.status != kAllDone) return preparation.status;
    const WorkerOptions worker = set_up_worker(world, job->spec);
    job->inputs.move_model_to(worker.device);
    const std::vector<PlannedTrial> trials = plan_trials(job->spec, preparation.hashes, job->inputs);
    const std::vector<std::size_t> order = agree_on_order(world, trials);
    if (world.rank() == 0) print_start(world, job->spec, trials, order, worker);

    ProgressDisplay display(trials, order, job->spec.progress);
    const ResultPaths paths(job->spec);
    run_trials(
        world, order,
        [&](std::size_t trial, const ProgressReport& report) {
          spdlog::info("trial {} starts: {} {}", trials[trial].id, trials[trial].trial.task,
                       trials[trial].trial.method.text());
          const TrialOutcome outcome = run_and_record(trials[trial], job->inputs, paths, worker, report);
          spdlog::info("trial {} ended after {:.1f} s", trials[trial].id, outcome.seconds);
          return outcome;
        },
        display.observer());

    ExitStatus status = kAllDone;
    if (world.rank() == 0) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      status = finish(*job, preparation.hashes, elapsed.count());
    }
    return static_cast<ExitStatus>(std::stoi(world.broadcast(std::to_string(status))));
  } catch (const std::exception& error) {
    // The other ranks may wait in a collective that this one will never reach.
    fmt::print(stderr, "tunescope: [rank {}] {}\n", world.rank(), error.what());
    abort_all_ranks(status_of(error));
  }
}

}  // namespace tunescope::cli
