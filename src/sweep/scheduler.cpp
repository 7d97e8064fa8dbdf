#include "tunescope/sweep/scheduler.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <optional>
#include <thread>

#include "tunescope/mpi/environment.hpp"

namespace tunescope {
namespace {

constexpr int kTagToScheduler = 1;
constexpr int kTagToWorker = 2;
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

// Hands out trials until every rank has been told that none is left.
void schedule(const Communicator& world, const std::vector<std::size_t>& order, const SweepObserver& observer) {
  std::size_t next = 0;
  for (int working_ranks = world.size(); working_ranks > 0;) {
    const std::optional<int> sender = world.probe(kTagToScheduler);
    if (!sender) {
      std::this_thread::sleep_for(kPollInterval);
      continue;
    }
    const auto message = world.receive<Message>(*sender, kTagToScheduler);
    const auto trial = static_cast<std::size_t>(message.trial);
    if (message.kind == MessageKind::kProgress) {
      observer.on_progress(trial, message.step, message.steps);
      continue;
    }
    if (message.kind == MessageKind::kFinished) observer.on_finish(trial, message.outcome);
    const std::int64_t assigned = next < order.size() ? static_cast<std::int64_t>(order[next++]) : kNoTrial;
    if (assigned == kNoTrial) --working_ranks;
    if (assigned != kNoTrial) observer.on_start(static_cast<std::size_t>(assigned), *sender);
    world.send(assigned, *sender, kTagToWorker);
  }
}

// Asks for trials and runs them until none is left.
void work(const Communicator& world, const TrialFunction& run) {
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
      world.send(Message{.kind = MessageKind::kProgress, .trial = trial, .step = step, .steps = steps}, 0,
                 kTagToScheduler);
    };
    const TrialOutcome outcome = run(static_cast<std::size_t>(trial), report);
    message = {.kind = MessageKind::kFinished, .trial = trial, .outcome = outcome};
  }
}

}  // namespace

void run_trials(const Communicator& world, const std::vector<std::size_t>& order, const TrialFunction& run,
                const SweepObserver& observer) {
  std::thread scheduler;
  if (world.rank() == 0) {
    scheduler = std::thread([&] {
      // Nobody could join this thread's exception to its rank while all ranks wait for trials.
      try {
        schedule(world, order, observer);
      } catch (const std::exception& error) {
        spdlog::critical("scheduler: {}", error.what());
        abort_all_ranks(kEnvironmentExitStatus);
      }
    });
  }
  try {
    work(world, run);
  } catch (...) {
    if (scheduler.joinable()) scheduler.detach();
    throw;
  }
  if (scheduler.joinable()) scheduler.join();
  world.barrier();
}

}  // namespace tunescope
