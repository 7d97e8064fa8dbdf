#include "tunescope/kernels/training/batch_losses.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>

#include "../backends/training/batch_losses.hpp"

namespace tunescope {
namespace {

void check_batch(const LossBatch& batch, std::string_view kernel) {
  const auto& [logits, labels, share, loss, accumulate] = batch;
  check_contract(logits.dim() == 2 && logits.is_contiguous() && logits.is_floating_point(), kernel,
                 "the logits are not contiguous rows of floating-point numbers");
  check_contract(labels.dim() == 1 && labels.size(0) == logits.size(0) && labels.is_contiguous(), kernel,
                 "there is not one label for each row of logits");
  check_contract(labels.scalar_type() == at::kLong || (labels.is_floating_point() && logits.size(1) == 1), kernel,
                 "labels are neither int64 classes nor values of the one output");
  check_contract(loss.defined() && loss.numel() == 1 && loss.scalar_type() == at::kDouble, kernel,
                 "the loss is not one number in float64");
}

bool is_of_float32(const LossBatch& batch) {
  const at::ScalarType labels = batch.labels.scalar_type();
  return batch.logits.scalar_type() == at::kFloat && (labels == at::kLong || labels == at::kFloat);
}

}  // namespace

const Kernel<BatchLosses>& batch_losses_kernel() {
  static const Kernel<BatchLosses> kernel{"batch_losses", aten::batch_losses, nullptr, cuda::batch_losses};
  return kernel;
}

std::vector<at::Tensor> batch_losses(std::span<const LossBatch> batches) {
  const Kernel<BatchLosses>& kernel = batch_losses_kernel();
  std::vector<at::Tensor> gradients;
  for (const LossBatch& batch : batches) {
    check_batch(batch, kernel.name);
    gradients.push_back(at::empty_like(batch.logits));
  }
  if (batches.empty() || !has_numbers(batches.front().logits)) return gradients;
  kernel.on(batches.front().logits.device(), {.by_cuda = std::ranges::all_of(batches, is_of_float32)})(batches,
                                                                                                       gradients);
  return gradients;
}

Loss batch_loss(const at::Tensor& logits, const at::Tensor& labels) {
  const LossBatch batch{.logits = logits,
                        .labels = labels.to(logits.device()),
                        .loss = at::empty({}, logits.options().dtype(at::kDouble))};
  return {batch.loss, batch_losses({&batch, 1}).front()};
}

}  // namespace tunescope
