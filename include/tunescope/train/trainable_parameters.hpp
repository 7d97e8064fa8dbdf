#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <utility>
#include <vector>

#include "tunescope/kernels/matmul.hpp"
#include "tunescope/kernels/training/adamw.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// The scalars that a trial trains, their gradients and AdamW's moments, each in one flat buffer of N values.
///
/// A trial may train all tensors, some tensors, or chosen scalars of some tensors. In each case the optimizer sees the
/// same flat buffers, so its update and the gradient norm are one pass each, and its state, which goes into
/// checkpoints, is as large as what is trained. A tensor that is trained whole becomes a view into the buffer of
/// values. Of a tensor that is trained in part, the buffer holds the chosen scalars: they are gathered from the
/// tensor's gradient before each update and scattered back into the trial's copy of the tensor after it, so all others
/// keep their bits.
class TrainableParameters {
 public:
  /// Replaces the tensors of `parameters` that `selection` trains by copies of the trial's own; the others stay shared.
  /// `parameters` must outlive the object.
  TrainableParameters(const ParameterCatalogue& catalogue, const Selection& selection, Parameters& parameters);

  /// Number of trainable scalars.
  std::int64_t size() const { return values_.numel(); }
  /// The trained values [N]. Those with weight decay come first.
  const at::Tensor& values() const { return values_; }
  /// From now on also keeps those with weight decay, all matrices among them, in bfloat16, and returns that copy: what
  /// changes the values changes it too.
  const at::Tensor& keep_rounded();

  /// The flat indices of the scalars that train in tensors which train in part, ascending, with the tensor's index.
  std::vector<std::pair<ParameterIndex, at::Tensor>> chosen_scalars() const;

  at::IntArrayRef shape(ParameterIndex parameter) const { return parameters_[parameter].sizes(); }
  /// Whether a parameter trains, if only in part.
  bool is_trained(ParameterIndex parameter) const { return segment_of_[parameter] != nullptr; }

  /// Begins a step: the next gradients replace the present ones, and later ones add to them.
  void zero_grad();
  /// Where the gradient of a parameter that is computed next goes: whole, even if only chosen scalars train. The
  /// parameter must be trained.
  GradientTarget next_target(ParameterIndex parameter);
  /// The gradients of all backward passes of a step: what an update takes.
  class StepGradients {
   public:
    /// Euclidean norm of all of them, one float64 number on the device.
    const at::Tensor& norm() const { return norm_; }

   private:
    friend class TrainableParameters;
    explicit StepGradients(at::Tensor norm) : norm_(std::move(norm)) {}
    at::Tensor norm_;
  };
  /// Ends the backward passes of a step of several runs: gathers the gradients of tensors that are trained in part and
  /// zeroes those that no pass computed.
  static std::vector<StepGradients> finish_gradients(std::span<TrainableParameters* const> runs);
  StepGradients finish_gradients();  ///< of one run

  /// What `step` does to the values of a run.
  struct Update {
    TrainableParameters& parameters;
    StepGradients gradients;  ///< those that `finish_gradients` has returned last
    at::Tensor loss;          ///< of the step, one float64 number on the device
    AdamWStep step;           ///< its number is the run's own count
  };
  /// Updates several runs. Weight decay applies to everything but LayerNorm, biases and added scales. A run whose loss
  /// or norm is not finite stays as it is, then and in all later steps. Nothing is read from the device, so the host
  /// may learn of it later.
  static void step(std::span<const Update> updates);
  void step(const StepGradients& gradients, const at::Tensor& loss, const AdamWStep& step);  ///< of one run

  /// What the next steps depend on besides the number of steps done, [N] float32 each.
  struct State {
    at::Tensor values, first_moments, second_moments;
  };
  /// Returns views of the buffers, not copies.
  State state() const { return {values_, first_moments_, second_moments_}; }
  /// Resumes from a state that was saved after `steps` steps, for the same selection of the same model.
  void restore(const State& state, std::int64_t steps);

 private:
  struct Segment {
    ParameterIndex parameter = 0;
    std::int64_t offset = 0;  // into the flat buffers
    std::int64_t count = 0;
    at::Tensor indices;    // flat indices of the chosen scalars; undefined if the tensor is trained whole
    at::Tensor gradient;   // in the tensor's shape: a view of the flat buffer, or a tensor of its own if `indices`
    bool is_stale = true;  // `gradient` holds numbers of an earlier step, which are to be overwritten
  };
  void scatter_values();
  void add_segment(ParameterIndex index, const TensorSelection& selection, std::int64_t offset);
  void gather_gradients();
  at::Tensor decayed_values() const { return values_.narrow(0, 0, decayed_count_); }

  Parameters& parameters_;
  std::vector<Segment> segments_;
  std::vector<Segment*> segment_of_;  // by catalogue index; null if frozen
  at::Tensor values_, gradients_, first_moments_, second_moments_;
  at::Tensor rounded_;   // of the decayed values, in bfloat16; undefined if nobody wants it
  at::Tensor diverged_;  // see `adamw_step_`
  std::int64_t decayed_count_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace tunescope
