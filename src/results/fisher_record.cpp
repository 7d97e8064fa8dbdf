#include "tunescope/results/fisher_record.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>

#include <limits>

#include "added_tables.hpp"
#include "schema.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/sealed_file.hpp"

namespace tunescope {
namespace {

using hdf5::Group;

constexpr std::string_view kAxisPrefix = "axis";

// There is one dimension scale for each axis number and length, so that the axes of a square matrix have different
// ones.
void attach_axes(const Group& group, const std::string& name) {
  const hdf5::Shape shape = group.shape(name);
  std::vector<std::string> dimensions;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    dimensions.push_back(std::string(kAxisPrefix) + std::to_string(axis) + "_" + std::to_string(shape[axis]));
    if (!group.has(dimensions.back())) schema::write_count_dimension(group, dimensions.back(), shape[axis]);
  }
  group.attach_dimensions(name, dimensions);
}

// A tensor whose Fisher information was measured.
struct MeasuredTensor {
  ParameterIndex index = 0;
  double sum = 0.0;
  double max = 0.0;
};

// Of those that a method has added, or of the model's own.
std::vector<MeasuredTensor> sum_up(const ParameterCatalogue& catalogue, const std::vector<at::Tensor>& diagonal,
                                   bool are_added) {
  std::vector<MeasuredTensor> measured;
  std::vector<at::Tensor> sums_and_maxima;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (!diagonal[i].defined() || catalogue[i].is_added != are_added) continue;
    measured.push_back({.index = i});
    sums_and_maxima.insert(sums_and_maxima.end(), {diagonal[i].sum(), diagonal[i].max()});
  }
  if (measured.empty()) return {};
  const at::Tensor on_host = at::stack(sums_and_maxima).cpu();  // the host waits for the device once
  const double* next = on_host.const_data_ptr<double>();
  for (MeasuredTensor& tensor : measured) {
    tensor.sum = *next++;
    tensor.max = *next++;
  }
  return measured;
}

}  // namespace

FisherMaps FisherMaps::of(const ParameterCatalogue& catalogue, const std::vector<at::Tensor>& diagonal) {
  const std::size_t cells = catalogue.layer_labels().size() * catalogue.component_labels().size();
  const std::vector<double> empty(cells, std::numeric_limits<double>::quiet_NaN());
  FisherMaps maps{empty, empty, empty, empty};
  double total = 0.0;
  for (const MeasuredTensor& tensor : sum_up(catalogue, diagonal, false)) {
    const std::size_t cell = catalogue.cell(tensor.index);
    maps.sum[cell] = tensor.sum;
    maps.max[cell] = tensor.max;
    maps.mean[cell] = tensor.sum / static_cast<double>(catalogue[tensor.index].size());
    total += tensor.sum;
  }
  for (std::size_t cell = 0; cell < cells; ++cell) maps.share[cell] = maps.sum[cell] / total;
  return maps;
}

std::vector<AddedFisher> AddedFisher::of(const ParameterCatalogue& catalogue, const std::vector<at::Tensor>& diagonal) {
  std::vector<AddedFisher> added;
  for (const MeasuredTensor& tensor : sum_up(catalogue, diagonal, true)) {
    const ParameterInfo& info = catalogue[tensor.index];
    added.push_back({.tensor = info.name,
                     .size = info.size(),
                     .mean = tensor.sum / static_cast<double>(info.size()),
                     .sum = tensor.sum,
                     .max = tensor.max});
  }
  return added;
}

FisherProfiles FisherProfiles::of(const ParameterCatalogue& catalogue, const at::Tensor& scales) {
  const at::Tensor rows = scales.cpu();
  FisherProfiles profiles;
  std::int64_t row = 0;
  schema::for_each_fisher_profile([&](const char*, const std::string&, auto member) {
    std::vector<double>& profile = profiles.*member;
    profile.assign(catalogue.layer_labels().size(), std::numeric_limits<double>::quiet_NaN());
    for (std::int64_t layer = 0; layer < rows.size(1); ++layer) {
      const double value = rows[row][layer].item<double>();
      if (value != 0.0) profile[catalogue.layer_of_depth(static_cast<std::size_t>(layer))] = value;
    }
    ++row;
  });
  return profiles;
}

void write_fisher(const std::filesystem::path& path, const FisherRecord& record) {
  hdf5::write_sealed_file(path, [&](const hdf5::File& file) {
    schema::write_root_attributes(file, {.job_text = "", .is_complete = true});
    schema::write_fisher(file, {record});
    if (!record.diagonal.empty()) {
      const Group group = file.create_group("fisher_parameters").create_group(record.row.id);
      for (const auto& [name, values] : record.diagonal) {
        const at::Tensor stored = values.to(at::kFloat).contiguous();
        group.write(name, std::span(stored.const_data_ptr<float>(), static_cast<std::size_t>(stored.numel())),
                    {stored.sizes().begin(), stored.sizes().end()});
        attach_axes(group, name);
      }
    }
  });
}

void schema::copy_diagonal(const Group& source, const Group& target) {
  for (const std::string& name : source.members()) {
    if (name.starts_with(kAxisPrefix)) continue;
    target.copy_dataset(source, name);
    attach_axes(target, name);
  }
}

FisherRecord schema::read_fisher(const hdf5::File& file, const std::filesystem::path& path) {
  try {
    FisherRecord record;
    const Group group = file.open_group("fisher");
    record.row = schema::read_row<FisherRow>(group, schema::kFisherColumns, schema::version_of(file));
    record.axes = schema::read_axes(group);
    schema::for_each_fisher_map([&](const char* name, auto member) {
      record.maps.*member = schema::read_or_missing(group, name, record.axes.cell_count());
    });
    schema::for_each_fisher_profile([&](const char* name, const std::string&, auto member) {
      record.profiles.*member = schema::read_or_missing(group, name, record.axes.layers.size());
    });
    record.added = read_added(file, "added_fisher", record.row.id, kAddedFisherMeasures);
    return record;
  } catch (const std::out_of_range&) {
    throw Hdf5Error(path.string() +
                    ": holds no Fisher run, or tables of unequal length; remove the file to have it computed again");
  }
}

FisherRecord read_fisher(const std::filesystem::path& path) {
  return schema::read_fisher(schema::open_sealed(path), path);
}

std::vector<at::Tensor> read_fisher_diagonal(const std::filesystem::path& path,
                                             const std::vector<std::string>& tensors) {
  const hdf5::File file = schema::open_sealed(path);
  const Group group = file.open_group("fisher_parameters").open_group(schema::read_fisher(file, path).row.id);
  std::vector<at::Tensor> diagonal;
  for (const std::string& tensor : tensors) {
    std::vector<float> values = group.read_floats(tensor);
    diagonal.push_back(at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}).clone());
  }
  return diagonal;
}

}  // namespace tunescope
