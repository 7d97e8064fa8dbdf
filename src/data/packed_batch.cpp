#include "tunescope/data/packed_batch.hpp"

#include <ATen/ops/empty.h>

namespace tunescope {
namespace {

std::int64_t length(const Dataset& dataset, std::int64_t example) {
  const auto i = static_cast<std::size_t>(example);
  return dataset.offsets[i + 1] - dataset.offsets[i];
}

at::Tensor pack_labels(const Dataset& dataset, std::span<const std::int64_t> examples, bool is_regression) {
  const auto count = static_cast<std::int64_t>(examples.size());
  at::Tensor labels = at::empty({count}, at::TensorOptions(is_regression ? at::kFloat : at::kLong));
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

void append_to(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& numbers) {
  to.insert(to.end(), numbers.begin(), numbers.end());
}

}  // namespace

std::vector<std::int64_t> token_positions(const PackedBatch& batch) {
  std::vector<std::int64_t> positions;
  for (std::size_t b = 0; b < batch.examples.size(); ++b) {
    const std::int64_t length = batch.sequence_offsets[b + 1] - batch.sequence_offsets[b];
    for (std::int64_t position = 0; position < length; ++position) positions.push_back(position);
  }
  return positions;
}

PackedBatch pack(const Dataset& dataset, std::span<const std::int64_t> examples, bool is_regression) {
  PackedBatch batch;
  batch.sequence_offsets = {0};
  batch.examples.assign(examples.begin(), examples.end());
  for (const std::int64_t example : examples) {
    const auto first = static_cast<std::ptrdiff_t>(dataset.offsets[static_cast<std::size_t>(example)]);
    const std::int64_t tokens = length(dataset, example);
    const auto add = [&](std::vector<std::int64_t>& to, const std::vector<std::int32_t>& ids) {
      to.insert(to.end(), ids.begin() + first, ids.begin() + first + tokens);
    };
    add(batch.token_ids, dataset.token_ids);
    add(batch.type_ids, dataset.type_ids);
    batch.sequence_offsets.push_back(batch.token_count() + tokens);
  }
  batch.labels = pack_labels(dataset, examples, is_regression);
  return batch;
}

PackedBatch join(std::span<const PackedBatch* const> batches) {
  PackedBatch joined;
  joined.sequence_offsets = {0};
  for (const PackedBatch* batch : batches) {
    const std::int64_t first_token = joined.token_count();
    append_to(joined.token_ids, batch->token_ids);
    append_to(joined.type_ids, batch->type_ids);
    append_to(joined.examples, batch->examples);
    for (std::size_t b = 1; b < batch->sequence_offsets.size(); ++b) {
      joined.sequence_offsets.push_back(first_token + batch->sequence_offsets[b]);
    }
  }
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
