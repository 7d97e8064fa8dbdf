// One step of several runs: their gradients in one pass, or in as many as memory asks for, then one update.

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/failure.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/train/training_run.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {

// Adds the part's share of the batch's mean loss, and the gradient of that share, to each run.
void TrainingRun::add_gradients(std::span<const Part> parts) {
  std::vector<PackedBatch> batches;
  std::vector<ModelInput> models;
  std::vector<TrainableParameters*> trained;
  batches.reserve(parts.size());
  for (const auto& [run, examples] : parts) {
    batches.push_back(pack(run.inputs_.data.train, examples, run.task_.is_regression()));
    models.push_back({run.parameters_, batches.back(), run.dropout_key_, run.bfloat16_weights()});
    trained.push_back(&run.trainable_);
    run.tokens_ += batches.back().token_count();
  }
  const TrainingRun& any = parts.front().run;
  TrainingSink sink(std::move(trained));
  PassOptions options = any.pass_options_;
  options.sink = &sink;
  Pass pass(*any.inputs_.model.network, models, options);
  std::vector<LossBatch> losses;
  for (std::size_t model = 0; model < parts.size(); ++model) {
    const auto& [run, examples] = parts[model];
    losses.push_back({.logits = pass.logits()[model],
                      .labels = pass.labels()[model],
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

// What needs memory, or may be the fault of one run, is done before any number of a run changes, so it can be done
// again.
TrainingRun::PreparedUpdate TrainingRun::prepare_update(std::span<TrainingRun* const> runs) {
  std::vector<TrainableParameters*> trained;
  for (TrainingRun* run : runs) trained.push_back(&run->trainable_);
  const std::vector<TrainableParameters::StepGradients> gradients = TrainableParameters::finish_gradients(trained);
  PreparedUpdate prepared;
  std::vector<at::Tensor> numbers;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    TrainingRun& run = *runs[i];
    prepared.updates.push_back({run.trainable_, gradients[i], run.loss_, run.next_step()});
    numbers.insert(numbers.end(), {run.loss_, gradients[i].norm()});
  }
  prepared.numbers = std::make_shared<const PendingNumbers>(HostRead::kStep, numbers);
  return prepared;
}

bool TrainingRun::update(std::span<TrainingRun* const> runs) {
  std::vector<TrainingRun*> updated;
  std::ranges::copy_if(runs, std::back_inserter(updated), [](const TrainingRun* run) { return !run->error_; });
  if (updated.empty()) return true;
  bool has_memory = true;
  try {
    finish_step(updated, prepare_update(updated));
    return true;
  } catch (const std::exception& error) {
    throw_if_broken(updated.front()->device(), error);
    has_memory = !is_out_of_memory(error);
    if (updated.size() == 1) updated.front()->error_ = std::current_exception();
  }
  if (updated.size() == 1) return true;
  const std::span<TrainingRun* const> group(updated);
  const bool first_half_fit = update(group.first(group.size() / 2));
  return update(group.subspan(group.size() / 2)) && first_half_fit && has_memory;
}

// Asks for no memory on a GPU. If it fails all the same, nobody knows which numbers have changed: each run has to
// resume from its checkpoint.
void TrainingRun::finish_step(std::span<TrainingRun* const> runs, const PreparedUpdate& prepared) {
  try {
    TrainableParameters::step(prepared.updates);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      runs[i]->settle_step();
      runs[i]->begin_waiting({prepared.numbers, 2 * i, prepared.updates[i].step.learning_rate});
    }
  } catch (const std::exception& error) {
    throw_if_broken(runs.front()->device(), error);
    for (TrainingRun* run : runs) run->error_ = std::current_exception();
  }
}

AdamWStep TrainingRun::next_step() const {
  return {.learning_rate = inputs_.learning_rate * schedule_.factor(result_.steps),
          .weight_decay = inputs_.options.weight_decay,
          .clip_norm = inputs_.options.clip_norm};
}

// If the step before turns out to have diverged, this one has changed nothing.
void TrainingRun::begin_waiting(UnsettledStep step) {
  if (result_.end != TrialEnd::kDone) return;
  ++result_.steps;
  unsettled_ = std::move(step);
}

// Records the latest step, whose numbers may still be on their way.
void TrainingRun::settle_step() {
  if (!unsettled_) return;
  const UnsettledStep step = *std::exchange(unsettled_, std::nullopt);
  const std::span<const double> numbers = step.numbers->wait();
  const double loss = numbers[step.first];
  const double norm = numbers[step.first + 1];
  result_.history.push_back(
      {.step = result_.steps, .loss = loss, .learning_rate = step.learning_rate, .gradient_norm = norm});
  if (std::isfinite(loss) && std::isfinite(norm)) return;
  result_.end = TrialEnd::kDiverged;
  result_.message = fmt::format("step {}: loss {}, gradient norm {}", result_.steps, loss, norm);
}

}  // namespace tunescope
