#include "recording.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>
#include <type_traits>

#include "tunescope/base/error.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

PackedBatch join_batches(std::span<const ModelInput> models) {
  if (models.size() == 1) return models.front().batch;
  std::vector<const PackedBatch*> batches;
  for (const ModelInput& model : models) batches.push_back(&model.batch);
  return join(batches);
}

std::vector<std::int64_t> sequences_of(std::span<const ModelInput> models) {
  std::vector<std::int64_t> offsets = {0};
  for (const ModelInput& model : models) offsets.push_back(offsets.back() + model.batch.sequence_count());
  return offsets;
}

std::vector<std::uint64_t> keys_of(std::span<const ModelInput> models) {
  std::vector<std::uint64_t> keys;
  for (const ModelInput& model : models) {
    if (model.dropout_key) keys.insert(keys.end(), model.batch.examples.size(), *model.dropout_key);
  }
  return keys;
}

std::vector<std::size_t> count_added(const ModelParameters& models) {
  std::vector<std::size_t> before = {0};
  for (std::size_t model = 0; model < models.model_count(); ++model) {
    before.push_back(before.back() + models.added_count(model));
  }
  return before;
}

// Of the tensors of the network, which all models have, then of those that each has added.
std::vector<bool> needs_of(const ModelParameters& models, const GradientSink* sink) {
  std::vector<bool> needs(models.network_size());
  for (std::size_t model = 0; model < models.model_count(); ++model) {
    for (ParameterIndex i = 0; i < models.network_size() + models.added_count(model); ++i) {
      const bool is_needed = sink != nullptr && sink->needs_gradient(model, i);
      if (i >= models.network_size()) {
        needs.push_back(is_needed);
      } else if (is_needed) {
        needs[i] = true;
      }
    }
  }
  return needs;
}

std::vector<std::int64_t> groups_of_tokens(std::span<const ModelInput> models, const GradientSink& sink) {
  std::vector<std::int64_t> groups;
  std::size_t sequence = 0;
  for (std::size_t model = 0; model < models.size(); ++model) {
    const std::vector<std::int64_t>& offsets = models[model].batch.sequence_offsets;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      groups.insert(groups.end(), static_cast<std::size_t>(offsets[i + 1] - offsets[i]),
                    sink.group_of(model, sequence++));
    }
  }
  return groups;
}

// Cuts the sequences into runs of one group. Without a sink a model's are one.
void list_sets(std::span<const ModelInput> models, const GradientSink* sink, BatchLayout::Contents& contents) {
  std::int64_t sequence = 0;
  for (std::size_t model = 0; model < models.size(); ++model) {
    std::optional<std::int64_t> before;
    for (std::int64_t i = 0; i < models[model].batch.sequence_count(); ++i, ++sequence) {
      const std::int64_t group = sink == nullptr ? static_cast<std::int64_t>(model)
                                                 : sink->group_of(model, static_cast<std::size_t>(sequence));
      if (group == before) continue;
      contents.set_sequences.push_back(sequence);
      contents.set_groups.push_back(group);
      before = group;
    }
  }
  contents.set_sequences.push_back(sequence);
}

std::int64_t longest_of(const PackedBatch& batch) {
  std::int64_t longest = 1;
  for (std::size_t b = 0; b + 1 < batch.sequence_offsets.size(); ++b) {
    longest = std::max(longest, batch.sequence_offsets[b + 1] - batch.sequence_offsets[b]);
  }
  return longest;
}

}  // namespace

Recording::Recording(const Network& network, std::span<const ModelInput> models, const PassOptions& options)
    : options_(options),
      parameters_(models),
      added_before_(count_added(parameters_)),
      needs_(needs_of(parameters_, options.sink)),
      uses_(needs_.size()),
      layout_(lay_out(network, models)) {
  const std::size_t keys = layout_.tokens().streams.keys.size();
  if (keys != 0 && keys != layout_.tokens().sequence_count()) {
    throw Error("models of one pass have dropout all or none");
  }
}

