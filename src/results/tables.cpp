#include "tables.hpp"

#include "schema.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using hdf5::Group;
using hdf5::Shape;
using schema::write_count_dimension;
using schema::write_label_dimension;
using Names = std::vector<std::string>;

template <typename Number>
hdf5::Appender<Number> create_column(const Group& group, const std::string& name, const Shape& shape,
                                     const Names& dimensions) {
  hdf5::Appender<Number> column(group, name, shape);
  group.attach_dimensions(name, dimensions);
  return column;
}

// Creates a long table with its dimension.
Group create_long_table(const Group& file, const std::string& name, std::size_t rows) {
  Group group = file.create_group(name);
  write_count_dimension(group, "row", rows);
  return group;
}

Names evaluation_columns() {
  Names names = metric_labels();
  names.insert(names.begin(), {"epoch", "loss"});
  names.emplace_back("selection_score");
  return names;
}

}  // namespace

Names metric_labels() {
  Names labels;
  for (const Metric metric : all_metrics()) labels.emplace_back(metric_name(metric));
  return labels;
}

TrialTables::LongTable::LongTable(const Group& file, const std::string& name, const Names& real_columns,
                                  std::size_t rows)
    : group(create_long_table(file, name, rows)),
      trials(create_column<std::int64_t>(group, "trial", {rows}, {"row"})),
      steps(create_column<std::int64_t>(group, "step", {rows}, {"row"})) {
  for (const std::string& column : real_columns) {
    columns.push_back(create_column<double>(group, column, {rows}, {"row"}));
  }
  schema::write_plot_default(group, "loss", {"row"});
}

void TrialTables::LongTable::append(std::size_t trial, std::int64_t step, const std::vector<double>& values) {
  trials.append(static_cast<std::int64_t>(trial));
  steps.append(step);
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i].append(values.at(i));
}

void TrialTables::LongTable::finish() {
  trials.finish();
  steps.finish();
  for (Column& column : columns) column.finish();
}

TrialTables::TrialTables(const Group& file, const MapAxes& axes, const TableLengths& lengths)
    : axes_(axes),
      lengths_(lengths),
      evaluations_(file, "evaluations", evaluation_columns(), lengths.evaluations),
      history_(file, "history", {"loss", "learning_rate", "gradient_norm"}, lengths.history) {
  create_scores(file);
  if (lengths.trials > 0) create_change(file);
}

void TrialTables::create_scores(const Group& file) {
  const Group group = file.create_group("scores");
  write_count_dimension(group, "trial", lengths_.trials);
  write_label_dimension(group, "metric", metric_labels());
  for (const char* name : {"best", "final"}) {
    scores_.push_back(create_column<double>(group, name, {lengths_.trials, all_metrics().size()}, {"trial", "metric"}));
  }
}

void TrialTables::create_change(const Group& file) {
  const std::size_t layers = axes_.layers.size();
  const std::size_t components = axes_.components.size();
  const Group group = file.create_group("change");
  write_count_dimension(group, "trial", lengths_.trials);
  schema::write_axes(group, axes_);
  schema::for_each_measure([&](const char* name, auto) {
    change_.push_back(
        create_column<double>(group, name, {lengths_.trials, layers, components}, {"trial", "layer", "component"}));
  });
  schema::write_plot_default(group, "mean_abs", {"trial", ".", "."});
}

void TrialTables::append(const TrialRecord& record) {
  scores_[0].append(record.best_scores);
  scores_[1].append(record.final_scores);
  std::size_t measure = 0;
  schema::for_each_measure([&](const char*, auto member) {
    const std::vector<double>& map = record.change.*member;
    if (map.size() != axes_.cell_count()) {
      throw Hdf5Error("trial " + record.row.id + " has another model than the first one of the file");
    }
    change_.at(measure++).append(map);
  });
  for (const Evaluation& entry : record.evaluations) {
    std::vector<double> values = entry.scores;
    values.insert(values.begin(), {entry.epoch, entry.loss});
    values.push_back(entry.selection_score);
    evaluations_.append(trial_, entry.step, values);
  }
  for (const StepRecord& entry : record.history) {
    history_.append(trial_, entry.step, {entry.loss, entry.learning_rate, entry.gradient_norm});
  }
  ++trial_;
}

void TrialTables::finish() {
  for (Column& column : scores_) column.finish();
  for (Column& column : change_) column.finish();
  evaluations_.finish();
  history_.finish();
}

}  // namespace tunescope
