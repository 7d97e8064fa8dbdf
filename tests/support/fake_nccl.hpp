#pragma once

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "parallel/failure_agreement.hpp"
#include "parallel/nccl_calls.hpp"

namespace tunescope::test {

/// What goes wrong on a rank of a `FakeNetwork`.
struct FakeFaults {
  int polls_in_progress = 0;  ///< a call is in progress for so many polls of `asynchronous_state`
  std::string errs = {};      ///< the call of this name is in error from this poll on, counted from 0
  int error_at_poll = 0;
  std::string refuses = {};  ///< the call of this name is refused at once
};

/// NCCL and MPI between ranks that are threads of one process. It keeps to NCCL's worst habits: calls are in progress
/// for a while, and destroy and abort wait until every rank has called them.
class FakeNetwork {
 public:
  explicit FakeNetwork(int ranks) : ranks_(ranks), calls_(static_cast<std::size_t>(ranks)) {}

  std::unique_ptr<NcclCalls> calls_of(int rank, const FakeFaults& faults = {}) {
    return std::make_unique<Calls>(*this, rank, faults);
  }
  std::unique_ptr<FailureAgreement> agreement_of(int rank) { return std::make_unique<Agreement>(*this, rank); }

  /// The calls of a rank in their order, without those that only ask for a state.
  std::vector<std::string> calls(int rank) const {
    const std::lock_guard lock(mutex_);
    return calls_[static_cast<std::size_t>(rank)];
  }
  /// What the real NCCL would not have borne; empty if there was nothing.
  std::vector<std::string> violations() const {
    const std::lock_guard lock(mutex_);
    return violations_;
  }

 private:
  // Longer than any test's own timeout. Whoever waits for so long would wait for ever.
  static constexpr std::chrono::seconds kForEver{20};

  class Calls final : public NcclCalls {
   public:
    Calls(FakeNetwork& network, int rank, FakeFaults faults)
        : network_(network), rank_(rank), faults_(std::move(faults)) {}

    NcclAnswer make_id(NcclId&) override { return {}; }
    NcclAnswer join(const NcclPlace&, const NcclId&) override { return begin("join"); }
    NcclAnswer all_reduce_sum(const at::Tensor& values) override {
      NcclAnswer answer = begin("all_reduce_sum");
      if (answer.state != NcclAnswer::kFailed) last_sum_ = network_.enqueue(rank_, sums_++, values);
      return answer;
    }
    NcclAnswer finalize() override { return begin("finalize"); }
    NcclAnswer destroy() override { return end("destroy"); }
    NcclAnswer abort() override {
      polls_left_ = 0;  // the one call that may come at any time
      return end("abort");
    }

    NcclAnswer asynchronous_state() override {
      if (is_gone_) network_.note_violation("a poll after the end");
      if (faults_.errs == call_ && polls_++ >= faults_.error_at_poll)
        return {.state = NcclAnswer::kFailed, .reason = "a broken link"};
      if (polls_left_ > 0) return --polls_left_, NcclAnswer{.state = NcclAnswer::kInProgress};
      return {.state = network_.is_everybody_in(joint_call_) ? NcclAnswer::kDone : NcclAnswer::kInProgress};
    }
    NcclAnswer stream_state() override {
      return {.state = network_.is_summed(last_sum_) ? NcclAnswer::kDone : NcclAnswer::kInProgress};
    }

   private:
    NcclAnswer begin(const std::string& call) {
      record(call);
      if (faults_.refuses == call) return {.state = NcclAnswer::kFailed, .reason = "a bad argument"};
      if (call != "all_reduce_sum") joint_call_ = network_.enter(call);
      call_ = call;
      polls_ = 0;
      polls_left_ = faults_.polls_in_progress;
      return {.state = NcclAnswer::kInProgress};
    }
    NcclAnswer end(const std::string& call) {
      record(call);
      is_gone_ = true;
      network_.enter(call);
      network_.wait_for_everybody(call);
      return {};
    }
    void record(const std::string& call) {
      if (polls_left_ > 0) network_.note_violation(call + " while a call is in progress");
      if (is_gone_) network_.note_violation(call + " after the end");
      network_.record(rank_, call);
    }

    FakeNetwork& network_;
    int rank_;
    FakeFaults faults_;
    std::string call_;  // the last one, and its polls
    int polls_ = 0;
    int polls_left_ = 0;
    int sums_ = 0;
    int last_sum_ = -1;
    std::string joint_call_;  // is in progress until all ranks have made it
    bool is_gone_ = false;
  };

  class Agreement final : public FailureAgreement {
   public:
    Agreement(FakeNetwork& network, int rank) : network_(network), rank_(rank) {}

    bool has_failed_elsewhere() override {
      const std::lock_guard lock(network_.mutex_);
      const auto& errors = network_.errors_[operation_];
      return std::ranges::any_of(errors, [](const auto& error) { return !error.second.empty(); });
    }
    std::optional<std::string> agree(const std::string& error, std::chrono::milliseconds timeout) override {
      std::unique_lock lock(network_.mutex_);
      auto& errors = network_.errors_[operation_++];
      errors[rank_] = error;
      network_.changed_.notify_all();
      const auto all = static_cast<std::size_t>(network_.ranks_);
      if (!network_.changed_.wait_for(lock, timeout, [&] { return errors.size() == all; })) return std::nullopt;
      for (const auto& [rank, text] : errors) {
        if (!text.empty()) return "rank " + std::to_string(rank) + ": " + text;
      }
      return "";
    }

   private:
    FakeNetwork& network_;
    int rank_;
    int operation_ = 0;
  };

  std::string enter(const std::string& call) {
    const std::lock_guard lock(mutex_);
    ++entered_[call];
    changed_.notify_all();
    return call;
  }
  bool is_everybody_in(const std::string& call) const {
    const std::lock_guard lock(mutex_);
    return call.empty() || entered_.at(call) >= ranks_;
  }
  void wait_for_everybody(const std::string& call) {
    std::unique_lock lock(mutex_);
    const bool have_come = changed_.wait_for(lock, kForEver, [&] { return entered_[call] >= ranks_; });
    if (!have_come) violations_.push_back("waits for ever in " + call);
  }

  // The last rank to come adds up.
  int enqueue(int rank, int number, const at::Tensor& values) {
    const std::lock_guard lock(mutex_);
    auto& pieces = pieces_[number];
    pieces[rank] = values;
    if (pieces.size() < static_cast<std::size_t>(ranks_)) return number;
    const at::Tensor sum = at::zeros_like(values);
    for (const auto& [each, piece] : pieces) sum.add_(piece);
    for (const auto& [each, piece] : pieces) piece.copy_(sum);
    return number;
  }
  bool is_summed(int number) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::all_of(pieces_, [&](const auto& pieces) {
      return pieces.first > number || pieces.second.size() == static_cast<std::size_t>(ranks_);
    });
  }

  void record(int rank, const std::string& call) {
    const std::lock_guard lock(mutex_);
    calls_[static_cast<std::size_t>(rank)].push_back(call);
  }
  void note_violation(const std::string& text) {
    const std::lock_guard lock(mutex_);
    violations_.push_back(text);
  }

  int ranks_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<std::string>> calls_;  // by rank
  std::vector<std::string> violations_;
  std::map<std::string, int> entered_;                // ranks, by call
  std::map<int, std::map<int, at::Tensor>> pieces_;   // by number of the sum, by rank
  std::map<int, std::map<int, std::string>> errors_;  // by number of the operation, by rank
};

}  // namespace tunescope::test
