#include "tunescope/sweep/scheduler.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

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

enum class MessageKind : std::int32_t { kNext, kNextBeside, kProgress, kFinished };

// From a worker to the scheduler, which answers the first two kinds with the number of a trial.
struct Message {
  MessageKind kind = MessageKind::kNext;
  std::int64_t trial = kNoTrial;
  std::int64_t step = 0;
  std::int64_t steps = 0;
  TrialOutcome outcome = {};
  double start_seconds = 0.0;  // what the sender needs to get a trial going
};

// Hands out trials until every rank has been told that none is left.
class Scheduler {
 public:
  Scheduler(const Communicator& world, const TrialList& trials, const SweepObserver& observer, StopRequest& stop)
      : world_(world), observer_(observer), stop_(stop), dealer_(trials, static_cast<std::size_t>(world.size())) {}

  // Ends early where its own rank gives up: what it reports to is gone then.
  void operator()(const std::atomic<bool>& is_abandoned) {
    for (int working_ranks = world_.size(); working_ranks > 0 && !is_abandoned;) {
      if (stop_.is_set()) stop_all();
      const std::optional<int> sender = world_.probe(kTagToScheduler);
      if (!sender) {
        std::this_thread::sleep_for(kPollInterval);
        continue;
      }
      if (!answer(*sender)) --working_ranks;
    }
    if (is_late_) stop_.set();
  }

 private:
  // Whether the sender goes on working.
  bool answer(int sender) {
    const auto message = world_.receive<Message>(sender, kTagToScheduler);
    const auto trial = static_cast<std::size_t>(message.trial);
    const auto rank = static_cast<std::size_t>(sender);
    switch (message.kind) {
      case MessageKind::kProgress:
        observer_.on_progress(trial, message.step, message.steps);
        return true;
      case MessageKind::kFinished:
        dealer_.finish(rank, trial);
        observer_.on_finish(trial, message.outcome);
        if (message.outcome.state == TrialState::kStopped) stop_all();
        return true;
      case MessageKind::kNextBeside:
        hand_out(next_in_time(message, rank), sender);
        return true;
      case MessageKind::kNext:
        return hand_out(next_in_time(message, rank), sender);
    }
    return false;
  }

  std::optional<std::size_t> next_in_time(const Message& message, std::size_t rank) {
    if (is_stopped_ || !dealer_.has_trials()) return std::nullopt;
    if (!stop_.leaves(std::chrono::duration<double>(message.start_seconds))) {
      is_late_ = true;
      return std::nullopt;
    }
    return message.kind == MessageKind::kNext ? dealer_.next(rank)
                                              : dealer_.next_beside(rank, static_cast<std::size_t>(message.trial));
  }

  bool hand_out(std::optional<std::size_t> trial, int rank) {
    if (trial) observer_.on_start(*trial, rank);
    world_.send(trial ? static_cast<std::int64_t>(*trial) : kNoTrial, rank, kTagToWorker);
    return trial.has_value();
  }

  // Ranks that wait are told by the answer they wait for; every rank gets one stop message, which it may never read.
  void stop_all() {
    if (is_stopped_) return;
    is_stopped_ = true;
    for (int rank = 0; rank < world_.size(); ++rank) world_.send(std::int64_t{0}, rank, kTagStop);
  }

  const Communicator& world_;
  const SweepObserver& observer_;
  StopRequest& stop_;
  TrialDealer dealer_;
  bool is_stopped_ = false;
  bool is_late_ = false;  // whether the deadline has kept a trial from starting
};

// Takes what `stop_all` sent, so that nothing is left over for the next phase.
void drain_stop_messages(const Communicator& world) {
  while (world.probe(kTagStop)) world.receive<std::int64_t>(0, kTagStop);
}

}  // namespace

std::optional<std::size_t> TrialQueue::next() { return ask(std::nullopt); }

std::optional<std::size_t> TrialQueue::next_beside(std::size_t trial) { return ask(trial); }

std::optional<std::size_t> TrialQueue::ask(std::optional<std::size_t> beside) {
  world_.send(Message{.kind = beside ? MessageKind::kNextBeside : MessageKind::kNext,
                      .trial = static_cast<std::int64_t>(beside.value_or(0)),
                      .start_seconds = latest_start_.count()},
              0, kTagToScheduler);
  const auto answer = world_.receive<std::int64_t>(0, kTagToWorker);
  if (answer == kNoTrial) return std::nullopt;
  const auto trial = static_cast<std::size_t>(answer);
  held_[trial] = {.taken = Clock::now(), .last_report = {}};
  return trial;
}

void TrialQueue::report(std::size_t trial, std::int64_t step, std::int64_t steps) {
  const Clock::time_point now = Clock::now();
  Held& held = held_.at(trial);
  if (!held.last_report) {
    latest_start_ = now - held.taken;
    held.last_report = held.taken;
  }
  if (now - *held.last_report < kReportInterval) return;
  held.last_report = now;
  if (world_.probe(kTagStop)) stop_.set();
  world_.send(
      Message{.kind = MessageKind::kProgress, .trial = static_cast<std::int64_t>(trial), .step = step, .steps = steps},
      0, kTagToScheduler);
}

void TrialQueue::finish(std::size_t trial, const TrialOutcome& outcome) {
  held_.erase(trial);
  world_.send(Message{.kind = MessageKind::kFinished, .trial = static_cast<std::int64_t>(trial), .outcome = outcome}, 0,
              kTagToScheduler);
}

bool run_trials(const Communicator& world, const TrialList& trials, const Worker& work, const SweepObserver& observer,
                StopRequest& stop) {
  std::atomic<bool> is_abandoned{false};
  std::thread scheduler;
  if (world.rank() == 0) {
    scheduler = std::thread([&] {
      // Nobody could join this thread's exception to its rank while all ranks wait for trials.
      try {
        Scheduler(world, trials, observer, stop)(is_abandoned);
      } catch (const std::exception& error) {
        spdlog::critical("scheduler: {}", error.what());
        abort_all_ranks(kEnvironmentExitStatus);
      }
    });
  }
  try {
    TrialQueue queue(world, stop);
    work(queue);
  } catch (...) {
    is_abandoned = true;
    if (scheduler.joinable()) scheduler.join();
    throw;
  }
  if (scheduler.joinable()) scheduler.join();
  const bool is_stopped = agree_on_stop(world, stop);
  drain_stop_messages(world);
  world.barrier();
  return is_stopped;
}

}  // namespace tunescope