// Kernels for GPUs add up the gradients of tables in an order of the ids, which others do without.
BatchLayout Recording::lay_out(const Network& network, std::span<const ModelInput> models) {
  const PackedBatch batch = join_batches(models);
  const at::Device device = models.front().parameters.front().device();
  const bool is_ordered = options_.sink != nullptr && takes_gpu_kernels(device);
  std::vector<std::int64_t> groups;
  if (is_ordered) groups = groups_of_tokens(models, *options_.sink);
  std::vector<TokenIds> ids;
  for (TableLookup& lookup : network.lookups(batch)) {
    ids.push_back({.ids = std::move(lookup.ids)});
    if (needs(lookup.table)) ids.back().groups = groups;
    tables_.push_back(lookup.table);
  }
  std::vector<at::Tensor> labels;
  for (const ModelInput& model : models) labels.push_back(model.batch.labels);
  const std::vector<std::int64_t> model_sequences = sequences_of(models);
  const std::vector<std::uint64_t> keys = keys_of(models);
  BatchLayout::Contents contents{batch.sequence_offsets,     batch.examples,   model_sequences, keys, std::move(ids),
                                 network.pooled_rows(batch), std::move(labels)};
  if (std::optional<DistanceLookup> lookup = network.distance_lookup(longest_of(batch))) {
    distance_table_ = lookup->table;
    contents.distance_ids = std::move(lookup->ids);
    list_sets(models, options_.sink, contents);
    if (!is_ordered || !needs(lookup->table)) contents.set_groups.clear();
  }
  return {std::move(contents), device};
}

Dropout Recording::dropout(double probability, std::uint32_t site) const {
  const bool is_on = tokens().streams.keys.size() > 0;
  return {.probability = is_on ? options_.dropout.value_or(probability) : 0.0, .site = site};
}

at::Tensor Recording::place_for_rounded(std::int64_t rows, std::int64_t width) const {
  if (!parameters_.multiply_in_bfloat16()) return {};
  return at::empty({rows, width}, parameters_.first(0).options().dtype(at::kBFloat16));
}

TypedResult Recording::rounded(TypedResult tensor) const {
  if (parameters_.multiply_in_bfloat16() && !tensor.bfloat16.defined()) tensor.bfloat16 = tensor.own.to(at::kBFloat16);
  return tensor;
}

std::vector<Value> Recording::record(std::vector<TypedResult> outputs, const RowLayout& rows, bool is_needed,
                                     Backward backward) {
  std::vector<Value> values;
  std::vector<GradientSlot> slots;
  for (auto& [own, bfloat16] : outputs) {
    values.push_back({.tensor = std::move(own), .bfloat16 = std::move(bfloat16), .rows = &rows});
    if (!is_needed) continue;
    values.back().slot = tape_.add_slot();
    slots.push_back(*values.back().slot);
  }
  if (is_needed) tape_.record(std::move(slots), std::move(backward));
  return values;
}

bool Recording::use(std::span<const LinearParameters> layers) {
  bool is_needed = false;
  for (const LinearParameters& p : layers) {
    count_use(p.weight, p.bias.value_or(p.weight));
    is_needed = is_needed || needs(p);
  }
  return is_needed;
}

void Recording::count_use(ParameterIndex index, ParameterIndex partner) {
  Uses& uses = uses_[index];
  if (uses.count++ == 0) uses.partner = partner;
  if (uses.partner != partner) throw Error("a parameter is used in two ways, or with two biases");
}

// Later operations add to gradients in place, so those of earlier uses are copied. Activations never change.
std::vector<Recording::Use> Recording::collect(ParameterIndex index, Use use) {
  const std::size_t count = uses_[index].count;
  if (count == 0) throw Error("a use of a parameter is told that was not counted");
  if (count == 1) return {std::move(use)};
  std::vector<Use>& uses = collected_[index];
  uses.push_back(std::move(use));
  if (uses.size() == count) return std::move(collected_.extract(index).mapped());
  uses.back().output_gradient = uses.back().output_gradient.clone();
  return {};
}

template <typename Factors>
Factors Recording::Use::factors() const {
  if constexpr (std::is_same_v<Factors, LayerNormFactors>) {
    return {activations, output_gradient, rows};
  } else if constexpr (std::is_same_v<Factors, EmbeddingFactors>) {
    return {ids, output_gradient, rows};
  } else {
    return {activations.input, output_gradient, rows, bfloat16_gradient};
  }
}

template <typename Factors, typename Tell>
void Recording::on_use(ParameterIndex index, Use use, Tell tell) {
  const std::vector<Use> uses = collect(index, std::move(use));
  if (uses.empty()) return;
  std::vector<Factors> factors;
  for (const Use& one : uses) factors.push_back(one.factors<Factors>());
  tell(std::span<const Factors>(factors));
}

