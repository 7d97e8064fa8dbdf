#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// A fine-tuning method as a job file names it: `name` or `name:key=value,key=value`.
struct Method {
  std::string name;
  std::map<std::string, std::string> options;  ///< every option of the method, defaults filled in

  /// One spelling for each method, with its options in alphabetical order.
  std::string text() const;
  /// Whether it trains every parameter, and so takes the learning rates of full fine-tuning.
  bool trains_everything() const { return name == "full"; }
};

/// Parses and checks a method. Throws `ConfigError` naming the nearest known method or option, or the valid range.
Method parse_method(std::string_view text);

/// What a method trains of one tensor.
struct TensorSelection {
  enum class Kind { kNone, kAll, kSome };
  Kind kind = Kind::kNone;
  std::vector<std::int64_t> indices = {};  ///< for kSome: flat indices, ascending

  /// Number of trainable scalars in a tensor of `size`.
  std::int64_t count(std::int64_t size) const;
};

/// What a method trains, by catalogue index; the head always trains.
using Selection = std::vector<TensorSelection>;

/// The scalars that `method` trains; `seed` matters to random methods only.
Selection select_parameters(const Method& method, const ParameterCatalogue& catalogue, std::uint64_t seed);

/// Number of scalars that train, head included.
std::int64_t trainable_count(const Selection& selection, const ParameterCatalogue& catalogue);

/// One line a method for `--help`: its spelling and what it trains.
std::vector<std::pair<std::string, std::string>> describe_methods();

}  // namespace tunescope
