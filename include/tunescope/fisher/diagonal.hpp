#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/fisher/log_likelihood_gradients.hpp"
#include "tunescope/model/bert_config.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/next_action.hpp"
#include "tunescope/parallel/reducer.hpp"

namespace tunescope {

/// What the diagonal Fisher information of a model on a data set depends on.
struct FisherInputs {
  const BertConfig& config;
  const ParameterCatalogue& catalogue;
  const Parameters& parameters;
  const Dataset& dataset;  ///< all of it is used
  const Task& task;
  std::vector<bool> is_wanted;  ///< by catalogue index; at least one is
  FisherMode mode = FisherMode::kEmpirical;
  /// 1: the Fisher information, from per-example gradients. Larger: the mean over batches of so many consecutive
  /// examples of the squared mean gradient, an estimate that is biased but in use; kept for comparison.
  std::int64_t batch_size = 1;
  std::uint64_t seed = 0;  ///< of drawn labels
};

/// The part of the work that one of several ranks does.
struct Shard {
  int rank = 0;
  int ranks = 1;
};

/// How far a shard is.
struct FisherState {
  std::int64_t micro_batches = 0;  ///< of the shard, done
  std::int64_t of = 0;             ///< micro-batches that the shard has
  std::vector<at::Tensor> sums;    ///< of squared gradients, by catalogue index, float64; undefined where not wanted
  at::Tensor scales;               ///< sums of squares over depth, see `DepthProfile`
  double seconds = 0.0;            ///< of a saved shard: spent on it until then
};

/// How a caller follows and steers a shard.
struct FisherControl {
  /// Called after each micro-batch with those done and all of the shard.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress = [](std::int64_t, std::int64_t) {};
  /// Asked before each micro-batch.
  std::function<NextAction()> next_action = [] { return NextAction::kContinue; };
  /// Called where `next_action` says so, through `save_for`, and where another rank was stopped.
  std::function<void(const FisherState& state)> save = [](const FisherState&) {};
  /// Where the same shard of the same inputs was saved; null to start anew. One that was cut otherwise does not count.
  const FisherState* resume = nullptr;
};

/// Sums the squared gradients of one shard's micro-batches; the same numbers, bit for bit, where it was saved and
/// resumed in between. Every number of ranks adds up the same micro-batches. Where it is stopped, the state is not
/// complete. Throws `NumericalError` naming example and tensor where a gradient is not finite.
FisherState sum_squared_gradients(const FisherInputs& inputs, const Shard& shard, const FisherControl& control = {});

/// What is measured of a model, in evaluation mode.
struct FisherInformation {
  /// F_i = mean over examples of E_y (∂ log p(y|x) / ∂θ_i)², by catalogue index, float64; undefined where not wanted.
  std::vector<at::Tensor> diagonal;
  /// Root mean squares over all tokens and hidden units, [kDepthQuantities, L + 1] float64, as in `DepthProfile`.
  /// Gradients are of what is differentiated: log p(y|x), for larger batches its mean over them.
  at::Tensor scales;
};

/// The Fisher information, computed by all ranks together, the same on every rank. Nothing if a rank was stopped: then
/// all have saved their shards. Throws as `sum_squared_gradients`, on every rank.
std::optional<FisherInformation> fisher_information(const FisherInputs& inputs, RankTeam& team, Reducer& reducer,
                                                    const FisherControl& control = {});

}  // namespace tunescope
