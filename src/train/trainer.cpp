#include "tunescope/train/trainer.hpp"

#include <algorithm>
#include <utility>

#include "tunescope/train/training_run.hpp"

namespace tunescope {

std::int64_t total_steps(const TrainOptions& options, std::int64_t examples) {
  const std::int64_t steps = options.epochs * steps_per_epoch(examples, options.batch_size);
  return options.max_steps > 0 ? std::min(steps, options.max_steps) : steps;
}

std::int64_t evaluation_interval(const TrainOptions& options, std::int64_t examples) {
  return options.evaluate_every > 0 ? options.evaluate_every : steps_per_epoch(examples, options.batch_size);
}

TrainedModel train_model(const TrainInputs& inputs, const TrainControl& control) {
  TrainingRun run(inputs, control);
  TrainingRun* const alone = &run;
  while (!run.is_over()) TrainingRun::step_together({&alone, 1});
  return std::move(run).finish();
}

TrainResult train(const TrainInputs& inputs, const TrainControl& control) {
  return train_model(inputs, control).result;
}

}  // namespace tunescope
