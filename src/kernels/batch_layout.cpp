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

// What the contents say of rows for distances, as lists.
struct DistanceNumbers {
  explicit DistanceNumbers(const BatchLayout::Contents& contents) {
    const auto middle = static_cast<std::int64_t>(contents.distance_ids.size() / 2);
    for (std::size_t set = 0; set + 1 < contents.set_sequences.size(); ++set) {
      const std::int64_t first = contents.set_sequences[set];
      const std::int64_t last = contents.set_sequences[set + 1];
      std::int64_t longest = 1;
      for (std::int64_t b = first; b < last; ++b) {
        const auto place = contents.sequence_offsets.begin() + b;
        longest = std::max(longest, place[1] - place[0]);
      }
      const auto zero = contents.distance_ids.begin() + middle;
      const std::int64_t first_id = zero[1 - longest];
      const std::int64_t origin = offsets.back() - first_id;
      for (std::int64_t id = first_id; id <= zero[longest - 1]; ++id) ids.ids.push_back(id);
      offsets.insert(offsets.end(), static_cast<std::size_t>(last - first), static_cast<std::int64_t>(ids.ids.size()));
      first_ids.insert(first_ids.end(), static_cast<std::size_t>(last - first), first_id);
      origins.insert(origins.end(), static_cast<std::size_t>(last - first), origin);
      if (!contents.set_groups.empty()) ids.groups.resize(ids.ids.size(), contents.set_groups[set]);
    }
  }

  TokenIds ids;
  Numbers offsets = {0}, first_ids, origins;  // by sequence
};

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
      {std::move(contents.pooled_tokens), &sequences_.token_rows},
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
  DistanceNumbers distances(contents);
  LayoutNumbers<std::int64_t> distance_ids;
  if (!distances.ids.groups.empty()) {
    EmbeddingIds& table = distances_.table_ids;
    std::ranges::move(order_ids(distances.ids.ids, distances.ids.groups, table.order.emplace()),
                      std::back_inserter(lists));
  }
  if (!contents.distance_ids.empty()) {
    RowLayout& rows = distances_.rows;
    std::ranges::move(
        std::vector<CopiedNumbers::List>{
            {chosen(distances.offsets, contents.model_sequences), &rows.model_offsets},
            {parts_of(distances.offsets), &rows.row_sequences},
            {Numbers(contents.examples.size()), &rows.streams.examples},  // one mask for all examples
            {std::move(distances.offsets), &rows.sequence_offsets},
            {std::move(distances.first_ids), &rows.first_numbers},
            {std::move(distances.origins), &distances_.origins},
            {std::move(distances.ids.ids), &distance_ids},
            {std::move(contents.distance_ids), &distances_.ids},
            {std::move(contents.set_sequences), &distances_.set_sequences}},
        std::back_inserter(lists));
  }
  numbers_ = CopiedNumbers(lists, device);

  // The generator takes keys without sign; the bits are the same.
  tokens_.streams.keys = {{reinterpret_cast<const std::uint64_t*>(keys.host.data()), keys.size()},
                          reinterpret_cast<const std::uint64_t*>(keys.device)};
  sequences_.model_sequences = sequences_.model_offsets = tokens_.model_sequences;
  sequences_.pair_offsets = tokens_.sequence_offsets;
  sequences_.row_sequences = sequences_.sequence_offsets.part(0, tokens_.sequence_count());  // 0, 1, 2, ...
  sequences_.sequence_models = tokens_.sequence_models;
  if (sequences_.token_rows.size() == 0) {
    sequences_.token_rows = tokens_.sequence_offsets.part(0, tokens_.sequence_count());
  }
  sequences_.streams = tokens_.streams;
  distances_.rows.pair_offsets = distances_.rows.sequence_offsets;
  distances_.rows.model_sequences = tokens_.model_sequences;
  distances_.rows.sequence_models = tokens_.sequence_models;
  distances_.rows.streams.keys = tokens_.streams.keys;
  if (distance_ids.size() > 0) distances_.table_ids.of_rows = numbers_.tensor(distance_ids);
  for (std::size_t i = 0; i < ids.size(); ++i) ids_[i].of_rows = numbers_.tensor(ids[i]);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const at::Tensor& own = contents.labels[i];
    if (own.defined()) labels_[i] = numbers_.tensor(labels[i]).view(own.scalar_type()).narrow(0, 0, own.numel());
  }
}

}  // namespace tunescope
