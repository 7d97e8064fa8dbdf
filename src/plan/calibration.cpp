#include "tunescope/plan/calibration.hpp"

#include <algorithm>
#include <chrono>

#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kMeasuredSteps = 6;
constexpr std::int64_t kMeasuredDevExamples = 64;
constexpr std::int64_t kMeasuredGroups = 128;

template <typename Work>
double elapsed_seconds(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The difference between much and little of the same work is without what happens once.
Measurement operator-(const Measurement& all, const Measurement& first) {
  return {.flops = all.flops - first.flops, .seconds = all.seconds - first.seconds};
}

}  // namespace

Measurement measure_first_steps(Trial trial, SweepInputs& inputs) {
  const TaskData& whole = inputs.task(trial.task);
  TaskData data = whole;
  data.train = subsample(whole.train, std::min(whole.train.size(), kMeasuredSteps * trial.options.batch_size));
  for (Dataset* const evaluated : {&data.dev, &data.mismatched_dev, &data.selection}) {
    *evaluated = subsample(*evaluated, kMeasuredDevExamples);
  }
  trial.method = planning_stand_in(trial.method);
  const auto measure = [&](std::int64_t steps) -> Measurement {
    trial.options.max_steps = steps;
    trial.options.evaluate_every = steps;  // one evaluation each
    const TrainInputs run{.model = inputs.model(),
                          .catalogue = inputs.catalogue(*data.task),
                          .data = data,
                          .method = trial.method,
                          .learning_rate = trial.learning_rate,
                          .seed = trial.seed,
                          .options = trial.options,
                          .bfloat16_weights = inputs.bfloat16_weights(trial.options.precision)};
    const double seconds = elapsed_seconds([&] { train(run, {}); });
    return {.flops = expected_flops(trial, inputs.pass_costs(), data), .seconds = seconds};
  };
  const Tf32Products products(trial.options.precision == Precision::kTf32);
  measure(1);  // threads, memory and caches warm up
  const Measurement first = measure(1);
  return measure(kMeasuredSteps) - first;
}

Measurement measure_first_examples(const FisherRun& run, SweepInputs& inputs) {
  const TaskData& whole = inputs.task(run.training.task);
  const ParameterCatalogue& catalogue = inputs.catalogue(*whole.task);
  const Parameters parameters = with_new_head(inputs.model(), catalogue, run.training.seed);
  const auto measure = [&](std::int64_t examples) -> Measurement {
    TaskData data;
    data.task = whole.task;
    data.train = subsample(whole.train, examples);
    const FisherInputs measured{.network = *inputs.model().network,
                                .catalogue = catalogue,
                                .parameters = parameters,
                                .dataset = data.train,
                                .task = *data.task,
                                .needs_gradient = group_members(run.parameters, catalogue),
                                .mode = run.mode,
                                .batch_size = run.batch_size,
                                .seed = run.training.seed,
                                .draws = run.draws,
                                .bfloat16_weights = inputs.bfloat16_weights(run.precision)};
    const double seconds = elapsed_seconds([&] { sum_squared_gradients(measured, {}); });
    FisherRun of_model = run;
    of_model.examples = 0;          // all of `data`
    of_model.training.method = {};  // what it adds is not measured
    return {.flops = expected_flops(of_model, inputs.pass_costs(), data), .seconds = seconds};
  };
  const Tf32Products products(run.precision == Precision::kTf32);
  const std::int64_t most = std::min(whole.train.size(), kMeasuredGroups * run.batch_size);
  const std::int64_t few = std::max<std::int64_t>(1, most / 4);
  measure(few);  // threads, memory and caches warm up
  const Measurement first = measure(few);
  return measure(most) - first;
}

}  // namespace tunescope
