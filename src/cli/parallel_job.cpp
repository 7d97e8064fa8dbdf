#include "parallel_job.hpp"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <sstream>

#include "tunescope/atomic_file.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/progress.hpp"
#include "tunescope/data/task.hpp"
#include "tunescope/error.hpp"
#include "tunescope/mpi/environment.hpp"
#include "tunescope/sweep/core_split.hpp"
#include "tunescope/sweep/lanes.hpp"
#include "tunescope/sweep/recorded_inputs.hpp"
#include "tunescope/sweep/running.hpp"
#include "warnings.hpp"

namespace tunescope::cli {
namespace {

SweepSpec parse_job(int argc, char** argv) { return read_only_job(parse_command_line(argc, argv)); }

void log_to_file(const ResultPaths& paths, int rank) {
  auto logger = spdlog::basic_logger_mt("rank", (paths.log / fmt::format("rank-{}.log", rank)).string());
  logger->set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%e [rank {}] %l: %v", rank));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void plan_fisher_runs(const ParallelCommand& command, Job& job) {
  job.fisher = plan_fisher(job.spec, command.fisher_runs(job.spec, job.hashes), job.inputs);
}

// On rank 0, before any training: everything that can be wrong with the job is found and reported here, once.
ExitStatus prepare_first(const Communicator& world, int argc, char** argv, const ParallelCommand& command,
                         std::optional<Job>& job) {
  try {
    refuse_singletons(world);
    SweepSpec spec = parse_job(argc, argv);
    choose_device(spec.device, 0);  // before anything is loaded for a device that is not there
    prepare_results_folder(ResultPaths(spec));
    auto lock = std::make_unique<FolderLock>(ResultPaths(spec).lock, spec.folder_use, [&] {
      remove_unfinished_files(spec.job_folder());
      remove_spent_checkpoints(ResultPaths(spec));
      std::filesystem::remove_all(ResultPaths(spec).running);  // of a sweep that was killed
    });
    log_to_file(ResultPaths(spec), 0);
    job.emplace(std::move(spec));
    job->lock = std::move(lock);
    for (const std::string& warning : job->inputs.notes().warnings) print_warning(warning);
    job->hashes = job->inputs.load_and_hash();
    job_fisher_ids(job->spec, job->hashes);  // a wrong grid shows here
    plan_fisher_runs(command, *job);
    write_text_atomically(ResultPaths(job->spec).job, job->spec.job_text);
    record_inputs(job->spec, job->hashes);
    return kAllDone;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tunescope: {}\n", error.what());
    return status_of(error);
  }
}

ExitStatus prepare(const Communicator& world, int argc, char** argv, const ParallelCommand& command,
                   std::optional<Job>& job) {
  ExitStatus status = world.rank() == 0 ? prepare_first(world, argc, argv, command, job) : kAllDone;
  status = static_cast<ExitStatus>(world.broadcast_integer(status));
  if (status != kAllDone) return status;
  const std::string hashes = world.broadcast(world.rank() == 0 ? job->hashes.serialize() : "");
  if (world.rank() != 0) {
    SweepSpec spec = parse_job(argc, argv);
    log_to_file(ResultPaths(spec), world.rank());
    job.emplace(std::move(spec));
    job->hashes = InputHashes::parse(hashes);
    plan_fisher_runs(command, *job);
  }
  return kAllDone;
}

// Cores that any rank of the node may use: a launcher may bind each rank to cores of its own, or a batch system all of
// them to the same part of the node.
std::int64_t cores_of_node(const Communicator& node) {
  std::int64_t cores = 0;
  for (const std::uint64_t own : core_mask()) {
    std::uint64_t together = 0;
    for (const std::int64_t word : node.all_gather(static_cast<std::int64_t>(own))) {
      together |= static_cast<std::uint64_t>(word);
    }
    cores += std::popcount(together);
  }
  return cores;
}

// Ranks of the node that use the same GPU; on the CPU, all of them.
double ranks_on(at::Device device, const Communicator& node) {
  const std::int64_t own = device_identity(device);
  const std::vector<std::int64_t> all = node.all_gather(own);
  return static_cast<double>(std::count(all.begin(), all.end(), own));
}

// How many trials of this list fit into a rank's memory together.
std::size_t most_lanes(const std::vector<PlannedTrial>& trials, const Order& order, double memory) {
  double largest = 0.0;
  for (const std::size_t trial : order) {
    if (trials[trial].lane_group) largest = std::max(largest, trials[trial].lane_bytes);
  }
  if (largest <= 0.0) return 1;
  const auto most = static_cast<std::size_t>(std::clamp(memory / largest, 1.0, static_cast<double>(order.size())));
  spdlog::info("at most {} trials together fit into {:.1f} GB, {:.0f} MB each", most, memory / 1e9, largest / 1e6);
  return most;
}

WorkerOptions set_up_worker(const Communicator& world, const SweepSpec& spec) {
  const Communicator node = world.split_by_node();
  const int own_cores = available_cores();
  const std::int64_t node_cores = cores_of_node(node);
  const auto all_cores = static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  const ThreadChoice threads =
      choose_threads(spec.threads, own_cores, threads_per_rank(static_cast<int>(node_cores), node.size()));
  const at::Device device = choose_device(spec.device, node.rank());
  const WorkerOptions worker{.device = device,
                             .rank = world.rank(),
                             .threads = threads.count,
                             .threads_are_given = spec.threads > 0 || !threads.variable.empty(),
                             .retries = spec.retries,
                             .checkpoint_seconds = spec.checkpoint_seconds,
                             .lanes = spec.lanes,
                             .lane_memory = kTrialsShareOfMemory * available_memory(device) / ranks_on(device, node),
                             .node_ranks = node.size(),
                             .node_cores = static_cast<int>(node_cores)};
  at::set_num_threads(worker.threads);
  spdlog::info("device {}, {} threads, node-local rank {} of {}, {} of {} cores usable", worker.device.str(),
               worker.threads, node.rank(), node.size(), own_cores, all_cores);
  if (world.rank() == 0 && worker.device.is_cpu() && spec.threads == 0 && worker.threads * node.size() < all_cores) {
    const std::string reason =
        threads.variable.empty()
            ? "the launcher binds the ranks to cores; start more ranks, or lift that with mpirun --bind-to none"
            : fmt::format("{} says so; start more ranks, or give --run.threads", threads.variable);
    fmt::print("note: {} of this node's {} cores are used: {}\n", worker.threads * node.size(), all_cores, reason);
  }
  return worker;
}

// bfloat16 where it pays on all ranks: a trial must not depend on the rank that it falls to. Collective.
void choose_precision(const Communicator& world, SweepInputs& inputs) {
  const std::vector<std::int64_t> gains = world.all_gather(inputs.gains_by_rounding());
  if (std::find(gains.begin(), gains.end(), 0) == gains.end()) {
    inputs.round_matrices();
  } else if (world.rank() == 0) {
    fmt::print("note: products in bfloat16 are not faster here; float32 is used\n");
  }
}

std::string progress_label(const Trial& trial) {
  return fmt::format("{:<5}  {:<36}  lr {:<7}  seed {}", trial.task, trial.method.text(), trial.learning_rate,
                     trial.seed);
}

std::string describe(const TrialOutcome& outcome, const Trial& trial) {
  const std::string_view metric = metric_name(find_task(trial.task).headline);
  switch (outcome.state) {
    case TrialState::kDone:
      return fmt::format("{} {:.1f}", metric, 100.0 * outcome.score);
    case TrialState::kDiverged:
      return "diverged";
    case TrialState::kFailed:
      return "FAILED, see tunescope status";
    case TrialState::kStopped:
      return "saved";
    case TrialState::kElsewhere:
      return "elsewhere";
  }
  return "";
}

ProgressDisplay::End end_of(const TrialOutcome& outcome) {
  if (outcome.state == TrialState::kStopped) return ProgressDisplay::End::kSaved;
  if (outcome.state == TrialState::kElsewhere) return ProgressDisplay::End::kElsewhere;
  return outcome.state == TrialState::kDone ? ProgressDisplay::End::kGood : ProgressDisplay::End::kBad;
}

// On rank 0: shows how far the trials are, keeps the file that `tunescope status` reads, and notes which were recorded.
class TrialsMonitor {
 public:
  TrialsMonitor(const SweepSpec& spec, const std::vector<PlannedTrial>& trials, const Order& order)
      : trials_(trials),
        order_(order),
        display_(items_of(trials, order), "trials", spec.progress),
        running_(ResultPaths(spec).running) {}

