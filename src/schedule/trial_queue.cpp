#include "tunescope/schedule/trial_queue.hpp"

namespace tunescope {
namespace {

constexpr std::chrono::milliseconds kReportInterval{250};

}  // namespace

std::optional<TrialIndex> TrialQueue::next() {
  return ask({.kind = WorkerMessage::Kind::kNext, .start_seconds = latest_start_.count()});
}

std::optional<TrialIndex> TrialQueue::next_companion(TrialIndex trial) {
  return ask({.kind = WorkerMessage::Kind::kNextCompanion,
              .trial = static_cast<std::int64_t>(trial),
              .start_seconds = latest_start_.count()});
}

std::optional<TrialIndex> TrialQueue::ask(const WorkerMessage& request) {
  poll_stop();  // first, so that a rank which is to stop gets no more trials
  communicator_.send(request, 0, Tag::kToCoordinator);
  const auto answer = communicator_.receive<std::int64_t>(0, Tag::kToWorker);
  if (answer == WorkerMessage::kNoTrial) return std::nullopt;
  const auto trial = static_cast<TrialIndex>(answer);
  in_training_[trial] = {.taken = Clock::now(), .last_report = {}};
  return trial;
}

void TrialQueue::report(TrialIndex trial, std::int64_t step, std::int64_t steps) {
  const Clock::time_point now = Clock::now();
  InTraining& training = in_training_.at(trial);
  if (!training.last_report) {
    latest_start_ = now - training.taken;
    training.last_report = training.taken;
  }
  if (now - *training.last_report < kReportInterval) return;
  training.last_report = now;
  communicator_.send(WorkerMessage{.kind = WorkerMessage::Kind::kProgress,
                                   .trial = static_cast<std::int64_t>(trial),
                                   .step = step,
                                   .steps = steps},
                     0, Tag::kToCoordinator);
}

void TrialQueue::poll_stop() {
  if (channel_ != nullptr) channel_->poll();
}

void TrialQueue::finish(TrialIndex trial, const TrialSummary& summary) {
  in_training_.erase(trial);
  communicator_.send(
      WorkerMessage{.kind = WorkerMessage::Kind::kEnd, .trial = static_cast<std::int64_t>(trial), .summary = summary},
      0, Tag::kToCoordinator);
}

void TrialQueue::leave() {
  for (const auto& [trial, training] : in_training_) {
    communicator_.send(WorkerMessage{.kind = WorkerMessage::Kind::kGiveBack, .trial = static_cast<std::int64_t>(trial)},
                       0, Tag::kToCoordinator);
  }
  in_training_.clear();
  communicator_.send(WorkerMessage{.kind = WorkerMessage::Kind::kLeave}, 0, Tag::kToCoordinator);
}

}  // namespace tunescope
