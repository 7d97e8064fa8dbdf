#include <chrono>
#include <numeric>

#include "schema.hpp"
#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/version.hpp"

namespace tunescope {
namespace {

using hdf5::Group;
using Names = std::vector<std::string>;

std::string now_as_iso8601() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

void write_count_dimension(const Group& group, const std::string& name, std::size_t count) {
  std::vector<std::int64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  group.write(name, std::span<const std::int64_t>(numbers), {count});
  group.make_dimension(name);
}

void write_label_dimension(const Group& group, const std::string& name, const Names& labels) {
  group.write(name, std::span<const std::string>(labels));
  group.make_dimension(name);
}

// One column of a table: `values` with a single dimension.
template <typename Value>
void write_column(const Group& group, const std::string& name, const std::vector<Value>& values,
                  const std::string& dimension) {
  if constexpr (std::is_same_v<Value, std::string>) {
    group.write(name, std::span<const std::string>(values));
  } else {
    group.write(name, std::span<const Value>(values), {values.size()});
  }
  group.attach_dimensions(name, Names{dimension});
}

void write_trials(const Group& file, const std::vector<TrialRecord>& records) {
  const Group group = file.create_group("trials");
  write_count_dimension(group, "trial", records.size());
  schema::for_each_column([&](const char* name, auto member) {
    std::vector<std::decay_t<decltype(TrialRow{}.*member)>> values;
    for (const TrialRecord& record : records) values.push_back(record.row.*member);
    write_column(group, name, values, "trial");
  });
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
}

void write_history(const Group& file, const std::vector<TrialRecord>& records) {
  const LongTable<StepRecord> table{records, &TrialRecord::history, file.create_group("history")};
  table.column<std::int64_t>("trial", [](std::size_t trial, const StepRecord&) { return trial; });
  table.column<std::int64_t>("step", [](std::size_t, const StepRecord& entry) { return entry.step; });
  table.column<double>("loss", [](std::size_t, const StepRecord& entry) { return entry.loss; });
  table.column<double>("learning_rate", [](std::size_t, const StepRecord& entry) { return entry.learning_rate; });
  table.column<double>("gradient_norm", [](std::size_t, const StepRecord& entry) { return entry.gradient_norm; });
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

}  // namespace

void schema::write(const std::filesystem::path& path, const std::vector<TrialRecord>& records,
                   const JobAttributes& attributes,
                   const std::function<std::pair<Predictions, Predictions>(std::size_t)>& predictions_of) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    hdf5::File file = hdf5::File::create(temporary);
    file.write_attribute("schema_version", kVersion);
    file.write_attribute("tunescope_version", version());
    file.write_attribute("git_commit", git_commit());
    file.write_attribute("job", attributes.job_text);
    file.write_attribute("created", now_as_iso8601());
    file.write_attribute("complete", std::int64_t{attributes.is_complete});
    write_trials(file, records);
    write_scores(file, records);
    write_change(file, records);
    write_evaluations(file, records);
    write_history(file, records);
    const Group predictions_group = file.create_group("predictions");
    for (std::size_t trial = 0; trial < records.size(); ++trial) {
      const Group group = predictions_group.create_group(records[trial].row.id);
      const auto [predictions, mismatched] = predictions_of(trial);
      write_predictions(group, predictions, "");
      write_predictions(group, mismatched, "_mismatched");
    }
    file.close();
  });
}

void write_trial(const std::filesystem::path& path, const TrialRecord& record) {
  schema::write(path, {record}, {.job_text = "", .is_complete = true},
                [&](std::size_t) { return std::pair(record.predictions, record.mismatched_predictions); });
}

void merge_trials(const std::filesystem::path& path, const std::vector<std::filesystem::path>& trial_files,
                  const JobAttributes& attributes) {
  std::vector<TrialRecord> records;
  for (const std::filesystem::path& file : trial_files) {
    records.push_back(read_trial(file));
    records.back().predictions = {};
    records.back().mismatched_predictions = {};
  }
  schema::write(path, records, attributes, [&](std::size_t trial) {
    TrialRecord record = read_trial(trial_files[trial]);
    return std::pair(std::move(record.predictions), std::move(record.mismatched_predictions));
  });
}

}  // namespace tunescope
