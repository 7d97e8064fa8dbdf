#include "tunescope/data/submission.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

namespace tunescope {
namespace {

constexpr std::array<std::string_view, 11> kSubmissionFiles = {"CoLA.tsv", "SST-2.tsv",  "MRPC.tsv",    "STS-B.tsv",
                                                               "QQP.tsv",  "MNLI-m.tsv", "MNLI-mm.tsv", "QNLI.tsv",
                                                               "RTE.tsv",  "WNLI.tsv",   "AX.tsv"};

}  // namespace

std::vector<TestFile> test_files(const Task& task, const std::filesystem::path& glue_folder) {
  if (task.is_own && task.test_file.empty()) return {};
  const std::filesystem::path folder = task.folder(glue_folder);
  if (task.mismatched_dev_file.empty()) return {{folder / task.test_file, task.name + ".tsv"}};
  std::vector<TestFile> files = {{folder / "test_matched.tsv", "MNLI-m.tsv"},
                                 {folder / "test_mismatched.tsv", "MNLI-mm.tsv"}};
  for (const char* name : {"AX.tsv", "AX/AX.tsv", "diagnostic/diagnostic.tsv"}) {
    if (!std::filesystem::is_regular_file(glue_folder / name)) continue;
    files.push_back({glue_folder / name, "AX.tsv"});
    break;
  }
  return files;
}

std::span<const std::string_view> submission_files() { return kSubmissionFiles; }

std::string submission_text(const Task& task, std::span<const double> predictions) {
  std::string text = "index\tprediction\n";
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    if (task.is_regression()) {
      text += fmt::format("{}\t{:.3f}\n", i, std::clamp(predictions[i], task.min_label, task.max_label));
    } else {
      text += fmt::format("{}\t{}\n", i, task.labels.at(static_cast<std::size_t>(predictions[i])));
    }
  }
  return text;
}

}  // namespace tunescope
