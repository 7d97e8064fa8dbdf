#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/fisher/diagonal.hpp"

namespace tunescope {

/// Where one rank's share of a Fisher run is saved on its way.
class FisherCheckpoint {
 public:
  /// The references must outlive this.
  FisherCheckpoint(std::filesystem::path path, const ParameterCatalogue& catalogue, const std::vector<bool>& is_wanted)
      : path_(std::move(path)), catalogue_(catalogue), is_wanted_(is_wanted) {}

  /// Writes the file, atomically and with a checksum.
  void save(const FisherState& state) const;

  /// Nothing where there is no file; a damaged one is named in the log and does not count.
  std::optional<FisherState> load() const;

 private:
  at::Tensor find(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                  at::IntArrayRef shape) const;

  std::filesystem::path path_;
  const ParameterCatalogue& catalogue_;
  const std::vector<bool>& is_wanted_;
};

}  // namespace tunescope
