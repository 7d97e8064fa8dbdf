#include "tunescope/data/packed_batch.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

namespace tunescope {
namespace {

at::Tensor host_tensor(std::int64_t count, at::ScalarType type) {
  return at::empty({count}, at::TensorOptions().dtype(type));
}

std::int64_t length(const Dataset& dataset, std::int64_t example) {
  const auto i = static_cast<std::size_t>(example);
  return dataset.offsets[i + 1] - dataset.offsets[i];
}

at::Tensor pack_labels(const Dataset& dataset, std::span<const std::int64_t> examples, bool is_regression) {
  const auto count = static_cast<std::int64_t>(examples.size());
  at::Tensor labels = host_tensor(count, is_regression ? at::kFloat : at::kLong);
  for (std::int64_t b = 0; b < count; ++b) {
    const float label = dataset.labels[static_cast<std::size_t>(examples[static_cast<std::size_t>(b)])];
    if (is_regression) {
      labels.mutable_data_ptr<float>()[b] = label;
    } else {
      labels.mutable_data_ptr<std::int64_t>()[b] = static_cast<std::int64_t>(label);
    }
  }
  return labels;
}

}  // namespace

PackedBatch pack(const Dataset& dataset, std::span<const std::int64_t> examples, bool is_regression,
                 at::Device device) {
  PackedBatch batch;
  batch.examples.assign(examples.begin(), examples.end());
  batch.sequence_offsets = {0};
  for (const std::int64_t example : examples) {
    batch.sequence_offsets.push_back(batch.sequence_offsets.back() + length(dataset, example));
  }
  batch.token_ids = host_tensor(batch.token_count(), at::kLong);
  batch.position_ids = host_tensor(batch.token_count(), at::kLong);
  batch.type_ids = host_tensor(batch.token_count(), at::kLong);
  batch.first_tokens = host_tensor(batch.sequence_count(), at::kLong);
  for (std::size_t b = 0; b < examples.size(); ++b) {
    const std::int64_t target = batch.sequence_offsets[b];
    const auto source = static_cast<std::size_t>(dataset.offsets[static_cast<std::size_t>(examples[b])]);
    batch.first_tokens.mutable_data_ptr<std::int64_t>()[b] = target;
    for (std::int64_t t = 0; t < length(dataset, examples[b]); ++t) {
      const std::size_t from = source + static_cast<std::size_t>(t);
      batch.token_ids.mutable_data_ptr<std::int64_t>()[target + t] = dataset.token_ids[from];
      batch.type_ids.mutable_data_ptr<std::int64_t>()[target + t] = dataset.type_ids[from];
      batch.position_ids.mutable_data_ptr<std::int64_t>()[target + t] = t;
    }
  }
  batch.labels = pack_labels(dataset, examples, is_regression);
  for (at::Tensor* tensor :
       {&batch.token_ids, &batch.position_ids, &batch.type_ids, &batch.first_tokens, &batch.labels}) {
    *tensor = tensor->to(device);
  }
  return batch;
}

PackedBatch join(std::span<const PackedBatch* const> batches) {
  PackedBatch joined;
  joined.sequence_offsets = {0};
  std::vector<at::Tensor> token_ids, position_ids, type_ids, first_tokens;
  for (const PackedBatch* batch : batches) {
    const std::int64_t first_token = joined.token_count();
    token_ids.push_back(batch->token_ids);
    position_ids.push_back(batch->position_ids);
    type_ids.push_back(batch->type_ids);
    first_tokens.push_back(batch->first_tokens.add(first_token));
    joined.examples.insert(joined.examples.end(), batch->examples.begin(), batch->examples.end());
    for (std::size_t b = 1; b < batch->sequence_offsets.size(); ++b) {
      joined.sequence_offsets.push_back(first_token + batch->sequence_offsets[b]);
    }
  }
  joined.token_ids = at::cat(token_ids);
  joined.position_ids = at::cat(position_ids);
  joined.type_ids = at::cat(type_ids);
  joined.first_tokens = at::cat(first_tokens);
  return joined;
}

std::vector<std::vector<std::int64_t>> split_by_tokens(const Dataset& dataset, std::int64_t tokens) {
  std::vector<std::vector<std::int64_t>> runs;
  std::int64_t in_run = 0;
  for (std::int64_t example = 0; example < dataset.size(); ++example) {
    in_run += length(dataset, example);
    if (runs.empty() || in_run > tokens) {
      runs.emplace_back();
      in_run = length(dataset, example);
    }
    runs.back().push_back(example);
  }
  return runs;
}

}  // namespace tunescope
