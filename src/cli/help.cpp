#include <spdlog/fmt/fmt.h>
#include <torch/headeronly/version.h>

#include <array>

#include "cli/display/wrapped.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/base/version.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/parallel/environment.hpp"

namespace tunescope::cli {
namespace {

constexpr std::array kCommands = {
    CommandHelp{
        "plan", "JOB.cfg [--calibrate] [--simulate DEVICES] [--json] [--section.key VALUE ...]",
        "Checks the job and its inputs and lists its trials: how many of each task and method, what is done, "
        "how many parameters train, the work and memory per trial, and the time per trial if finished trials of the "
        "job tell it. --calibrate measures the first steps of one trial of each task and method, and the first "
        "examples of one Fisher run of each task, on this machine. --simulate plays the sweep on that many devices, by "
        "the coordinator's own rules, with up to run.lanes trials at once on each (auto: 16); it leaves out what "
        "training together gains unless that was measured, and without --calibrate takes Fisher runs to multiply as "
        "fast as the training that they measure, in its precision. "
        "The last lines say how many ranks, with how many threads each, suit this machine. --json prints all of it as "
        "one JSON object, for scripts; docs/scripts.md tells its keys.",
        true},
    CommandHelp{"sweep", "JOB.cfg [--share] [--section.key VALUE ...]",
                "Trains every trial that is missing, over all MPI ranks, and writes the merged file. The Fisher "
                "information that methods choose by is computed when the trials that need none are done. Sweeps that "
                "are all started with --share may "
                "work on one results folder at once: each trial is trained by one of them, and each waits for all.",
                true},
    CommandHelp{"fisher", "JOB.cfg [--section.key VALUE ...]",
                "Computes the Fisher information of the model's parameters on every task of the job, over the grid of "
                "its [fisher] section, with all MPI ranks, and writes the merged file. Runs that are stored are not "
                "repeated.",
                true},
    CommandHelp{"status", "JOB.cfg [--watch [SECONDS]] [--json] [--section.key VALUE ...]",
                "Tells which trials are done, failed (with the error) and missing; works while a sweep runs. --watch "
                "looks again every 2 seconds, or as often as it is told, and shows what has changed, until nothing is "
                "left to run, no sweep is at work, or Ctrl-C. --json prints one JSON object, for scripts; "
                "docs/scripts.md tells its keys.",
                true},
    CommandHelp{
        "merge", "JOB.cfg [--reseal] [--replace] [--section.key VALUE ...]",
        "Collects the finished trials into one HDF5 file; works while a sweep runs. A merged file that would lose "
        "trials or Fisher runs is kept; --replace replaces it all the same. --reseal first gives a new checksum to "
        "files whose own is gone or does not match, because another program opened them for writing, if all of "
        "their contents can be read.",
        true},
    CommandHelp{
        "export", "JOB.cfg TRIAL|--where CONDITIONS FOLDER [--format transformers|peft] [--section.key VALUE ...]",
        "Writes a trained model as a folder that AutoModelForSequenceClassification of transformers loads: "
        "configuration with labels, weights, tokenizer files. With --format peft it is one that PeftModel of PEFT "
        "loads "
        "onto the pre-trained model, for methods of LayerNorm, LoRA and IA3. TRIAL is the id of a trial whose weights "
        "were kept (see run.keep), or its beginning. --where chooses trials, each of which gets a folder in FOLDER; "
        "those that are there are not written again. CONDITIONS are column=value, separated by commas, with the "
        "columns id, task, method, learning_rate and seed of /trials: task=CoLA,method=layernorm. A column that is "
        "given twice may have either value; a method without options stands for all of its name. best=task keeps, for "
        "each task, the trial with the highest selection score; best=task+method, for each task and method.",
        true},
    CommandHelp{
        "predict", "JOB.cfg FOLDER [--where CONDITIONS] [--file FILE.tsv --task TASK] [--section.key VALUE ...]",
        "Predicts, with models that were kept (see run.keep), over all MPI ranks. Without --file it writes a "
        "submission "
        "to the server of GLUE into FOLDER: CoLA.tsv, MNLI-m.tsv and so on, by one trial for each task, of the test "
        "files that are in data.glue, and of those that own tasks name. With --file it predicts any file in the layout "
        "of TASK, by each chosen trial of "
        "that task, and tells the scores if the file has labels. FOLDER/logits has the logits in HDF5; what is there "
        "is "
        "not computed again. CONDITIONS are those of tunescope export.",
        true},
    CommandHelp{
        "doctor", "[JOB.cfg] [--json] [--section.key VALUE ...]",
        "Tells what a sweep would find here, and what is wrong with it, each with the remedy: how the ranks were "
        "started, their cores, threads, memory and GPUs, their clocks, limits and environment variables, and "
        "whether the results folder (without a job, the working directory) has room, locks, and is shared by "
        "all ranks. Start it as the sweep would be started, under mpirun or srun. Its status is 3 if anything is "
        "wrong.",
        true},
    CommandHelp{"demo", "FOLDER",
                "Writes a small synthetic GLUE (all tasks, official layouts) for trying the program; docs/demo.md says "
                "what its tasks ask for. Always the same bytes.",
                false},
    CommandHelp{
        "tokenize", "MODEL_FOLDER [FILE TASK [JOB.cfg]]",
        "Prints token ids, blank-separated, one line per example: of the lines of standard input (a tab separates "
        "the sentences of a pair), or of a task's file. JOB.cfg defines the task if it is no task of GLUE.",
        false},
    CommandHelp{
        "completion", "bash|zsh",
        "Prints what makes this shell complete commands, options and keys of jobs. In the shell's start-up file: "
        "source <(tunescope completion bash).",
        false},
};

std::string job_help() {
  constexpr std::size_t kIndent = 32;
  std::string text = "\nKeys of a job file, each also an option (--section.key VALUE):\n";
  for (const JobKey& key : job_keys()) {
    const std::string value = key.default_value.empty() ? "required" : "default " + key.default_value;
    const std::string help = key.is_pattern() ? key.help : key.help + " (" + value + ")";
    text += fmt::format("  {:<30}{}\n", key.name, wrapped(help, kIndent));
  }
  text += "\n" +
          wrapped(
              "Above its first section a job file may have 'include = OTHER.cfg', a path from its own folder: "
              "all keys of that file hold that it does not give itself.",
              0) +
          "\n";
  text += "\nMethods; the classification head trains in all of them, and a plus sign joins several:\n";
  for (const auto& [spelling, description] : describe_methods()) {
    text += fmt::format("  {:<36}  {}\n", spelling, wrapped(description, kIndent + 8));
  }
  text += "\n" +
          wrapped(
              "A method may be confined to layers of the encoder, numbered from 0: layernorm:layers=8-11, "
              "bitfit:layers=4, random:fraction=0.1,layers=last4. Subsets take fraction=F, a share of the pool, "
              "or scalars=N, a number; fisher and magnitude take order=lowest.",
              0) +
          "\n";
  return text;
}

constexpr std::string_view kExitHelp =
    "\nExit status: 0 all done; 1 some trials failed or diverged, or the sweep ended because all of the first\n"
    "failed; 2 wrong job, options or inputs, nothing was run; 3 wrong environment (MPI, device, filesystem);\n"
    "75 stopped early by a signal (SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2) or a deadline with everything\n"
    "saved: run again to resume.\n";

}  // namespace

std::span<const CommandHelp> all_commands() { return kCommands; }

std::string help(const std::string& command) {
  for (const CommandHelp& known : kCommands) {
    if (command != known.name) continue;
    return fmt::format("tunescope {} {}\n\n{}\n{}{}", known.name, known.usage, wrapped(known.summary, 0),
                       known.has_job ? job_help() : "", kExitHelp);
  }
  std::string text =
      "Tunescope: which parameters does fine-tuning change, and how few need to change?\n\n"
      "  tunescope COMMAND ... | COMMAND --help | --version\n"
      "  mpirun -n N tunescope sweep|fisher|predict|doctor JOB.cfg ...\n\nCommands:\n";
  for (const CommandHelp& known : kCommands) {
    text += fmt::format("  {:<12}{}\n", known.name, wrapped(known.summary, 14));
  }
  if (command.empty()) return text + std::string(kExitHelp);
  std::vector<std::string> names;
  for (const CommandHelp& known : kCommands) names.emplace_back(known.name);
  throw ConfigError(fmt::format("unknown command '{}'{}", command, suggest(command, names)));
}

std::string version_text() {
  return fmt::format("tunescope {} (commit {})\nLibTorch {}\n{}\nHDF5 {}\nbackends: {}\ndevices: {}\n", version(),
                     git_commit(), TORCH_VERSION, mpi_library(), hdf5::library_version(), compiled_backends(),
                     Machine::look_for(DeviceKind::kAuto).text());
}

}  // namespace tunescope::cli
