#include <string_view>

#include "fuzzed_file.hpp"
#include "tunescope/text/byte_pair/byte_pair_files.hpp"
#include "tunescope/text/byte_pair/byte_pair_words.hpp"
#include "tunescope/text/tokenizer/tokenizer_files.hpp"

using namespace tunescope;

// The bytes as tokenizer.json, as vocab.json, as merges.txt, and as a text that is tokenized.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const SequenceTemplate plain{.single = {{"$A"}}, .pair = {{"$A"}, {"$B"}}};
  fuzz::read_or_refuse([&] {
    const BytePairFiles files = read_byte_pair_json(JsonObject::read(file.path()));
    BytePair(files.vocabulary, files.merges, files.options).encode(text, 64);
  });
  fuzz::read_or_refuse(
      [&] { BytePair(read_vocabulary_map(JsonObject::read(file.path())), {}, {.sequence = plain}).tokenize(text); });
  fuzz::read_or_refuse([&] {
    const std::vector<std::string> tokens = {"t", "h", "e", "th", "the", "\u0120", "\u0120t", "\u0120the"};
    BytePair(tokens, read_merges(file.path()), {.add_prefix_space = true, .sequence = plain}).tokenize(text);
  });
  return 0;
}
