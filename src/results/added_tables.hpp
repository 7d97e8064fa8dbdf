#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "schema.hpp"

namespace tunescope::schema {

// Tables of the tensors that methods have added: `/added_change` has a group for each trial, `/added_fisher` one for
// each Fisher run, with a row for each tensor. Files without such a table have no such tensors, or are of a version
// that did not know it.

/// A measure of a tensor: the name of its dataset, and where it is in a row.
template <typename Row>
struct Measure {
  const char* name;
  double& (*of)(Row& row);
};

inline constexpr std::array<Measure<AddedChange>, 4> kAddedChangeMeasures = {
    {{"mean_abs", [](AddedChange& row) -> double& { return row.change.mean_abs; }},
     {"rms", [](AddedChange& row) -> double& { return row.change.rms; }},
     {"relative_l2", [](AddedChange& row) -> double& { return row.change.relative_l2; }},
     {"max_abs", [](AddedChange& row) -> double& { return row.change.max_abs; }}}};

inline constexpr std::array<Measure<AddedFisher>, 3> kAddedFisherMeasures = {
    {{"mean", [](AddedFisher& row) -> double& { return row.mean; }},
     {"sum", [](AddedFisher& row) -> double& { return row.sum; }},
     {"max", [](AddedFisher& row) -> double& { return row.max; }}}};

/// Writes the group `table`/`id`; nothing if there are no rows.
template <typename Row, std::size_t count>
void write_added(const hdf5::Group& file, const std::string& table, const std::string& id, std::vector<Row> rows,
                 const std::array<Measure<Row>, count>& measures) {
  if (rows.empty()) return;
  const hdf5::Group all = file.has(table) ? file.open_group(table) : file.create_group(table);
  const hdf5::Group group = all.create_group(id);
  std::vector<std::string> tensors;
  std::vector<std::int64_t> sizes;
  for (const Row& row : rows) {
    tensors.push_back(row.tensor);
    sizes.push_back(row.size);
  }
  write_label_dimension(group, "tensor", tensors);
  write_column(group, "size", sizes, "tensor");
  for (const Measure<Row>& measure : measures) {
    std::vector<double> values;
    for (Row& row : rows) values.push_back(measure.of(row));
    write_column(group, measure.name, values, "tensor");
  }
}

/// Reads it; no rows if there is no such table. Throws `std::out_of_range` if columns are of unequal length.
template <typename Row, std::size_t count>
std::vector<Row> read_added(const hdf5::Group& file, const std::string& table, const std::string& id,
                            const std::array<Measure<Row>, count>& measures) {
  if (!file.has(table)) return {};
  const hdf5::Group group = file.open_group(table).open_group(id);
  const std::vector<std::string> tensors = group.read_strings("tensor");
  const std::vector<std::int64_t> sizes = group.read_integers("size");
  std::vector<Row> rows(tensors.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].tensor = tensors[i];
    rows[i].size = sizes.at(i);
  }
  for (const Measure<Row>& measure : measures) {
    const std::vector<double> values = group.read_doubles(measure.name);
    if (values.size() != rows.size()) throw std::out_of_range("length");
    for (std::size_t i = 0; i < rows.size(); ++i) measure.of(rows[i]) = values[i];
  }
  return rows;
}

}  // namespace tunescope::schema
