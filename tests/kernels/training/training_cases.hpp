#pragma once

#include <algorithm>
#include <vector>

#include "kernels/kernel_cases.hpp"
#include "tunescope/kernels/training/adamw.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/kernels/training/segmented_sums.hpp"

namespace tunescope::test {

// The kernels of a training step, for comparing one backend's results with another's.

// A matrix with the rows of each model.
inline Tensors by_model(const Arguments& a, std::int64_t columns) {
  Tensors parts;
  const at::Tensor all = a.of_rows(columns);
  for (std::size_t model = 0; model < a.rows().model_count(); ++model) parts.push_back(a.rows().of_model(all, model));
  return parts;
}

inline at::Tensor number_in_float64(const Arguments& a, double value) {
  return at::full({}, value, at::TensorOptions(at::kDouble).device(a.setting.device));
}

inline Tensors run_adamw(const Arguments& a) {
  std::vector<AdamWUpdate> updates;
  for (const at::Tensor& rows : by_model(a, 16)) {
    const std::int64_t decayed = 3 * rows.size(0);
    const auto part = [&](std::int64_t i) { return rows.narrow(1, 4 * i, 4).contiguous().view(-1); };
    updates.push_back({.buffers = {.values = part(0),
                                   .gradients = part(1),
                                   .first_moments = part(2),
                                   .second_moments = part(3).square_(),
                                   .decayed_count = decayed,
                                   .rounded = at::zeros({decayed}, rows.options().dtype(at::kBFloat16))},
                       .step = {.number = 3, .learning_rate = 1e-2, .weight_decay = 0.1, .clip_norm = 1.0},
                       .loss = number_in_float64(a, 0.5),
                       .norm = number_in_float64(a, 2.0),
                       .diverged = at::zeros({}, rows.options().dtype(at::kInt))});
  }
  adamw_step_(updates);
  Tensors all;
  for (const AdamWUpdate& update : updates) {
    const AdamWBuffers& buffers = update.buffers;
    for (const at::Tensor& tensor : {buffers.values, buffers.first_moments, buffers.second_moments}) {
      all.push_back(tensor);
    }
  }
  return all;
}

inline Tensors run_gradient_norms(const Arguments& a) { return {gradient_norms(by_model(a, a.width()))}; }

inline Tensors run_parameter_changes(const Arguments& a) {
  const Tensors initial = by_model(a, a.width());
  const Tensors trained = by_model(a, a.width());
  std::vector<ChangedTensor> tensors;
  for (std::size_t i = 0; i < initial.size(); ++i) tensors.push_back({initial[i], trained[i]});
  return parameter_changes(tensors).unbind(1);
}

inline Tensors run_batch_losses(const Arguments& a) {
  std::vector<LossBatch> batches;
  for (const std::int64_t outputs : {1, 2, 5}) {
    for (const at::Tensor& logits : by_model(a, outputs)) {
      if (logits.size(0) == 0) continue;
      const at::Tensor labels =
          outputs == 1 ? a.numbers({logits.size(0)})
                       : at::randint(outputs, {logits.size(0)}, at::TensorOptions(at::kLong)).to(a.setting.device);
      batches.push_back({.logits = logits,
                         .labels = labels,
                         .share = 0.25,
                         .loss = number_in_float64(a, 3.0),
                         .accumulate = outputs == 2 ? Accumulate::kYes : Accumulate::kNo});
    }
  }
  Tensors all = batch_losses(batches);
  for (const LossBatch& batch : batches) all.push_back(batch.loss);
  return all;
}

inline const std::vector<KernelCase> kTrainingKernels = {
    {"adamw_step", run_adamw},
    {"batch_losses", run_batch_losses},
    {"gradient_norms", run_gradient_norms},
    {"parameter_changes", run_parameter_changes},
};

}  // namespace tunescope::test
