#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/storage/job_folder.hpp"

namespace tunescope {

/// The saved state of one rank's shard of an unfinished Fisher run. What is added to the model is measured apart from
/// it, and saved in a file of its own.
class FisherCheckpoint {
 public:
  /// `inputs` must outlive this.
  FisherCheckpoint(const JobFolder& folder, const std::string& run, const Shard& shard, const FisherInputs& inputs);

  /// Writes the file, atomically and with a checksum.
  void save(const FisherState& state) const;

  /// Nothing if there is no file; a damaged one is named in the log and does not count.
  std::optional<FisherState> load() const;

 private:
  at::Tensor find(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                  at::IntArrayRef shape) const;

  std::filesystem::path path_;
  const FisherInputs& inputs_;
};

}  // namespace tunescope
