#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/sweep_case.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/run/sweep_run.hpp"
#include "tunescope/train/trainer.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

// Maps are of the model with all that is added merged into it, or in place, and the added tensors have a table of their
// own.
void expect_what_a_training_has_added(const std::string& at) {
  test::SweepCase of_sweep(*team);
  SweepSpec& spec = of_sweep.spec;
  spec.tasks = {"CoLA"};
  of_sweep.set_methods({"fisher:pool=layernorm,fraction=0.5,scope=task"});
  spec.train.epochs = 2;
  spec.peft_learning_rates = {1e-3};  // so that no unit of an adapter dies
  spec.fisher.at = parse_method(at);
  test::RecordedRun run;
  EXPECT_EQ(of_sweep.sweep(run).done, 1U);
  if (!team->is_root()) return;  // results are there; a failure must not leave the other ranks waiting
  SweepInputs inputs(spec, [](const std::string&) {});
  const TaskData& data = inputs.task("CoLA");
  const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
  const Additions additions = additions_of(spec.fisher.at, catalogue);
  const TrainInputs training{.model = inputs.model(),
                             .catalogue = catalogue,
                             .data = data,
                             .method = spec.fisher.at,
                             .learning_rate = spec.peft_learning_rates.front(),
                             .seed = spec.fisher.seeds.front(),
                             .options = spec.train};
  Parameters trained;
  train(training, {.on_step = [&](std::int64_t, const Parameters& parameters) {
          trained.clear();
          for (const at::Tensor& tensor : parameters) trained.push_back(tensor.clone());
        }});
  const Dataset examples = subsample(data.train, spec.fisher.examples.front());
  const auto sums_of = [&](const ParameterCatalogue& tensors, const Parameters& parameters, const Additions* added) {
    return sum_squared_gradients({.network = *inputs.model().network,
                                  .catalogue = tensors,
                                  .parameters = parameters,
                                  .dataset = examples,
                                  .task = *data.task,
                                  .needs_gradient = std::vector<bool>(tensors.size(), true),
                                  .additions = added},
                                 {})
        .sums;
  };
  const auto expect_sum = [&](double found, const at::Tensor& squares, const std::string& name) {
    const double expected = squares.sum().item<double>() / static_cast<double>(examples.size());
    EXPECT_GT(expected, 0.0) << name;
    EXPECT_NEAR(found, expected, 1e-5 * expected) << name;
  };
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::directory_iterator(JobFolder(spec).fisher)) {
    if (entry.path().extension() == ".h5") file = entry.path();
  }
  const FisherRecord record = read_fisher(file);
  const std::vector<at::Tensor> of_all = sums_of(additions.catalogue(), trained, &additions);
  ASSERT_EQ(record.added.size(), additions.catalogue().size() - catalogue.size());
  for (ParameterIndex i = catalogue.size(); i < additions.catalogue().size(); ++i) {
    const ParameterInfo& info = additions.catalogue()[i];
    const auto row = std::ranges::find(record.added, info.name, &AddedFisher::tensor);
    ASSERT_NE(row, record.added.end()) << info.name;
    EXPECT_EQ(row->size, info.size());
    expect_sum(row->sum, of_all[i], info.name);
  }
  const Additions left = additions.unmerged();
  const std::vector<at::Tensor> of_merged = sums_of(left.catalogue(), additions.merged(trained), &left);
  for (const ParameterIndex i : group_tensors("layernorm", catalogue)) {
    expect_sum(record.maps.sum[catalogue.cell(i)], of_merged[i], catalogue[i].name);
  }
}

TEST(FisherRun, MeasuresTensorsThatAreMergedIntoTheModel) { expect_what_a_training_has_added("ia3+lora:rank=2"); }

TEST(FisherRun, MeasuresAdaptersInPlace) { expect_what_a_training_has_added("adapter:size=3"); }

TEST(FisherRun, MeasuresAdaptersBesideWhatIsMerged) {
  expect_what_a_training_has_added("adapter:placement=pfeiffer,size=8+layernorm+lora:rank=2");
}

}  // namespace
}  // namespace tunescope
