#include "../backends/training/segmented_sums.hpp"

namespace tunescope::aten {

void gradient_norms(std::span<const at::Tensor> gradients, const at::Tensor& norms) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    norms[static_cast<std::int64_t>(i)].copy_(gradients[i].to(at::kDouble).norm());
  }
}

void parameter_changes(std::span<const ChangedTensor> tensors, const at::Tensor& changes) {
  changes.zero_();  // a tensor without numbers has no largest difference
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor initial = tensors[i].initial.to(at::kDouble);
    if (initial.numel() == 0) continue;
    const at::Tensor difference = tensors[i].trained.to(at::kDouble).sub(initial).abs_();
    const at::Tensor row = changes[static_cast<std::int64_t>(i)];
    row[kSumOfDifferences].copy_(difference.sum());
    row[kSumOfSquares].copy_(difference.square().sum());
    row[kSumOfInitialSquares].copy_(initial.square().sum());
    row[kLargestDifference].copy_(difference.max());
  }
}

}  // namespace tunescope::aten
