#include "tunescope/sweep/scheduler.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <thread>

#include "tunescope/mpi/environment.hpp"

namespace tunescope {
namespace {

constexpr int kTagToScheduler = 1;
constexpr int kTagToWorker = 2;
constexpr int kTagStop = 3;
constexpr std::int64_t kNoTrial = -1;
constexpr int kEnvironmentExitStatus = 3;
constexpr std::chrono::milliseconds kPollInterval{2};
constexpr std::chrono::milliseconds kReportInterval{250};

enum class MessageKind : std::int32_t { kReady, kProgress, kFinished };

// From a worker to the scheduler. `kFinished` asks for the next trial too.
struct Message {
  MessageKind kind = MessageKind::kReady;
  std::int64_t trial = kNoTrial;
  std::int64_t step = 0;
  std::int64_t steps = 0;
  TrialOutcome outcome = {};
};

// Hands out trials until every rank has been told that none is left, or one asks for a stop.
class Scheduler {
 public:
  Scheduler(const Communicator& world, std::size_t count, const SweepObserver& observer)
      : world_(world), count_(count), observer_(observer) {}

  // Ends early where its own rank gives up: what it reports to is gone then.
  void operator()(const StopRequest& stop, const std::atomic<bool>& is_abandoned) {
    for (int working_ranks = world_.size(); working_ranks > 0 && !is_abandoned;) {
      if (stop.is_set()) stop_all();
      const std::optional<int> sender = world_.probe(kTagToScheduler);
      if (!sender) {
        std::this_thread::sleep_for(kPollInterval);
        continue;
      }
      if (!answer(*sender)) --working_ranks;
    }
  }

 private:
  // Whether the sender has work now.
  bool answer(int sender) {
    const auto message = world_.receive<Message>(sender, kTagToScheduler);
    const auto trial = static_cast<std::size_t>(message.trial);
    if (message.kind == MessageKind::kProgress) {
      observer_.on_progress(trial, message.step, message.steps);
      return true;
    }
    if (message.kind == MessageKind::kFinished) observer_.on_finish(trial, message.outcome);
    if (message.outcome.state == TrialState::kStopped) stop_all();
    const bool has_next = !is_stopped_ && next_ < count_;
    const std::int64_t assigned = has_next ? static_cast<std::int64_t>(next_++) : kNoTrial;
    if (has_next) observer_.on_start(static_cast<std::size_t>(assigned), sender);
    world_.send(assigned, sender, kTagToWorker);
    return has_next;
  }

  // Ranks that wait are told by the answer they wait for; every rank gets one stop message, which it may never read.
  void stop_all() {
    if (is_stopped_) return;
    is_stopped_ = true;
    for (int rank = 0; rank < world_.size(); ++rank) world_.send(std::int64_t{0}, rank, kTagStop);
  }

  const Communicator& world_;
  std::size_t count_;
  const SweepObserver& observer_;
  std::size_t next_ = 0;
  bool is_stopped_ = false;
};

// Asks for trials and runs them until none is left.
void work(const Communicator& world, const TrialFunction& run, StopRequest& stop) {
  Message message;
  for (;;) {
    world.send(message, 0, kTagToScheduler);
    const auto trial = world.receive<std::int64_t>(0, kTagToWorker);
    if (trial == kNoTrial) return;
    auto last_report = std::chrono::steady_clock::now();
    const ProgressReport report = [&](std::int64_t step, std::int64_t steps) {
      const auto now = std::chrono::steady_clock::now();
      if (now - last_report < kReportInterval) return;
      last_report = now;
      if (world.probe(kTagStop)) stop.set();
      world.send(Message{.kind = MessageKind::kProgress, .trial = trial, .step = step, .steps = steps}, 0,
                 kTagToScheduler);
    };
    const TrialOutcome outcome = run(static_cast<std::size_t>(trial), report);
    message = {.kind = MessageKind::kFinished, .trial = trial, .outcome = outcome};
  }
}

// Takes what `stop_all` sent, so that nothing is left over for the next phase.
void drain_stop_messages(const Communicator& world) {
  while (world.probe(kTagStop)) world.receive<std::int64_t>(0, kTagStop);
}

}  // namespace

void run_trials(const Communicator& world, std::size_t count, const TrialFunction& run, const SweepObserver& observer,
                StopRequest& stop) {
  std::atomic<bool> is_abandoned{false};
  std::thread scheduler;
  if (world.rank() == 0) {
    scheduler = std::thread([&] {
      // Nobody could join this thread's exception to its rank while all ranks wait for trials.
      try {
        Scheduler(world, count, observer)(stop, is_abandoned);
      } catch (const std::exception& error) {
        spdlog::critical("scheduler: {}", error.what());
        abort_all_ranks(kEnvironmentExitStatus);
      }
    });
  }
  try {
    work(world, run, stop);
  } catch (...) {
    is_abandoned = true;
    if (scheduler.joinable()) scheduler.join();
    throw;
  }
  if (scheduler.joinable()) scheduler.join();
  const std::vector<std::int64_t> stops = world.all_gather(stop.is_set());
  if (std::find(stops.begin(), stops.end(), 1) != stops.end()) stop.set();
  drain_stop_messages(world);
  world.barrier();
}

}  // namespace tunescope
