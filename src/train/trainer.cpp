#include "tunescope/train/trainer.hpp"

#include <c10/util/Exception.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/model/bert.hpp"
#include "tunescope/random/stream.hpp"
#include "tunescope/train/evaluate.hpp"
#include "tunescope/train/loss.hpp"
#include "tunescope/train/trainable_parameters.hpp"

namespace tunescope {
namespace {

std::int64_t steps_per_epoch(const TrainOptions& options, std::int64_t examples) {
  return (examples + options.batch_size - 1) / options.batch_size;
}

BertConfig with_dropout(BertConfig config, std::optional<double> dropout) {
  if (dropout) {
    config.hidden_dropout_prob = *dropout;
    config.attention_probs_dropout_prob = *dropout;
    config.classifier_dropout = *dropout;
  }
  return config;
}

bool has_dropout(const BertConfig& config) {
  return config.hidden_dropout_prob > 0.0 || config.attention_probs_dropout_prob > 0.0 ||
         config.classifier_dropout > 0.0;
}

// The examples of each step, each epoch in a random order of its own.
class BatchOrder {
 public:
  BatchOrder(std::int64_t examples, std::int64_t batch_size, std::uint64_t seed)
      : examples_(examples), batch_size_(batch_size), seed_(seed) {}

  std::span<const std::int64_t> at_step(std::int64_t step) {
    const std::int64_t steps_an_epoch = (examples_ + batch_size_ - 1) / batch_size_;
    if (const std::int64_t epoch = step / steps_an_epoch; epoch != epoch_) {
      order_ = random_permutation(examples_, random_key(seed_, RandomUse::kOrder, static_cast<std::uint64_t>(epoch)));
      epoch_ = epoch;
    }
    const std::int64_t first = step % steps_an_epoch * batch_size_;
    return std::span(order_).subspan(static_cast<std::size_t>(first),
                                     static_cast<std::size_t>(std::min(batch_size_, examples_ - first)));
  }

 private:
  std::int64_t examples_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

// One run: owns the trial's parameters and what is recorded along the way.
class Run {
 public:
  explicit Run(const TrainInputs& inputs)
      : inputs_(inputs),
        task_(*inputs.data.task),
        config_(with_dropout(inputs.model.config, inputs.options.dropout)),
        bert_(config_, inputs.catalogue),
        initial_(with_new_head(inputs.model, inputs.catalogue, inputs.seed)),
        parameters_(initial_),
        trainable_(inputs.catalogue, select_parameters(inputs.method, inputs.catalogue, {inputs.seed, inputs.scores}),
                   parameters_),
        total_steps_(total_steps(inputs.options, inputs.data.train.size())),
        schedule_{.shape = inputs.options.schedule,
                  .warmup_steps = static_cast<std::int64_t>(
                      std::ceil(inputs.options.warmup_fraction * static_cast<double>(total_steps_))),
                  .total_steps = total_steps_} {}

  TrainedModel operator()(const TrainControl& control) && {
    if (control.resume != nullptr) restore(*control.resume);
    result_.trainable_parameters = trainable_.size();
    result_.total_parameters = inputs_.catalogue.total_size();
    BatchOrder order(inputs_.data.train.size(), inputs_.options.batch_size, inputs_.seed);
    while (result_.steps < total_steps_ && result_.outcome == Outcome::kDone) {
      train_step(order.at_step(result_.steps));
      if (result_.outcome == Outcome::kDone) control.on_step(result_.steps, total_steps_, parameters_);
      if (result_.outcome == Outcome::kDone && is_evaluation_due()) evaluate();
      if (result_.outcome == Outcome::kDone && result_.steps < total_steps_) follow(control);
    }
    if (result_.outcome != Outcome::kStopped) measure();
    result_.seconds = seconds();
    return {std::move(result_), std::move(parameters_)};
  }

 private:
  void restore(const TrainState& state) {
    result_ = state.result;
    seconds_before_ = state.result.seconds;
    trainable_.restore({state.values, state.first_moments, state.second_moments, state.result.steps});
  }

