#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tunescope {

/// Numbers that the host's loops read at `host`, and kernels on the batch's device at `device`. On the CPU the two are
/// the same memory; `device` is null on LibTorch's meta device, which has none.
template <typename Number>
struct LayoutNumbers {
  std::span<const Number> host;
  const Number* device = nullptr;

  Number operator[](std::size_t index) const { return host[index]; }
  std::size_t size() const { return host.size(); }
  LayoutNumbers part(std::size_t first, std::size_t count) const {
    return {host.subspan(first, count), device == nullptr ? nullptr : device + first};
  }
};

/// Owns such numbers. If the device is not the CPU, they go there in one copy, from memory that is pinned, so that
/// nobody waits for it.
class CopiedNumbers {
 public:
  CopiedNumbers() = default;
  CopiedNumbers(std::span<const std::int64_t> numbers, at::Device device);

  LayoutNumbers<std::int64_t> all() const { return numbers_; }

 private:
  at::Tensor host_, device_;
  LayoutNumbers<std::int64_t> numbers_;
};

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
  DropoutStreams streams;

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

/// How a pass's sequences lie in its tensors: in those with a row per token, and in those with a row per sequence. It
/// is made once per pass. If the batch is on another device than the CPU, all of its numbers go there in one copy, and
/// no kernel copies any.
class BatchLayout {
 public:
  struct Contents {
    const std::vector<std::int64_t>& sequence_offsets;  ///< [B+1], in tokens
    const std::vector<std::int64_t>& examples;          ///< [B]
    const std::vector<std::int64_t>& model_sequences;   ///< [K+1]
    const std::vector<std::uint64_t>& dropout_keys;     ///< [B], or none if there is no dropout
  };
  BatchLayout(const Contents& contents, at::Device device);

  const RowLayout& tokens() const { return tokens_; }
  const RowLayout& sequences() const { return sequences_; }

 private:
  CopiedNumbers numbers_;
  RowLayout tokens_, sequences_;
};

/// One parameter in each of K models. Models that share it hold the same tensor object.
using PerModelTensors = std::vector<at::Tensor>;

}  // namespace tunescope