void Recording::on_linear(const RowLayout& rows, std::span<const LinearParameters> layers, const at::Tensor& input,
                          const TypedResult& output_gradient) {
  if (std::ranges::none_of(layers, [&](const LinearParameters& p) { return needs(p); })) return;
  for (const LinearParameters& p : layers) {
    for (std::size_t model = 0; model < rows.model_count(); ++model) {
      if (!options_.sink->needs_gradient(model, p.weight)) continue;
      count_backward(rows.of_model(output_gradient.own, model).size(0), parameters_.first(p.weight).numel());
    }
  }
  const auto tell = [&](std::span<const LinearParameters> told, const TypedResult& gradient) {
    on_use<LinearFactors>(told.front().weight,
                          {rows, {.input = input, .mean = {}, .rstd = {}}, {}, gradient.own, gradient.bfloat16},
                          [&](auto uses) { options_.sink->on_linear(told, uses); });
  };
  // A layer that is used elsewhere too has uses of its own.
  if (std::ranges::all_of(layers, [&](const LinearParameters& p) { return uses_[p.weight].count == 1; })) {
    tell(layers, output_gradient);
    return;
  }
  std::int64_t column = 0;
  for (const LinearParameters& p : layers) {
    const std::int64_t width = p.outputs(parameters_.first(p.weight).sizes());
    const auto own = [&](const at::Tensor& all) { return all.defined() ? all.narrow(1, column, width) : all; };
    if (needs(p)) tell({&p, 1}, {own(output_gradient.own), own(output_gradient.bfloat16)});
    column += width;
  }
}

void Recording::on_layer_norm(const RowLayout& rows, const LayerNormParameters& p,
                              const LayerNormActivations& activations, const at::Tensor& output_gradient) {
  if (!needs(p)) return;
  on_use<LayerNormFactors>(p.weight, {rows, activations, {}, output_gradient},
                           [&](auto uses) { options_.sink->on_layer_norm(p, uses); });
}

void Recording::on_embedding(const RowLayout& rows, ParameterIndex table, const EmbeddingIds& ids,
                             const at::Tensor& output_gradient) {
  if (!needs(table)) return;
  on_use<EmbeddingFactors>(table, {rows, {}, ids, output_gradient},
                           [&](auto uses) { options_.sink->on_embedding(table, uses); });
}

void Recording::on_head(const RowLayout& rows, const LinearParameters& p, const at::Tensor& input,
                        std::span<const at::Tensor> output_gradients) {
  if (!needs(p)) return;
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    if (!output_gradients[model].defined() || !options_.sink->needs_gradient(model, p.weight)) continue;
    count_backward(rows.of_model(input, model).size(0), parameters_.of(model, p.weight).numel());
  }
  options_.sink->on_head(p, {input, output_gradients, rows});
}

void Recording::on_added(const RowLayout& rows, std::span<const AddedUse> uses) {
  std::vector<AddedFactors> tensors;
  for (const auto& [tensor, input, output_gradient] : uses) {
    if (!needs(tensor)) continue;
    if (input.defined()) count_backward(input.size(0), added(tensor).numel());
    AddedFactors factors{tensor.model, tensor.index, {}};
    on_use<LinearFactors>(
        number_of(tensor),
        {rows, {.input = input, .mean = {}, .rstd = {}}, {}, output_gradient.own, output_gradient.bfloat16},
        [&](std::span<const LinearFactors> told) {
          factors.uses = {told.begin(), told.end()};
        });
    if (!factors.uses.empty()) tensors.push_back(std::move(factors));
  }
  if (!tensors.empty()) options_.sink->on_added(tensors);
}

void Recording::play_back(std::span<const Value> values, std::span<const at::Tensor> gradients, Keep keep) {
  if (gradients.size() != values.size()) throw Error("a backward pass needs a gradient for the logits of each model");
  if (is_played_) throw Error("a backward pass has freed what another one would need");
  is_played_ = keep == Keep::kNothing;
  Gradients all(tape_.slots());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].slot && gradients[i].defined()) all.add(*values[i].slot, gradients[i]);
  }
  tape_.play_back(all, keep == Keep::kActivations);
  if (!collected_.empty()) throw Error("a use of a parameter was counted and not told");
}

}  // namespace tunescope
