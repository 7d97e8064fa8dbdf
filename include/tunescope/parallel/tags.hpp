#pragma once

namespace tunescope {

/// The tags of all messages between single ranks, in one place so that no two protocols share one.
enum class Tag : int {
  kToCoordinator = 1,  ///< requests and reports of a rank that trains, see `TrialQueue`
  kToWorker = 2,       ///< the coordinator's answers
  kStop = 3,           ///< see `StopChannel`
  kFailure = 4,        ///< see `FailureAgreement`
};

}  // namespace tunescope
