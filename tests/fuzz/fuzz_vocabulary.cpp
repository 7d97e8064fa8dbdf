#include <string_view>

#include "fuzzed_file.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

using namespace tunescope;

// The bytes as vocab.txt, and as a word that is cut into its pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  fuzz::read_or_refuse([&] {
    const Vocabulary vocabulary(read_vocabulary_lines(file.path()).vocabulary);
    std::vector<std::int32_t> ids;
    LongestPieces(vocabulary, "##").append_pieces({reinterpret_cast<const char*>(data), size}, ids);
  });
  return 0;
}
