#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/results/ablation_record.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/results/results_file.hpp"
#include "tunescope/results/trial_record.hpp"

namespace tunescope::schema {

/// Version of everything below: a new column raises it. Readers take every version up to this one.
inline constexpr std::int64_t kVersion = 9;

/// A column of a table: its name, its member of the row and, if it came after the first version, since when and what
/// rows of earlier files have in it. So a new column makes no finished work run again.
template <typename Row, typename Value>
struct Column {
  const char* name;
  Value Row::*member;
  std::int64_t since = 1;
  Value in_earlier_files = {};
};

template <typename Row, typename Value>
Column(const char*, Value Row::*) -> Column<Row, Value>;
template <typename Row, typename Value>
Column(const char*, Value Row::*, std::int64_t, std::type_identity_t<Value>) -> Column<Row, Value>;

/// The columns of `/trials`, in their order. A later one also has its version and a default.
inline const std::tuple kTrialColumns = {
    Column{"id", &TrialRow::id},
    Column{"task", &TrialRow::task},
    Column{"method", &TrialRow::method},
    Column{"mask", &TrialRow::mask},
    Column{"learning_rate", &TrialRow::learning_rate},
    Column{"seed", &TrialRow::seed},
    Column{"state", &TrialRow::state},
    Column{"metric", &TrialRow::metric},
    Column{"score", &TrialRow::score},
    Column{"final_score", &TrialRow::final_score},
    Column{"best_step", &TrialRow::best_step},
    Column{"steps", &TrialRow::steps},
    Column{"trainable_parameters", &TrialRow::trainable_parameters},
    Column{"total_parameters", &TrialRow::total_parameters},
    Column{"train_examples", &TrialRow::train_examples},
    Column{"dev_examples", &TrialRow::dev_examples},
    Column{"wall_seconds", &TrialRow::wall_seconds},
    Column{"precision", &TrialRow::precision},
    Column{"device", &TrialRow::device},
    Column{"rank", &TrialRow::rank},
    Column{"threads", &TrialRow::threads},
    Column{"hostname", &TrialRow::hostname},
    Column{"error", &TrialRow::error},
    Column{"gpu", &TrialRow::gpu, 2, ""},
    Column{"gpu_software", &TrialRow::gpu_software, 2, ""},
    Column{"selection", &TrialRow::selection, 8, "dev"},
    Column{"selection_hash", &TrialRow::selection_hash, 8, ""},
    Column{"selection_examples", &TrialRow::selection_examples, 8, 0},
    Column{"selection_score", &TrialRow::selection_score, 8, std::numeric_limits<double>::quiet_NaN()},
    Column{"kept_bytes", &TrialRow::kept_bytes, 8, 0},
    Column{"examples_per_second", &TrialRow::examples_per_second, 9, std::numeric_limits<double>::quiet_NaN()},
    Column{"tokens_per_second", &TrialRow::tokens_per_second, 9, std::numeric_limits<double>::quiet_NaN()},
    Column{"energy_joules", &TrialRow::energy_joules, 9, std::numeric_limits<double>::quiet_NaN()},
    Column{"peak_host_bytes", &TrialRow::peak_host_bytes, 9, 0},
    Column{"peak_device_bytes", &TrialRow::peak_device_bytes, 9, 0},
};

/// What a metric, a measure or a map has in files that are older than it.
inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
/// A dataset of `count` numbers, all of them missing if the group does not have it. Throws `std::out_of_range` if it
/// has another length.
std::vector<double> read_or_missing(const hdf5::Group& group, const std::string& name, std::size_t count);

/// The measures of `/change`, for both reading and writing.
template <typename Visitor>
void for_each_measure(Visitor&& visit) {
  visit("mean_abs", &ChangeMaps::mean_abs);
  visit("rms", &ChangeMaps::rms);
  visit("relative_l2", &ChangeMaps::relative_l2);
  visit("max_abs", &ChangeMaps::max_abs);
}

/// The columns of `/fisher`, in their order.
inline const std::tuple kFisherColumns = {
    Column{"id", &FisherRow::id},
    Column{"task", &FisherRow::task},
    Column{"mode", &FisherRow::mode},
    Column{"examples", &FisherRow::examples},
    Column{"batch_size", &FisherRow::batch_size},
    Column{"at", &FisherRow::at},
    Column{"point", &FisherRow::point},
    Column{"step", &FisherRow::step},
    Column{"learning_rate", &FisherRow::learning_rate},
    Column{"seed", &FisherRow::seed},
    Column{"trial", &FisherRow::trial},
    Column{"wall_seconds", &FisherRow::wall_seconds},
    Column{"ranks", &FisherRow::ranks},
    Column{"threads", &FisherRow::threads},
    Column{"device", &FisherRow::device},
    Column{"reducer", &FisherRow::reducer},
    Column{"hostname", &FisherRow::hostname},
    Column{"gpu", &FisherRow::gpu, 2, ""},
    Column{"gpu_software", &FisherRow::gpu_software, 2, ""},
    Column{"precision", &FisherRow::precision, 3, "float32"},
    Column{"draws", &FisherRow::draws, 5, 1},
};

/// The columns of `/screening`, in their order.
inline const std::tuple kScreeningColumns = {
    Column{"task", &ScreenedRate::task},
    Column{"method", &ScreenedRate::method},
    Column{"learning_rate", &ScreenedRate::learning_rate},
    Column{"mean_score", &ScreenedRate::mean_score},
    Column{"seeds", &ScreenedRate::seeds},
    Column{"chosen", &ScreenedRate::is_chosen},
};

/// The columns of `/ablation`, in their order.
inline const std::tuple kAblationColumns = {
    Column{"id", &AblationRow::id},     Column{"group", &AblationRow::group},
    Column{"kind", &AblationRow::kind}, Column{"scalars", &AblationRow::scalars},
    Column{"loss", &AblationRow::loss}, Column{"score", &AblationRow::score},
};

/// Calls `visit` with each column.
template <typename Columns, typename Visitor>
void for_each_column(const Columns& columns, const Visitor& visit) {
  std::apply([&](const auto&... column) { (visit(column), ...); }, columns);
}

/// The maps of `/fisher`.
template <typename Visitor>
void for_each_fisher_map(Visitor&& visit) {
  visit("mean", &FisherMaps::mean);
  visit("sum", &FisherMaps::sum);
  visit("max", &FisherMaps::max);
  visit("share", &FisherMaps::share);
}

/// The profiles of `/fisher` over depth, with descriptions.
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

/// Opens the file of one trial or Fisher run. Checks the seal first, since a damaged file can crash the HDF5 library.
/// Throws `Hdf5Error` if any byte has changed, or the file has another version.
hdf5::File open_sealed(const std::filesystem::path& path);
/// Opens such a file without checking its seal. Only for use in `run_isolated`.
hdf5::File open_unsealed(const std::filesystem::path& path);

/// Reads all values of a column.
void read_values(const hdf5::Group& group, const char* name, std::vector<std::string>& values);
void read_values(const hdf5::Group& group, const char* name, std::vector<double>& values);
void read_values(const hdf5::Group& group, const char* name, std::vector<std::int64_t>& values);

/// Writes the attributes of the root, including those of the job.
void write_root_attributes(const hdf5::Group& file, const JobAttributes& attributes);

/// Declares what a viewer that knows NeXus (h5web, NeXpy, silx) plots of a group: `signal` over `axes`, one for each
/// dimension; "." is an axis without numbers. Source:
/// https://manual.nexusformat.org/classes/base_classes/NXdata.html.
void write_plot_default(const hdf5::Group& group, const std::string& signal, const std::vector<std::string>& axes);
/// Declares which group such a viewer opens first: the last of these that exists.
void write_plot_default(const hdf5::Group& file, const std::vector<std::string>& groups);

/// Writes a dimension with the coordinates 0 ... count-1.
void write_count_dimension(const hdf5::Group& group, const std::string& name, std::size_t count);
/// Writes a dimension with names as coordinates.
void write_label_dimension(const hdf5::Group& group, const std::string& name, const std::vector<std::string>& labels);

/// Writes the axes of maps, with the size and the role of each cell.
void write_axes(const hdf5::Group& group, const MapAxes& axes);
/// Reads them. Throws `std::out_of_range` if they are of unequal length.
MapAxes read_axes(const hdf5::Group& group);

/// Writes one column of a table: a dataset whose only dimension is `dimension` of its group.
template <typename Value>
void write_column(const hdf5::Group& group, const std::string& name, const std::vector<Value>& values,
                  const std::string& dimension) {
  group.write(name, std::span<const Value>(values), {values.size()});
  group.attach_dimensions(name, std::vector<std::string>{dimension});
}

/// Writes a group with a row for each entry of its only dimension.
template <typename Row, typename Columns>
hdf5::Group write_table(const hdf5::Group& file, const std::string& name, const std::string& dimension,
                        const std::vector<Row>& rows, const Columns& columns) {
  hdf5::Group group = file.create_group(name);
  write_count_dimension(group, dimension, rows.size());
  for_each_column(columns, [&](const auto& column) {
    std::vector<std::decay_t<decltype(column.in_earlier_files)>> values;
    for (const Row& row : rows) values.push_back(row.*(column.member));
    write_column(group, column.name, values, dimension);
  });
  return group;
}

/// The rows of such a group in a file of `version`. Throws `Hdf5Error` if a column of that version is missing, or they
/// are of unequal length.
template <typename Row, typename Columns>
std::vector<Row> read_table(const hdf5::Group& table, const Columns& columns, std::int64_t version) {
  std::vector<Row> rows(table.shape(std::get<0>(columns).name).at(0));
  for_each_column(columns, [&](const auto& column) {
    std::vector<std::decay_t<decltype(column.in_earlier_files)>> values(rows.size(), column.in_earlier_files);
    if (column.since <= version) read_values(table, column.name, values);
    if (values.size() != rows.size()) throw Hdf5Error(table.description() + ": columns of unequal length");
    for (std::size_t row = 0; row < rows.size(); ++row) rows[row].*(column.member) = std::move(values[row]);
  });
  return rows;
}

/// The only row of such a group. Throws as `read_table`, and `std::out_of_range` if there is none.
template <typename Row, typename Columns>
Row read_row(const hdf5::Group& table, const Columns& columns, std::int64_t version) {
  return read_table<Row>(table, columns, version).at(0);
}

/// The version that a file was written with.
std::int64_t version_of(const hdf5::Group& file);

/// Reads the only row of a trial's file. Throws `Hdf5Error` if there is none; `path` is for its message.
TrialRow read_trial_row(const hdf5::Group& file, const std::filesystem::path& path);

/// Reads the rest of a trial's file, whose row has been read already.
TrialRecord read_trial(const hdf5::Group& file, TrialRow row, const std::filesystem::path& path);

/// The number of rows of the long table `table` in a trial's file.
std::size_t row_count(const hdf5::Group& file, const std::string& table);

/// Reads the row and the maps of a Fisher run's file. Throws `Hdf5Error` if there are none; `path` is for its message.
FisherRecord read_fisher(const hdf5::File& file, const std::filesystem::path& path);

/// Copies `/fisher_parameters/RUN` from another file.
void copy_diagonal(const hdf5::Group& source, const hdf5::Group& target);

/// Writes `/fisher` for any number of Fisher runs of one model.
void write_fisher(const hdf5::Group& file, const std::vector<FisherRecord>& records);

}  // namespace tunescope::schema
