// What a device without kernels of its own computes: whole training runs on the reference kernels, on the CPU.

#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/golden.hpp"
#include "support/learnable_examples.hpp"
#include "support/limited_allocator.hpp"
#include "support/started_runs.hpp"
#include "support/trained_parameters.hpp"
#include "tunescope/device/host_read.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/evaluate.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {
namespace {

class ReferenceTraining : public ::testing::Test {
 protected:
  TrainInputs inputs(const std::string& method, std::uint64_t seed = 1) const {
    return {.model = model,
            .catalogue = catalogue,
            .data = data,
            .method = parse_method(method),
            .learning_rate = 1e-3,
            .seed = seed,
            .options = {.epochs = 5, .batch_size = 8, .evaluate_every = 10, .dropout = 0.1}};
  }

  // Runs of several methods in one pass.
  std::vector<TrainedModel> train_together(const std::vector<std::string>& methods) const {
    std::vector<TrainInputs> trials;
    for (const std::string& method : methods) trials.push_back(inputs(method, trials.size() + 1));
    const auto [runs, group] = test::StartedRuns(trials);
    while (!runs.front()->is_over()) TrainingRun::step_together(group);
    std::vector<TrainedModel> trained;
    for (const auto& run : runs) trained.push_back(std::move(*run).finish());
    return trained;
  }

  void expect_near(const TrainedModel& found, const TrainedModel& expected) const {
    constexpr double kTolerance = 5e-5;  // rounding grows over 30 steps, and differs between CPUs
    EXPECT_EQ(found.result.steps, 30);
    test::expect_near_parameters(catalogue, found.parameters, expected.parameters);
    ASSERT_EQ(found.result.evaluations.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(found.result.evaluations[i].loss, expected.result.evaluations[i].loss, kTolerance);
    }
    const std::vector<float>& logits = found.result.predictions.logits;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(logits[i], expected.result.predictions.logits[i], kTolerance);
    }
  }

  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  TaskData data{.task = &glue_task("SST-2"),
                .train = test::learnable_examples(48, 1),
                .dev = test::learnable_examples(32, 2),
                .mismatched_dev = {},
                .content_hash = {}};
};

TEST_F(ReferenceTraining, OfOneRunEqualsThatOfTheCpusKernels) {
  for (const char* method : {"full", "layernorm"}) {
    SCOPED_TRACE(method);
    const TrainedModel expected = train_model(inputs(method), {});
    const ForcedKernels reference(KernelBackend::kReference);
    expect_near(train_model(inputs(method), {}), expected);
  }
}

TEST_F(ReferenceTraining, OfFourLanesEqualsThatOfTheCpusKernels) {
  const std::vector<std::string> methods = {"layernorm", "bitfit", "layernorm-output", "head"};
  const std::vector<TrainedModel> expected = train_together(methods);
  const ForcedKernels reference(KernelBackend::kReference);
  const std::vector<TrainedModel> found = train_together(methods);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    SCOPED_TRACE(methods[i]);
    expect_near(found[i], expected[i]);
  }
}

// The batch of 8 takes blocks of up to 25 kB.
TEST_F(ReferenceTraining, InPartsThatFitEqualsThatOfTheCpusKernels) {
  const TrainedModel expected = train_model(inputs("layernorm"), {});
  const ForcedKernels reference(KernelBackend::kReference);
  const test::LimitedAllocator limited(16'000);
  expect_near(train_model(inputs("layernorm"), {}), expected);
}

// On a device without numbers every other read would throw.
TEST_F(ReferenceTraining, ReadsTwoNumbersAStepFromItsDevice) {
  move_to(model, at::kMeta);
  for (const char* method : {"full", "layernorm", "bitfit", "random:pool=full,fraction=0.1"}) {
    SCOPED_TRACE(method);
    const TrainInputs trial = inputs(method);
    TrainingRun run(trial, {});
    TrainingRun* const group = &run;
    const std::int64_t before = host_reads(HostRead::kStep);
    for (int step = 0; step < 5; ++step) TrainingRun::step_together({&group, 1});
    if (run.is_over()) std::move(run).finish();
    EXPECT_EQ(host_reads(HostRead::kStep) - before, 5);
  }
}

TEST_F(ReferenceTraining, ReadsTheLogitsOfAllPassesAtOnce) {
  const Dataset dataset = test::learnable_examples(1'000, 3);
  const Parameters parameters = with_new_head(model, catalogue, 1);
  int passes = 0;
  const auto count_passes = [&] { return ++passes > 0; };
  const std::int64_t before = host_reads(HostRead::kLogits);
  const Predictions all = predict({*model.network, parameters}, dataset, *data.task, count_passes).value();
  EXPECT_EQ(passes, 2);
  EXPECT_EQ(host_reads(HostRead::kLogits) - before, 1);
  const std::vector<std::int64_t> last = {dataset.size() - 1};
  const at::Tensor logits = evaluate_logits(*model.network, {parameters, pack(dataset, last, /*is_regression=*/false)});
  for (std::int64_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(all.logits[static_cast<std::size_t>(2 * last.front() + k)], logits[0][k].item<float>(), 1e-5);
  }
}

// Operations that wait for a GPU: they read a number, or their result's size depends on numbers. The CPU's fused AdamW,
// unlike a GPU's, reads the number of the step.
std::vector<std::string> waits;
bool is_in_adamw = false;

bool is_adamw(const at::RecordFunction& function) { return std::string(function.name()) == "aten::_fused_adamw_"; }

std::unique_ptr<at::ObserverContext> note_wait(const at::RecordFunction& function) {
  const std::string name = function.name();
  if (is_adamw(function)) is_in_adamw = true;
  if (is_in_adamw) return nullptr;
  for (const char* waiting : {"_local_scalar_dense", "nonzero", "masked_select", "_unique2"}) {
    if (name == std::string("aten::") + waiting) waits.push_back(name);
  }
  return nullptr;
}

void note_end(const at::RecordFunction& function, at::ObserverContext*) {
  if (is_adamw(function)) is_in_adamw = false;
}

TEST_F(ReferenceTraining, HasNoOtherWaitForItsDeviceInAStep) {
  const ForcedKernels reference(KernelBackend::kReference);
  for (const char* method : {"full", "layernorm", "bitfit", "random:pool=full,fraction=0.1"}) {
    SCOPED_TRACE(method);
    const TrainInputs trial = inputs(method);
    TrainingRun run(trial, {});
    TrainingRun* const group = &run;
    const at::CallbackHandle callback = at::addGlobalCallback(at::RecordFunctionCallback(note_wait, note_end));
    for (int step = 0; step < 5; ++step) TrainingRun::step_together({&group, 1});
    at::removeCallback(callback);
    EXPECT_THAT(waits, ::testing::IsEmpty());
    waits.clear();
  }
}

}  // namespace
}  // namespace tunescope
