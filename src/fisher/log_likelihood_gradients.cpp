#include "tunescope/fisher/log_likelihood_gradients.hpp"

#include <ATen/ops/_softmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

constexpr std::array<std::pair<FisherMode, std::string_view>, 4> kModes = {{{FisherMode::kEmpirical, "empirical"},
                                                                            {FisherMode::kTrue, "true"},
                                                                            {FisherMode::kSampled, "sampled"},
                                                                            {FisherMode::kHutchinson, "hutchinson"}}};

// The gradient of −log p(label|x): p − onehot(label).
at::Tensor class_gradient(const at::Tensor& probabilities, const at::Tensor& labels) {
  const at::Tensor index = labels.unsqueeze(1);  // [B, 1]
  return probabilities.clone().scatter_add_(1, index, at::full_like(index, -1.0, probabilities.options()));
}

RandomStream stream_of(const PackedBatch& batch, std::int64_t sequence, RandomUse use, std::uint64_t seed) {
  const auto example = static_cast<std::uint64_t>(batch.examples[static_cast<std::size_t>(sequence)]);
  return RandomStream(random_key(seed, use, example));
}

at::Tensor draw_classes(const at::Tensor& probabilities, const PackedBatch& batch, std::uint64_t seed) {
  const at::Tensor table = probabilities.cpu().to(at::kDouble);
  at::Tensor classes = at::empty({table.size(0)}, at::TensorOptions().dtype(at::kLong));
  for (std::int64_t sequence = 0; sequence < table.size(0); ++sequence) {
    double remaining = stream_of(batch, sequence, RandomUse::kFisherLabel, seed).uniform();
    std::int64_t label = 0;
    while (label + 1 < table.size(1) && (remaining -= table[sequence][label].item<double>()) >= 0.0) ++label;
    classes[sequence] = label;
  }
  return classes.to(probabilities.device());
}

at::Tensor draw_noise(const at::Tensor& logits, const PackedBatch& batch, std::uint64_t seed) {
  at::Tensor noise = at::empty_like(logits, at::TensorOptions(at::kDouble).device(at::kCPU));
  for (std::int64_t sequence = 0; sequence < noise.size(0); ++sequence) {
    noise[sequence] = stream_of(batch, sequence, RandomUse::kFisherLabel, seed).normal();
  }
  return noise.to(logits.options());
}

// ±1, [B, signs, draws]: an example's next draw continues its sequence.
at::Tensor draw_signs(std::int64_t signs, const PackedBatch& batch, std::uint64_t seed, std::int64_t draws) {
  at::Tensor table = at::empty({batch.sequence_count(), draws, signs}, at::kDouble);
  auto* next = table.mutable_data_ptr<double>();
  for (std::int64_t sequence = 0; sequence < batch.sequence_count(); ++sequence) {
    RandomStream stream = stream_of(batch, sequence, RandomUse::kFisherSign, seed);
    for (std::int64_t i = 0; i < draws * signs; ++i) *next++ = stream.below(2) == 0 ? 1.0 : -1.0;
  }
  return table.transpose(1, 2);
}

// A square root of the Fisher information of the logits: L [B, C, C − 1] with L Lᵀ = diag(p) − p pᵀ. It is that of
// asking for the label class by class, "is it k, if none before?" (Tanabe & Sagae 1992, "An exact Cholesky
// decomposition and the generalized inverse of the variance-covariance matrix of the multinomial distribution").
at::Tensor square_root_of_logits_fisher(const at::Tensor& probabilities) {
  const std::int64_t classes = probabilities.size(1);
  // Of class k or a later one, from the last, so that nothing cancels; a probability that underflowed divides nothing.
  const at::Tensor rest = probabilities.flip(1).cumsum(1).flip(1).clamp_min_(std::numeric_limits<float>::min());
  at::Tensor root = at::zeros({probabilities.size(0), classes, classes - 1}, probabilities.options());
  for (std::int64_t k = 0; k + 1 < classes; ++k) {
    const at::Tensor later = rest.select(1, k + 1).unsqueeze(1);  // [B, 1]
    const at::Tensor scale = later.mul(probabilities.narrow(1, k, 1)).div_(rest.narrow(1, k, 1)).sqrt_();
    root.select(2, k).narrow(1, k, 1).copy_(scale);
    root.select(2, k)
        .narrow(1, k + 1, classes - k - 1)
        .sub_(probabilities.narrow(1, k + 1, classes - k - 1).div(later).mul_(scale));
  }
  return root;
}

// v = L ξ has the covariance L Lᵀ for random signs ξ, so the expectation of (Jᵀ v)² is the diagonal of Jᵀ L Lᵀ J.
// `root` is L. Scaled so that squares, added up over the draws, average.
std::vector<at::Tensor> hutchinson_gradients(const at::Tensor& root, const PackedBatch& batch, std::uint64_t seed,
                                             std::int64_t draws) {
  const at::Tensor signs = draw_signs(root.size(2), batch, seed, draws).div_(std::sqrt(static_cast<double>(draws)));
  return root.bmm(signs.to(root.options())).permute({2, 0, 1}).contiguous().unbind();  // of [draws, B, C]
}

std::vector<at::Tensor> regression_gradients(FisherMode mode, const Pass& pass, const PackedBatch& batch,
                                             std::uint64_t seed, std::int64_t draws) {
  const at::Tensor& logits = pass.logits().front();
  switch (mode) {
    case FisherMode::kEmpirical:
      return {logits.sub(pass.labels().front().to(logits.scalar_type()).unsqueeze(1))};
    case FisherMode::kTrue:
      return {at::ones_like(logits)};  // E (y − μ)² = 1
    case FisherMode::kSampled:
      return {draw_noise(logits, batch, seed)};
    case FisherMode::kHutchinson:
      return hutchinson_gradients(at::ones_like(logits).unsqueeze(2), batch, seed, draws);
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
  throw ConfigError("unknown mode '" + std::string(name) + "'; expected one of empirical, true, sampled, hutchinson");
}

std::vector<at::Tensor> log_likelihood_gradients(FisherMode mode, const Pass& pass, const PackedBatch& batch,
                                                 std::uint64_t seed, std::int64_t draws) {
  const at::Tensor& labels = pass.labels().front();
  if (labels.is_floating_point()) return regression_gradients(mode, pass, batch, seed, draws);
  const at::Tensor probabilities = at::_softmax(pass.logits().front(), 1, false);
  if (mode == FisherMode::kEmpirical) return {class_gradient(probabilities, labels)};
  if (mode == FisherMode::kSampled) return {class_gradient(probabilities, draw_classes(probabilities, batch, seed))};
  if (mode == FisherMode::kHutchinson) {
    return hutchinson_gradients(square_root_of_logits_fisher(probabilities), batch, seed, draws);
  }
  std::vector<at::Tensor> gradients;
  for (std::int64_t label = 0; label < probabilities.size(1); ++label) {
    const at::Tensor of_class = class_gradient(probabilities, at::full_like(labels, label));
    gradients.push_back(of_class.mul_(probabilities.narrow(1, label, 1).sqrt()));
  }
  return gradients;
}

}  // namespace tunescope
