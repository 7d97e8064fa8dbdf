#include "tunescope/data/packed_batch.hpp"

#include <ATen/ops/cat.h>

#include "tunescope/device/host_tensor.hpp"

namespace tunescope {
namespace {

std::int64_t length(const Dataset& dataset, std::int64_t example) {
  const auto i = static_cast<std::size_t>(example);
  return dataset.offsets[i + 1] - dataset.offsets[i];
}

at::Tensor pack_labels(const Dataset& dataset, std::span<const std::int64_t> examples, bool is_regression,
                       at::Device device) {
  const auto count = static_cast<std::int64_t>(examples.size());
  at::Tensor labels = host_tensor({count}, is_regression ? at::kFloat : at::kLong, device);
  for (std::int64_t b = 0; b < count; ++b) {
    const float label = dataset.labels[static_cast<std::size_t>(examples[static_cast<std::size_t>(b)])];
    if (is_regression) {
      labels.mutable_data_ptr<float>()[b] = label;
    } else {
      labels.mutable_data_ptr<std::int64_t>()[b] = static_cast<std::int64_t>(label);
    }
  }
  return labels.to(device, /*non_blocking=*/true);
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
  const std::int64_t tokens = batch.token_count();
  const std::int64_t sequences = batch.sequence_count();
  const at::Tensor all = host_tensor({3 * tokens + sequences}, at::kLong, device);  // one copy takes all to the device
  std::int64_t* const token_ids = all.mutable_data_ptr<std::int64_t>();
  std::int64_t* const position_ids = token_ids + tokens;
  std::int64_t* const type_ids = position_ids + tokens;
  std::int64_t* const first_tokens = type_ids + tokens;
  for (std::size_t b = 0; b < examples.size(); ++b) {
    const std::int64_t target = batch.sequence_offsets[b];
    const auto source = static_cast<std::size_t>(dataset.offsets[static_cast<std::size_t>(examples[b])]);
    first_tokens[b] = target;
    for (std::int64_t t = 0; t < length(dataset, examples[b]); ++t) {
      const std::size_t from = source + static_cast<std::size_t>(t);
      token_ids[target + t] = dataset.token_ids[from];
      type_ids[target + t] = dataset.type_ids[from];
      position_ids[target + t] = t;
    }
  }
  const at::Tensor on_device = all.to(device, /*non_blocking=*/true);
  batch.token_ids = on_device.narrow(0, 0, tokens);
  batch.position_ids = on_device.narrow(0, tokens, tokens);
  batch.type_ids = on_device.narrow(0, 2 * tokens, tokens);
  batch.first_tokens = on_device.narrow(0, 3 * tokens, sequences);
  batch.labels = pack_labels(dataset, examples, is_regression, device);
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
