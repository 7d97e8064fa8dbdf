#pragma once

#include <ATen/Context.h>
#include <ATen/ops/randn.h>

#include <string>

#include "tunescope/model/additions.hpp"

namespace tunescope::test {

/// Additions of all kinds to every layer: matrices of different ranks, with and without dropout, on all linear layers,
/// and IA3's vectors.
inline Additions every_addition(const ParameterCatalogue& catalogue) {
  Additions additions(catalogue);
  std::int64_t rank = 1;
  for (const char* role : {"query", "key", "value", "attention_output", "intermediate", "output"}) {
    for (const LinearTarget& target : linear_targets(catalogue, role)) {
      additions.add_low_rank(target, {.rank = rank, .scale = 1.5, .dropout = rank % 3 == 1 ? 0.2 : 0.0});
    }
    ++rank;
  }
  for (const char* role : {"key", "value"}) {
    for (const LinearTarget& target : linear_targets(catalogue, role)) additions.rescale_outputs(target);
  }
  for (const LinearTarget& target : linear_targets(catalogue, "output")) additions.rescale_inputs(target);
  return additions;
}

/// Adds bottlenecks behind both blocks of each layer: one reads what its block has computed, the other the sum.
inline void add_bottlenecks(Additions& additions, Activation activation = Activation::kSilu) {
  for (const LinearTarget& target : linear_targets(additions.catalogue(), "attention_output")) {
    additions.add_bottleneck(target, {.size = 3, .activation = activation, .input = BottleneckInput::kBranch});
  }
  for (const LinearTarget& target : linear_targets(additions.catalogue(), "output")) {
    additions.add_bottleneck(target, {.size = 5, .activation = activation, .input = BottleneckInput::kSum});
  }
}

/// Replaces the added tensors by random ones of moderate size.
inline void randomize_added(const Additions& additions, Parameters& parameters) {
  at::manual_seed(11);
  for (std::size_t i = additions.model_size(); i < parameters.size(); ++i) {
    const at::Tensor& own = parameters[i];
    const double middle = own.dim() == 1 ? 1.0 : 0.0;
    parameters[i] = at::randn(own.sizes(), own.options()).mul_(0.3).add_(middle);
  }
}

}  // namespace tunescope::test
