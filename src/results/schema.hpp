#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/hdf5/file.hpp"
#include "tunescope/results/results_file.hpp"
#include "tunescope/results/trial_record.hpp"

namespace tunescope::schema {

/// Version of everything below; readers refuse a newer one.
inline constexpr std::int64_t kVersion = 1;

/// The columns of `/trials`, once for reading and writing.
template <typename Visitor>
void for_each_column(Visitor&& visit) {
  visit("id", &TrialRow::id);
  visit("task", &TrialRow::task);
  visit("method", &TrialRow::method);
  visit("learning_rate", &TrialRow::learning_rate);
  visit("seed", &TrialRow::seed);
  visit("state", &TrialRow::state);
  visit("metric", &TrialRow::metric);
  visit("score", &TrialRow::score);
  visit("final_score", &TrialRow::final_score);
  visit("best_step", &TrialRow::best_step);
  visit("steps", &TrialRow::steps);
  visit("trainable_parameters", &TrialRow::trainable_parameters);
  visit("total_parameters", &TrialRow::total_parameters);
  visit("train_examples", &TrialRow::train_examples);
  visit("dev_examples", &TrialRow::dev_examples);
  visit("wall_seconds", &TrialRow::wall_seconds);
  visit("device", &TrialRow::device);
  visit("rank", &TrialRow::rank);
  visit("threads", &TrialRow::threads);
  visit("hostname", &TrialRow::hostname);
  visit("error", &TrialRow::error);
}

/// The measures of `/change`, once for reading and writing.
template <typename Visitor>
void for_each_measure(Visitor&& visit) {
  visit("mean_abs", &ChangeMaps::mean_abs);
  visit("rms", &ChangeMaps::rms);
  visit("relative_l2", &ChangeMaps::relative_l2);
  visit("max_abs", &ChangeMaps::max_abs);
}

/// Writes the file of any number of trials. `predictions_of` gives each one's record with its predictions, so that only
/// one trial's are in memory.
void write(const std::filesystem::path& path, const std::vector<TrialRecord>& records, const JobAttributes& attributes,
           const std::function<std::pair<Predictions, Predictions>(std::size_t)>& predictions_of);

}  // namespace tunescope::schema
