#include "tunescope/model/additions.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "random_tensor.hpp"
#include "tunescope/model/tensor_role.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// The parts of layers with several, in the order of their outputs.
constexpr std::array<std::string_view, 3> kParts = {"query", "key", "value"};
constexpr std::string_view kJoinedRole = "query_key_value";

// Behind the dropout layers of all networks.
constexpr std::uint32_t kFirstAddedSite = 1U << 16U;

// Of BERT's initial matrices, and of its adapters in the library `adapters`.
constexpr double kBottleneckDeviation = 0.02;

std::string layer_name(const ParameterInfo& weight) { return weight.name.substr(0, weight.name.rfind('.')); }

LinearTarget whole_layer(const ParameterCatalogue& catalogue, ParameterIndex weight) {
  const ParameterInfo& info = catalogue[weight];
  const LinearParameters layer{.weight = weight, .layout = info.layout};
  return {.weight = weight,
          .name = layer_name(info),
          .outputs = {0, layer.outputs(info.shape)},
          .inputs = layer.inputs(info.shape)};
}

LinearTarget part_of_layer(const ParameterCatalogue& catalogue, ParameterIndex weight, std::size_t part) {
  LinearTarget target = whole_layer(catalogue, weight);
  target.name += "." + std::string(kParts.at(part));
  const std::int64_t width = target.outputs.count / static_cast<std::int64_t>(kParts.size());
  target.outputs = {static_cast<std::int64_t>(part) * width, width};
  return target;
}

// The bias follows its weight.
std::optional<ParameterIndex> bias_of(const ParameterCatalogue& catalogue, ParameterIndex weight) {
  const ParameterIndex next = weight + 1;
  const bool is_bias = next < catalogue.size() && catalogue[next].name == layer_name(catalogue[weight]) + ".bias";
  return is_bias ? std::optional(next) : std::nullopt;
}

}  // namespace

std::vector<LinearTarget> linear_targets(const ParameterCatalogue& catalogue, std::string_view role) {
  const auto* const part = std::ranges::find(kParts, role);
  std::vector<LinearTarget> targets;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& info = catalogue[i];
    if (!info.is_matrix() || (info.block != Block::kAttention && info.block != Block::kFeedForward)) continue;
    const std::string found = role_of(info);
    if (found == std::string(role) + ".weight") targets.push_back(whole_layer(catalogue, i));
    if (part != kParts.end() && found == std::string(kJoinedRole) + ".weight") {
      targets.push_back(part_of_layer(catalogue, i, static_cast<std::size_t>(part - kParts.begin())));
    }
  }
  return targets;
}

ParameterIndex Additions::append(const LinearTarget& target, std::string_view ending, std::vector<std::int64_t> shape,
                                 Initial initial) {
  const ParameterInfo& weight = catalogue_[target.weight];
  const std::string name = target.name + "." + std::string(ending);
  const std::size_t prefix = weight.name.size() - weight.component.size();
  initial_.push_back(initial);
  return catalogue_.append({.name = name,
                            .component = name.substr(prefix),
                            .layer = weight.layer,
                            .shape = std::move(shape),
                            .role = initial == Initial::kOnes ? ParameterRole::kScale : ParameterRole::kDense,
                            .block = weight.block,
                            .is_bias = ending.ends_with(".bias"),
                            .is_added = true});
}

void Additions::add_low_rank(const LinearTarget& target, const LowRankOptions& options) {
  // Two targets of a layer have dropout layers of their own.
  const auto part = static_cast<std::uint32_t>(target.outputs.first / target.outputs.count);
  LowRank added{.columns = target.outputs,
                .scale = options.scale,
                .dropout = options.dropout,
                .site = kFirstAddedSite + static_cast<std::uint32_t>(target.weight * kParts.size()) + part,
                .is_rank_stabilized = options.is_rank_stabilized};
  added.down = append(target, "lora_A.weight", {options.rank, target.inputs}, Initial::kUniform);
  added.up = append(target, "lora_B.weight", {target.outputs.count, options.rank}, Initial::kZeros);
  layers_[target.weight].low_rank.push_back(added);
}

Rescale Additions::scale_of(const LinearTarget& target, std::string_view ending, const Columns& columns) {
  return {.vector = append(target, ending, {columns.count}, Initial::kOnes), .columns = columns};
}

void Additions::rescale_outputs(const LinearTarget& target) {
  layers_[target.weight].outputs.push_back(scale_of(target, "ia3_l", target.outputs));
}

void Additions::rescale_inputs(const LinearTarget& target) {
  layers_[target.weight].inputs.push_back(scale_of(target, "ia3_l", {0, target.inputs}));
}