  double seconds() const {
    return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

  void follow(const TrainControl& control) {
    const NextAction action = control.next_action();
    if (action == NextAction::kGoOn) return;
    const TrainableParameters::State state = trainable_.state();
    result_.seconds = seconds();
    control.save({result_, state.values, state.first_moments, state.second_moments});
    if (action == NextAction::kSaveAndStop) result_.outcome = Outcome::kStopped;
  }

  // Adds the gradient of these examples' share of a batch's mean loss, and returns that share of the loss.
  double add_gradient(std::span<const std::int64_t> examples, std::int64_t batch_size,
                      std::optional<std::uint64_t> dropout_key) {
    const PackedBatch batch = pack(inputs_.data.train, examples, task_.is_regression(), parameters_.front().device());
    const BertActivations activations = bert_.forward(parameters_, batch, dropout_key);
    const Loss loss = batch_loss(activations.logits, batch.labels);
    const double share = static_cast<double>(examples.size()) / static_cast<double>(batch_size);
    if (share < 1.0) loss.logits_gradient.mul_(share);
    bert_.backward(parameters_, batch, activations, dropout_key, loss.logits_gradient, trainable_);
    return share * loss.value;
  }

  // The gradient of a batch, in as many parts as fit into memory. Returns the loss.
  double compute_gradient(std::span<const std::int64_t> examples, std::optional<std::uint64_t> dropout_key) {
    for (;;) {
      try {
        trainable_.zero_gradients();
        double loss = 0.0;
        for (std::size_t first = 0; first < examples.size(); first += part_size_) {
          loss += add_gradient(examples.subspan(first, std::min(part_size_, examples.size() - first)),
                               static_cast<std::int64_t>(examples.size()), dropout_key);
        }
        return loss;
      } catch (const c10::OutOfMemoryError&) {
        part_size_ = std::min(part_size_, examples.size()) / 2;
        if (part_size_ == 0) throw;
      }
    }
  }

  void train_step(std::span<const std::int64_t> examples) {
    std::optional<std::uint64_t> dropout_key;
    if (has_dropout(config_)) {
      dropout_key = random_key(inputs_.seed, RandomUse::kDropout, static_cast<std::uint64_t>(result_.steps));
    }
    const double loss = compute_gradient(examples, dropout_key);
    const double norm = trainable_.gradient_norm();
    const double learning_rate = inputs_.learning_rate * schedule_.factor(result_.steps);
    ++result_.steps;
    result_.history.push_back(
        {.step = result_.steps, .loss = loss, .learning_rate = learning_rate, .gradient_norm = norm});
    if (!std::isfinite(loss) || !std::isfinite(norm)) {
      result_.outcome = Outcome::kDiverged;
      result_.message = fmt::format("step {}: loss {}, gradient norm {}", result_.steps, loss, norm);
      return;
    }
    clip(norm);
    trainable_.step({.learning_rate = learning_rate, .weight_decay = inputs_.options.weight_decay});
  }

  // As torch.nn.utils.clip_grad_norm_, whose constant keeps the factor below one.
  void clip(double norm) {
    if (inputs_.options.clip_norm <= 0.0) return;
    const double factor = inputs_.options.clip_norm / (norm + 1e-6);
    if (factor < 1.0) trainable_.scale_gradients(factor);
  }

  bool is_evaluation_due() const {
    const std::int64_t interval = inputs_.options.evaluate_every > 0
                                      ? inputs_.options.evaluate_every
                                      : steps_per_epoch(inputs_.options, inputs_.data.train.size());
    return result_.steps % interval == 0 || result_.steps == total_steps_;
  }

  void evaluate() {
    const Predictions predictions = predict(bert_, parameters_, inputs_.data.dev, task_);
    const Predictions mismatched = predict(bert_, parameters_, inputs_.data.mismatched_dev, task_);
    Evaluation evaluation{.step = result_.steps,
                          .epoch = static_cast<double>(result_.steps) /
                                   static_cast<double>(steps_per_epoch(inputs_.options, inputs_.data.train.size())),
                          .loss = mean_loss(predictions, task_),
                          .scores = score(predictions, mismatched, task_)};
    if (!std::isfinite(evaluation.loss)) {
      result_.outcome = Outcome::kDiverged;
      result_.message = fmt::format("step {}: loss {} on the development set", result_.steps, evaluation.loss);
      return;
    }
    result_.evaluations.push_back(std::move(evaluation));
    result_.predictions = predictions;
    result_.mismatched_predictions = mismatched;
    const auto headline = static_cast<std::size_t>(task_.headline);
    const double best = result_.evaluations[result_.best_evaluation].scores[headline];
    const double latest = result_.evaluations.back().scores[headline];
    if (latest > best || (std::isnan(best) && !std::isnan(latest))) {
      result_.best_evaluation = result_.evaluations.size() - 1;
    }
  }

  void measure() {
    for (ParameterIndex i = 0; i < parameters_.size(); ++i) {
      const bool is_shared = parameters_[i].is_same(initial_[i]);
      result_.change.push_back(is_shared ? Change{} : measure_change(initial_[i], parameters_[i]));
    }
  }

  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double seconds_before_ = 0.0;
  const TrainInputs& inputs_;
  const Task& task_;
  BertConfig config_;
  Bert bert_;
  Parameters initial_;
  Parameters parameters_;
  TrainableParameters trainable_;
  std::int64_t total_steps_;
  Schedule schedule_;
  TrainResult result_;
  std::size_t part_size_ = std::numeric_limits<std::size_t>::max();  // examples of a batch computed at once
};

}  // namespace

std::int64_t total_steps(const TrainOptions& options, std::int64_t examples) {
  const std::int64_t steps = options.epochs * steps_per_epoch(options, examples);
  return options.max_steps > 0 ? std::min(steps, options.max_steps) : steps;
}

TrainedModel train_model(const TrainInputs& inputs, const TrainControl& control) { return Run(inputs)(control); }

TrainResult train(const TrainInputs& inputs, const TrainControl& control) {
  return train_model(inputs, control).result;
}

}  // namespace tunescope
