#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tunescope/model/additions.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

// A fine-tuning method decides which scalars of a model are trained. It is made of parts. A part trains a parameter
// group, a named set of whole tensors such as all LayerNorm weights and biases, or some scalars of such a group, chosen
// at random, by Fisher information or by magnitude, or it adds tensors to the model's layers and trains those. A method
// trains what any of its parts trains. The classification head is new for every task, so it is always trained. Job
// files call a parameter group a "pool".

/// One part of a method: `name` or `name:key=value,key=value`.
struct MethodPart {
  std::string name;
  std::map<std::string, std::string> options = {};  ///< in their canonical spelling, defaults filled in

  /// The canonical spelling, with the options in alphabetical order.
  std::string text() const;
};

/// A fine-tuning method as a job file names it: a part, or several joined by plus signs.
struct Method {
  std::vector<MethodPart> parts;  ///< in the alphabetical order of their texts

  /// The canonical spelling of the method.
  std::string text() const;
  /// The names of its parts, each once, in alphabetical order, joined by plus signs: the method without its options.
  std::string kind() const;
  /// Whether it trains every parameter, and so takes the learning rates of full fine-tuning.
  bool trains_everything() const;
  /// The part that chooses scalars by Fisher information, which must be computed first; null if there is none.
  const MethodPart* fisher_part() const;
  /// Whether a part chooses at random: then each seed trains other scalars.
  bool draws_scalars() const;
  /// Whether a part adds tensors to the model.
  bool adds_tensors() const;
};

/// Parses and checks a method. What follows a plus sign and does not begin with the name of a method belongs to the
/// option before it. Throws `ConfigError` naming the nearest known method or option, or the valid range.
Method parse_method(std::string_view text);

/// The canonical spelling of a kind of method (see `Method::kind`). Throws `ConfigError` naming the nearest known
/// method.
std::string parse_kind(std::string_view text);

/// What a method adds to a model of these tensors: nothing, unless a part adds tensors. Throws `ConfigError` if the
/// model has none of the layers that a part adds to.
Additions additions_of(const Method& method, const ParameterCatalogue& model);

/// What a method trains of one tensor.
struct TensorSelection {
  enum class Kind { kNone, kAll, kSubset };
  Kind kind = Kind::kNone;
  std::vector<std::int64_t> indices = {};  ///< for kSubset: flat indices, ascending

  /// Number of trainable scalars in a tensor of `size` scalars.
  std::int64_t count(std::int64_t size) const;
};

/// What a method trains, by catalogue index. The head and what is added are always trained.
using Selection = std::vector<TensorSelection>;

/// The importance of every scalar, here its Fisher information, by catalogue index: float32 tensors on the CPU,
/// undefined if not known.
using ParameterImportance = std::vector<at::Tensor>;

/// What a selection depends on besides method and model.
struct SelectionContext {
  std::uint64_t seed = 0;                            ///< read by random methods
  std::vector<ParameterImportance> importance = {};  ///< read by Fisher methods: one entry a task of the method's scope
  std::span<const at::Tensor> pretrained = {};       ///< read by `magnitude`: the backbone, by catalogue index, float32
};

/// The scalars that `method` trains, of the tensors of `additions_of`, or of those of the model alone. Throws
/// `ConfigError` if it needs importances and there are none, or if the model has none of the tensors that a part trains
/// or chooses from, or if a part adds nothing to the others.
Selection select_parameters(const Method& method, const ParameterCatalogue& catalogue, const SelectionContext& context);

/// A method that trains as many scalars of the same groups and can be planned before anything is computed: a part that
/// chooses by Fisher information or by the model's numbers becomes a random subset of the same size.
Method planning_stand_in(Method method);

/// What a method trains, as far as that is known before anything is computed: its subsets are spread evenly over their
/// pools. Several subsets, and whole tensors beside them, have no scalars in common as far as the pools allow, so that
/// their number is the most that the method could train.
Selection planning_stand_in_selection(const Method& method, const ParameterCatalogue& catalogue);

/// Trials whose methods have the same number here can be trained together (see `TrainingRun`); nothing if a method
/// cannot. Such methods leave the model's embedding tables and the encoder's matrices frozen, so these stay shared. The
/// number is the lowest layer that is trained (see `ParameterCatalogue::layer_labels`), so that no trial is taken
/// further down in the backward pass than it needs.
std::optional<std::size_t> co_training_group(const Method& method, const ParameterCatalogue& model);

/// Which tensors are in a parameter group, by catalogue index. A group has the name of the method that trains it; "all"
/// is "full". Throws `ConfigError` naming the nearest known group.
std::vector<bool> group_members(const std::string& group, const ParameterCatalogue& catalogue);

/// The tensors of the backbone that a part trains or chooses from, in catalogue order: those of its group that lie in
/// its layers. Throws `ConfigError` if the model has none of them, or not these layers.
std::vector<ParameterIndex> candidate_tensors(const MethodPart& part, const ParameterCatalogue& catalogue);

/// The tensors of a parameter group without those of the head, in catalogue order: a method chooses scalars from these.
/// Throws as `group_members`, and `ConfigError` if the model has none of them, as one without biases.
std::vector<ParameterIndex> group_tensors(const std::string& group, const ParameterCatalogue& catalogue);

/// The canonical name of a parameter group. Throws `ConfigError` if it is unknown or has no tensors besides the head.
std::string canonical_group(const std::string& group);

/// Number of scalars that are trained, head included.
std::int64_t trainable_count(const Selection& selection, const ParameterCatalogue& catalogue);
/// That of a method for a model, of its `planning_stand_in_selection`.
std::int64_t trainable_count(const Method& method, const ParameterCatalogue& model);

/// For each method of one part, its spelling and what it trains, for `--help`.
std::vector<std::pair<std::string, std::string>> describe_methods();

}  // namespace tunescope
