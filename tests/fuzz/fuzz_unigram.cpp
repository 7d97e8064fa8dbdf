#include <string_view>

#include "fuzzed_file.hpp"
#include "tunescope/text/unigram/unigram.hpp"

using namespace tunescope;

// The bytes as spm.model, which tokenizes a text that its normalization changes, and themselves.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz::read_or_refuse([&] {
    const Unigram tokenizer(bytes, {.sequence = bert_template("[CLS]", "[SEP]")});
    tokenizer.tokenize("the  river \uFF21\uFB01\u00BD e\u0301 runs");
    tokenizer.encode(bytes, 64);
  });
  return 0;
}
