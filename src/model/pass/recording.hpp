#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "model/pass/model_parameters.hpp"
#include "model/pass/tape.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {

/// What the operations of a pass share: the batches of all models laid end to end on its device, the rows of its
/// tensors, dropout, and the tape. It collects the uses of each parameter and tells them to the sink.
class Recording {
 public:
  Recording(const Network& network, std::span<const ModelInput> models, const PassOptions& options);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  const PassOptions& options() const { return options_; }
  const ModelParameters& parameters() const { return parameters_; }
  /// Of tensors with a row per token, and with a row per sequence.
  const RowLayout& tokens() const { return layout_.tokens(); }
  const RowLayout& sequences() const { return layout_.sequences(); }
  const BatchLayout& layout() const { return layout_; }
  /// The embedding tables that the tokens look up, in the order of `BatchLayout::ids`.
  const std::vector<ParameterIndex>& tables() const { return tables_; }
  /// The table that `BatchLayout::distances` looks up; absent: the network has none.
  const std::optional<ParameterIndex>& distance_table() const { return distance_table_; }
  /// The dropout layer at `site` with the probability of the configuration; 0 if the pass has no dropout.
  Dropout dropout(double probability, std::uint32_t site) const;

  /// Whether any model needs the gradient of this parameter, or of one of a layer's two.
  bool needs(ParameterIndex parameter) const { return needs_[parameter]; }
  bool needs(const LinearParameters& p) const { return needs(p.weight) || (p.bias && needs(*p.bias)); }
  bool needs(const LayerNormParameters& p) const { return needs(p.weight) || needs(p.bias); }
  /// Adds to the floating-point operations of the pass those of a product of [rows, in] and [in, out].
  void count_forward(std::int64_t rows, std::int64_t weights) { flops_.forward += product_flops(rows, weights); }
  void count_backward(std::int64_t rows, std::int64_t weights) { flops_.backward += product_flops(rows, weights); }
  const PassFlops& flops() const { return flops_; }

  /// Where a kernel writes its result [rows, width] rounded too, for the products that read it. Undefined if products
  /// are in full precision.
  at::Tensor place_for_rounded(std::int64_t rows, std::int64_t width) const;
  /// The same with what products read of it: it is rounded here if its kernel has not done that.
  TypedResult rounded(TypedResult tensor) const;
  /// What products read of a value.
  at::Tensor operand(const Value& value) const { return rounded({value.tensor, value.bfloat16}).operand(); }

  /// What the gradients of weights need of the forward pass: `input`, or an undefined tensor if no model needs one.
  at::Tensor factor(std::span<const LinearParameters> layers, const at::Tensor& input) const {
    const bool is_needed = std::ranges::any_of(layers, [&](const LinearParameters& p) { return needs(p.weight); });
    return is_needed ? input : at::Tensor();
  }

  /// Makes the values of an operation's outputs. If their gradients are needed, `backward` is recorded.
  std::vector<Value> record(std::vector<TypedResult> outputs, const RowLayout& rows, bool is_needed, Backward backward);
  /// The same for one output.
  Value record(TypedResult output, const RowLayout& rows, bool is_needed, Backward backward) {
    return std::move(record(std::vector{std::move(output)}, rows, is_needed, std::move(backward)).front());
  }
  Value record(at::Tensor output, const RowLayout& rows, bool is_needed, Backward backward) {
    return record(TypedResult{.own = std::move(output)}, rows, is_needed, std::move(backward));
  }

  /// Counts, while an operation is recorded, a use of these parameters, and returns `needs`: if it does, the backward
  /// function must call `on_...` with them. Throws `Error` if a weight is used with two biases, or as a table too.
  bool use(std::span<const LinearParameters> layers);
  bool use(const LinearParameters& p) { return use({&p, 1}); }
  bool use(const LayerNormParameters& p) { return count_use(p.weight, p.bias), needs(p); }
  bool use(ParameterIndex table) { return count_use(table, table), needs(table); }

  /// A tensor that a model has added.
  struct AddedTensor {
    std::size_t model = 0;
    ParameterIndex index = 0;
  };
  const at::Tensor& added(const AddedTensor& tensor) const { return parameters_.of(tensor.model, tensor.index); }
  bool needs(const AddedTensor& tensor) const { return needs(number_of(tensor)); }
  bool use(const AddedTensor& tensor) { return use(number_of(tensor)); }

  /// For backward functions, see `GradientSink`: a use of these parameters. The tensors have the rows of all models,
  /// and stay as they are until the function returns. The sink is told with the last use. `input` is the `factor`.
  void on_linear(const RowLayout& rows, std::span<const LinearParameters> layers, const at::Tensor& input,
                 const TypedResult& output_gradient);
  void on_layer_norm(const RowLayout& rows, const LayerNormParameters& p, const LayerNormActivations& activations,
                     const at::Tensor& output_gradient);
  void on_embedding(const RowLayout& rows, ParameterIndex table, const EmbeddingIds& ids,
                    const at::Tensor& output_gradient);
  /// Of a head: its only use.
  void on_head(const RowLayout& rows, const LinearParameters& p, const at::Tensor& input,
               std::span<const at::Tensor> output_gradients);

  /// A use of an added tensor: `input` and `output_gradient` have the rows of its model. `input` is undefined for a
  /// bias.
  struct AddedUse {
    AddedTensor tensor;
    at::Tensor input;
    TypedResult output_gradient;
  };
  /// Of tensors that models have added to the same layer, those among them that need a gradient.
  void on_added(const RowLayout& rows, std::span<const AddedUse> uses);

  /// The backward pass from these values. A gradient is undefined for a model that needs none. Throws `Error` if their
  /// numbers differ, or if nothing was kept of an earlier call.
  void play_back(std::span<const Value> values, std::span<const at::Tensor> gradients, Keep keep);

 private:
  struct Use {
    const RowLayout& rows;
    LayerNormActivations activations;  // or only `input`: of a linear layer
    EmbeddingIds ids;                  // of a table
    at::Tensor output_gradient;
    at::Tensor bfloat16_gradient = {};  // of a linear layer

    template <typename Factors>
    Factors factors() const;
  };
  struct Uses {
    std::size_t count = 0;
    ParameterIndex partner = 0;  // the bias of a weight, or the parameter itself
  };
  static double product_flops(std::int64_t rows, std::int64_t weights) {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(weights);
  }
  /// The tensors that each model has added are numbered behind those of the network and of the models before it.
  std::size_t number_of(const AddedTensor& tensor) const { return tensor.index + added_before_[tensor.model]; }
  /// Fills `tables_` and `distance_table_`.
  BatchLayout lay_out(const Network& network, std::span<const ModelInput> models);
  void count_use(ParameterIndex index, ParameterIndex partner);
  /// Keeps a use until it is the last of its parameter, and then returns all.
  std::vector<Use> collect(ParameterIndex index, Use use);
  /// Collects a use, and hands `tell` the factors of all uses once it is the last.
  template <typename Factors, typename Tell>
  void on_use(ParameterIndex index, Use use, Tell tell);

  PassOptions options_;
  ModelParameters parameters_;
  std::vector<std::size_t> added_before_;  // by model: the number of tensors that those before it have added
  std::vector<bool> needs_;                // by parameter
  std::vector<Uses> uses_;                 // by parameter
  // Filled while the layout is made.
  std::vector<ParameterIndex> tables_;
  std::optional<ParameterIndex> distance_table_;
  BatchLayout layout_;
  PassFlops flops_;
  std::map<ParameterIndex, std::vector<Use>> collected_;
  bool is_played_ = false;
  Tape tape_;
};

}  // namespace tunescope
