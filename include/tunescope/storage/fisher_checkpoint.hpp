#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/fisher/diagonal.hpp"

namespace tunescope {

/// The passes of a Fisher run over the model, and those over added tensors (see `FisherPasses`).
enum class MeasuredPart { kModel, kMerged };

/// The saved state of one rank's shard of a part of an unfinished Fisher run, in a file of its own.
class FisherCheckpoint {
 public:
  /// In the checkpoint folder of a run. `inputs` must outlive this.
  FisherCheckpoint(const std::filesystem::path& folder, MeasuredPart part, const Shard& shard,
                   const FisherInputs& inputs);

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
