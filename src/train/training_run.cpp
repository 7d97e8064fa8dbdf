#include "tunescope/train/training_run.hpp"

#include <ATen/ops/empty.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "tunescope/base/hash.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/failure.hpp"
#include "tunescope/device/host_read.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/random/stream.hpp"
#include "tunescope/train/evaluate.hpp"
#include "tunescope/train/training_sink.hpp"

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

}  // namespace

TrainingRun::TrainingRun(const TrainInputs& inputs, TrainControl control)
    : TrainingRun(inputs, std::move(control),
                  select_parameters(inputs.method, inputs.catalogue, {inputs.seed, inputs.importance})) {}

TrainingRun::TrainingRun(const TrainInputs& inputs, TrainControl control, const Selection& selection)
    : inputs_(inputs),
      control_(std::move(control)),
      task_(*inputs.data.task),
      pass_options_{.bfloat16_weights = inputs.bfloat16_weights, .dropout = inputs.options.dropout},
      initial_(with_new_head(inputs.model, inputs.catalogue, inputs.seed)),
      parameters_(initial_),
      trainable_(inputs.catalogue, selection, parameters_),
      loss_(at::empty({}, parameters_.front().options().dtype(at::kDouble))),
      fingerprint_(fingerprint_of(selection)),
      order_(inputs.data.train.size(), inputs.options.batch_size, inputs.seed),
      total_steps_(total_steps(inputs.options, inputs.data.train.size())),
      schedule_{.shape = inputs.options.schedule,
                .warmup_steps = static_cast<std::int64_t>(
                    std::ceil(inputs.options.warmup_fraction * static_cast<double>(total_steps_))),
                .total_steps = total_steps_} {
  const TrainState* const saved = std::exchange(control_.resume, nullptr);
  if (saved != nullptr && saved->fingerprint == fingerprint_) {
    result_ = saved->result;
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

TrainedModel TrainingRun::finish() && {
  if (!error_ && result_.end != TrialEnd::kStopped) attempt([&] { measure_changes(); });
  if (error_) std::rethrow_exception(error_);
  return {std::move(result_), std::move(parameters_)};
}

TrainingRun::StepCost TrainingRun::step_together(std::span<TrainingRun* const> runs) {
  const Clock::time_point begin = Clock::now();
  for (TrainingRun* run : runs) run->begin_step();
  const bool fit_in_memory = compute_gradients(runs);
  StepCost cost{.seconds = std::chrono::duration<double>(Clock::now() - begin).count(), .fit_in_memory = fit_in_memory};
  for (const TrainingRun* run : runs) cost.tokens += run->tokens_;
  for (TrainingRun* run : runs) {
    run->result_.seconds += cost.seconds * static_cast<double>(run->tokens_) / static_cast<double>(cost.tokens);
    if (!run->error_) run->attempt([&] { run->end_step(); });
    if (!run->is_over()) run->attempt([&] { run->poll_control(); });
  }
  return cost;
}

void TrainingRun::begin_step() {
  examples_ = order_.at_step(result_.steps);
  dropout_key_.reset();
  const std::optional<double>& dropout = inputs_.options.dropout;
  if (dropout ? *dropout > 0.0 : inputs_.model.network->has_dropout()) {
    dropout_key_ = random_key(inputs_.seed, RandomUse::kDropout, static_cast<std::uint64_t>(result_.steps));
  }
  restart_step();
}

void TrainingRun::restart_step() {
  trainable_.zero_grad();
  accumulate_loss_ = Accumulate::kNo;
  tokens_ = 0;
}

// Adds the part's share of the batch's mean loss, and the gradient of that share, to each run.
void TrainingRun::add_gradients(std::span<const Part> parts) {
  std::vector<PackedBatch> batches;
  std::vector<ModelInput> models;
  std::vector<TrainableParameters*> trained;
  batches.reserve(parts.size());
  for (const auto& [run, examples] : parts) {
    batches.push_back(pack(run.inputs_.data.train, examples, run.task_.is_regression(), run.device()));
    models.push_back({run.parameters_, batches.back(), run.dropout_key_});
    trained.push_back(&run.trainable_);
    run.tokens_ += batches.back().token_count();
  }
  const TrainingRun& any = parts.front().run;
  TrainingSink sink(std::move(trained), any.inputs_.bfloat16_weights);
  PassOptions options = any.pass_options_;
  options.sink = &sink;
  Pass pass(*any.inputs_.model.network, models, options);
  std::vector<LossBatch> losses;
  for (std::size_t model = 0; model < parts.size(); ++model) {
    const auto& [run, examples] = parts[model];
    losses.push_back({.logits = pass.logits()[model],
                      .labels = batches[model].labels,
                      .share = static_cast<double>(examples.size()) / static_cast<double>(run.examples_.size()),
                      .loss = run.loss_,
                      .accumulate = std::exchange(run.accumulate_loss_, Accumulate::kYes)});
  }
  pass.backward(batch_losses(losses));
}

bool TrainingRun::compute_gradients(std::span<TrainingRun* const> runs) {
  if (runs.size() == 1) {
    runs.front()->compute_gradient_in_parts();
    return true;
  }
  bool has_memory = true;
  try {
    std::vector<Part> parts;
    for (TrainingRun* run : runs) parts.push_back({*run, run->examples_});
    add_gradients(parts);
    return true;
  } catch (const std::exception& error) {  // the smaller groups show which run is at fault
    throw_if_broken(runs.front()->device(), error);
    has_memory = !is_out_of_memory(error);
  }
  for (TrainingRun* run : runs) run->restart_step();
  const std::size_t half = runs.size() / 2;
  const bool first_half_fit = compute_gradients(runs.first(half));
  return compute_gradients(runs.subspan(half)) && first_half_fit && has_memory;
}

void TrainingRun::compute_gradient_in_parts() {
  for (;;) {
    try {
      for (std::size_t first = 0; first < examples_.size(); first += part_size_) {
        const Part part{*this, examples_.subspan(first, std::min(part_size_, examples_.size() - first))};
        add_gradients({&part, 1});
      }
      return;
    } catch (const std::exception& error) {
      throw_if_broken(device(), error);
      if (is_out_of_memory(error)) part_size_ = std::min(part_size_, examples_.size()) / 2;
      if (!is_out_of_memory(error) || part_size_ == 0) {
        error_ = std::current_exception();
        return;
      }
      restart_step();
    }
  }
}

void TrainingRun::end_step() {
  update();
  if (result_.end != TrialEnd::kDone) return;
  control_.on_step(result_.steps, parameters_);
  if (is_evaluation_missing()) evaluate();
}

void TrainingRun::update() {
  const double learning_rate = inputs_.learning_rate * schedule_.factor(result_.steps);
  const TrainableParameters::StepGradients gradients = trainable_.finish_gradients();
  trainable_.step(gradients, loss_,
                  {.learning_rate = learning_rate,
                   .weight_decay = inputs_.options.weight_decay,
                   .clip_norm = inputs_.options.clip_norm});
  const std::vector<double> numbers = read_numbers(HostRead::kStep, {loss_, gradients.norm()});
  const double loss = numbers[0];
  const double norm = numbers[1];
  ++result_.steps;
  result_.history.push_back(
      {.step = result_.steps, .loss = loss, .learning_rate = learning_rate, .gradient_norm = norm});
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    result_.end = TrialEnd::kDiverged;
    result_.message = fmt::format("step {}: loss {}, gradient norm {}", result_.steps, loss, norm);
  }
}

void TrainingRun::poll_control() {
  control_.on_progress(result_.steps, total_steps_);
  const NextAction action = control_.next_action();
  if (action == NextAction::kContinue) return;
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
  std::optional<Predictions> predictions =
      predict({*inputs_.model.network, parameters_, inputs_.bfloat16_weights}, inputs_.data.dev, task_, keep_going);
  if (!predictions) return;
  std::optional<Predictions> mismatched = predict({*inputs_.model.network, parameters_, inputs_.bfloat16_weights},
                                                  inputs_.data.mismatched_dev, task_, keep_going);
  if (!mismatched) return;
  const std::int64_t steps_in_epoch = steps_per_epoch(inputs_.data.train.size(), inputs_.options.batch_size);
  Evaluation evaluation{.step = result_.steps,
                        .epoch = static_cast<double>(result_.steps) / static_cast<double>(steps_in_epoch),
                        .loss = mean_loss(*predictions, task_),
                        .scores = compute_scores(*predictions, *mismatched, task_)};
  if (!std::isfinite(evaluation.loss)) {
    result_.end = TrialEnd::kDiverged;
    result_.message = fmt::format("step {}: loss {} on the development set", result_.steps, evaluation.loss);
    return;
  }
  result_.evaluations.push_back(std::move(evaluation));
  result_.predictions = std::move(*predictions);
  result_.mismatched_predictions = std::move(*mismatched);
  const auto primary = static_cast<std::size_t>(task_.primary_metric);
  const double best = result_.evaluations[result_.best_evaluation].scores[primary];
  const double latest = result_.evaluations.back().scores[primary];
  if (latest > best || (std::isnan(best) && !std::isnan(latest))) {
    result_.best_evaluation = result_.evaluations.size() - 1;
  }
  if (result_.best_evaluation + 1 == result_.evaluations.size()) control_.on_best(result_.steps, parameters_);
}

void TrainingRun::measure_changes() { result_.change = measure_parameter_changes(initial_, parameters_); }

}  // namespace tunescope
