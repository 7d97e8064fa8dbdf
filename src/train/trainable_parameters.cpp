#include "tunescope/train/trainable_parameters.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tunescope/kernels/training/segmented_sums.hpp"

namespace tunescope {
namespace {

// Decay would draw a scale to 0, and it starts at 1.
bool is_decayed(const ParameterInfo& parameter) {
  return !parameter.is_bias && !parameter.is_layer_norm() && parameter.role != ParameterRole::kScale;
}

}  // namespace

TrainableParameters::TrainableParameters(const ParameterCatalogue& catalogue, const Selection& selection,
                                         Parameters& parameters)
    : parameters_(parameters), segment_of_(catalogue.size(), nullptr) {
  values_ = at::empty({trainable_count(selection, catalogue)}, parameters.front().options());
  gradients_ = at::zeros_like(values_);
  first_moments_ = at::zeros_like(values_);
  second_moments_ = at::zeros_like(values_);
  diverged_ = at::zeros({}, values_.options().dtype(at::kInt));
  segments_.reserve(catalogue.size());
  std::int64_t offset = 0;
  for (const bool decayed : {true, false}) {
    for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
      if (selection[i].kind == TensorSelection::Kind::kNone || is_decayed(catalogue[i]) != decayed) continue;
      add_segment(i, selection[i], offset);
      offset += segments_.back().count;
    }
    if (decayed) decayed_count_ = offset;
  }
}

void TrainableParameters::add_segment(ParameterIndex index, const TensorSelection& selection, std::int64_t offset) {
  at::Tensor& parameter = parameters_[index];
  Segment segment{
      .parameter = index, .offset = offset, .count = selection.count(parameter.numel()), .indices = {}, .gradient = {}};
  const at::Tensor flat = values_.narrow(0, offset, segment.count);
  if (selection.kind == TensorSelection::Kind::kAll) {
    flat.copy_(parameter.reshape({-1}));
    segment.gradient = gradients_.narrow(0, offset, segment.count).view(parameter.sizes());
    parameter = flat.view(parameter.sizes());
  } else {
    segment.indices = at::from_blob(const_cast<std::int64_t*>(selection.indices.data()), {segment.count},
                                    at::TensorOptions().dtype(at::kLong))
                          .clone()
                          .to(parameter.device());
    parameter = parameter.clone();
    flat.copy_(at::index(parameter.view(-1), {segment.indices}));
    segment.gradient = at::zeros_like(parameter);
  }
  segments_.push_back(std::move(segment));
  segment_of_[index] = &segments_.back();
}

const at::Tensor& TrainableParameters::keep_rounded() {
  if (!rounded_.defined()) rounded_ = decayed_values().to(at::kBFloat16);
  return rounded_;
}

void TrainableParameters::zero_grad() {
  for (Segment& segment : segments_) segment.is_stale = true;
}

GradientTarget TrainableParameters::next_target(ParameterIndex parameter) {
  Segment& segment = *segment_of_[parameter];
  return {segment.gradient, std::exchange(segment.is_stale, false) ? Accumulate::kNo : Accumulate::kYes};
}

std::vector<std::pair<ParameterIndex, at::Tensor>> TrainableParameters::chosen_scalars() const {
  std::vector<std::pair<ParameterIndex, at::Tensor>> chosen;
  for (const Segment& segment : segments_) {
    if (segment.indices.defined()) chosen.emplace_back(segment.parameter, segment.indices);
  }
  return chosen;
}

// The chosen scalars of each tensor are gathered here, once, for both the norm and the update.
void TrainableParameters::gather_gradients() {
  for (Segment& segment : segments_) {
    if (segment.is_stale) segment.gradient.zero_();
    segment.is_stale = false;
    if (!segment.indices.defined()) continue;
    gradients_.narrow(0, segment.offset, segment.count).copy_(at::index(segment.gradient.view(-1), {segment.indices}));
  }
}

std::vector<TrainableParameters::StepGradients> TrainableParameters::finish_gradients(
    std::span<TrainableParameters* const> runs) {
  std::vector<at::Tensor> gradients;
  for (TrainableParameters* run : runs) {
    run->gather_gradients();
    gradients.push_back(run->gradients_);
  }
  std::vector<StepGradients> finished;
  for (at::Tensor& norm : gradient_norms(gradients).unbind()) finished.push_back(StepGradients(std::move(norm)));
  return finished;
}

TrainableParameters::StepGradients TrainableParameters::finish_gradients() {
  return finish_gradients(std::array{this}).front();
}

void TrainableParameters::step(std::span<const Update> updates) {
  std::vector<AdamWUpdate> of_buffers;
  for (const auto& [run, gradients, loss, step] : updates) {
    of_buffers.push_back({.buffers = {.values = run.values_,
                                      .gradients = run.gradients_,
                                      .first_moments = run.first_moments_,
                                      .second_moments = run.second_moments_,
                                      .decayed_count = run.decayed_count_,
                                      .rounded = run.rounded_},
                          .step = step,
                          .loss = loss,
                          .norm = gradients.norm(),
                          .diverged = run.diverged_});
    of_buffers.back().step.number = ++run.steps_;
  }
  adamw_step_(of_buffers);
  for (const Update& update : updates) update.parameters.scatter_values();
}

void TrainableParameters::step(const StepGradients& gradients, const at::Tensor& loss, const AdamWStep& step) {
  const Update update{*this, gradients, loss, step};
  TrainableParameters::step({&update, 1});
}

void TrainableParameters::restore(const State& state, std::int64_t steps) {
  values_.copy_(state.values);
  first_moments_.copy_(state.first_moments);
  second_moments_.copy_(state.second_moments);
  if (rounded_.defined()) rounded_.copy_(decayed_values());
  diverged_.zero_();
  steps_ = steps;
  scatter_values();
}

// Tensors that are trained whole are views of the buffer. In the others, the chosen scalars are written to their
// places.
void TrainableParameters::scatter_values() {
  for (const Segment& segment : segments_) {
    if (!segment.indices.defined()) continue;
    parameters_[segment.parameter].view(-1).index_copy_(0, segment.indices,
                                                        values_.narrow(0, segment.offset, segment.count));
  }
}

}  // namespace tunescope
