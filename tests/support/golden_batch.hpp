#pragma once

#include <cstdint>
#include <string>

#include "support/device.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/io/safetensors.hpp"

namespace tunescope::test {

/// A batch from a golden file, on the device of the tests: packed ids, types and offsets under names that begin with
/// `prefix`.
inline PackedBatch golden_batch(const Safetensors& file, const at::Tensor& labels, const std::string& prefix = "") {
  PackedBatch batch;
  batch.token_ids = file.tensor(prefix + "input_ids");
  batch.type_ids = file.tensor(prefix + "type_ids");
  batch.labels = labels.to(device());
  const at::Tensor offsets = file.tensor(prefix + "offsets");
  const auto* first = offsets.const_data_ptr<std::int64_t>();
  batch.sequence_offsets.assign(first, first + offsets.numel());
  batch.first_tokens = offsets.narrow(0, 0, offsets.numel() - 1).clone();
  batch.position_ids = batch.token_ids.clone();
  for (std::size_t b = 0; b + 1 < batch.sequence_offsets.size(); ++b) {
    batch.examples.push_back(static_cast<std::int64_t>(b));
    for (std::int64_t t = batch.sequence_offsets[b]; t < batch.sequence_offsets[b + 1]; ++t) {
      batch.position_ids[t] = t - batch.sequence_offsets[b];
    }
  }
  for (at::Tensor* rows : {&batch.token_ids, &batch.type_ids, &batch.position_ids, &batch.first_tokens}) {
    *rows = rows->to(device());
  }
  return batch;
}

}  // namespace tunescope::test
