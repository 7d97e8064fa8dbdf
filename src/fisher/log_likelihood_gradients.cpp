#include "tunescope/fisher/log_likelihood_gradients.hpp"

#include <ATen/ops/_softmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones_like.h>

#include <array>
#include <string>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

constexpr std::array<std::pair<FisherMode, std::string_view>, 3> kModes = {
    {{FisherMode::kEmpirical, "empirical"}, {FisherMode::kTrue, "true"}, {FisherMode::kSampled, "sampled"}}};

// The gradient of −log p(label|x): p − onehot(label).
at::Tensor class_gradient(const at::Tensor& probabilities, const at::Tensor& labels) {
  const at::Tensor index = labels.unsqueeze(1);  // [B, 1]
  return probabilities.clone().scatter_add_(1, index, at::full_like(index, -1.0, probabilities.options()));
}

RandomStream stream_of(const PackedBatch& batch, std::int64_t sequence, std::uint64_t seed) {
  const auto example = static_cast<std::uint64_t>(batch.examples[static_cast<std::size_t>(sequence)]);
  return RandomStream(random_key(seed, RandomUse::kFisherLabel, example));
}

at::Tensor draw_classes(const at::Tensor& probabilities, const PackedBatch& batch, std::uint64_t seed) {
  const at::Tensor table = probabilities.cpu().to(at::kDouble);
  at::Tensor classes = at::empty({table.size(0)}, at::TensorOptions().dtype(at::kLong));
  for (std::int64_t sequence = 0; sequence < table.size(0); ++sequence) {
    double remaining = stream_of(batch, sequence, seed).uniform();
    std::int64_t label = 0;
    while (label + 1 < table.size(1) && (remaining -= table[sequence][label].item<double>()) >= 0.0) ++label;
    classes[sequence] = label;
  }
  return classes.to(probabilities.device());
}

at::Tensor draw_noise(const at::Tensor& logits, const PackedBatch& batch, std::uint64_t seed) {
  at::Tensor noise = at::empty_like(logits, at::TensorOptions(at::kDouble).device(at::kCPU));
  for (std::int64_t sequence = 0; sequence < noise.size(0); ++sequence) {
    noise[sequence] = stream_of(batch, sequence, seed).normal();
  }
  return noise.to(logits.options());
}

std::vector<at::Tensor> regression_gradients(FisherMode mode, const Pass& pass, const PackedBatch& batch,
                                             std::uint64_t seed) {
  const at::Tensor& logits = pass.logits().front();
  switch (mode) {
    case FisherMode::kEmpirical:
      return {logits.sub(pass.labels().front().to(logits.scalar_type()).unsqueeze(1))};
    case FisherMode::kTrue:
      return {at::ones_like(logits)};  // E (y − μ)² = 1
    case FisherMode::kSampled:
      return {draw_noise(logits, batch, seed)};
  }
  throw ConfigError("unknown Fisher mode");
}

}  // namespace

std::string_view fisher_mode_name(FisherMode mode) {
  for (const auto& [known, name] : kModes) {
    if (known == mode) return name;
  }
  throw ConfigError("unknown Fisher mode");
}

FisherMode parse_fisher_mode(std::string_view name) {
  for (const auto& [mode, known] : kModes) {
    if (known == name) return mode;
  }
  throw ConfigError("unknown mode '" + std::string(name) + "'; expected one of empirical, true, sampled");
}

std::vector<at::Tensor> log_likelihood_gradients(FisherMode mode, const Pass& pass, const PackedBatch& batch,
                                                 std::uint64_t seed) {
  const at::Tensor& labels = pass.labels().front();
  if (labels.is_floating_point()) return regression_gradients(mode, pass, batch, seed);
  const at::Tensor probabilities = at::_softmax(pass.logits().front(), 1, false);
  if (mode == FisherMode::kEmpirical) return {class_gradient(probabilities, labels)};
  if (mode == FisherMode::kSampled) return {class_gradient(probabilities, draw_classes(probabilities, batch, seed))};
  std::vector<at::Tensor> gradients;
  for (std::int64_t label = 0; label < probabilities.size(1); ++label) {
    const at::Tensor of_class = class_gradient(probabilities, at::full_like(labels, label));
    gradients.push_back(of_class.mul_(probabilities.narrow(1, label, 1).sqrt()));
  }
  return gradients;
}

}  // namespace tunescope
