#include <string_view>

#include "fuzzed_file.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

using namespace tunescope;

// The bytes as tokenizer.json, as each of the files beside a vocab.txt, and as a text that is tokenized.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::read_or_refuse([&] {
    WordPieceFiles files = read_tokenizer_json(JsonObject::read(file.path()));
    WordPiece(std::move(files.vocabulary), std::move(files.options)).encode(text, 64);
  });
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}) {
    const fuzz::FuzzedFile beside(data, size, name);
    fuzz::read_or_refuse([&] {
      WordPieceFiles files{.vocabulary = {"[UNK]", "[CLS]", "[SEP]", "a", "the", "##s"}, .options = {}};
      apply_files_beside_lines(fuzz::folder(), files);
      check_case(files);
      WordPiece(std::move(files.vocabulary), std::move(files.options)).encode(text, 64);
    });
  }
  return 0;
}
