#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
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
  /// Whether it chooses scalars by Fisher information, which has to be computed first.
  bool needs_fisher() const;
};

/// Parses and checks a method. Throws `ConfigError` naming the nearest known method or option, or the valid range.
Method parse_method(std::string_view text);

/// What a method trains of one tensor.
struct TensorSelection {
  enum class Kind { kNone, kAll, kSubset };
  Kind kind = Kind::kNone;
  std::vector<std::int64_t> indices = {};  ///< for kSubset: flat indices, ascending

  /// Number of trainable scalars in a tensor of `size`.
  std::int64_t count(std::int64_t size) const;
};

/// What a method trains, by catalogue index; the head always trains.
using Selection = std::vector<TensorSelection>;

/// A score of every scalar, by catalogue index: float32 tensors on the CPU, undefined where none is known.
using ParameterImportance = std::vector<at::Tensor>;

/// What a selection depends on beside method and model.
struct SelectionContext {
  std::uint64_t seed = 0;                        ///< read by random methods
  std::vector<ParameterImportance> scores = {};  ///< read by Fisher methods: one entry a task of the method's scope
};

/// The scalars that `method` trains. Throws `ConfigError` where it needs scores and there are none.
Selection select_parameters(const Method& method, const ParameterCatalogue& catalogue, const SelectionContext& context);

/// For sizes and costs: a Fisher method as a random subset of the same size, any other method as it is.
Method planning_stand_in(Method method);

/// As `select_parameters`, for planning before any score is known: as many scalars of the same tensors.
Selection planning_stand_in_selection(const Method& method, const ParameterCatalogue& catalogue);

/// Trials with the same number can be trained together: their methods leave the embedding tables and the encoder's
/// matrices as they are, and their lowest trained layer, which is the number (see `ParameterCatalogue::layer_labels`),
/// is the same, so that no trial's backward pass goes further than it needs. Nothing for other methods.
std::optional<std::size_t> co_training_group(const Method& method, const ParameterCatalogue& catalogue);

/// Which tensors a pool has, by catalogue index. A pool has the name of the method that trains it; "all" is "full".
/// Throws `ConfigError` naming the nearest known pool.
std::vector<bool> group_members(const std::string& pool, const ParameterCatalogue& catalogue);

/// A pool's tensors without those of the head, in catalogue order: what a method chooses scalars from. Throws as
/// `group_members`.
std::vector<ParameterIndex> group_tensors(const std::string& pool, const ParameterCatalogue& catalogue);

/// The pool's name in its canonical spelling. Throws `ConfigError` where it is unknown or without members.
std::string canonical_group(const std::string& pool);

/// Number of scalars that train, head included.
std::int64_t trainable_count(const Selection& selection, const ParameterCatalogue& catalogue);

/// One line a method for `--help`: its spelling and what it trains.
std::vector<std::pair<std::string, std::string>> describe_methods();

}  // namespace tunescope