void Additions::add_bottleneck(const LinearTarget& target, const BottleneckOptions& options) {
  const std::int64_t hidden = target.outputs.count;
  const auto add_layer = [&](const std::string& name, std::int64_t outputs, std::int64_t inputs) {
    const ParameterIndex weight = append(target, name + ".weight", {outputs, inputs}, Initial::kNormal);
    return LinearParameters{.weight = weight, .bias = append(target, name + ".bias", {outputs}, Initial::kZeros)};
  };
  Bottleneck added{.down = {}, .up = {}, .activation = options.activation, .input = options.input};
  added.down = add_layer("adapter_down", options.size, hidden);
  added.up = add_layer("adapter_up", hidden, options.size);
  layers_[target.weight].bottleneck = added;
}

const LayerAdditions* Additions::of(ParameterIndex weight) const {
  const auto found = layers_.find(weight);
  return found == layers_.end() ? nullptr : &found->second;
}

void Additions::append_initial(Parameters& parameters, std::uint64_t seed) const {
  const at::TensorOptions options = parameters.front().options();
  for (std::size_t number = 0; number < initial_.size(); ++number) {
    const std::vector<std::int64_t>& shape = catalogue_[model_size_ + number].shape;
    const std::uint64_t key = random_key(seed, RandomUse::kAdded, number);
    switch (initial_[number]) {
      case Initial::kZeros:
        parameters.push_back(at::zeros(shape, options));
        break;
      case Initial::kOnes:
        parameters.push_back(at::ones(shape, options));
        break;
      case Initial::kUniform:
        parameters.push_back(
            uniform_tensor(shape, 1.0 / std::sqrt(static_cast<double>(shape.back())), key).to(options));
        break;
      case Initial::kNormal:
        parameters.push_back(normal_tensor(shape, kBottleneckDeviation, key).to(options));
        break;
    }
  }
}

std::vector<ParameterIndex> Additions::unmerged_tensors() const {
  std::vector<ParameterIndex> tensors;
  for (const auto& [weight, added] : layers_) {
    if (!added.bottleneck) continue;
    const auto& [down, up, activation, input] = *added.bottleneck;
    tensors.insert(tensors.end(), {down.weight, *down.bias, up.weight, *up.bias});
  }
  return tensors;
}

Additions Additions::unmerged() const {
  const std::vector<ParameterInfo>& all = catalogue_.parameters();
  Additions left({{all.begin(), all.begin() + static_cast<std::ptrdiff_t>(model_size_)},
                  catalogue_.layer_labels(),
                  catalogue_.encoder_layers()});
  for (const auto& [weight, added] : layers_) {
    if (!added.bottleneck) continue;
    Bottleneck& bottleneck = left.layers_[weight].bottleneck.emplace(*added.bottleneck);
    for (ParameterIndex* const tensor :
         {&bottleneck.down.weight, &*bottleneck.down.bias, &bottleneck.up.weight, &*bottleneck.up.bias}) {
      left.initial_.push_back(initial_[*tensor - model_size_]);
      *tensor = left.catalogue_.append(catalogue_[*tensor]);
    }
  }
  return left;
}

std::vector<bool> Additions::merged_tensors() const {
  std::vector<bool> is_merged(catalogue_.size(), true);
  std::fill_n(is_merged.begin(), model_size_, false);
  for (const ParameterIndex left : unmerged_tensors()) is_merged[left] = false;
  return is_merged;
}

Parameters Additions::merged(const Parameters& parameters) const {
  Parameters whole(parameters.begin(), parameters.begin() + static_cast<std::ptrdiff_t>(model_size_));
  for (const auto& [weight, added] : layers_) {
    if (added.low_rank.empty() && added.inputs.empty() && added.outputs.empty()) continue;
    whole[weight] = whole[weight].clone();
    const bool is_in_out = catalogue_[weight].layout == WeightLayout::kInOut;
    const at::Tensor matrix = is_in_out ? whole[weight].t() : whole[weight];  // [out, in]
    for (const LowRank& low_rank : added.low_rank) {
      matrix.narrow(0, low_rank.columns.first, low_rank.columns.count)
          .add_(parameters[low_rank.up].mm(parameters[low_rank.down]), low_rank.scale);
    }
    for (const auto& [vector, columns] : added.inputs) {
      matrix.narrow(1, columns.first, columns.count).mul_(parameters[vector]);
    }
    const std::optional<ParameterIndex> bias = bias_of(catalogue_, weight);
    if (bias && !added.outputs.empty()) whole[*bias] = whole[*bias].clone();
    for (const auto& [vector, columns] : added.outputs) {
      matrix.narrow(0, columns.first, columns.count).mul_(parameters[vector].unsqueeze(1));
      if (bias) whole[*bias].narrow(0, columns.first, columns.count).mul_(parameters[vector]);
    }
  }
  for (const ParameterIndex left : unmerged_tensors()) whole.push_back(parameters[left]);
  return whole;
}

}  // namespace tunescope
