#include "schema.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <stdexcept>

#include "added_tables.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/version.hpp"
#include "tunescope/hdf5/appender.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope::schema {
namespace {

using hdf5::Group;

std::string now_as_iso8601() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

hdf5::File open_sealed(const std::filesystem::path& path) {
  const Seal seal = inspect_seal(path);
  if (seal != Seal::kIntact) throw Hdf5Error(path.string() + ": " + std::string(describe(seal)));
  return open_unsealed(path);
}

hdf5::File open_unsealed(const std::filesystem::path& path) {
  hdf5::File file = hdf5::File::open(path);
  const std::int64_t version = version_of(file);
  if (version < 1 || version > kVersion) {
    throw Hdf5Error(path.string() + ": has schema version " + std::to_string(version) + ", this program knows " +
                    std::to_string(kVersion) + "; use the program that wrote it, or a later one");
  }
  return file;
}

std::int64_t version_of(const hdf5::Group& file) { return file.read_integer_attribute("schema_version"); }

void read_values(const Group& group, const char* name, std::vector<std::string>& values) {
  values = group.read_strings(name);
}
void read_values(const Group& group, const char* name, std::vector<double>& values) {
  values = group.read_doubles(name);
}
void read_values(const Group& group, const char* name, std::vector<std::int64_t>& values) {
  values = group.read_integers(name);
}

void write_root_attributes(const Group& file, const JobAttributes& attributes) {
  file.write_attribute("schema_version", kVersion);
  file.write_attribute("tunescope_version", version());
  file.write_attribute("git_commit", git_commit());
  file.write_attribute("job", attributes.job_text);
  file.write_attribute("inputs", attributes.inputs);
  if (!attributes.architecture.empty()) file.write_attribute("architecture", attributes.architecture);
  if (!attributes.drawn_anew.empty()) file.write_attribute("drawn_anew", attributes.drawn_anew);
  file.write_attribute("created", now_as_iso8601());
  file.write_attribute("complete", std::int64_t{attributes.is_complete});
}

void write_plot_default(const Group& group, const std::string& signal, const std::vector<std::string>& axes) {
  group.write_attribute("NX_class", std::string("NXdata"));
  group.write_attribute("signal", signal);
  group.write_attribute("axes", axes);
}

void write_plot_default(const Group& file, const std::vector<std::string>& groups) {
  file.write_attribute("NX_class", std::string("NXroot"));
  const auto found = std::find_if(groups.rbegin(), groups.rend(), [&](const auto& group) { return file.has(group); });
  if (found != groups.rend()) file.write_attribute("default", *found);
}

void write_count_dimension(const Group& group, const std::string& name, std::size_t count) {
  hdf5::Appender<std::int64_t> numbers(group, name, {count});
  for (std::size_t number = 0; number < count; ++number) numbers.append(static_cast<std::int64_t>(number));
  numbers.finish();
  group.make_dimension(name);
}

void write_label_dimension(const Group& group, const std::string& name, const std::vector<std::string>& labels) {
  group.write(name, std::span<const std::string>(labels), {labels.size()});
  group.make_dimension(name);
}

void write_axes(const Group& group, const MapAxes& axes) {
  const hdf5::Shape shape = {axes.layers.size(), axes.components.size()};
  const std::vector<std::string> dimensions = {"layer", "component"};
  write_label_dimension(group, "layer", axes.layers);
  write_label_dimension(group, "component", axes.components);
  group.write("size", std::span<const std::int64_t>(axes.sizes), shape);
  group.attach_dimensions("size", dimensions);
  if (axes.roles.empty()) return;
  group.write("role", std::span<const std::string>(axes.roles), shape);
  group.attach_dimensions("role", dimensions);
}

MapAxes read_axes(const Group& group) {
  MapAxes axes = {group.read_strings("layer"), group.read_strings("component"), group.read_integers("size"), {}};
  if (group.has("role")) axes.roles = group.read_strings("role");
  const bool roles_fit = axes.roles.empty() || axes.roles.size() == axes.cell_count();
  if (axes.sizes.size() != axes.cell_count() || !roles_fit) throw std::out_of_range("axes");
  return axes;
}

void write_fisher(const Group& file, const std::vector<FisherRecord>& records) {
  if (records.empty()) return;
  const auto with_roles = std::find_if(records.begin(), records.end(),
                                       [](const FisherRecord& record) { return !record.axes.roles.empty(); });
  const MapAxes& axes = (with_roles == records.end() ? records.front() : *with_roles).axes;
  const Group group = file.create_group("fisher");
  write_count_dimension(group, "run", records.size());
  write_axes(group, axes);
  for_each_column(kFisherColumns, [&](const auto& column) {
    std::vector<std::decay_t<decltype(column.in_earlier_files)>> values;
    for (const FisherRecord& record : records) values.push_back(record.row.*(column.member));
    write_column(group, column.name, values, "run");
  });
  const auto append = [&](const FisherRecord& record, const std::vector<double>& own, std::size_t expected, auto& all) {
    if (own.size() != expected) {
      throw Hdf5Error("Fisher run " + record.row.id + " has another model than run " + records.front().row.id);
    }
    all.insert(all.end(), own.begin(), own.end());
  };
  for_each_fisher_map([&](const char* name, auto member) {
    std::vector<double> values;
    for (const FisherRecord& record : records) {
      append(record, record.maps.*member, axes.cell_count(), values);
    }
    group.write(name, std::span<const double>(values), {records.size(), axes.layers.size(), axes.components.size()});
    group.attach_dimensions(name, std::vector<std::string>{"run", "layer", "component"});
  });
  for_each_fisher_profile([&](const char* name, const std::string& long_name, auto member) {
    std::vector<double> values;
    for (const FisherRecord& record : records) {
      append(record, record.profiles.*member, axes.layers.size(), values);
    }
    group.write(name, std::span<const double>(values), {records.size(), axes.layers.size()});
    group.attach_dimensions(name, std::vector<std::string>{"run", "layer"});
    group.write_attribute(name, "long_name", long_name);
    group.write_attribute(name, "units", "1");
  });
  write_plot_default(group, "mean", {"run", ".", "."});
  for (const FisherRecord& record : records) {
    write_added(file, "added_fisher", record.row.id, record.added, kAddedFisherMeasures);
  }
}

}  // namespace tunescope::schema
