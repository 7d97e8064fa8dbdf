#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/text/word_piece/word_piece.hpp"

namespace tunescope::test {

/// Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, a 5, b 6, c 7, ##d 8.
inline WordPiece small_tokenizer() {
  return WordPiece(std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##d"},
                   WordPieceOptions{});
}

inline RawExample example(std::string first, std::string second, std::string label, std::size_t line) {
  return {.first = std::move(first), .second = std::move(second), .label = std::move(label), .line = line};
}

inline Dataset tokenize(const char* task, std::vector<RawExample> examples, std::int64_t max_length = 128) {
  const RawExamples raw{.examples = std::move(examples)};
  return tokenize_examples(raw, glue_task(task), small_tokenizer(), max_length, "glue/train.tsv");
}

/// Examples of 1, 2, ... `count` tokens; every token of example i has the id 100 + i, and i is its label.
inline Dataset numbered_dataset(std::int64_t count) {
  Dataset dataset;
  for (std::int64_t i = 0; i < count; ++i) {
    dataset.token_ids.insert(dataset.token_ids.end(), static_cast<std::size_t>(i + 1),
                             static_cast<std::int32_t>(100 + i));
    dataset.type_ids.resize(dataset.token_ids.size(), 0);
    dataset.offsets.push_back(static_cast<std::int64_t>(dataset.token_ids.size()));
    dataset.labels.push_back(static_cast<float>(i));
  }
  return dataset;
}

}  // namespace tunescope::test
