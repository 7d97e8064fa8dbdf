#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tunescope/kernels/id_order.hpp"
#include "tunescope/kernels/layout_numbers.hpp"

namespace tunescope {

/// What selects the dropout masks of the sequences of a batch. B sequences.
struct DropoutStreams {
  LayoutNumbers<std::int64_t> examples;  ///< [B], index of each sequence in its data set
  LayoutNumbers<std::uint64_t> keys;     ///< [B], `random_key(seed, RandomUse::kDropout, step)`; empty: no dropout
};

/// Maps each row of a packed tensor to its model and its sequence. The rows of one model, and of one sequence, are
/// contiguous. K models, B sequences, R rows.
struct RowLayout {
  LayoutNumbers<std::int64_t> model_offsets;     ///< [K+1]; model k owns rows model_offsets[k] ... model_offsets[k+1]-1
  LayoutNumbers<std::int64_t> sequence_offsets;  ///< [B+1]; likewise for sequences
  LayoutNumbers<std::int64_t> pair_offsets;      ///< [B+1]; likewise for pairs of a row and a token of its sequence
  LayoutNumbers<std::int64_t> model_sequences;   ///< [K+1]; model k owns sequences model_sequences[k] ...
  LayoutNumbers<std::int64_t> row_sequences;     ///< [R], the sequence of each row
  LayoutNumbers<std::int64_t> sequence_models;   ///< [B], the model of each sequence
  LayoutNumbers<std::int64_t> token_rows;        ///< [R], the row of each row's token; empty: rows are tokens
  DropoutStreams streams;
  /// [B], the number that the first row of each sequence has for dropout; empty: 0. Read by `apply_dropout_` alone.
  LayoutNumbers<std::int64_t> first_numbers = {};

  std::int64_t row_count() const { return sequence_offsets.host.back(); }
  std::size_t model_count() const { return model_offsets.size() - 1; }
  std::size_t sequence_count() const { return sequence_offsets.size() - 1; }

  /// A view of the rows of one model in `tensor` [R, ...].
  at::Tensor of_model(const at::Tensor& tensor, std::size_t model) const {
    return tensor.narrow(0, model_offsets[model], model_offsets[model + 1] - model_offsets[model]);
  }
  /// `sequence_offsets` of the sequences of one model. Their first number need not be 0.
  LayoutNumbers<std::int64_t> sequence_offsets_of(std::size_t model) const {
    const auto first = static_cast<std::size_t>(model_sequences[model]);
    return sequence_offsets.part(first, static_cast<std::size_t>(model_sequences[model + 1]) - first + 1);
  }
};

/// What the tokens of a batch look up in an embedding table, on the host.
struct TokenIds {
  std::vector<std::int64_t> ids;          ///< [T], rows of the table
  std::vector<std::int64_t> groups = {};  ///< [T], for an order of the ids (see `order_ids`); empty: none is needed
};

/// Rows for the distances between two tokens of a sequence, looked up in an embedding table. The sequences of a set
/// share the rows that the longest of them needs: from the lowest id of its distances to the highest, each once. N
/// tokens in the longest sequence of all, R rows, P sets.
struct DistanceRows {
  RowLayout rows;                             ///< those of a set belong to its first sequence
  EmbeddingIds table_ids;                     ///< of the rows
  LayoutNumbers<std::int64_t> ids;            ///< [2 N - 1]; the id of the distance d is ids[d + N - 1]
  LayoutNumbers<std::int64_t> origins;        ///< [B]; for id i, sequence b reads row origins[b] + i
  LayoutNumbers<std::int64_t> set_sequences;  ///< [P+1]; set p has sequences set_sequences[p] ...
};

/// What kernels read of a pass's batches: how the sequences lie in its tensors, in those with a row per token and in
/// those with a row per sequence; the ids of the tokens; and the labels. It is made once per pass. If the batch is on
/// another device than the CPU, all of its numbers go there in one copy, and no kernel copies any.
class BatchLayout {
 public:
  struct Contents {
    const std::vector<std::int64_t>& sequence_offsets;  ///< [B+1], in tokens
    const std::vector<std::int64_t>& examples;          ///< [B]
    const std::vector<std::int64_t>& model_sequences;   ///< [K+1]
    const std::vector<std::uint64_t>& dropout_keys;     ///< [B], or none if there is no dropout
    std::vector<TokenIds> ids = {};                     ///< for each embedding table
    std::vector<std::int64_t> pooled_tokens = {};       ///< [B], see below; empty: the first token of each sequence
    std::vector<at::Tensor> labels = {};                ///< for each model, on the host; undefined: it has none
    /// `DistanceRows::ids`, which never fall; empty: the network has no such rows.
    std::vector<std::int64_t> distance_ids = {};
    std::vector<std::int64_t> set_sequences = {};  ///< likewise; a set is of one model
    std::vector<std::int64_t> set_groups = {};     ///< [P], for an order of the ids, as in `TokenIds`
  };
  BatchLayout(Contents contents, at::Device device);

  const RowLayout& tokens() const { return tokens_; }
  const RowLayout& sequences() const { return sequences_; }
  /// [B] int64, on the device: the row of the token of each sequence that rows of sequences are of.
  at::Tensor pooled_tokens() const { return numbers_.tensor(sequences_.token_rows); }
  /// For each embedding table.
  const std::vector<EmbeddingIds>& ids() const { return ids_; }
  const DistanceRows& distances() const { return distances_; }
  /// Those of the contents, on the device.
  const std::vector<at::Tensor>& labels() const { return labels_; }

 private:
  CopiedNumbers numbers_;
  RowLayout tokens_, sequences_;
  DistanceRows distances_;
  std::vector<EmbeddingIds> ids_;
  std::vector<at::Tensor> labels_;
};

/// One parameter in each of K models. Models that share it hold the same tensor object.
using PerModelTensors = std::vector<at::Tensor>;

}  // namespace tunescope