  SweepObserver observer() {
    return {
        .on_start = [this](std::size_t item, int rank) { start(item, rank); },
        .on_progress = [this](std::size_t item, std::int64_t step, std::int64_t steps) { progress(item, step, steps); },
        .on_finish = [this](std::size_t item, const TrialOutcome& outcome) { finish(item, outcome); }};
  }

  const Order& recorded() const { return recorded_; }
  const Order& elsewhere() const { return elsewhere_; }

 private:
  static std::vector<ProgressDisplay::Item> items_of(const std::vector<PlannedTrial>& trials, const Order& order) {
    std::vector<ProgressDisplay::Item> items;
    for (const std::size_t trial : order) items.push_back({progress_label(trials[trial].trial), trials[trial].flops});
    return items;
  }

  void start(std::size_t item, int rank) {
    display_.start(item);
    running_.start(trials_[order_[item]].id, rank);
  }

  void progress(std::size_t item, std::int64_t step, std::int64_t steps) {
    display_.progress(item, static_cast<double>(step) / static_cast<double>(steps));
    running_.progress(trials_[order_[item]].id, step, steps);
  }

  void finish(std::size_t item, const TrialOutcome& outcome) {
    const PlannedTrial& planned = trials_[order_[item]];
    running_.finish(planned.id);
    const bool is_recorded = outcome.state == TrialState::kDone || outcome.state == TrialState::kDiverged;
    if (is_recorded) recorded_.push_back(order_[item]);
    if (outcome.state == TrialState::kElsewhere) elsewhere_.push_back(order_[item]);
    display_.finish(item, end_of(outcome), describe(outcome, planned.trial), outcome.seconds);
  }

