#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/device/device.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/train/options.hpp"

namespace tunescope {

/// How progress is shown: `kAuto` is a bar on a terminal and lines elsewhere.
enum class ProgressStyle { kAuto, kBar, kLines, kNone };

/// A job: everything a job file says, checked.
struct SweepSpec {
  std::string name;
  std::string job_text;  ///< the job as run, kept with the results

  std::filesystem::path model_folder;
  std::filesystem::path glue_folder;
  std::filesystem::path cache_folder;  ///< tokenised data
  std::vector<std::string> tasks;
  std::int64_t max_length = 128;
  std::int64_t train_examples = 0;  ///< 0 = all
  std::int64_t dev_examples = 0;    ///< 0 = all

  std::vector<Method> methods;
  std::vector<double> learning_rates;       ///< of methods that train everything
  std::vector<double> peft_learning_rates;  ///< of every other method
  std::vector<std::uint64_t> seeds;
  TrainOptions train;

  DeviceKind device = DeviceKind::kAuto;
  std::int64_t threads = 0;  ///< a rank; 0 = the node's cores shared out
  std::filesystem::path results_folder;
  ProgressStyle progress = ProgressStyle::kAuto;

  /// results_folder/name
  std::filesystem::path job_folder() const { return results_folder / name; }
  /// The merged file.
  std::filesystem::path results_file() const { return job_folder() / (name + ".h5"); }
};

}  // namespace tunescope
