#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tunescope/kernels/activation.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

// Tensors that a method adds to the linear layers of a model, and what they do there. With all that can be added, a
// layer y = x Wᵀ + b becomes y = l ⊙ ((m ⊙ x) Wᵀ + s drop(m ⊙ x) Aᵀ Bᵀ + b): A and B are LoRA's (Hu et al. 2021), l
// and m the vectors of IA3 (Liu et al. 2022). Each may be of some outputs of the layer alone, such as the queries of a
// layer that computes queries, keys and values. Behind the last layer of a block there may be a bottleneck.

/// Consecutive outputs of a linear layer, or inputs.
struct Columns {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// A matrix of rank r that is added to a weight: y[columns] += s drop(x) Aᵀ Bᵀ.
struct LowRank {
  ParameterIndex down = 0;          ///< A [r, in]
  ParameterIndex up = 0;            ///< B [columns, r]
  Columns columns;                  ///< of the outputs
  double scale = 1.0;               ///< s
  double dropout = 0.0;             ///< probability of the dropout layer that x goes through on its way to A
  std::uint32_t site = 0;           ///< number of that layer, see `Dropout`
  bool is_rank_stabilized = false;  ///< whether s is alpha over the root of the rank, not over the rank
};

/// A vector that some inputs or outputs of a layer are multiplied by.
struct Rescale {
  ParameterIndex vector = 0;  ///< [columns]
  Columns columns;
};

/// What a bottleneck reads. h is what its block has computed, with dropout, and x the residual that h is added to.
enum class BottleneckInput {
  kBranch,  ///< h
  kSum      ///< LayerNorm(h + x), with the LayerNorm that ends the block; where blocks begin with LayerNorm, h + x
};

/// Two linear layers with a narrow layer between them, the adapter of Houlsby et al. 2019. What it computes of its
/// input z is added to what its block has computed: h + f(z Dᵀ + d) Uᵀ + u.
struct Bottleneck {
  LinearParameters down;  ///< D [m, H] and d [m]
  LinearParameters up;    ///< U [H, m] and u [H]
  Activation activation = Activation::kRelu;
  BottleneckInput input = BottleneckInput::kBranch;
};

/// What is added to one linear layer.
struct LayerAdditions {
  std::vector<LowRank> low_rank;
  std::vector<Rescale> inputs, outputs;  ///< their columns do not overlap
  std::optional<Bottleneck> bottleneck;  ///< of the last layer of a block alone
};

/// A linear layer of the encoder, or the part of one that computes queries, keys and values together.
struct LinearTarget {
  ParameterIndex weight = 0;
  std::string name;  ///< of what is added, without its ending: "bert.encoder.layer.3.attention.self.query"
  Columns outputs;
  std::int64_t inputs = 0;
};

/// The linear layers of a role, one in each layer of the encoder. `role` is "query", "key", "value",
/// "attention_output", "intermediate" or "output" (see `role_of`), and means the same in every architecture.
std::vector<LinearTarget> linear_targets(const ParameterCatalogue& catalogue, std::string_view role);

/// What a trial adds to its model: the tensors, numbered behind those of the model, and the layers that they change.
class Additions {
 public:
  /// Nothing yet. `model` lists the tensors of the model with its head.
  explicit Additions(ParameterCatalogue model) : model_size_(model.size()), catalogue_(std::move(model)) {}

  struct LowRankOptions {
    std::int64_t rank = 8;
    double scale = 1.0;
    double dropout = 0.0;
    bool is_rank_stabilized = false;
  };
  /// A is drawn uniformly from ±1/√in and B is zero: Kaiming's distribution with a = √5, as the authors' code has it.
  void add_low_rank(const LinearTarget& target, const LowRankOptions& options);
  /// Vectors are one at first.
  void rescale_outputs(const LinearTarget& target);
  void rescale_inputs(const LinearTarget& target);

  struct BottleneckOptions {
    std::int64_t size = 64;  ///< m
    Activation activation = Activation::kRelu;
    BottleneckInput input = BottleneckInput::kBranch;
  };
  /// Behind a layer that is the last of its block. The matrices are drawn from the normal distribution with the
  /// standard deviation 0.02, biases are zero.
  void add_bottleneck(const LinearTarget& target, const BottleneckOptions& options);

  bool empty() const { return layers_.empty(); }
  /// The tensors of the model, then the added ones.
  const ParameterCatalogue& catalogue() const { return catalogue_; }
  std::size_t model_size() const { return model_size_; }
  /// What is added to the layer of this weight; null: nothing.
  const LayerAdditions* of(ParameterIndex weight) const;

  /// Puts the added tensors behind those of the model, on their device and of their type, with their first numbers. The
  /// random ones are drawn by `seed`.
  void append_initial(Parameters& parameters, std::uint64_t seed) const;

  /// The tensors of the model, to which everything has been added that changes them: if nothing is left, they compute
  /// the same without additions. Those without additions are the same objects. Behind them, what is left.
  Parameters merged(const Parameters& parameters) const;
  /// What `merged` leaves, for the tensors that it gives: bottlenecks, which are no change of any weight.
  Additions unmerged() const;
  /// By index of the catalogue: whether a method has added the tensor, and `merged` makes it part of a weight.
  std::vector<bool> merged_tensors() const;

 private:
  enum class Initial { kZeros, kOnes, kUniform, kNormal };
  ParameterIndex append(const LinearTarget& target, std::string_view ending, std::vector<std::int64_t> shape,
                        Initial initial);
  Rescale scale_of(const LinearTarget& target, std::string_view ending, const Columns& columns);
  /// The added tensors that `merged` leaves.
  std::vector<ParameterIndex> unmerged_tensors() const;

  std::size_t model_size_;
  ParameterCatalogue catalogue_;
  std::vector<Initial> initial_;  // of the added tensors
  std::map<ParameterIndex, LayerAdditions> layers_;
};

}  // namespace tunescope
