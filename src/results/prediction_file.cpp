#include "tunescope/results/prediction_file.hpp"

#include <spdlog/spdlog.h>

#include <span>
#include <vector>

#include "schema.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/sealed_file.hpp"

namespace tunescope {

void write_prediction_file(const std::filesystem::path& path, const PredictionRecord& record) {
  hdf5::write_sealed_file(path, [&](const hdf5::File& file) {
    schema::write_root_attributes(file, {.job_text = "", .is_complete = true});
    file.write_attribute("trial", record.trial);
    file.write_attribute("task", record.task);
    file.write_attribute("file", record.file);
    file.write_attribute("file_sha256", record.file_hash);
    const Predictions& predictions = record.predictions;
    const std::size_t examples = predictions.labels.size();
    const auto classes = static_cast<std::size_t>(predictions.output_size);
    schema::write_count_dimension(file, "example", examples);
    schema::write_count_dimension(file, "class", classes);
    file.write("logits", std::span<const float>(predictions.logits), {examples, classes});
    file.attach_dimensions("logits", std::vector<std::string>{"example", "class"});
    if (!record.has_labels) return;
    file.write("label", std::span<const float>(predictions.labels), {examples});
    file.attach_dimensions("label", std::vector<std::string>{"example"});
  });
}

std::optional<Predictions> read_prediction_file(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const hdf5::File file = schema::open_sealed(path);
    const hdf5::Shape shape = file.shape("logits");
    return Predictions{.output_size = static_cast<std::int64_t>(shape.at(1)),
                       .logits = file.read_floats("logits"),
                       .labels = file.has("label") ? file.read_floats("label") : std::vector<float>(shape.at(0), 0.0F)};
  } catch (const Hdf5Error& error) {
    spdlog::warn("{}; it is computed again", error.what());
    return std::nullopt;
  }
}

}  // namespace tunescope
