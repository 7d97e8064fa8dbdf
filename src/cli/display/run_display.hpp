#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/cli/display/progress.hpp"
#include "tunescope/run/listener.hpp"

namespace tunescope::cli {

/// Shows on the terminal what a run tells: notes and warnings at once, then trials and Fisher runs as they end.
class RunDisplay : public RunListener {
 public:
  /// Called when the job is known.
  void begin(const SweepSpec& spec, int ranks);

  void on_note(const std::string& text) override;
  void on_warning(const std::string& text) override;
  void on_screening(const std::vector<ScreenedRate>& rates) override;
  void on_trials(const std::vector<PlannedTrial>& trials, const TrialIndices& order) override;
  void on_trial_start(TrialIndex trial) override;
  void on_trial_progress(TrialIndex trial, std::int64_t step, std::int64_t steps) override;
  void on_trial_end(TrialIndex trial, const TrialSummary& summary) override;
  void on_trials_end() override;
  void on_waiting(std::size_t trials) override;
  void on_broken(std::size_t trials, const CommonError& error) override;
  void on_ablation(std::size_t trials) override;
  void on_ablated(const PlannedTrial& planned) override;
  void on_fisher_stage(const std::vector<PlannedFisher>& runs, std::string_view reducer) override;
  void on_fisher_runs(const std::vector<PlannedFisher>& pending) override;
  void on_fisher_progress(std::size_t run, std::int64_t done, std::int64_t total) override;
  void on_fisher_end(std::size_t run, double seconds, const std::string& error) override;
  void on_fisher_runs_end() override;

 protected:
  int ranks() const { return ranks_; }

 private:
  int ranks_ = 1;
  std::string job_;
  std::map<std::string, std::string_view> metrics_;  // the primary one, by task
  ProgressStyle style_ = ProgressStyle::kAuto;
  std::optional<ProgressDisplay> progress_;  // of the list in work
  const std::vector<PlannedTrial>* trials_ = nullptr;
  std::map<TrialIndex, std::size_t> positions_;  // in that list
};

}  // namespace tunescope::cli
