#pragma once

#include <vector>

#include "tunescope/comm/reducer.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/fisher/score_gradient.hpp"
#include "tunescope/model/bert_config.hpp"
#include "tunescope/model/pretrained.hpp"

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

/// Sums of squared gradients over one shard's micro-batches, by catalogue index, float64; undefined where not wanted.
/// Every number of ranks adds up the same micro-batches. Throws `NumericalError` naming example and tensor where a
/// gradient is not finite.
std::vector<at::Tensor> sum_squared_gradients(const FisherInputs& inputs, const Shard& shard);

/// The diagonal Fisher information F_i = mean over examples of E_y (∂ log p(y|x) / ∂θ_i)², in evaluation mode, computed
/// by all ranks together; by catalogue index, float64, the same on every rank. *Collective.* Throws as
/// `sum_squared_gradients`, on every rank.
std::vector<at::Tensor> fisher_diagonal(const FisherInputs& inputs, const Communicator& world, Reducer& reducer);

}  // namespace tunescope
