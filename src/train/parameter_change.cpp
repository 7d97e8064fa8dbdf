#include "tunescope/train/parameter_change.hpp"

#include <cmath>

#include "tunescope/device/host_read.hpp"
#include "tunescope/kernels/training/segmented_sums.hpp"

namespace tunescope {
namespace {

// `sums` is a row of `parameter_changes`.
ParameterChange to_change(const double* sums, std::int64_t count) {
  const auto n = static_cast<double>(count);
  const double norm = std::sqrt(sums[kSumOfSquares]);
  return {.mean_abs = sums[kSumOfDifferences] / n,
          .rms = norm / std::sqrt(n),
          .relative_l2 = norm == 0.0 ? 0.0 : norm / std::sqrt(sums[kSumOfInitialSquares]),
          .max_abs = sums[kLargestDifference]};
}

}  // namespace

std::vector<ParameterChange> measure_parameter_changes(const Parameters& initial, const Parameters& trained) {
  std::vector<std::size_t> changed;
  std::vector<ChangedTensor> tensors;
  for (std::size_t i = 0; i < initial.size(); ++i) {
    if (trained[i].is_same(initial[i])) continue;
    changed.push_back(i);
    tensors.push_back({initial[i].contiguous(), trained[i].contiguous()});
  }
  std::vector<ParameterChange> changes(initial.size());
  if (tensors.empty()) return changes;
  const at::Tensor sums = read_tensor(HostRead::kChange, parameter_changes(tensors));
  const double* row = sums.const_data_ptr<double>();
  for (const std::size_t i : changed) {
    changes[i] = to_change(row, initial[i].numel());
    row += kChangeColumns;
  }
  return changes;
}

}  // namespace tunescope
