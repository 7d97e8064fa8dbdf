#include "tunescope/train/training_run.hpp"

#include <ATen/ops/empty.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "tunescope/base/hash.hpp"
#include "tunescope/device/failure.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/random/stream.hpp"
#include "tunescope/train/evaluate.hpp"

namespace tunescope {
namespace {

using Clock = std::chrono::steady_clock;

std::string fingerprint_of(const Selection& selection) {
  Sha256 hash;
  for (const TensorSelection& tensor : selection) {
    hash.update(fmt::format("{} {} ", static_cast<int>(tensor.kind), tensor.indices.size()));
    hash.update({reinterpret_cast<const char*>(tensor.indices.data()), tensor.indices.size() * sizeof(std::int64_t)});
  }
  return hash.hex_digest();
}

// A weight that trains in part is a tensor of its own, beside the trained values.
bool trains_whole_weight(const ParameterCatalogue& catalogue, const Selection& selection) {
  for (ParameterIndex i = 0; i < selection.size(); ++i) {
    const bool is_read_in_bfloat16 = catalogue[i].is_matrix() && !catalogue[i].is_head();
    if (is_read_in_bfloat16 && selection[i].kind == TensorSelection::Kind::kAll) return true;
  }
  return false;
}

// Checkpoints of earlier versions lack them: nothing but the development set chose.
void add_selection_scores(std::vector<Evaluation>& evaluations, Metric primary) {
  for (Evaluation& evaluation : evaluations) {
    evaluation.selection_score = evaluation.scores[static_cast<std::size_t>(primary)];
  }
}

Parameters initial_parameters(const TrainInputs& inputs, const Additions& additions) {
  Parameters parameters = with_new_head(inputs.model, inputs.catalogue, inputs.seed);
  additions.append_initial(parameters, inputs.seed);
  return parameters;
}

}  // namespace

TrainingRun::TrainingRun(const TrainInputs& inputs, TrainControl control)
    : TrainingRun(inputs, std::move(control), additions_of(inputs.method, inputs.catalogue)) {}

TrainingRun::TrainingRun(const TrainInputs& inputs, TrainControl control, const Additions& additions)
    : TrainingRun(inputs, std::move(control), additions,
                  select_parameters(inputs.method, additions.catalogue(),
                                    {inputs.seed, inputs.importance, inputs.model.backbone})) {}

TrainingRun::TrainingRun(const TrainInputs& inputs, TrainControl control, const Additions& additions,
                         const Selection& selection)
    : inputs_(inputs),
      control_(std::move(control)),
      task_(*inputs.data.task),
      pass_options_{.dropout = inputs.options.dropout},
      additions_(additions),
      initial_(initial_parameters(inputs, additions)),
      parameters_(initial_),
      trainable_(additions.catalogue(), selection, parameters_),
      loss_(at::empty({}, parameters_.front().options().dtype(at::kDouble))),
      reads_late_(!device().is_cpu() || ForcedKernels::backend() == KernelBackend::kCuda),
      fingerprint_(fingerprint_of(selection)),
      order_(inputs.data.train.size(), inputs.options.batch_size, inputs.seed),
      total_steps_(total_steps(inputs.options, inputs.data.train.size())),
      schedule_{.shape = inputs.options.schedule,
                .warmup_steps = static_cast<std::int64_t>(
                    std::ceil(inputs.options.warmup_fraction * static_cast<double>(total_steps_))),
                .total_steps = total_steps_} {
  if (inputs.bfloat16_weights != nullptr) {
    bfloat16_weights_.emplace(*inputs.bfloat16_weights);
    if (trains_whole_weight(additions.catalogue(), selection)) {
      bfloat16_weights_->add(trainable_.values(), trainable_.keep_rounded());
    }
  }
  const TrainState* const saved = std::exchange(control_.resume, nullptr);
  if (saved != nullptr && saved->fingerprint == fingerprint_) {
    result_ = saved->result;
    if (inputs.data.chooses_on_dev()) add_selection_scores(result_.evaluations, task_.primary_metric);
    trainable_.restore(saved->buffers, saved->result.steps);
  }
  result_.trainable_parameters = trainable_.size();
  result_.total_parameters = inputs_.catalogue.total_size();
  if (is_evaluation_missing()) attempt([&] { evaluate(); });  // the run was interrupted within it
}

bool TrainingRun::is_over() const { return error_ || result_.end != TrialEnd::kDone || result_.steps >= total_steps_; }

template <typename Work>
void TrainingRun::attempt(Work work) {
  counted_until_ = Clock::now();
  try {
    work();
  } catch (const std::exception& error) {
    throw_if_broken(device(), error);
    error_ = std::current_exception();
  }
  count_time();
}

void TrainingRun::count_time() {
  const Clock::time_point now = Clock::now();
  result_.seconds += std::chrono::duration<double>(now - counted_until_).count();
  counted_until_ = now;
}

void TrainingRun::count_step(const StepCost& cost) {
  const double share = cost.seconds * static_cast<double>(tokens_) / static_cast<double>(cost.tokens);
  result_.seconds += share;
  result_.throughput.seconds += share;
  result_.throughput.examples += static_cast<std::int64_t>(examples_.size());
  result_.throughput.tokens += tokens_;
}

TrainedModel TrainingRun::finish() && {
  if (!error_ && result_.end != TrialEnd::kStopped) attempt([&] { measure_changes(); });
  if (error_) std::rethrow_exception(error_);
  return {std::move(result_), std::move(parameters_)};
}

TrainingRun::StepCost TrainingRun::step_together(std::span<TrainingRun* const> runs) {
  const Clock::time_point begin = Clock::now();
  for (TrainingRun* run : runs) run->begin_step();
  StepCost cost{.fit_in_memory = compute_gradients(runs)};
  cost.fit_in_memory = update(runs) && cost.fit_in_memory;
  cost.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const TrainingRun* run : runs) cost.tokens += run->tokens_;
  for (TrainingRun* run : runs) {
    run->count_step(cost);
    if (!run->error_) run->attempt([&] { run->end_step(); });
    if (!run->is_over()) run->attempt([&] { run->poll_control(); });
  }
  return cost;
}

