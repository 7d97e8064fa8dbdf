#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "parallel/failure_agreement.hpp"
#include "parallel/nccl_calls.hpp"
#include "tunescope/parallel/reducer.hpp"

namespace tunescope {

// NCCL's rules for a communicator, which this state machine keeps on every rank:
//
// - A call may answer "in progress"; until that has ended, no other call is made but abort. So a rank that is lost ends
//   in an error here and not in a wait without end.
// - All ranks make the same calls in the same order. Each operation (join, a sum, finalize) therefore ends with an
//   agreement over MPI on whether it went well everywhere, and a rank whose peer has failed stops waiting at once.
// - Destroy and abort wait for the other ranks of the node. They are called only after all ranks have agreed to, never
//   by a destructor: an exception on this rank alone would wait there for peers that wait for this rank in MPI. The
//   communicator then stays as it is, and MPI_Abort ends the process.

/// Bounds of what `NcclReducer` does at a time.
struct NcclLimits {
  std::chrono::milliseconds timeout = std::chrono::minutes(10);  ///< of an operation, and of the agreement on its end
  std::int64_t piece_elements = std::int64_t{1} << 26;           ///< summed by one call
};

class NcclReducer final : public Reducer {
 public:
  /// Makes no call: `join` comes first.
  NcclReducer(std::unique_ptr<NcclCalls> calls, std::unique_ptr<FailureAgreement> agreement,
              const NcclLimits& limits = {})
      : calls_(std::move(calls)), agreement_(std::move(agreement)), limits_(limits) {}

  /// Joins the communicator of this id. Returns why that failed, the same on all ranks, with nothing left of it; empty
  /// if it went well. *Collective.* Throws `NcclError` if a rank is lost.
  std::string join(const NcclPlace& place, const NcclId& id);

  std::string_view name() const override { return "nccl"; }
  void all_reduce_sum(const std::vector<at::Tensor>& tensors) override;
  void close() override;

 private:
  using Clock = std::chrono::steady_clock;

  std::string carry_out(const std::function<void()>& operation);
  bool finish(const char* call, const NcclAnswer& answer);
  bool wait_for(const char* call, const std::function<NcclAnswer()>& poll) const;

  std::unique_ptr<NcclCalls> calls_;
  std::unique_ptr<FailureAgreement> agreement_;
  NcclLimits limits_;
  bool is_usable_ = false;  // the communicator exists and is idle; on all ranks or on none
};

/// NCCL as far as `choose_reducer` needs it, so that tests can bring their own.
struct NcclBackend {
  std::int64_t gpu;  ///< `pci_identity` of this rank's GPU
  std::function<std::unique_ptr<NcclCalls>()> open;
};

/// As `make_reducer`, with this NCCL.
ReducerChoice choose_reducer(ReducerKind kind, RankTeam& team, const NcclBackend& nccl);

}  // namespace tunescope
