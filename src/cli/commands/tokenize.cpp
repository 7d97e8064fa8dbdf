#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <iostream>
#include <limits>

#include "cli/display/warnings.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/job_file.hpp"
#include "tunescope/data/examples.hpp"
#include "tunescope/text/read_tokenizer.hpp"

namespace tunescope::cli {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::int32_t>::max();

void print_encoding(const Encoding& encoding) { fmt::print("{}\n", fmt::join(encoding.token_ids, " ")); }

void tokenize_lines(const Tokenizer& tokenizer) {
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t tab = line.find('\t');
    print_encoding(tab == std::string::npos ? tokenizer.encode(line, kNoLimit)
                                            : tokenizer.encode_pair(std::string_view(line).substr(0, tab),
                                                                    std::string_view(line).substr(tab + 1), kNoLimit));
  }
}

void tokenize_file(const Tokenizer& tokenizer, const std::string& path, const Task& task) {
  const RawExamples raw = read_examples(path, task, Labels::kIgnore);
  for (const std::string& warning : raw.warnings()) print_warning(path + ": " + warning);
  for (const RawExample& example : raw.examples) {
    print_encoding(task.text_columns.size() > 1 ? tokenizer.encode_pair(example.first, example.second, kNoLimit)
                                                : tokenizer.encode(example.first, kNoLimit));
  }
}

}  // namespace

ExitStatus tokenize(const CommandLine& line) {
  const auto& arguments = line.arguments;
  if (arguments.size() != 1 && arguments.size() != 3 && arguments.size() != 4) {
    throw ConfigError(
        "tunescope tokenize takes a model folder, or a model folder, a file, its task and, if that is an own one, the "
        "job file that defines it");
  }
  const std::unique_ptr<const Tokenizer> tokenizer = read_tokenizer(arguments.front());
  for (const std::string& warning : tokenizer->notes().warnings) print_warning(arguments.front() + ": " + warning);
  if (arguments.size() == 1) {
    tokenize_lines(*tokenizer);
  } else {
    std::vector<Task> own;
    if (arguments.size() == 4) own = read_job(arguments[3], line.overrides).own_tasks;
    tokenize_file(*tokenizer, arguments[1], find_task(arguments[2], own));
  }
  return kAllDone;
}

}  // namespace tunescope::cli
