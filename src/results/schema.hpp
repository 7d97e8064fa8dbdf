#pragma once

#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "tunescope/hdf5/file.hpp"
#include "tunescope/results/fisher_record.hpp"
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
  visit("mask", &TrialRow::mask);
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
  visit("precision", &TrialRow::precision);
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

/// The columns of `/fisher`.
template <typename Visitor>
void for_each_fisher_column(Visitor&& visit) {
  visit("id", &FisherRow::id);
  visit("task", &FisherRow::task);
  visit("mode", &FisherRow::mode);
  visit("examples", &FisherRow::examples);
  visit("batch_size", &FisherRow::batch_size);
  visit("at", &FisherRow::at);
  visit("point", &FisherRow::point);
  visit("step", &FisherRow::step);
  visit("learning_rate", &FisherRow::learning_rate);
  visit("seed", &FisherRow::seed);
  visit("trial", &FisherRow::trial);
  visit("wall_seconds", &FisherRow::wall_seconds);
  visit("ranks", &FisherRow::ranks);
  visit("threads", &FisherRow::threads);
  visit("device", &FisherRow::device);
  visit("reducer", &FisherRow::reducer);
  visit("hostname", &FisherRow::hostname);
}

/// The maps of `/fisher`.
template <typename Visitor>
void for_each_fisher_map(Visitor&& visit) {
  visit("mean", &FisherMaps::mean);
  visit("sum", &FisherMaps::sum);
  visit("max", &FisherMaps::max);
  visit("share", &FisherMaps::share);
}

/// The profiles of `/fisher` over depth, with what they are in words.
template <typename Visitor>
void for_each_fisher_profile(Visitor&& visit) {
  const auto add = [&](const char* name, const std::string& what, auto member) {
    visit(name, "root mean square of " + what, member);
  };
  const std::string hidden = "the hidden state that leaves a layer";
  const std::string attention = "what attention adds to its input";
  const std::string feed_forward = "what the feed-forward network adds to its input";
  const std::string gradient = "the gradient of log p(y|x) with respect to ";
  add("hidden_rms", hidden, &FisherProfiles::hidden_rms);
  add("attention_branch_rms", attention, &FisherProfiles::attention_branch_rms);
  add("feed_forward_branch_rms", feed_forward, &FisherProfiles::feed_forward_branch_rms);
  add("hidden_gradient_rms", gradient + hidden, &FisherProfiles::hidden_gradient_rms);
  add("attention_branch_gradient_rms", gradient + attention, &FisherProfiles::attention_branch_gradient_rms);
  add("feed_forward_branch_gradient_rms", gradient + feed_forward, &FisherProfiles::feed_forward_branch_gradient_rms);
}

/// Opens the file of one trial or Fisher run. Throws `Hdf5Error` where its seal shows that any byte has changed, before
/// the HDF5 library, which damaged files can crash, has read any of it; or where it is of another version.
hdf5::File open_sealed(const std::filesystem::path& path);
/// The same without its seal, for `run_isolated` alone.
hdf5::File open_unsealed(const std::filesystem::path& path);

/// The only value of a column.
void read_value(const hdf5::Group& group, const char* name, std::string& value);
void read_value(const hdf5::Group& group, const char* name, double& value);
void read_value(const hdf5::Group& group, const char* name, std::int64_t& value);

/// The root's attributes, that of the job included.
void write_root_attributes(const hdf5::Group& file, const JobAttributes& attributes);

/// What a viewer that knows NeXus (h5web, NeXpy, silx) plots of a group: `signal` over `axes`, one a dimension; "." is
/// an axis without numbers. Source: https://manual.nexusformat.org/classes/base_classes/NXdata.html.
void write_plot_default(const hdf5::Group& group, const std::string& signal, const std::vector<std::string>& axes);
/// The group that such a viewer opens first; the last of these that exists.
void write_plot_default(const hdf5::Group& file, const std::vector<std::string>& groups);

/// A dimension with coordinates 0 ... count-1.
void write_count_dimension(const hdf5::Group& group, const std::string& name, std::size_t count);
/// A dimension with names as coordinates.
void write_label_dimension(const hdf5::Group& group, const std::string& name, const std::vector<std::string>& labels);

/// One column of a table: a dataset with the single dimension `dimension` of its group.
template <typename Value>
void write_column(const hdf5::Group& group, const std::string& name, const std::vector<Value>& values,
                  const std::string& dimension) {
  if constexpr (std::is_same_v<Value, std::string>) {
    group.write(name, std::span<const std::string>(values));
  } else {
    group.write(name, std::span<const Value>(values), {values.size()});
  }
  group.attach_dimensions(name, std::vector<std::string>{dimension});
}

/// The only row of a trial's file; `path` is for the message of the `Hdf5Error` where there is none.
TrialRow read_trial_row(const hdf5::Group& file, const std::filesystem::path& path);

/// All of a trial's file, whose row has been read already.
TrialRecord read_trial(const hdf5::Group& file, TrialRow row, const std::filesystem::path& path);

/// Length of the long table `table` of a trial's file.
std::size_t row_count(const hdf5::Group& file, const std::string& table);

/// The row and the maps of a Fisher run's file; `path` is for the message of the `Hdf5Error` where there are none.
FisherRecord read_fisher(const hdf5::File& file, const std::filesystem::path& path);

/// Copies `/fisher_parameters/RUN` from another file.
void copy_diagonal(const hdf5::Group& source, const hdf5::Group& target);

/// Writes `/fisher` for any number of runs of one model.
void write_fisher(const hdf5::Group& file, const std::vector<FisherRecord>& records);

}  // namespace tunescope::schema
