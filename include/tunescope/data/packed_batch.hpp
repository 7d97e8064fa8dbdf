#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/data/dataset.hpp"

namespace tunescope {

/// Sequences laid end to end, without padding, on the host. T is the number of tokens, B the number of sequences.
/// Sentences differ much in length, so a padded batch would spend most of its work on padding; in a packed one every
/// row is a token. Only attention needs to know where sequences begin; all other layers treat rows alike. Kernels for
/// GPUs read tables at ids and positions as they are: that they are in range was checked when data and model were read
/// (`load_task`, `SweepInputs`).
struct PackedBatch {
  std::vector<std::int64_t> token_ids;         ///< [T]
  std::vector<std::int64_t> type_ids;          ///< [T]
  std::vector<std::int64_t> sequence_offsets;  ///< [B+1]
  std::vector<std::int64_t> examples;          ///< [B], index of each sequence in its data set
  at::Tensor labels;                           ///< [B] int64 classes, or float32 values for a regression task

  std::int64_t token_count() const { return sequence_offsets.back(); }
  std::int64_t sequence_count() const { return static_cast<std::int64_t>(examples.size()); }
};

/// [T], the position of each token in its sequence, from 0.
std::vector<std::int64_t> token_positions(const PackedBatch& batch);

/// Packs the given examples, in this order.
PackedBatch pack(const Dataset& dataset, std::span<const std::int64_t> examples, bool is_regression);

/// Lays batches end to end. The result has no labels, since those of the batches may be of different kinds.
PackedBatch join(std::span<const PackedBatch* const> batches);

/// Splits the indices 0 ... size-1 into consecutive runs of at most `tokens` tokens. A longer example is a run of its
/// own.
std::vector<std::vector<std::int64_t>> split_by_tokens(const Dataset& dataset, std::int64_t tokens);

}  // namespace tunescope
