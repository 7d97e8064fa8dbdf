#include <algorithm>

#include "added_tables.hpp"
#include "schema.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using hdf5::Group;

// Must hold for every table: merging relies on these lengths.
void expect_length(std::size_t found, std::size_t expected) {
  if (found != expected) throw std::out_of_range("length");
}

std::vector<Evaluation> read_evaluations(const Group& file) {
  const Group group = file.open_group("evaluations");
  const auto steps = group.read_integers("step");
  const auto epochs = group.read_doubles("epoch");
  const auto losses = group.read_doubles("loss");
  const auto selection_scores = schema::read_or_missing(group, "selection_score", steps.size());
  std::vector<Evaluation> evaluations;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    evaluations.push_back({.step = steps[i],
                           .epoch = epochs.at(i),
                           .loss = losses.at(i),
                           .scores = {},
                           .selection_score = selection_scores[i]});
  }
  for (const Metric metric : all_metrics()) {
    const auto values = schema::read_or_missing(group, std::string(metric_name(metric)), steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) evaluations[i].scores.push_back(values.at(i));
  }
  return evaluations;
}

std::vector<StepRecord> read_history(const Group& file) {
  const Group group = file.open_group("history");
  const auto steps = group.read_integers("step");
  const auto losses = group.read_doubles("loss");
  const auto rates = group.read_doubles("learning_rate");
  const auto norms = group.read_doubles("gradient_norm");
  std::vector<StepRecord> history;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    history.push_back(
        {.step = steps[i], .loss = losses.at(i), .learning_rate = rates.at(i), .gradient_norm = norms.at(i)});
  }
  return history;
}

Predictions read_predictions(const Group& group, const std::string& suffix) {
  Predictions predictions;
  if (!group.has("logits" + suffix)) return predictions;
  const hdf5::Shape shape = group.shape("logits" + suffix);
  expect_length(shape.size(), 2);
  predictions.output_size = static_cast<std::int64_t>(shape[1]);
  predictions.logits = group.read_floats("logits" + suffix);
  predictions.labels = group.read_floats("label" + suffix);
  expect_length(predictions.labels.size(), shape[0]);
  return predictions;
}

// In the order of `all_metrics`; a metric that came later than the file is missing.
Scores read_scores(const Group& group, const std::string& name) {
  const auto labels = group.read_strings("metric");
  const auto values = group.read_doubles(name);
  expect_length(values.size(), labels.size());
  Scores scores;
  for (const Metric metric : all_metrics()) {
    const auto found = std::find(labels.begin(), labels.end(), metric_name(metric));
    scores.push_back(found == labels.end() ? schema::kMissing
                                           : values[static_cast<std::size_t>(found - labels.begin())]);
  }
  return scores;
}

// A trial's file has one mask at most.
std::optional<MaskRecord> read_mask(const Group& file) {
  if (!file.has("fisher_masks")) return std::nullopt;
  const Group masks = file.open_group("fisher_masks");
  const std::string id = masks.members().at(0);
  const Group group = masks.open_group(id);
  MaskRecord mask{.id = id,
                  .method = group.read_string_attribute("method"),
                  .runs = group.read_string_attribute("runs"),
                  .indices = {}};
  const auto tensors = group.read_strings("tensor");
  const auto counts = group.read_integers("count");
  const auto indices = group.read_integers("index");
  auto next = indices.begin();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (counts.at(i) < 0 || counts[i] > indices.end() - next) throw std::out_of_range("count");
    mask.indices.emplace_back(tensors[i], std::vector<std::int64_t>(next, next + counts[i]));
    next += counts[i];
  }
  return mask;
}

// Why a trial's file does not count whose tables do not fit each other.
[[noreturn]] void refuse_lengths(const std::filesystem::path& path) {
  throw Hdf5Error(path.string() + ": tables of unequal length; remove the file to have the trial run again");
}

}  // namespace

std::optional<MaskRecord> read_mask(const std::filesystem::path& path) {
  try {
    return read_mask(schema::open_sealed(path));
  } catch (const std::out_of_range&) {
    refuse_lengths(path);
  }
}

std::vector<double> schema::read_or_missing(const Group& group, const std::string& name, std::size_t count) {
  if (!group.has(name)) return std::vector<double>(count, kMissing);
  std::vector<double> values = group.read_doubles(name);
  expect_length(values.size(), count);
  return values;
}

TrialRow schema::read_trial_row(const Group& file, const std::filesystem::path& path) {
  try {
    return read_row<TrialRow>(file.open_group("trials"), kTrialColumns, version_of(file));
  } catch (const std::out_of_range&) {
    throw Hdf5Error(path.string() + ": holds no trial; remove the file to have the trial run again");
  }
}

std::size_t schema::row_count(const Group& file, const std::string& table) {
  const hdf5::Shape shape = file.open_group(table).shape("step");
  return shape.empty() ? 0 : shape.front();
}

TrialRow read_trial_row(const std::filesystem::path& path) {
  return schema::read_trial_row(schema::open_sealed(path), path);
}

TrialRecord schema::read_trial(const Group& file, TrialRow row, const std::filesystem::path& path) {
  try {
    TrialRecord record;
    record.row = std::move(row);
    const Group scores = file.open_group("scores");
    record.best_scores = read_scores(scores, "best");
    record.final_scores = read_scores(scores, "final");
    const Group change = file.open_group("change");
    record.axes = schema::read_axes(change);
    schema::for_each_measure([&](const char* name, auto member) {
      record.change.*member = schema::read_or_missing(change, name, record.axes.cell_count());
    });
    record.added_change = read_added(file, "added_change", record.row.id, kAddedChangeMeasures);
    record.evaluations = read_evaluations(file);
    record.history = read_history(file);
    const Group predictions = file.open_group("predictions").open_group(record.row.id);
    record.predictions = read_predictions(predictions, "");
    record.mismatched_predictions = read_predictions(predictions, "_mismatched");
    record.mask = read_mask(file);
    return record;
  } catch (const std::out_of_range&) {
    refuse_lengths(path);
  }
}

TrialRecord read_trial(const std::filesystem::path& path) {
  const hdf5::File file = schema::open_sealed(path);
  return schema::read_trial(file, schema::read_trial_row(file, path), path);
}

}  // namespace tunescope
