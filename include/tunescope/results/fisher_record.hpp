#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/results/trial_record.hpp"

namespace tunescope {

/// One row of `/fisher`.
struct FisherRow {
  std::string id, task, mode, at, trial, reducer, device, hostname, gpu, gpu_software, precision;
  double point = 0.0;
  double learning_rate = 0.0;
  double wall_seconds = 0.0;
  std::int64_t examples = 0;
  std::int64_t batch_size = 1;
  std::int64_t step = 0;
  std::int64_t seed = 0;
  std::int64_t ranks = 1;
  std::int64_t threads = 1;
  std::int64_t draws = 1;
};

/// The Fisher information over [layer, component], NaN in cells without a measured tensor.
struct FisherMaps {
  std::vector<double> mean;   ///< over the tensor's scalars
  std::vector<double> sum;    ///< over the tensor's scalars
  std::vector<double> max;    ///< largest of the tensor's scalars
  std::vector<double> share;  ///< sum over the sum of all measured tensors, the head included

  /// Computes the maps from the diagonal, by catalogue index; its tensors are undefined if not measured. What lies
  /// behind those of the catalogue is left out.
  static FisherMaps of(const ParameterCatalogue& catalogue, const std::vector<at::Tensor>& diagonal);
};

/// The Fisher information of a tensor that the measured training's method has added to the model.
struct AddedFisher {
  std::string tensor;     ///< its name
  std::int64_t size = 0;  ///< number of scalars
  double mean = 0.0;      ///< over its scalars
  double sum = 0.0;
  double max = 0.0;

  /// Of every measured tensor of a diagonal, by catalogue index, that was added to the model.
  static std::vector<AddedFisher> of(const ParameterCatalogue& catalogue, const std::vector<at::Tensor>& diagonal);
};

/// Root mean squares of activations and gradients over [layer], in the order of `DepthQuantity`. NaN if a layer has no
/// such quantity, the backward pass ended above it, or an older program wrote the file.
struct FisherProfiles {
  std::vector<double> hidden_rms, attention_branch_rms, feed_forward_branch_rms;
  std::vector<double> hidden_gradient_rms, attention_branch_gradient_rms, feed_forward_branch_gradient_rms;

  /// Takes the profiles from `FisherInformation::depth_profile`.
  static FisherProfiles of(const ParameterCatalogue& catalogue, const at::Tensor& scales);
};

/// Everything that is stored of a Fisher run.
struct FisherRecord {
  FisherRow row;
  MapAxes axes;
  FisherMaps maps;
  FisherProfiles profiles;
  std::vector<AddedFisher> added = {};                       ///< none in files of earlier versions
  std::vector<std::pair<std::string, at::Tensor>> diagonal;  ///< by Hugging Face tensor name, CPU; what the job keeps
};

/// Writes the file of one Fisher run in the schema of results/README.md, atomically and with a seal.
void write_fisher(const std::filesystem::path& path, const FisherRecord& record);

/// Reads the row and the maps, without the diagonal. Throws `Hdf5Error` if any byte of the file has changed, or it has
/// another schema.
FisherRecord read_fisher(const std::filesystem::path& path);

/// Reads the diagonal of the named tensors, as flat float32 tensors in that order. Throws `Hdf5Error` if one is
/// missing, or as `read_fisher`.
std::vector<at::Tensor> read_fisher_diagonal(const std::filesystem::path& path,
                                             const std::vector<std::string>& tensors);

}  // namespace tunescope
