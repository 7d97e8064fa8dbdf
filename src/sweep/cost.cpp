#include "tunescope/sweep/cost.hpp"

#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

// Passes over the development set: after each interval, and once more where the last step falls between two.
double evaluation_count(const Trial& trial, std::int64_t steps, std::int64_t steps_an_epoch) {
  const std::int64_t interval = trial.options.evaluate_every > 0 ? trial.options.evaluate_every : steps_an_epoch;
  return static_cast<double>((steps + interval - 1) / interval);
}

}  // namespace

double expected_flops(const Trial& trial, SweepInputs& inputs) {
  const TaskData& data = inputs.task(trial.task);
  const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
  const Selection selection = sketch_selection(trial.method, catalogue);
  double forward = 0.0;
  double backward = 0.0;
  bool is_below_trained = false;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const bool is_trained = selection[i].kind != TensorSelection::Kind::kNone;
    is_below_trained = is_below_trained || is_trained;
    if (catalogue[i].role != ParameterRole::kDense || catalogue[i].is_bias) continue;
    const auto multiplications = static_cast<double>(2 * catalogue[i].size());
    forward += multiplications;
    backward += (is_below_trained ? multiplications : 0.0) + (is_trained ? multiplications : 0.0);
  }
  const std::int64_t examples = data.train.size();
  const std::int64_t steps = total_steps(trial.options, examples);
  const std::int64_t steps_an_epoch = (examples + trial.options.batch_size - 1) / trial.options.batch_size;
  const double epochs = static_cast<double>(steps) / static_cast<double>(steps_an_epoch);
  const double training = (forward + backward) * epochs * static_cast<double>(data.train.token_count());
  const double evaluation = forward * evaluation_count(trial, steps, steps_an_epoch) *
                            static_cast<double>(data.dev.token_count() + data.mismatched_dev.token_count());
  return training + evaluation;
}

}  // namespace tunescope
