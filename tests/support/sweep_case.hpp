#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/run/sweep_run.hpp"

namespace tunescope::test {

/// What a run told, on rank 0.
struct RecordedRun final : RunListener {
  void on_trial_start(TrialIndex trial) override {
    started.push_back(trial);
    most_in_training = std::max(most_in_training, ++in_training);
    if (on_start) on_start();
  }
  void on_trials(const std::vector<PlannedTrial>& trials, const TrialIndices&) override { listed = &trials; }
  void on_trial_progress(TrialIndex, std::int64_t, std::int64_t) override {
    if (on_progress) on_progress();
  }
  void on_trial_end(TrialIndex trial, const TrialSummary& summary) override {
    ends[(*listed)[trial].id] = summary.end;
    --in_training;
  }
  void on_waiting(std::size_t) override {
    if (on_wait) on_wait();
  }
  void on_broken(std::size_t trials, const CommonError& error) override {
    first_failures = trials;
    common_error = error;
  }
  void on_fisher_end(std::size_t, double, const std::string& error) override { fisher_errors.push_back(error); }
  void on_warning(const std::string& text) override { warnings.push_back(text); }

  const std::vector<PlannedTrial>* listed = nullptr;
  TrialIndices started;
  std::map<std::string, TrialEnd> ends;  // by trial
  std::size_t first_failures = 0;
  CommonError common_error;
  std::vector<std::string> fisher_errors;
  std::vector<std::string> warnings;
  int in_training = 0;
  int most_in_training = 0;
  std::function<void()> on_start, on_progress, on_wait;
};

/// Whether a block may hold activations of an example: rows of 32 numbers or a multiple, as wide as the model is. The
/// layout of a batch is of another size.
inline bool is_of_activations(std::size_t bytes) { return bytes > 4096 && bytes % (32 * sizeof(float)) == 0; }

/// Sweeps of the golden model on a few rows of CoLA and RTE in a folder of all ranks.
class SweepCase {
 public:
  explicit SweepCase(RankTeam& team) : team_(team) {
    if (team.is_root()) folder_.emplace();
    root_ = team.on_root([&] { return folder_->path().string(); });
    team.on_root([&] {
      std::filesystem::copy(golden("earlier_build/model"), root_ / "model");
      for (const char* name : {"config.json", "model.safetensors"}) {
        std::filesystem::copy(golden("model/tiny") / name, root_ / "model" / name);
      }
      std::filesystem::copy(golden("earlier_build/glue"), root_ / "glue", std::filesystem::copy_options::recursive);
    });
    spec.name = "earlier";
    spec.model_folder = root_ / "model";
    spec.glue_folder = root_ / "glue";
    spec.cache_folder = root_ / "cache";
    spec.results_folder = root_ / "results";
    spec.tasks = {"CoLA", "RTE"};
    spec.max_length = 48;
    set_methods(
        {"full", "layernorm", "fisher:pool=layernorm,fraction=0.5,scope=task", "random:pool=layernorm,fraction=0.5"});
    spec.learning_rates = {1e-3};
    spec.peft_learning_rates = {1e-2};
    spec.seeds = {1};
    spec.train.epochs = 20;
    spec.train.batch_size = 8;
    spec.fisher.examples = {16};
    spec.fisher.parameters = "layernorm";
    spec.fisher.keep = "layernorm";
    spec.device = DeviceKind::kCpu;
    spec.threads = 1;
    spec.lanes = 1;
  }
  ~SweepCase() { team_.barrier(); }  // the folder goes when all ranks have done with it
  SweepCase(const SweepCase&) = delete;
  SweepCase& operator=(const SweepCase&) = delete;

  void set_methods(const std::vector<std::string>& texts) {
    spec.methods.clear();
    for (const std::string& text : texts) spec.methods.push_back(parse_method(text));
  }

  /// Puts the results of an earlier build where this job's are.
  void copy_earlier_results() const {
    team_.on_root([&] {
      std::filesystem::create_directories(spec.results_folder);
      std::filesystem::copy(golden("earlier_build/results/earlier"), spec.job_folder(),
                            std::filesystem::copy_options::recursive);
    });
  }

  SweepEnd sweep(RunListener& listener) const {
    StopRequest stop;
    return sweep(listener, stop);
  }
  SweepEnd sweep(RunListener& listener, StopRequest& stop) const {
    const auto job = open_job(
        team_, [&] { return spec; }, needed_fisher_runs, listener);
    const RankContext rank = set_up_rank(team_, *job, stop, listener);
    return run_sweep(team_, rank, listener);
  }

  const std::filesystem::path& root() const { return root_; }
  SweepSpec spec;

 private:
  RankTeam& team_;
  std::optional<TemporaryFolder> folder_;
  std::filesystem::path root_;
};

/// To the bit.
inline void expect_same_training(const TrialRecord& one, const TrialRecord& other) {
  ASSERT_EQ(one.history.size(), other.history.size());
  for (std::size_t i = 0; i < one.history.size(); ++i) EXPECT_EQ(one.history[i].loss, other.history[i].loss) << i;
  EXPECT_EQ(one.predictions.logits, other.predictions.logits);
  EXPECT_EQ(one.row.score, other.row.score);
}

}  // namespace tunescope::test
