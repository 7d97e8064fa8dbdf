#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tunescope {

/// What trials read of their device on the host. The host waits for such a read, so these are all. (What is written to
/// disk is read when it is written.)
enum class HostRead {
  kStep,    ///< losses and gradient norms of all runs of a pass, once a step: they are recorded, and tell whether
            ///< training diverged
  kLogits,  ///< of a whole development set, once an evaluation: the metrics are computed on the host
  kChange,  ///< sums over the changes of all tensors, once at the end of a trial
};

/// Numbers of a device on their way to the host. To wait for them is to wait for what the device was asked to do before
/// they set out, and for nothing later.
class PendingNumbers {
 public:
  /// Each of one element, float32 or float64, on the same device.
  PendingNumbers(HostRead reason, const std::vector<at::Tensor>& numbers);

  /// Returns them in the order of the tensors.
  std::span<const double> wait() const;

 private:
  at::Tensor on_host_;
  std::optional<c10::Event> arrived_;  // of a GPU
};

/// Returns a contiguous copy on the CPU, or the tensor itself if it is there.
at::Tensor read_tensor(HostRead reason, const at::Tensor& tensor);

/// How often the process has read so far. On LibTorch's meta device, which has no numbers, reads give zeros.
std::int64_t host_reads(HostRead reason);

}  // namespace tunescope
