#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/task.hpp"

namespace tunescope {

/// A file whose labels, if it is GLUE's, its server alone has.
struct TestFile {
  std::filesystem::path path;
  std::string submission;  ///< the file of the predictions, as the server names it: "MNLI-mm.tsv"
};

/// The test files that a model of this task predicts, whether they are there or not: MNLI has two, an own task that
/// names none has none. GLUE's diagnostic set (AX), which a model of MNLI predicts, is among them if it is there, as
/// AX.tsv, AX/AX.tsv or diagnostic/diagnostic.tsv.
std::vector<TestFile> test_files(const Task& task, const std::filesystem::path& glue_folder);

/// The names of all files that the server takes together; it refuses a submission that lacks one.
std::span<const std::string_view> submission_files();

/// The text of a submission's file: the header "index", "prediction", and a row for each prediction, in the order of
/// the test file. Classes are written as words, as the official labels; values with three decimals, and those out of
/// the range of labels as the nearest in it. Source: the sample submission of gluebenchmark.com.
std::string submission_text(const Task& task, std::span<const double> predictions);

}  // namespace tunescope
