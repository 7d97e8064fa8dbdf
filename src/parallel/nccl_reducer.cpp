#include "parallel/nccl_reducer.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

constexpr std::chrono::microseconds kShortestPollPause{20};
constexpr std::chrono::microseconds kLongestPollPause{1000};

}  // namespace

std::string NcclReducer::join(const NcclPlace& place, const NcclId& id) {
  std::string error = carry_out([&] { finish("ncclCommInitRankConfig", calls_->join(place, id)); });
  is_usable_ = error.empty();
  if (!is_usable_) calls_->abort();
  return error;
}

void NcclReducer::all_reduce_sum(const std::vector<at::Tensor>& tensors) {
  if (!std::exchange(is_usable_, false)) {
    throw NcclError("this NCCL communicator is closed, or was given up after an earlier error");
  }
  const std::string error = carry_out([&] {
    for (const at::Tensor& tensor : tensors) {
      const at::Tensor flat = tensor.view(-1);
      for (std::int64_t first = 0; first < flat.numel(); first += limits_.piece_elements) {
        const at::Tensor piece = flat.narrow(0, first, std::min(limits_.piece_elements, flat.numel() - first));
        if (!finish("ncclAllReduce", calls_->all_reduce_sum(piece))) return;
      }
    }
    wait_for("ncclAllReduce", [&] {
      const NcclAnswer communicator = calls_->asynchronous_state();
      return communicator.state == NcclAnswer::kDone ? calls_->stream_state() : communicator;
    });
  });
  if (!error.empty()) {
    calls_->abort();
    throw NcclError(error);
  }
  is_usable_ = true;
}

void NcclReducer::close() {
  if (!std::exchange(is_usable_, false)) return;
  const std::string error = carry_out([&] { finish("ncclCommFinalize", calls_->finalize()); });
  if (error.empty()) {
    calls_->destroy();
    return;
  }
  calls_->abort();
  spdlog::warn("{}; all sums were complete before", error);
}

// Returns the error on which all ranks agree; empty if there is none.
std::string NcclReducer::carry_out(const std::function<void()>& operation) {
  std::string error;
  try {
    operation();
  } catch (const std::exception& caught) {
    error = caught.what();
  }
  const std::optional<std::string> agreed = agreement_->agree(error, limits_.timeout);
  if (agreed) return *agreed;
  throw NcclError(
      fmt::format("{}not all ranks ended an operation of NCCL within {:g} s; one of them has ended or hangs",
                  error.empty() ? "" : error + "; ", std::chrono::duration<double>(limits_.timeout).count()));
}

// Waits until nothing is in progress. As `wait_for`.
bool NcclReducer::finish(const char* call, const NcclAnswer& answer) {
  if (answer.state == NcclAnswer::kFailed) throw NcclError(fmt::format("{} failed: {}", call, answer.reason));
  return wait_for(call, [&] { return calls_->asynchronous_state(); });
}

// Returns false if another rank has failed meanwhile.
bool NcclReducer::wait_for(const char* call, const std::function<NcclAnswer()>& poll) const {
  const auto end = Clock::now() + limits_.timeout;
  auto pause = kShortestPollPause;
  for (;;) {
    const NcclAnswer answer = poll();
    if (answer.state == NcclAnswer::kFailed) throw NcclError(fmt::format("{} failed: {}", call, answer.reason));
    if (answer.state == NcclAnswer::kDone) return true;
    if (agreement_->has_failed_elsewhere()) return false;
    if (Clock::now() >= end) {
      throw NcclError(fmt::format("{}: no answer from the other ranks within {:g} s", call,
                                  std::chrono::duration<double>(limits_.timeout).count()));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPollPause);
  }
}

}  // namespace tunescope
