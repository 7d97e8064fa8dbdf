#include "recording.hpp"

#include <numeric>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

PackedBatch join_batches(std::span<const ModelInput> models) {
  if (models.size() == 1) return models.front().batch;
  std::vector<const PackedBatch*> batches;
  for (const ModelInput& model : models) batches.push_back(&model.batch);
  return join(batches);
}

std::vector<const Parameters*> parameters_of(std::span<const ModelInput> models) {
  std::vector<const Parameters*> parameters;
  for (const ModelInput& model : models) parameters.push_back(&model.parameters);
  return parameters;
}

std::vector<std::int64_t> sequences_of(std::span<const ModelInput> models) {
  std::vector<std::int64_t> offsets = {0};
  for (const ModelInput& model : models) offsets.push_back(offsets.back() + model.batch.sequence_count());
  return offsets;
}

// The offsets of sequences in a tensor with one row per sequence.
std::vector<std::int64_t> offsets_of_sequences(const PackedBatch& batch) {
  std::vector<std::int64_t> offsets(batch.examples.size() + 1);
  std::iota(offsets.begin(), offsets.end(), 0);
  return offsets;
}

std::vector<std::uint64_t> keys_of(std::span<const ModelInput> models) {
  std::vector<std::uint64_t> keys;
  for (const ModelInput& model : models) {
    if (model.dropout_key) keys.insert(keys.end(), model.batch.examples.size(), *model.dropout_key);
  }
  return keys;
}

}  // namespace

Recording::Recording(std::span<const ModelInput> models, const PassOptions& options)
    : options_(options),
      batch_(join_batches(models)),
      dropout_keys_(keys_of(models)),
      tokens_(parameters_of(models), sequences_of(models), batch_.sequence_offsets, options.bfloat16_weights),
      sequences_(parameters_of(models), sequences_of(models), offsets_of_sequences(batch_), options.bfloat16_weights),
      needs_(models.front().parameters.size()),
      uses_(models.front().parameters.size()) {
  if (!dropout_keys_.empty() && dropout_keys_.size() != batch_.examples.size()) {
    throw Error("models of one pass have dropout all or none");
  }
  for (const ModelInput& model : models) {
    sinks_.push_back(model.sink);
    if (model.sink == nullptr) continue;
    for (ParameterIndex i = 0; i < needs_.size(); ++i) needs_[i] = needs_[i] || model.sink->needs_gradient(i);
  }
}

Dropout Recording::dropout(double probability, std::uint32_t site) const {
  const bool is_on = !dropout_keys_.empty();
  return {.probability = is_on ? options_.dropout.value_or(probability) : 0.0, .site = site};
}

Value Recording::record(at::Tensor output, const ModelRows& rows, bool is_needed, Backward backward) {
  Value value{.tensor = std::move(output), .rows = &rows};
  if (is_needed) {
    value.slot = tape_.add_slot();
    tape_.record({*value.slot}, std::move(backward));
  }
  return value;
}

std::vector<Value> Recording::record(std::vector<at::Tensor> outputs, const ModelRows& rows, bool is_needed,
                                     Backward backward) {
  std::vector<Value> values;
  std::vector<GradientSlot> slots;
  for (at::Tensor& output : outputs) {
    values.push_back({.tensor = std::move(output), .rows = &rows});
    if (!is_needed) continue;
    values.back().slot = tape_.add_slot();
    slots.push_back(*values.back().slot);
  }
  if (is_needed) tape_.record(std::move(slots), std::move(backward));
  return values;
}

// Later operations add to gradients in place, so those of earlier uses are copied. Activations never change.
std::vector<Recording::Use> Recording::collect(ParameterIndex index, Use use) {
  if (uses_[index] == 0) throw Error("a use of a parameter is told that was not counted");
  if (uses_[index] == 1) return {std::move(use)};
  std::vector<Use>& uses = collected_[index];
  uses.push_back(std::move(use));
  if (uses.size() == uses_[index]) return std::move(collected_.extract(index).mapped());
  uses.back().output_gradient = uses.back().output_gradient.clone();
  return {};
}

void Recording::on_linear(const ModelRows& rows, const LinearParameters& p, const at::Tensor& input,
                          const at::Tensor& output_gradient) {
  if (!needs(p)) return;
  const std::vector<Use> uses = collect(p.weight, {rows, {.input = input, .mean = {}, .rstd = {}}, output_gradient});
  for (std::size_t model = 0; model < sinks_.size() && !uses.empty(); ++model) {
    if (sinks_[model] == nullptr) continue;
    std::vector<LinearFactors> factors;
    for (const Use& use : uses) {
      const at::Tensor& x = use.activations.input;
      factors.push_back({x.defined() ? use.rows.of(model, x) : x, use.rows.of(model, use.output_gradient),
                         use.rows.sequence_offsets_of(model)});
    }
    sinks_[model]->on_linear(p, factors);
  }
}

void Recording::on_layer_norm(const ModelRows& rows, const LayerNormParameters& p,
                              const LayerNormActivations& activations, const at::Tensor& output_gradient) {
  if (!needs(p)) return;
  const std::vector<Use> uses = collect(p.weight, {rows, activations, output_gradient});
  for (std::size_t model = 0; model < sinks_.size() && !uses.empty(); ++model) {
    if (sinks_[model] == nullptr) continue;
    std::vector<LayerNormFactors> factors;
    for (const Use& use : uses) {
      const auto own = [&](const at::Tensor& all) { return use.rows.of(model, all); };
      const LayerNormActivations& saved = use.activations;
      factors.push_back({{own(saved.input), own(saved.mean), own(saved.rstd)},
                         own(use.output_gradient),
                         use.rows.sequence_offsets_of(model)});
    }
    sinks_[model]->on_layer_norm(p, factors);
  }
}

void Recording::on_embedding(const ModelRows& rows, ParameterIndex table, const at::Tensor& ids,
                             const at::Tensor& output_gradient) {
  if (!needs(table)) return;
  const std::vector<Use> uses = collect(table, {rows, {.input = ids, .mean = {}, .rstd = {}}, output_gradient});
  for (std::size_t model = 0; model < sinks_.size() && !uses.empty(); ++model) {
    if (sinks_[model] == nullptr) continue;
    std::vector<EmbeddingFactors> factors;
    for (const Use& use : uses) {
      factors.push_back({use.rows.of(model, use.activations.input), use.rows.of(model, use.output_gradient),
                         use.rows.sequence_offsets_of(model)});
    }
    sinks_[model]->on_embedding(table, factors);
  }
}

void Recording::on_head(std::size_t model, const LinearParameters& p, const at::Tensor& input,
                        const at::Tensor& output_gradient) {
  if (sinks_[model] == nullptr) return;
  const LinearFactors factors{input, output_gradient, sequences_.sequence_offsets_of(model)};
  sinks_[model]->on_linear(p, {&factors, 1});
}

void Recording::play_back(std::span<const Value> values, std::span<const at::Tensor> gradients, Keep keep) {
  if (gradients.size() != values.size()) throw Error("a backward pass needs a gradient for the logits of each model");
  if (is_played_) throw Error("a backward pass has freed what another one would need");
  is_played_ = keep == Keep::kNothing;
  Gradients all(tape_.slots());
  for (std::size_t i = 0; i < values.size(); ++i) {
    // A copy, for operations may change what they are given.
    if (values[i].slot && gradients[i].defined()) all.add(*values[i].slot, gradients[i].clone());
  }
  tape_.play_back(all, keep == Keep::kActivations);
  if (!collected_.empty()) throw Error("a use of a parameter was counted and not told");
}

}  // namespace tunescope
