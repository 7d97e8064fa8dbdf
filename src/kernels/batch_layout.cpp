#include "tunescope/kernels/batch_layout.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <numeric>
#include <utility>

namespace tunescope {
namespace {

using Numbers = std::vector<std::int64_t>;

// Offsets in pairs of two tokens of the same sequence.
Numbers squares_of(const Numbers& sequence_offsets) {
  Numbers offsets = {0};
  for (std::size_t b = 0; b + 1 < sequence_offsets.size(); ++b) {
    const std::int64_t length = sequence_offsets[b + 1] - sequence_offsets[b];
    offsets.push_back(offsets.back() + length * length);
  }
  return offsets;
}

Numbers chosen(const Numbers& from, const Numbers& indices) {
  Numbers numbers;
  for (const std::int64_t index : indices) numbers.push_back(from[static_cast<std::size_t>(index)]);
  return numbers;
}

// The number of the part of each element, for parts that begin at `offsets`.
Numbers parts_of(const Numbers& offsets) {
  Numbers parts;
  for (std::size_t part = 0; part + 1 < offsets.size(); ++part) {
    parts.insert(parts.end(), static_cast<std::size_t>(offsets[part + 1] - offsets[part]),
                 static_cast<std::int64_t>(part));
  }
  return parts;
}

Numbers counted(std::size_t count) {
  Numbers numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Numbers of any type as whole ones that have their bits.
Numbers bits_of(const at::Tensor& values) {
  Numbers bits((values.nbytes() + sizeof(std::int64_t) - 1) / sizeof(std::int64_t));
  std::memcpy(bits.data(), values.const_data_ptr(), values.nbytes());
  return bits;
}

}  // namespace

BatchLayout::BatchLayout(Contents contents, at::Device device)
    : ids_(contents.ids.size()), labels_(contents.labels.size()) {
  LayoutNumbers<std::int64_t> keys;
  std::vector<LayoutNumbers<std::int64_t>> ids(contents.ids.size()), labels(contents.labels.size());
  std::vector<CopiedNumbers::List> lists = {
      {contents.model_sequences, &tokens_.model_sequences},
      {chosen(contents.sequence_offsets, contents.model_sequences), &tokens_.model_offsets},
      {contents.sequence_offsets, &tokens_.sequence_offsets},
      {squares_of(contents.sequence_offsets), &tokens_.pair_offsets},
      {counted(contents.sequence_offsets.size()), &sequences_.sequence_offsets},
      {parts_of(contents.sequence_offsets), &tokens_.row_sequences},
      {parts_of(contents.model_sequences), &tokens_.sequence_models},
      {contents.examples, &tokens_.streams.examples},
      {Numbers(contents.dropout_keys.begin(), contents.dropout_keys.end()), &keys}};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto& [of_rows, groups] = contents.ids[i];
    if (!groups.empty()) {
      std::ranges::move(order_ids(of_rows, groups, ids_[i].order.emplace()), std::back_inserter(lists));
    }
    lists.push_back({std::move(of_rows), &ids[i]});
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (contents.labels[i].defined()) lists.push_back({bits_of(contents.labels[i]), &labels[i]});
  }
  numbers_ = CopiedNumbers(lists, device);

  // The generator takes keys without sign; the bits are the same.
  tokens_.streams.keys = {{reinterpret_cast<const std::uint64_t*>(keys.host.data()), keys.size()},
                          reinterpret_cast<const std::uint64_t*>(keys.device)};
  sequences_.model_sequences = sequences_.model_offsets = tokens_.model_sequences;
  sequences_.pair_offsets = tokens_.sequence_offsets;
  sequences_.row_sequences = sequences_.sequence_offsets.part(0, tokens_.sequence_count());  // 0, 1, 2, ...
  sequences_.sequence_models = tokens_.sequence_models;
  sequences_.streams = tokens_.streams;
  for (std::size_t i = 0; i < ids.size(); ++i) ids_[i].of_rows = numbers_.tensor(ids[i]);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const at::Tensor& own = contents.labels[i];
    if (own.defined()) labels_[i] = numbers_.tensor(labels[i]).view(own.scalar_type()).narrow(0, 0, own.numel());
  }
}

at::Tensor BatchLayout::first_tokens() const {
  return numbers_.tensor(tokens_.sequence_offsets.part(0, tokens_.sequence_count()));
}

}  // namespace tunescope
