#include <functional>
#include <utility>

#include "schema.hpp"
#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/sealed_file.hpp"

namespace tunescope {
namespace {

using hdf5::Group;
using schema::write_column;
using schema::write_count_dimension;
using schema::write_label_dimension;
using Names = std::vector<std::string>;

void write_trials(const Group& file, const std::vector<TrialRecord>& records) {
  const Group group = file.create_group("trials");
  write_count_dimension(group, "trial", records.size());
  schema::for_each_column([&](const char* name, auto member) {
    std::vector<std::decay_t<decltype(TrialRow{}.*member)>> values;
    for (const TrialRecord& record : records) values.push_back(record.row.*member);
    write_column(group, name, values, "trial");
  });
  schema::write_plot_default(group, "score", {"trial"});
}

Names metric_labels() {
  Names labels;
  for (const Metric metric : all_metrics()) labels.emplace_back(metric_name(metric));
  return labels;
}

void write_scores(const Group& file, const std::vector<TrialRecord>& records) {
  const Group group = file.create_group("scores");
  write_count_dimension(group, "trial", records.size());
  write_label_dimension(group, "metric", metric_labels());
  const auto write = [&](const char* name, Scores TrialRecord::*member) {
    std::vector<double> values;
    for (const TrialRecord& record : records) {
      values.insert(values.end(), (record.*member).begin(), (record.*member).end());
    }
    group.write(name, std::span<const double>(values), {records.size(), all_metrics().size()});
    group.attach_dimensions(name, Names{"trial", "metric"});
  };
  write("best", &TrialRecord::best_scores);
  write("final", &TrialRecord::final_scores);
}

// Layers and components are the same in all trials of a job, which have one model.
void write_change(const Group& file, const std::vector<TrialRecord>& records) {
  if (records.empty()) return;
  const MapAxes& axes = records.front().axes;
  const Group group = file.create_group("change");
  write_count_dimension(group, "trial", records.size());
  write_label_dimension(group, "layer", axes.layers);
  write_label_dimension(group, "component", axes.components);
  schema::for_each_measure([&](const char* name, auto member) {
    std::vector<double> values;
    for (const TrialRecord& record : records) {
      if ((record.change.*member).size() != axes.cell_count()) {
        throw Hdf5Error("trial " + record.row.id + " has another model than trial " + records.front().row.id);
      }
      values.insert(values.end(), (record.change.*member).begin(), (record.change.*member).end());
    }
    group.write(name, std::span<const double>(values), {records.size(), axes.layers.size(), axes.components.size()});
    group.attach_dimensions(name, Names{"trial", "layer", "component"});
  });
  schema::write_plot_default(group, "mean_abs", {"trial", ".", "."});
  group.write("size", std::span<const std::int64_t>(axes.sizes), {axes.layers.size(), axes.components.size()});
  group.attach_dimensions("size", Names{"layer", "component"});
}

// A table with a row for each entry of `list` of each trial.
template <typename Entry>
struct LongTable {
  const std::vector<TrialRecord>& records;
  std::vector<Entry> TrialRecord::*list;
  Group group;

  template <typename Value, typename Get>
  void column(const char* name, Get get) const {
    std::vector<Value> values;
    for (std::size_t trial = 0; trial < records.size(); ++trial) {
      for (const Entry& entry : records[trial].*list) values.push_back(static_cast<Value>(get(trial, entry)));
    }
    if (std::string_view(name) == "trial") write_count_dimension(group, "row", values.size());
    write_column(group, name, values, "row");
  }
};

void write_evaluations(const Group& file, const std::vector<TrialRecord>& records) {
  const LongTable<Evaluation> table{records, &TrialRecord::evaluations, file.create_group("evaluations")};
  table.column<std::int64_t>("trial", [](std::size_t trial, const Evaluation&) { return trial; });
  table.column<std::int64_t>("step", [](std::size_t, const Evaluation& entry) { return entry.step; });
  table.column<double>("epoch", [](std::size_t, const Evaluation& entry) { return entry.epoch; });
  table.column<double>("loss", [](std::size_t, const Evaluation& entry) { return entry.loss; });
  const Names labels = metric_labels();
  for (std::size_t metric = 0; metric < labels.size(); ++metric) {
    table.column<double>(labels[metric].c_str(),
                         [&](std::size_t, const Evaluation& entry) { return entry.scores[metric]; });
  }
  schema::write_plot_default(table.group, "loss", {"row"});
}

void write_history(const Group& file, const std::vector<TrialRecord>& records) {
  const LongTable<StepRecord> table{records, &TrialRecord::history, file.create_group("history")};
  table.column<std::int64_t>("trial", [](std::size_t trial, const StepRecord&) { return trial; });
  table.column<std::int64_t>("step", [](std::size_t, const StepRecord& entry) { return entry.step; });
  table.column<double>("loss", [](std::size_t, const StepRecord& entry) { return entry.loss; });
  table.column<double>("learning_rate", [](std::size_t, const StepRecord& entry) { return entry.learning_rate; });
  table.column<double>("gradient_norm", [](std::size_t, const StepRecord& entry) { return entry.gradient_norm; });
  schema::write_plot_default(table.group, "loss", {"row"});
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
    records.push_back(schema::read_fisher(schema::open_checked(path), path));
  }
  schema::write_fisher(file, records);
  const Group all = file.create_group("fisher_parameters");
  for (std::size_t run = 0; run < paths.size(); ++run) {
    const hdf5::File source = schema::open_checked(paths[run]);
    if (!source.has("fisher_parameters")) continue;
    const std::string& id = records[run].row.id;
    schema::copy_diagonal(source.open_group("fisher_parameters").open_group(id), all.create_group(id));
  }
}

// `predictions_of` gives each trial's record with its predictions, so that only one trial's are in memory.
void write_predictions_of(const Group& file, const std::vector<TrialRecord>& records,
                          const std::function<TrialRecord(std::size_t)>& predictions_of) {
  const Group all = file.create_group("predictions");
  for (std::size_t trial = 0; trial < records.size(); ++trial) {
    const Group group = all.create_group(records[trial].row.id);
    const TrialRecord record = predictions_of(trial);
    write_predictions(group, record.predictions, "");
    write_predictions(group, record.mismatched_predictions, "_mismatched");
  }
}

void write_tables(const Group& file, const std::vector<TrialRecord>& records) {
  write_trials(file, records);
  write_scores(file, records);
  write_change(file, records);
  write_evaluations(file, records);
  write_history(file, records);
  schema::write_plot_default(file, Names{"trials", "change"});
}

}  // namespace

void write_trial(const std::filesystem::path& path, const TrialRecord& record) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    hdf5::File file = hdf5::File::create(temporary);
    schema::write_root_attributes(file, {.job_text = "", .is_complete = true});
    write_tables(file, {record});
    write_predictions_of(file, {record}, [&](std::size_t) { return record; });
    file.close();
    seal_file(temporary);
  });
}

void merge_files(const std::filesystem::path& path, const MergeParts& parts, const JobAttributes& attributes) {
  std::vector<TrialRecord> records;
  for (const std::filesystem::path& file : parts.trial_files) {
    records.push_back(read_trial(file));
    records.back().predictions = {};
    records.back().mismatched_predictions = {};
  }
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    hdf5::File file = hdf5::File::create(temporary);
    schema::write_root_attributes(file, attributes);
    write_tables(file, records);
    write_predictions_of(file, records, [&](std::size_t trial) { return read_trial(parts.trial_files[trial]); });
    write_fisher_runs(file, parts.fisher_files);
    write_masks(file, parts.masks);
    file.close();
  });
}

}  // namespace tunescope
