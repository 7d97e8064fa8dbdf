#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/selection.hpp"
#include "tunescope/data/task.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/fisher/log_likelihood_gradients.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/parallel/reducer.hpp"
#include "tunescope/train/options.hpp"

namespace tunescope {

/// How progress is shown: `kAuto` is a bar on a terminal and lines elsewhere.
enum class ProgressStyle { kAuto, kBar, kLines, kNone };

/// Which weights of a trial stay on disk: none, those after its last step, or those of its best evaluation. `kAuto`
/// keeps the last ones if the tensors are less than 1 % of the model.
enum class KeepWeights { kAuto, kNone, kTrained, kBest };

/// Whether a sweep lets others work in its results folder at the same time.
enum class FolderUse { kAlone, kShared };

/// Where, how and on what the Fisher information is computed. A list makes a grid for `tunescope fisher`; methods that
/// choose by Fisher information use the first entry of each.
struct FisherSpec {
  Method at = {{{.name = "full"}}};        ///< how the measured weights were trained
  double learning_rate = 0.0;              ///< of that training; 0 = the job's first for the method
  std::vector<std::uint64_t> seeds = {1};  ///< of that training
  std::vector<double> points = {1.0};      ///< fractions of its steps done: 0 before, 1 after
  std::vector<FisherMode> modes = {FisherMode::kEmpirical};
  std::int64_t draws = 1;                       ///< for each example, of mode hutchinson
  std::vector<std::int64_t> examples = {1024};  ///< of the training set; 0 = all
  std::vector<std::int64_t> batch_sizes = {1};  ///< see `FisherInputs::batch_size`
  Precision precision = Precision::kFloat32;    ///< of the passes that measure
  std::string parameters = "full";              ///< pool whose tensors are measured
  std::string keep = "full";                    ///< pool whose diagonals are kept in the files
};

/// Which trials of the grid of learning rates and seeds are trained; see storage/screening.hpp.
struct ScreeningSpec {
  std::size_t seeds = 0;  ///< with which all learning rates are trained; 0 = with all: no screening
  std::size_t keep = 0;   ///< learning rates of each task and method that are trained with the other seeds too

  bool is_on() const { return seeds > 0; }
};

/// Which trained models are scored with groups of their scalars put back to their initial values, and which groups: the
/// scalars that these methods train, beside the head. No groups: none are.
struct AblationSpec {
  std::vector<Method> groups;
  std::vector<Method> methods = {{{{.name = "full"}}}};

  /// Whether the models that a method trains are ablated, if any are.
  bool has_models_of(const Method& method) const {
    return std::ranges::any_of(methods, [&](const Method& other) { return other.text() == method.text(); });
  }
};

/// A job: everything a job file says, checked.
struct SweepSpec {
  std::string name;
  std::string job_text;  ///< the job as run, kept with the results

  std::filesystem::path model_folder;
  std::filesystem::path glue_folder;
  std::filesystem::path cache_folder;  ///< tokenized data
  std::vector<std::string> tasks;
  std::vector<Task> own_tasks = {};  ///< that the job defines, used or not
  std::int64_t max_length = 128;
  std::int64_t train_examples = 0;  ///< 0 = all
  std::int64_t dev_examples = 0;    ///< 0 = all
  SelectionRule selection = {};

  std::vector<Method> methods;
  std::vector<double> learning_rates;                                 ///< of methods that train everything
  std::vector<double> peft_learning_rates;                            ///< of every other method
  std::map<std::string, std::vector<double>> learning_rates_of_kind;  ///< instead of these two, by `Method::kind`
  std::vector<std::uint64_t> seeds;
  ScreeningSpec screening;
  TrainOptions train;
  FisherSpec fisher;
  AblationSpec ablation;

  DeviceKind device = DeviceKind::kAuto;
  std::int64_t threads = 0;  ///< a rank; 0 = the node's cores shared out
  std::filesystem::path results_folder;
  ProgressStyle progress = ProgressStyle::kAuto;
  ReducerKind reducer = ReducerKind::kAuto;
  std::int64_t lanes = 0;    ///< trials a rank trains together; 0 = as many as pay
  bool pack_weights = true;  ///< see `PackedWeights`
  KeepWeights keep = KeepWeights::kAuto;
  std::int64_t retries = 1;              ///< of a trial that ends with an exception
  std::int64_t stop_after_failures = 8;  ///< the sweep ends if all of the first so many trials fail; 0 = never
  double checkpoint_seconds = 600.0;     ///< between checkpoints; 0 = only at a stop
  double deadline_seconds = 0.0;         ///< from the start to a stop; 0 = none
  double end_margin_seconds = 120.0;     ///< from a stop to the end of the Slurm allocation
  FolderUse folder_use = FolderUse::kAlone;

  /// The learning rates that a method is tried with.
  const std::vector<double>& learning_rates_of(const Method& method) const {
    const auto own = learning_rates_of_kind.find(method.kind());
    if (own != learning_rates_of_kind.end()) return own->second;
    return method.trains_everything() ? learning_rates : peft_learning_rates;
  }

  /// One of the tasks.
  const Task& find_task(std::string_view task) const { return tunescope::find_task(task, own_tasks); }

  /// results_folder/name
  std::filesystem::path job_folder() const { return results_folder / name; }
  /// The merged file.
  std::filesystem::path results_file() const { return job_folder() / (name + ".h5"); }
};

}  // namespace tunescope
