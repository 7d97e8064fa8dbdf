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
    models.push_back({.parameters = run.parameters_,
                      .batch = batches.back(),
                      .dropout_key = run.dropout_key_,
                      .bfloat16_weights = run.bfloat16_weights(),
                      .additions = &run.additions_,
                      .packed_weights = run.packed_weights()});
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

// The smaller groups show which run is at fault.
bool TrainingRun::do_in_groups(Runs runs, const std::function<void(Runs group)>& work) {
  bool has_memory = true;
  try {
    work(runs);
    return true;
  } catch (const std::exception& error) {
    throw_if_broken(runs.front()->device(), error);
    has_memory = !is_out_of_memory(error);
    if (runs.size() == 1) runs.front()->error_ = std::current_exception();
  }
  if (runs.size() == 1) return true;
  const std::size_t half = runs.size() / 2;
  const bool first_half_fit = do_in_groups(runs.first(half), work);
  return do_in_groups(runs.subspan(half), work) && first_half_fit && has_memory;
}

bool TrainingRun::compute_gradients(Runs runs) {
  return do_in_groups(runs, [](Runs group) {
    if (group.size() == 1) return group.front()->compute_gradient_in_parts();
    std::vector<Part> parts;
    for (TrainingRun* run : group) {
      run->restart_step();
      parts.push_back({*run, run->examples_});
    }
    add_gradients(parts);
  });
}

void TrainingRun::compute_gradient_in_parts() {
  for (;;) {
    try {
      restart_step();
      for (std::size_t first = 0; first < examples_.size(); first += part_size_) {
        const Part part{*this, examples_.subspan(first, std::min(part_size_, examples_.size() - first))};
        add_gradients({&part, 1});
      }
      return;
    } catch (const std::exception& error) {
      throw_if_broken(device(), error);
      if (!is_out_of_memory(error)) throw;
      part_size_ = std::min(part_size_, examples_.size()) / 2;
      if (part_size_ == 0) throw;
    }
  }
}

// What needs memory, or may be the fault of one run, is done before any number of a run changes, so it can be done
// again.
TrainingRun::PreparedUpdate TrainingRun::prepare_update(Runs runs) {
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

bool TrainingRun::update(Runs runs) {
  std::vector<TrainingRun*> updated;
  std::ranges::copy_if(runs, std::back_inserter(updated), [](const TrainingRun* run) { return !run->error_; });
  return updated.empty() || do_in_groups(updated, [](Runs group) { finish_step(group, prepare_update(group)); });
}

// Asks for no memory on a GPU. If it fails all the same, nobody knows which numbers have changed: each run has to
// resume from its checkpoint.
void TrainingRun::finish_step(Runs runs, const PreparedUpdate& prepared) {
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
