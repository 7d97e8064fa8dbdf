#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// The coordinates of parameter maps: layers, components, and what each cell is.
struct MapAxes {
  std::vector<std::string> layers;
  std::vector<std::string> components;
  std::vector<std::int64_t> sizes;  ///< scalars, [layer, component]; 0 if a layer has no such component
  std::vector<std::string> roles;   ///< `role_of` by [layer, component], "" without one; empty in earlier files

  /// The axes of a model.
  static MapAxes of(const ParameterCatalogue& catalogue);
  std::size_t cell_count() const { return layers.size() * components.size(); }
};

/// The measures of `ParameterChange` over [layer, component]; NaN in cells without a tensor.
struct ChangeMaps {
  std::vector<double> mean_abs, rms, relative_l2, max_abs;

  static ChangeMaps of(const ParameterCatalogue& catalogue, const std::vector<ParameterChange>& change);
};

/// One row of `/trials`.
struct TrialRow {
  std::string id, task, method, mask, state, metric, precision, device, hostname, error, gpu, gpu_software;
  std::string selection, selection_hash;
  double learning_rate = 0.0;
  double score = 0.0;
  double final_score = 0.0;
  double wall_seconds = 0.0;
  std::int64_t seed = 0;
  std::int64_t best_step = 0;
  std::int64_t steps = 0;
  std::int64_t trainable_parameters = 0;
  std::int64_t total_parameters = 0;
  std::int64_t train_examples = 0;
  std::int64_t dev_examples = 0;
  std::int64_t rank = 0;
  std::int64_t threads = 0;
  std::int64_t selection_examples = 0;
  double selection_score = 0.0;
  std::int64_t kept_bytes = 0;
  double examples_per_second = 0.0;
  double tokens_per_second = 0.0;
  double energy_joules = 0.0;
  std::int64_t peak_host_bytes = 0;
  std::int64_t peak_device_bytes = 0;
};

/// Which scalars a method chose by Fisher information.
struct MaskRecord {
  std::string id;      ///< as in the column `mask` of `/trials`
  std::string method;  ///< in its canonical spelling
  std::string runs;    ///< identifiers of the Fisher runs, separated by blanks
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> indices;  ///< by tensor name, flat, ascending
};

/// Everything that is stored of a trial.
struct TrialRecord {
  TrialRow row;
  std::optional<MaskRecord> mask = {};  ///< of a Fisher method; earlier programs did not keep it with the trial
  Scores best_scores;
  Scores final_scores;
  MapAxes axes;
  ChangeMaps change;                           ///< of the model's tensors, with what is added merged into them
  std::vector<AddedChange> added_change = {};  ///< none in files of earlier versions
  std::vector<Evaluation> evaluations;
  std::vector<StepRecord> history;
  Predictions predictions;
  Predictions mismatched_predictions;
};

/// Writes the file of one trial in the schema of results/README.md, atomically and with a seal.
void write_trial(const std::filesystem::path& path, const TrialRecord& record);

/// Reads only the row of `/trials`, after checking the seal. Throws `Hdf5Error` if any byte of the file has changed, or
/// it has another schema.
TrialRow read_trial_row(const std::filesystem::path& path);

/// The mask that a trial's file has; nothing if it has none. Throws as `read_trial_row`.
std::optional<MaskRecord> read_mask(const std::filesystem::path& path);

/// Reads all of a trial's file. Throws as `read_trial_row`.
TrialRecord read_trial(const std::filesystem::path& path);

}  // namespace tunescope
