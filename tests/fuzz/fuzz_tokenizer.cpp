#include <string_view>

#include "fuzzed_file.hpp"
#include "tunescope/text/word_piece_files.hpp"

using namespace tunescope;

// The bytes as tokenizer.json, as the tokenizer_config.json beside a vocab.txt, and as a text that is tokenised.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::read_or_refuse([&] {
    WordPieceFiles files = read_tokenizer_json(file.path());
    WordPiece(std::move(files.vocabulary), std::move(files.options)).encode(text, 64);
  });
  fuzz::read_or_refuse([&] {
    WordPieceOptions options;
    apply_normalizer_config(file.path(), options);
    apply_token_config(file.path(), options);
    WordPiece({"[UNK]", "[CLS]", "[SEP]", "a", "the", "##s"}, std::move(options)).encode(text, 64);
  });
  return 0;
}