  const std::vector<PlannedTrial>& trials_;
  const Order& order_;
  ProgressDisplay display_;
  RunningFile running_;
  Order recorded_;
  Order elsewhere_;
};

}  // namespace

Job::Job(SweepSpec parsed)
    : spec(std::move(parsed)), inputs(spec, [](const std::string& warning) { spdlog::warn("{}", warning); }) {}

ExitStatus run_parallel(int argc, char** argv, const ParallelCommand& command) {
  StopRequest stop;  // first, so that a signal during start-up counts
  const MpiEnvironment mpi;
  const Communicator& world = mpi.world();
  try {
    std::optional<Job> job;
    const ExitStatus status = prepare(world, argc, argv, command, job);
    if (status != kAllDone) return status;
    const WorkerOptions worker = set_up_worker(world, job->spec);
    job->inputs.move_model_to(worker.device);
    if (job->spec.train.precision == Precision::kBfloat16) choose_precision(world, job->inputs);
    stop.set_deadline(
        find_deadline(job->spec.deadline_seconds, std::chrono::seconds(std::llround(job->spec.end_margin_seconds))));
    const RankContext context{.world = world, .spec = job->spec, .inputs = job->inputs, .worker = worker, .stop = stop};
    return static_cast<ExitStatus>(world.broadcast_integer(command.run(context, *job)));
  } catch (const std::exception& error) {
    // The other ranks may wait in a collective that this one will never reach.
    fmt::print(stderr, "tunescope: [rank {}] {}\n", world.rank(), error.what());
    abort_all_ranks(status_of(error));
  }
}

void print_stopped_early(const SweepSpec& spec) {
  fmt::print("{}: stopped early with everything saved; run it again to go on\n", spec.name);
}

Order agree(const Communicator& world, const Order& numbers) {
  std::istringstream stream(world.broadcast(fmt::format("{}", fmt::join(numbers, " "))));
  return {std::istream_iterator<std::size_t>(stream), {}};
}

TrialsEnd run_and_show_trials(const RankContext& context, const std::vector<PlannedTrial>& trials, const Order& order,
                              const TrialWork& work) {
  const ResultPaths paths(context.spec);
  std::optional<TrialsMonitor> monitor;
  if (context.world.rank() == 0) monitor.emplace(context.spec, trials, order);
  const auto planned_of = [&](std::size_t item) -> const PlannedTrial& { return trials[order[item]]; };
  const auto train = [&](TrialQueue& queue) {
    const auto start_item = [&](std::size_t item) -> StartedTrial {
      const PlannedTrial& planned = planned_of(item);
      std::optional<Claim> claim = Claim::try_trial(paths.lock, planned.id);
      if (!claim || work.is_done(order[item])) return {};
      spdlog::info("trial {} starts: {} {}", planned.id, planned.trial.task, planned.trial.method.text());
      const ProgressReport report = [&queue, item](std::int64_t step, std::int64_t steps) {
        queue.report(item, step, steps);
      };
      return {std::move(claim), work.start(order[item], report)};
    };
    LaneCount lanes(context.worker.lanes, most_lanes(trials, order, context.worker.lane_memory));
    train_in_lanes(queue, {start_item, planned_of}, lanes);
  };
  const TrialList list{.count = order.size(),
                       .work = [&](std::size_t item) { return planned_of(item).flops; },
                       .lane_group = [&](std::size_t item) { return planned_of(item).lane_group; }};
  TrialsEnd end;
  end.is_stopped =
      run_trials(context.world, list, train, monitor ? monitor->observer() : SweepObserver{}, context.stop);
  end.recorded = agree(context.world, monitor ? monitor->recorded() : Order{});
  if (monitor) end.elsewhere = monitor->elsewhere();
  for (const std::size_t trial : end.recorded) wait_for_file(paths.trial_file(trials[trial].id));
  return end;
}

}  // namespace tunescope::cli
