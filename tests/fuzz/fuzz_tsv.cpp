#include "fuzzed_file.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/text/word_piece/word_piece.hpp"

using namespace tunescope;

namespace {

Task task_of_json_lines() {
  Task task;
  task.text_columns = {"sentence1", "sentence2"};
  task.label_column = "label";
  task.is_own = true;
  return task;
}

}  // namespace

// The bytes as a file of each task, with its labels and without, down to token ids, and as JSON lines of pairs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const WordPiece tokenizer({"[UNK]", "[CLS]", "[SEP]", "a", "the", "##s"}, {});
  const fuzz::FuzzedFile file(data, size);
  for (const Task& task : glue_tasks()) {
    fuzz::read_or_refuse([&] { read_examples(file.path(), task, Labels::kIgnore); });
    fuzz::read_or_refuse(
        [&] { tokenize_examples(read_examples(file.path(), task, Labels::kRead), task, tokenizer, 16, file.path()); });
  }
  static const Task pairs = task_of_json_lines();
  const fuzz::FuzzedFile json_lines(data, size, "fuzzed.jsonl");
  fuzz::read_or_refuse([&] { read_examples(json_lines.path(), pairs, Labels::kRead); });
  return 0;
}
