#include "tunescope/schedule/coordinator.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/exit_status.hpp"
#include "tunescope/parallel/environment.hpp"

namespace tunescope {
namespace {

constexpr std::chrono::milliseconds kPollInterval{2};

// Answers requests until every rank has been told that no trial is left, or has left.
class Coordinator {
 public:
  Coordinator(const Communicator& communicator, std::vector<QueuedTrial> queue, QueueListener& listener,
              StopRequest& stop, StopChannel& channel)
      : communicator_(communicator),
        listener_(listener),
        stop_(stop),
        channel_(channel),
        policy_(std::move(queue), static_cast<std::size_t>(communicator.size())) {}

  // Ends early if rank 0's worker has thrown: the listener is about to be destroyed.
  void run(const std::atomic<bool>& is_abandoned) {
    for (int working_ranks = communicator_.size(); working_ranks > 0 && !is_abandoned;) {
      channel_.poll();
      const std::optional<int> sender = communicator_.probe(Tag::kToCoordinator);
      if (!sender) {
        std::this_thread::sleep_for(kPollInterval);
        continue;
      }
      if (answer(*sender)) continue;
      --working_ranks;
      policy_.leave();
    }
    if (is_late_) stop_.request_stop();
  }

 private:
  // Whether the sender keeps working.
  bool answer(int sender) {
    const auto message = communicator_.receive<WorkerMessage>(sender, Tag::kToCoordinator);
    const auto trial = static_cast<TrialIndex>(message.trial);
    switch (message.kind) {
      case WorkerMessage::Kind::kProgress:
        listener_.on_progress(trial, message.step, message.steps);
        return true;
      case WorkerMessage::Kind::kEnd:
        policy_.finish(static_cast<std::size_t>(sender), trial);
        listener_.on_end(trial, message.summary);
        return true;
      case WorkerMessage::Kind::kGiveBack:
        policy_.give_back(static_cast<std::size_t>(sender), trial);
        listener_.on_end(trial, {.end = TrialEnd::kGivenBack});
        return true;
      case WorkerMessage::Kind::kNextCompanion:
        assign(message, sender);
        return true;
      case WorkerMessage::Kind::kNext:
        return assign(message, sender);
      case WorkerMessage::Kind::kLeave:
        return false;
    }
    return false;
  }

  // Whether there is a trial for the sender.
  bool assign(const WorkerMessage& request, int sender) {
    const std::optional<TrialIndex> trial = choose(request, static_cast<std::size_t>(sender));
    if (trial) listener_.on_start(*trial, sender);
    communicator_.send(trial ? static_cast<std::int64_t>(*trial) : WorkerMessage::kNoTrial, sender, Tag::kToWorker);
    return trial.has_value();
  }

  std::optional<TrialIndex> choose(const WorkerMessage& request, std::size_t rank) {
    channel_.poll();  // the sender may have sent a stop before its request
    if (stop_.is_set() || !policy_.has_unassigned()) return std::nullopt;
    if (!stop_.has_time_for(std::chrono::duration<double>(request.start_seconds))) {
      is_late_ = true;
      return std::nullopt;
    }
    return request.kind == WorkerMessage::Kind::kNext
               ? policy_.assign(rank)
               : policy_.assign_companion(rank, static_cast<TrialIndex>(request.trial));
  }

  const Communicator& communicator_;
  QueueListener& listener_;
  StopRequest& stop_;
  StopChannel& channel_;
  AssignmentPolicy policy_;
  bool is_late_ = false;  // whether the deadline has kept a trial from starting
};

// Returns what is wrong with this rank's device; the queue has the rank's trials again then.
std::string work_or_leave(const Worker& work, TrialQueue& own_side) {
  try {
    work(own_side);
    return "";
  } catch (const DeviceError& error) {
    spdlog::critical("{}; this rank gives its trials back and leaves", error.what());
    own_side.leave();
    return error.what();
  }
}

// Throws on every rank if the device of any is broken. After a stop too: the caller would else report that everything
// is saved, and nobody would learn of the device.
void refuse_broken_devices(RankTeam& team, const std::string& own_problem) {
  const std::vector<std::int64_t> is_broken = team.all_gather(own_problem.empty() ? 0 : 1);
  std::string problems;
  for (int rank = 0; rank < team.size(); ++rank) {
    if (is_broken[static_cast<std::size_t>(rank)] == 0) continue;
    problems += fmt::format("rank {}: {}\n", rank, team.broadcast(own_problem, rank));
  }
  if (problems.empty()) return;
  team.on_root([&] {
    throw DeviceError(problems +
                      "what it had in training is as it was saved last; run it again to go on, without this device if "
                      "it stays broken");
  });
}

}  // namespace

bool distribute_trials(RankTeam& team, std::vector<QueuedTrial> queue, const Worker& work, QueueListener& listener,
                       StopRequest& stop) {
  const Communicator& communicator = team.communicator();
  StopChannel channel(communicator, stop);
  std::atomic<bool> is_abandoned{false};
  std::thread coordinator;
  if (team.is_root()) {
    coordinator = std::thread([&] {
      // Rank 0's main thread waits for answers from this one, so it could not rethrow.
      try {
        Coordinator(communicator, std::move(queue), listener, stop, channel).run(is_abandoned);
      } catch (const std::exception& error) {
        spdlog::critical("coordinator: {}", error.what());
        abort_all_ranks(kWrongEnvironment);
      }
    });
  }
  std::string problem;
  try {
    // On rank 0 the coordinator alone polls the channel; its worker has the same `stop`.
    TrialQueue own_side(communicator, team.is_root() ? nullptr : &channel);
    problem = work_or_leave(work, own_side);
  } catch (...) {
    is_abandoned = true;
    if (coordinator.joinable()) coordinator.join();
    throw;
  }
  if (coordinator.joinable()) coordinator.join();
  const bool is_stopped = channel.close(team);
  refuse_broken_devices(team, problem);
  return is_stopped;
}

}  // namespace tunescope
