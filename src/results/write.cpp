#include <functional>
#include <utility>

#include "added_tables.hpp"
#include "schema.hpp"
#include "tables.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/sealed_file.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope {
namespace {

using hdf5::Group;
using schema::write_column;
using schema::write_count_dimension;
using schema::write_label_dimension;
using Names = std::vector<std::string>;

void write_trials(const Group& file, const std::vector<TrialRow>& rows) {
  const Group group = schema::write_table(file, "trials", "trial", rows, schema::kTrialColumns);
  schema::write_plot_default(group, "score", {"trial"});
}

void write_screening(const Group& file, const std::vector<ScreenedRate>& rates) {
  if (!rates.empty()) schema::write_table(file, "screening", "rate", rates, schema::kScreeningColumns);
}

void write_predictions(const Group& group, const Predictions& predictions, const std::string& suffix) {
  if (predictions.labels.empty()) return;
  const std::size_t examples = predictions.labels.size();
  const auto outputs = static_cast<std::size_t>(predictions.output_size);
  const std::string example = "example" + suffix;
  write_count_dimension(group, example, examples);
  if (!group.has("class")) write_count_dimension(group, "class", outputs);
  group.write("logits" + suffix, std::span<const float>(predictions.logits), {examples, outputs});
  group.attach_dimensions("logits" + suffix, Names{example, "class"});
  group.write("label" + suffix, std::span<const float>(predictions.labels), {examples});
  group.attach_dimensions("label" + suffix, Names{example});
}

void write_masks(const Group& file, const std::vector<MaskRecord>& masks) {
  if (masks.empty()) return;
  const Group all = file.create_group("fisher_masks");
  for (const MaskRecord& mask : masks) {
    const Group group = all.create_group(mask.id);
    group.write_attribute("method", mask.method);
    group.write_attribute("runs", mask.runs);
    Names tensors;
    std::vector<std::int64_t> counts, indices;
    for (const auto& [tensor, chosen] : mask.indices) {
      tensors.push_back(tensor);
      counts.push_back(static_cast<std::int64_t>(chosen.size()));
      indices.insert(indices.end(), chosen.begin(), chosen.end());
    }
    write_label_dimension(group, "tensor", tensors);
    write_count_dimension(group, "row", indices.size());
    write_column(group, "count", counts, "tensor");
    write_column(group, "index", indices, "row");
  }
}

void write_fisher_runs(const Group& file, const std::vector<std::filesystem::path>& paths) {
  if (paths.empty()) return;
  std::vector<FisherRecord> records;
  for (const std::filesystem::path& path : paths) {
    records.push_back(schema::read_fisher(schema::open_sealed(path), path));
  }
  schema::write_fisher(file, records);
  const Group all = file.create_group("fisher_parameters");
  for (std::size_t run = 0; run < paths.size(); ++run) {
    const hdf5::File source = schema::open_sealed(paths[run]);
    if (!source.has("fisher_parameters")) continue;
    const std::string& id = records[run].row.id;
    schema::copy_diagonal(source.open_group("fisher_parameters").open_group(id), all.create_group(id));
  }
}

// What is known about the trials of a file before the tables are filled.
struct Outline {
  std::vector<TrialRow> rows;
  TableLengths lengths;
  std::size_t with_roles = 0;  // a trial whose file has them: those of all, for they have one model

  void add(const TrialRow& row, std::size_t evaluations, std::size_t history) {
    rows.push_back(row);
    ++lengths.trials;
    lengths.evaluations += evaluations;
    lengths.history += history;
  }
};

// Calls `record_of` for each trial, in order, so that only one record is in memory.
void write_records(const Group& file, const Outline& outline,
                   const std::function<TrialRecord(std::size_t)>& record_of) {
  write_trials(file, outline.rows);
  const MapAxes axes = outline.rows.empty() ? MapAxes{} : record_of(outline.with_roles).axes;
  TrialTables tables(file, axes, outline.lengths);
  const Group predictions = file.create_group("predictions");
  for (std::size_t trial = 0; trial < outline.rows.size(); ++trial) {
    const TrialRecord record = record_of(trial);
    tables.append(record);
    const Group group = predictions.create_group(record.row.id);
    write_predictions(group, record.predictions, "");
    write_predictions(group, record.mismatched_predictions, "_mismatched");
    schema::write_added(file, "added_change", record.row.id, record.added_change, schema::kAddedChangeMeasures);
  }
  tables.finish();
  schema::write_plot_default(file, Names{"trials", "change"});
}

}  // namespace

void write_trial(const std::filesystem::path& path, const TrialRecord& record) {
  hdf5::write_sealed_file(path, [&](const hdf5::File& file) {
    schema::write_root_attributes(file, {.job_text = "", .is_complete = true});
    Outline outline;
    outline.add(record.row, record.evaluations.size(), record.history.size());
    write_records(file, outline, [&](std::size_t) { return record; });
    if (record.mask) write_masks(file, {*record.mask});
  });
}

void merge_files(const std::filesystem::path& path, const MergeParts& parts, const JobAttributes& attributes) {
  Outline outline;
  for (const std::filesystem::path& trial_file : parts.trial_files) {
    const hdf5::File trial = schema::open_sealed(trial_file);
    if (trial.open_group("change").has("role")) outline.with_roles = outline.rows.size();
    outline.add(schema::read_trial_row(trial, trial_file), schema::row_count(trial, "evaluations"),
                schema::row_count(trial, "history"));
    if (!parts.kept_bytes.empty()) outline.rows.back().kept_bytes = parts.kept_bytes.at(outline.rows.size() - 1);
  }
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    hdf5::File file = hdf5::File::create(temporary);
    schema::write_root_attributes(file, attributes);
    write_records(file, outline, [&](std::size_t trial) {
      const std::filesystem::path& trial_file = parts.trial_files[trial];
      return schema::read_trial(schema::open_sealed(trial_file), outline.rows[trial], trial_file);
    });
    write_fisher_runs(file, parts.fisher_files);
    write_masks(file, parts.masks);
    write_screening(file, parts.screening);
    if (!parts.ablation.empty()) {
      schema::write_table(file, "ablation", "row", parts.ablation, schema::kAblationColumns);
    }
    file.close();
  });
}

}  // namespace tunescope
