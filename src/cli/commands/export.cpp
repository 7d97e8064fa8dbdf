#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "cli/display/warnings.hpp"
#include "cli/selection/kept_trials.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/model/export/model_folder.hpp"
#include "tunescope/model/export/peft_folder.hpp"

namespace tunescope::cli {
namespace {

// The files of a library for which a trial is written.
struct FolderFormat {
  std::string_view name;
  std::string (*problem)(const ExportedModel&);
  void (*write)(const ExportedModel&, const std::filesystem::path& folder);
  std::string_view main_file;
  bool needs_added_tensors;      // as they are, not merged into the model's
  std::string_view how_to_load;  // Python that loads {folder}
};

constexpr std::array kFolderFormats = {
    FolderFormat{"transformers", model_folder_problem, write_model_folder, "config.json", false,
                 "AutoModelForSequenceClassification.from_pretrained(\"{folder}\")"},
    FolderFormat{"peft", peft_folder_problem, write_peft_folder, "adapter_config.json", true,
                 "PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(\"{model}\", "
                 "num_labels={outputs}), \"{folder}\")"}};

const FolderFormat& find_folder_format(const std::string& name) {
  const auto* const found = std::ranges::find(kFolderFormats, name, &FolderFormat::name);
  if (found != kFolderFormats.end()) return *found;
  std::vector<std::string> known;
  for (const FolderFormat& format : kFolderFormats) known.emplace_back(format.name);
  throw ConfigError(fmt::format("unknown --format '{}'{}", name, suggest(name, known)));
}

// Writes one trial. The result is the reason why it cannot be, empty if it is written.
std::string export_to(const std::filesystem::path& folder, const PlannedTrial& planned, const KeptTrials& kept,
                      const FolderFormat& format) {
  const Trial& trial = planned.trial;
  const KeptWeights weights = kept.load(trial);
  const ExportedModel model{.pretrained = kept.inputs->model(),
                            .source = kept.spec->model_folder,
                            .additions = weights.additions,
                            .parameters = weights.parameters,
                            .labels = kept.spec->find_task(trial.task).labels};
  const std::string what = fmt::format("trial {} is of method {}, which ", planned.id, trial.method.text());
  const std::string where = "; what was kept of it is in " + JobFolder(*kept.spec).kept_file(planned.id).string();
  if (const std::string problem = format.problem(model); !problem.empty()) {
    return fmt::format("{}{}, so it cannot be exported for {}{}", what, problem, format.name, where);
  }
  if (format.needs_added_tensors && weights.are_merged) {
    return what + "adds tensors that an earlier build has merged into the model's; --format transformers exports them";
  }
  format.write(model, folder);
  fmt::print("{}: trial {}, {} {}, learning rate {}, seed {}, after {} steps\n", folder.string(), planned.id,
             trial.task, trial.method.text(), trial.learning_rate, trial.seed, weights.step);
  return "";
}

void print_how_to_load(const FolderFormat& format, const std::filesystem::path& folder, const KeptTrials& kept) {
  fmt::print("load it with {}\n",
             fmt::format(fmt::runtime(format.how_to_load), fmt::arg("folder", folder.string()),
                         fmt::arg("model", kept.spec->model_folder.string()),
                         fmt::arg("outputs", kept.spec->find_task(kept.trials.front().trial.task).output_size())));
}

ExitStatus export_one(const CommandLine& line, const FolderFormat& format) {
  const std::filesystem::path folder = line.arguments[2];
  check_export_folder(folder);
  const KeptTrials kept = find_kept_trial(line, line.arguments[1]);
  const std::string problem = export_to(folder, kept.trials.front(), kept, format);
  if (!problem.empty()) throw ConfigError(problem);
  print_how_to_load(format, folder, kept);
  return kAllDone;
}

// Each trial gets a folder of its own. One that has been written before is left as it is.
ExitStatus export_several(const CommandLine& line, const FolderFormat& format) {
  const std::filesystem::path folder = line.arguments[1];
  const KeptTrials kept = choose_kept_trials(line, print_warning);
  std::size_t written = 0;
  std::size_t found = 0;
  for (const PlannedTrial& planned : kept.trials) {
    if (std::filesystem::exists(folder / planned.id / format.main_file)) {
      ++found;
      continue;
    }
    const std::string problem = export_to(folder / planned.id, planned, kept, format);
    if (problem.empty()) {
      ++written;
    } else {
      print_warning(problem);
    }
  }
  fmt::print("{}: {} trials written, {} were already there\n", folder.string(), written, found);
  if (written + found == 0) throw ConfigError("none of the chosen trials can be exported; the warnings say why");
  return kAllDone;
}

}  // namespace

ExitStatus export_trials(const CommandLine& line) {
  const FolderFormat& format = find_folder_format(line.format);
  if (line.where && line.arguments.size() == 2) return export_several(line, format);
  if (!line.where && line.arguments.size() == 3) return export_one(line, format);
  throw ConfigError(
      "tunescope export takes a job file, a trial and a folder, or a job file, --where and a folder; see tunescope "
      "export --help");
}

}  // namespace tunescope::cli
