#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tunescope/base/next_action.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/fisher/log_likelihood_gradients.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/model/weights/bfloat16_weights.hpp"
#include "tunescope/parallel/reducer.hpp"

namespace tunescope {

// The diagonal Fisher information of a model: how strongly each scalar parameter influences the predicted distribution.
// For scalar i, F_i is the mean over examples x of the expectation over labels y of (∂ log p(y|x) / ∂θ_i)². It needs
// the gradient of every single example, squared before it is summed; `SquaredGradients` computes that within one
// backward pass per micro-batch. The examples are cut into micro-batches of whole groups in a fixed way; rank r of R
// takes micro-batches r, r + R, r + 2R, ... (its shard) and adds up their squares in float64; one all-reduce at the end
// sums the shards. A shard can be saved after any micro-batch and resumed with the same result.

/// What the diagonal Fisher information of a model on a data set depends on.
struct FisherInputs {
  const Network& network;
  const ParameterCatalogue& catalogue;
  const Parameters& parameters;
  const Dataset& dataset;  ///< every example is used
  const Task& task;
  std::vector<bool> needs_gradient;  ///< by catalogue index: whether the tensor is measured; true for at least one
  FisherMode mode = FisherMode::kEmpirical;
  /// 1: the Fisher information, from per-example gradients. Larger: the squared mean gradient of each group of so many
  /// consecutive examples, averaged over the groups. That estimate is biased but in use; it is here for comparison.
  std::int64_t batch_size = 1;
  std::uint64_t seed = 0;  ///< for labels and signs drawn at random
  std::int64_t draws = 1;  ///< of signs for each example, a backward pass for each; of `FisherMode::kHutchinson` alone
  /// Of `parameters`, see `ModelInput`: both factors of a matrix's gradient are in bfloat16 too. Null: in full
  /// precision.
  const Bfloat16Weights* bfloat16_weights = nullptr;
  /// What is added to the model, see `ModelInput`: catalogue and parameters have its tensors last.
  const Additions* additions = nullptr;
};

/// Which part of the work this rank does.
struct Shard {
  int rank = 0;
  int ranks = 1;
};

/// The most tokens of a micro-batch on the CPU, if it has more than one group: small enough for the activations of
/// BERT-large to fit, large enough for matrix products to run at full speed.
inline constexpr std::int64_t kMicroBatchTokens = 2048;

/// The progress of a shard.
struct FisherState {
  /// By which the examples were cut into micro-batches: `kMicroBatchTokens`, or on a GPU up to four times as many.
  std::int64_t micro_batch_tokens = kMicroBatchTokens;
  std::int64_t micro_batches = 0;  ///< number done
  std::int64_t total = 0;          ///< number in the shard
  std::vector<at::Tensor> sums;    ///< of squared gradients, by catalogue index, float64; undefined if not measured
  at::Tensor depth_sums;           ///< sums of squares over depth, see `DepthProfile`
  double seconds = 0.0;            ///< for a saved shard, the time spent on it so far
  /// The most groups that are computed at once, since more did not fit into memory; 0 in states that do not know it.
  std::int64_t groups_per_pass = 0;
  bool is_in_bfloat16 = false;  ///< whether the products were
};

/// How a caller observes and controls the computation of a shard.
struct FisherControl {
  /// Called after each micro-batch with the numbers of micro-batches done and in the shard.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = [](std::int64_t, std::int64_t) {};
  /// Polled before each micro-batch.
  std::function<NextAction()> next_action = [] { return NextAction::kContinue; };
  /// Called if `next_action` asks to save, and if another rank was stopped.
  std::function<void(const FisherState& state)> save = [](const FisherState&) {};
  /// Called with a finished shard before it is summed over ranks, if no rank was stopped.
  std::function<void(const FisherState& state)> on_finished = [](const FisherState&) {};
  /// The state in which this shard of the same inputs was saved last, by this computation or by one before; nothing to
  /// start from scratch. A state of other micro-batches, or of products of another type, is ignored.
  std::function<std::optional<FisherState>()> load = [] { return std::nullopt; };
};

/// Sums the squared gradients of the micro-batches of one shard. The numbers are the same, bit for bit, if it was saved
/// and resumed. The micro-batches do not depend on the number of ranks. If it is stopped, the returned state has fewer
/// micro-batches than its total. If a micro-batch does not fit into memory, the shard goes back to where it was saved
/// last and computes half as many groups at once, with the same numbers to rounding. Throws `NumericalError` naming
/// example and tensor if a gradient is not finite, and `DeviceError` if the device is broken.
FisherState sum_squared_gradients(const FisherInputs& inputs, const Shard& shard, const FisherControl& control = {});

/// What is measured, with the model in evaluation mode.
struct FisherInformation {
  /// F_i = mean over examples of E_y (∂ log p(y|x) / ∂θ_i)², by catalogue index, float64; undefined if not measured.
  std::vector<at::Tensor> diagonal;
  /// Root mean squares over all tokens and hidden units, [kDepthQuantities, L + 1] float64, see `DepthProfile`. The
  /// gradients are those of log p(y|x), or of its mean over each group if `batch_size` > 1.
  at::Tensor depth_profile;
};

/// The Fisher information, computed by all ranks together, the same on every rank. Nothing if a rank was stopped: then
/// all have saved their shards. Throws `NumericalError` as `sum_squared_gradients`, on every rank. If a rank's shard
/// ends with another exception, that rank throws it and the others `PeerError`.
std::optional<FisherInformation> fisher_information(const FisherInputs& inputs, RankTeam& team, Reducer& reducer,
                                                    const FisherControl& control = {});

}  // namespace tunescope