void TrainingRun::begin_step() {
  examples_ = order_.at_step(result_.steps);
  dropout_key_ = random_key(inputs_.seed, RandomUse::kDropout, static_cast<std::uint64_t>(result_.steps));
}

void TrainingRun::restart_step() {
  trainable_.zero_grad();
  accumulate_loss_ = Accumulate::kNo;
  tokens_ = 0;
}

void TrainingRun::end_step() {
  if (!reads_late_ || control_.on_step || is_evaluation_missing()) settle_step();
  if (result_.end != TrialEnd::kDone) return;
  if (control_.on_step) control_.on_step(result_.steps, parameters_);
  if (is_evaluation_missing()) evaluate();
}

void TrainingRun::poll_control() {
  control_.on_progress(result_.steps, total_steps_);
  const NextAction action = control_.next_action();
  if (action == NextAction::kContinue) return;
  settle_step();
  if (result_.end != TrialEnd::kDone) return;
  count_time();  // includes the evaluation so far, although it is repeated if the run is saved within it
  control_.save({result_, trainable_.state(), fingerprint_});
  if (action == NextAction::kSaveAndStop) result_.end = TrialEnd::kStopped;
}

bool TrainingRun::is_evaluation_missing() const {
  const bool is_done = !result_.evaluations.empty() && result_.evaluations.back().step == result_.steps;
  if (is_done || result_.steps == 0) return false;
  const std::int64_t interval = evaluation_interval(inputs_.options, inputs_.data.train.size());
  return result_.steps % interval == 0 || result_.steps == total_steps_;
}

void TrainingRun::evaluate() {
  const auto keep_going = [&] {
    poll_control();
    return result_.end == TrialEnd::kDone;
  };
  const EvaluatedModel model{*inputs_.model.network, parameters_, bfloat16_weights(), packed_weights(), &additions_};
  std::optional<Predictions> predictions = predict(model, inputs_.data.dev, task_, keep_going);
  if (!predictions) return;
  std::optional<Predictions> mismatched = predict(model, inputs_.data.mismatched_dev, task_, keep_going);
  if (!mismatched) return;
  std::optional<Predictions> selection = predict(model, inputs_.data.selection, task_, keep_going);
  if (!selection) return;
  const std::int64_t steps_in_epoch = steps_per_epoch(inputs_.data.train.size(), inputs_.options.batch_size);
  Evaluation evaluation{.step = result_.steps,
                        .epoch = static_cast<double>(result_.steps) / static_cast<double>(steps_in_epoch),
                        .loss = mean_loss(*predictions, task_),
                        .scores = compute_scores(*predictions, *mismatched, task_),
                        .selection_score = compute_score(
                            task_.primary_metric, inputs_.data.chooses_on_dev() ? *predictions : *selection, task_)};
  if (!std::isfinite(evaluation.loss)) {
    result_.end = TrialEnd::kDiverged;
    result_.message = fmt::format("step {}: loss {} on the development set", result_.steps, evaluation.loss);
    return;
  }
  result_.evaluations.push_back(std::move(evaluation));
  result_.predictions = std::move(*predictions);
  result_.mismatched_predictions = std::move(*mismatched);
  const double best = result_.evaluations[result_.best_evaluation].selection_score;
  const double latest = result_.evaluations.back().selection_score;
  if (latest > best || (std::isnan(best) && !std::isnan(latest))) {
    result_.best_evaluation = result_.evaluations.size() - 1;
  }
  if (result_.best_evaluation + 1 == result_.evaluations.size()) control_.on_best(result_.steps, parameters_);
}

void TrainingRun::measure_changes() {
  const auto split = [&](const Parameters& all) {
    const auto added = all.begin() + static_cast<std::ptrdiff_t>(additions_.model_size());
    return std::pair(Parameters(all.begin(), added), Parameters(added, all.end()));
  };
  const auto [model, added] = split(initial_);
  result_.change = measure_parameter_changes(model, split(additions_.merged(parameters_)).first);
  const std::vector<ParameterChange> of_added = measure_parameter_changes(added, split(parameters_).second);
  for (std::size_t i = 0; i < of_added.size(); ++i) {
    const ParameterInfo& info = additions_.catalogue()[model.size() + i];
    result_.added_change.push_back({info.name, info.size(), of_added[i]});
  }
}

}  // namespace tunescope
