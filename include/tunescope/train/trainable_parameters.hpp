#pragma once

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "tunescope/method/method.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/model/gradient_sink.hpp"

namespace tunescope {

/// The scalars a trial trains, their gradients and AdamW's moments, each as one flat buffer of N values, so that an
/// update is one pass. Tensors that train whole become views into the buffer; of tensors that train in part only the
/// chosen scalars are in it, and all others keep their bits.
class TrainableParameters final : public GradientSink {
 public:
  /// Replaces what `selection` trains in `parameters` by the trial's own copies; the rest stays shared.
  /// `parameters` must outlive the object. Where there is a `rounded`, gradients of matrices are products of rounded
  /// factors.
  TrainableParameters(const ParameterCatalogue& catalogue, const Selection& selection, Parameters& parameters,
                      const Bfloat16Weights* rounded = nullptr);

  /// Number of trainable scalars.
  std::int64_t size() const { return values_.numel(); }
  /// Trained values [N]; those with weight decay come first.
  const at::Tensor& values() const { return values_; }

  /// The flat indices of the scalars that train in tensors which train in part, ascending, with the tensor's index.
  std::vector<std::pair<ParameterIndex, at::Tensor>> chosen_scalars() const;

  /// Begins a step: what the backward pass tells next is not added to what it told before.
  void zero_grad();
  /// Euclidean norm of all gradients.
  double gradient_norm();

  /// One AdamW step (Loshchilov and Hutter 2019, decoupled decay) with everything but LayerNorm and biases decayed.
  struct Update {
    double learning_rate = 0.0;
    double weight_decay = 0.0;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double gradient_factor = 1.0;  ///< that gradients are multiplied by first
  };
  void step(const Update& update);

  /// What the next steps depend on beside their number, [N] float32 each.
  struct State {
    at::Tensor values, first_moments, second_moments;
  };
  /// Views of the buffers, not copies.
  State state() const { return {values_, first_moments_, second_moments_}; }
  /// Goes on from a state of the same selection of the same model after so many steps.
  void restore(const State& state, std::int64_t steps);

  ParameterIndex first_needing_gradient() const override { return first_needing_gradient_; }
  void linear(const LinearParameters& parameters, const at::Tensor& input, const at::Tensor& output_gradient) override;
  void layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                  const at::Tensor& output_gradient) override;
  void embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) override;

 private:
  struct Segment {
    ParameterIndex parameter = 0;
    std::int64_t offset = 0;  // into the flat buffers
    std::int64_t count = 0;
    at::Tensor indices;    // flat indices of the chosen scalars; undefined where all are
    at::Tensor gradient;   // view of the flat buffer in the tensor's shape, or a buffer of the whole tensor's size
    bool is_stale = true;  // `gradient` holds an earlier step's numbers, to be written over
  };
  void scatter_values();
  void add_segment(ParameterIndex index, const TensorSelection& selection, std::int64_t offset);
  bool is_wanted(ParameterIndex index) const { return segment_of_[index] != nullptr; }
  template <typename Compute>
  void add_gradient(ParameterIndex index, Compute compute);
  void update_range(std::int64_t begin, std::int64_t count, const Update& update, double weight_decay);

  const ParameterCatalogue& catalogue_;
  Parameters& parameters_;
  const Bfloat16Weights* bfloat16_weights_;
  ParameterIndex first_needing_gradient_ = 0;
  std::vector<Segment> segments_;
  std::vector<Segment*> segment_of_;  // by catalogue index; null where frozen
  at::Tensor values_, gradients_, first_moments_, second_moments_;
  std::int64_t decayed_count_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace tunescope
