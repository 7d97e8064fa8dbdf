#include "tunescope/cli/job_keys.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "job/keys_of_every_job.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/data/task.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope::cli {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void assign_name(SweepSpec& spec, const Value& value) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (value.text.empty() || value.text.front() == '.' || value.text.find_first_not_of(kAllowed) != std::string::npos) {
    refuse(value, "letters, digits, '-', '_' and '.', which is not the first: it names a folder and a file");
  }
  const std::size_t longest = longest_file_name() - std::string_view(".h5").size();
  if (value.text.size() > longest) refuse(value, fmt::format("at most {} characters: it names a file", longest));
  spec.name = value.text;
}

void assign_tasks(SweepSpec& spec, const Value& value) {
  spec.tasks.clear();
  for (const std::string& word : parse_words(value)) {
    const std::string task(at_origin(value, [&] { return find_task(word, spec.own_tasks).name; }));
    if (std::ranges::find(spec.tasks, task) != spec.tasks.end()) refuse(value, "'" + task + "' only once");
    spec.tasks.push_back(task);
  }
}

void assign_learning_rates_of_kind(SweepSpec& spec, const Value& value) {
  spec.learning_rates_of_kind[value.key.substr(kLearningRatesOf.size())] = parse_positive_numbers(value);
}

void assign_fisher_modes(SweepSpec& spec, const Value& value) {
  spec.fisher.modes.clear();
  for (const std::string& word : parse_words(value)) {
    spec.fisher.modes.push_back(at_origin(value, [&] { return parse_fisher_mode(word); }));
  }
}

std::vector<std::uint64_t> parse_seeds(const Value& value) {
  const std::vector<std::int64_t> numbers = parse_integers(value, 0);
  return {numbers.begin(), numbers.end()};
}

void assign_fisher_points(SweepSpec& spec, const Value& value) {
  spec.fisher.points = parse_list<double>(value, [](const Value& word) { return parse_number(word, 0.0, 1.0); });
}

void assign_ablation_groups(SweepSpec& spec, const Value& value) {
  if (value.text == "none") return;
  spec.ablation.groups = parse_methods(value);
  for (const Method& group : spec.ablation.groups) {
    if (group.fisher_part() != nullptr || group.adds_tensors()) {
      refuse(value, "groups that need no Fisher information and add nothing to the model, unlike " + group.text());
    }
    if (group.text() == "head") refuse(value, "no group 'head', which is always among them");
  }
}

template <typename Choice, std::size_t count>
Choice parse_choice(const Value& value, const std::array<std::pair<std::string_view, Choice>, count>& choices) {
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (value.text == name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  refuse(value, "one of " + names);
}

void assign_device(SweepSpec& spec, const Value& value) {
  constexpr std::array<std::pair<std::string_view, DeviceKind>, 3> kDevices = {
      {{"auto", DeviceKind::kAuto}, {"cpu", DeviceKind::kCpu}, {"cuda", DeviceKind::kCuda}}};
  spec.device = parse_choice(value, kDevices);
}

void assign_reducer(SweepSpec& spec, const Value& value) {
  constexpr std::array<std::pair<std::string_view, ReducerKind>, 3> kReducers = {
      {{"auto", ReducerKind::kAuto}, {"mpi", ReducerKind::kMpi}, {"nccl", ReducerKind::kNccl}}};
  spec.reducer = parse_choice(value, kReducers);
}

void assign_schedule(SweepSpec& spec, const Value& value) {
  constexpr std::array<std::pair<std::string_view, ScheduleShape>, 2> kShapes = {
      {{"linear", ScheduleShape::kLinear}, {"constant", ScheduleShape::kConstant}}};
  spec.train.schedule = parse_choice(value, kShapes);
}

void assign_progress(SweepSpec& spec, const Value& value) {
  constexpr std::array<std::pair<std::string_view, ProgressStyle>, 4> kStyles = {{{"auto", ProgressStyle::kAuto},
                                                                                  {"bar", ProgressStyle::kBar},
                                                                                  {"lines", ProgressStyle::kLines},
                                                                                  {"none", ProgressStyle::kNone}}};
  spec.progress = parse_choice(value, kStyles);
}

void assign_keep(SweepSpec& spec, const Value& value) {
  constexpr std::array<std::pair<std::string_view, KeepWeights>, 4> kChoices = {{{"auto", KeepWeights::kAuto},
                                                                                 {"none", KeepWeights::kNone},
                                                                                 {"trained", KeepWeights::kTrained},
                                                                                 {"best", KeepWeights::kBest}}};
  spec.keep = parse_choice(value, kChoices);
}

constexpr std::array<std::pair<std::string_view, bool>, 2> kYesOrNo = {{{"yes", true}, {"no", false}}};

void assign_lanes(SweepSpec& spec, const Value& value) {
  try {
    spec.lanes = value.text == "auto" ? 0 : parse_integer(value, 1);
  } catch (const ConfigError&) {
    refuse(value, "auto, or a whole number, 1 or more");
  }
}

void assign_dropout(SweepSpec& spec, const Value& value) {
  if (value.text == "model") return;
  spec.train.dropout = parse_number(value, 0.0, 0.99);
}

}  // namespace

std::string canonical_key(const std::string& key, const std::string& origin) {
  if (!key.starts_with(kLearningRatesOf) || key.size() == kLearningRatesOf.size()) return key;
  const std::string kind =
      at_origin({key, "", origin}, [&] { return parse_kind(key.substr(kLearningRatesOf.size())); });
  return std::string(kLearningRatesOf) + kind;
}

std::vector<JobKey> keys_of_every_job() {
  return {
      {"name", "", "name of the job, its results folder and file", assign_name},
      {"model.path", "", "Hugging Face folder: config.json, model.safetensors, the files of its tokenizer",
       [](SweepSpec& spec, const Value& value) { spec.model_folder = parse_path(value); }},
      {"data.glue", "data/glue", "folder with the GLUE tasks in their official layout",
       [](SweepSpec& spec, const Value& value) { spec.glue_folder = parse_path(value); }},
      {"data.tasks", "CoLA SST-2 MRPC STS-B QQP MNLI QNLI RTE",
       "own tasks, and tasks of GLUE by their folders' names, of which letters and digits alone count", assign_tasks},
      {"data.max_length", "128", "most tokens per example, special tokens included; longer ones are truncated",
       [](SweepSpec& spec, const Value& value) { spec.max_length = parse_integer(value, 1); }},
      {"data.train_examples", "0", "training examples per task, a fixed random subset; 0 = all",
       [](SweepSpec& spec, const Value& value) { spec.train_examples = parse_integer(value, 0); }},
      {"data.dev_examples", "0", "development examples per task, a fixed random subset; 0 = all",
       [](SweepSpec& spec, const Value& value) { spec.dev_examples = parse_integer(value, 0); }},
      {"data.selection", "dev",
       "examples that choose the best step and learning rate: dev (the development set, which is reported too), "
       "half-dev "
       "(a fixed half of it; the other half is reported) or train:FRACTION (that share of the training set, which is "
       "not trained on)",
       [](SweepSpec& spec, const Value& value) {
         spec.selection = at_origin(value, [&] { return parse_selection(value.text); });
       }},
      {"data.cache", "results/cache", "folder for tokenized data, named by content; can be deleted at any time",
       [](SweepSpec& spec, const Value& value) { spec.cache_folder = parse_folder(value); }},
      {"sweep.methods", "full layernorm", "what to train besides the head; listed below",
       [](SweepSpec& spec, const Value& value) { spec.methods = parse_methods(value); }},
      {"sweep.learning_rates", "1e-5 2e-5 3e-5 4e-5 5e-5", "learning rates of method full",
       [](SweepSpec& spec, const Value& value) { spec.learning_rates = parse_positive_numbers(value); }},
      {"sweep.peft_learning_rates", "1e-4 2.5e-4 5e-4 7.5e-4 1e-3", "learning rates of every other method",
       [](SweepSpec& spec, const Value& value) { spec.peft_learning_rates = parse_positive_numbers(value); }},
      {"sweep.learning_rates.METHOD", "",
       "learning rates of one method instead, named without its options, such as sweep.learning_rates.random or "
       "sweep.learning_rates.bitfit+layernorm",
       assign_learning_rates_of_kind, "METHOD"},
      {"sweep.seeds", "1 2 3 4 5", "seeds of the head, the order of examples, dropout and random subsets",
       [](SweepSpec& spec, const Value& value) { spec.seeds = parse_seeds(value); }},
      {"sweep.screening", "off",
       "seeds:N,keep:K trains all learning rates with the first N seeds, and with the others only the K of each task "
       "and method whose mean score is best then; off trains all with all",
       [](SweepSpec& spec, const Value& value) { spec.screening = parse_screening(value); }},
      {"train.epochs", "3", "passes over the training set (our choice)",
       [](SweepSpec& spec, const Value& value) { spec.train.epochs = parse_integer(value, 1); }},
      {"train.max_steps", "0", "training ends after this many steps; 0 = no limit",
       [](SweepSpec& spec, const Value& value) { spec.train.max_steps = parse_integer(value, 0); }},
      {"train.batch_size", "32", "examples per step (our choice)",
       [](SweepSpec& spec, const Value& value) { spec.train.batch_size = parse_integer(value, 1); }},
      {"train.warmup_fraction", "0.1", "share of the steps in which the learning rate rises (our choice)",
       [](SweepSpec& spec, const Value& value) { spec.train.warmup_fraction = parse_number(value, 0.0, 1.0); }},
      {"train.schedule", "linear", "after warm-up: linear (falls to 0 at the last step) or constant (our choice)",
       assign_schedule},
      {"train.weight_decay", "0.01", "AdamW's decoupled decay, not on LayerNorm and biases (our choice)",
       [](SweepSpec& spec, const Value& value) { spec.train.weight_decay = parse_number(value, 0.0, kInfinity); }},
      {"train.clip_norm", "1", "largest Euclidean norm of the gradient; 0 = no clipping (our choice)",
       [](SweepSpec& spec, const Value& value) { spec.train.clip_norm = parse_number(value, 0.0, kInfinity); }},
      {"train.evaluate_every", "0", "steps between evaluations; 0 = after each epoch",
       [](SweepSpec& spec, const Value& value) { spec.train.evaluate_every = parse_integer(value, 0); }},
      {"train.dropout", "model", "dropout probability instead of the model's own; model = as in config.json",
       assign_dropout},
      {"train.precision", "float32",
       "operand type of the encoder's matrix products: float32, bfloat16 (on CPUs only where it is faster, on GPUs "
       "from compute capability 8.0 on) or tf32 (of the same, on the same GPUs); sums stay float32",
       [](SweepSpec& spec, const Value& value) { spec.train.precision = parse_choice(value, kPrecisions); }},
      {"fisher.at", "full",
       "method whose training gives the weights that are measured (our choice: full; head keeps the pre-trained "
       "weights under a trained head)",
       [](SweepSpec& spec, const Value& value) {
         spec.fisher.at = at_origin(value, [&] { return parse_method(value.text); });
         if (spec.fisher.at.fisher_part() != nullptr) refuse(value, "a method that needs no Fisher information itself");
       }},
      {"fisher.points", "1",
       "fractions of that training after which its weights are measured, 0 (before) to 1 (after); methods use the "
       "first entry of this list and of each list below",
       assign_fisher_points},
      {"fisher.learning_rate", "0", "learning rate of that training; 0 = the first in [sweep] for the method",
       [](SweepSpec& spec, const Value& value) { spec.fisher.learning_rate = parse_number(value, 0.0, kInfinity); }},
      {"fisher.seeds", "1", "seeds of that training, of sampled labels and of random signs",
       [](SweepSpec& spec, const Value& value) { spec.fisher.seeds = parse_seeds(value); }},
      {"fisher.mode", "empirical",
       "labels over which squared gradients are averaged: empirical (those given), true (exact expectation under the "
       "model, a backward pass per class), sampled (drawn from the model) or hutchinson (an unbiased estimate of true "
       "from random signs, exact for two classes)",
       assign_fisher_modes},
      {"fisher.draws", "1",
       "of mode hutchinson: signs drawn for each example, a backward pass for each draw (our choice)",
       [](SweepSpec& spec, const Value& value) { spec.fisher.draws = parse_integer(value, 1); }},
      {"fisher.examples", "1024", "training examples per task that are measured, a fixed random subset; 0 = all",
       [](SweepSpec& spec, const Value& value) { spec.fisher.examples = parse_integers(value, 0); }},
      {"fisher.batch_sizes", "1",
       "examples whose gradient is averaged before it is squared: 1 is the Fisher information, more a biased estimate "
       "for comparison",
       [](SweepSpec& spec, const Value& value) { spec.fisher.batch_sizes = parse_integers(value, 1); }},
      {"fisher.precision", "float32",
       "as train.precision, for the passes that measure and for the gradients' own products; the measured training has "
       "train.precision",
       [](SweepSpec& spec, const Value& value) { spec.fisher.precision = parse_choice(value, kPrecisions); }},
      {"fisher.parameters", "all", "pool whose Fisher information is computed: all, or a method's name below",
       [](SweepSpec& spec, const Value& value) {
         spec.fisher.parameters = at_origin(value, [&] { return canonical_group(value.text); });
       }},
      {"fisher.keep", "all", "pool whose values are stored for every single scalar, besides the maps",
       [](SweepSpec& spec, const Value& value) {
         spec.fisher.keep = at_origin(value, [&] { return canonical_group(value.text); });
       }},
      {"ablation.groups", "none",
       "groups of scalars, each written as the method that trains them, that trained models are scored without the "
       "change "
       "of, and with nothing but it; needs run.keep = trained or best",
       assign_ablation_groups},
      {"ablation.methods", "full", "methods whose trained models are ablated",
       [](SweepSpec& spec, const Value& value) { spec.ablation.methods = parse_methods(value); }},
      {"run.results", "results", "folder for results; the job's own lies below it",
       [](SweepSpec& spec, const Value& value) { spec.results_folder = parse_folder(value); }},
      {"run.device", "auto",
       "cpu, cuda, or auto (cuda if the machine has a GPU, cpu if it has none; a GPU that cannot be used ends "
       "the run)",
       assign_device},
      {"run.threads", "0",
       "threads per rank; 0 = OMP_NUM_THREADS if set, else SLURM_CPUS_PER_TASK if the rank may use that many cores, "
       "else "
       "the node's cores divided by its ranks",
       [](SweepSpec& spec, const Value& value) { spec.threads = parse_integer(value, 0); }},
      {"run.lanes", "auto",
       "trials with a shared frozen backbone that a rank trains together: a number, or auto (as many as are measured "
       "to pay; to rounding the numbers are those of separate runs)",
       assign_lanes},
      {"run.pack_weights", "yes",
       "yes: on the CPU, frozen matrices are copied once in the order in which products read them, which takes twice "
       "their memory on each rank and makes products with few rows up to a half faster; no: they are not (the "
       "numbers are the same to rounding)",
       [](SweepSpec& spec, const Value& value) { spec.pack_weights = parse_choice(value, kYesOrNo); }},
      {"run.keep", "auto",
       "weights that stay beside each trial, for tunescope export: none, trained (the tensors that it trained, after "
       "its last step), best (the same at its best evaluation), or auto (trained, if the tensors are less than 1 % of "
       "the model, else none)",
       assign_keep},
      {"run.reducer", "auto",
       "what sums Fisher information over ranks: nccl, mpi, or auto (nccl if every rank has a GPU of its own and NCCL "
       "starts)",
       assign_reducer},
      {"run.retries", "1", "how often a trial that ends with an exception is tried again in the same sweep",
       [](SweepSpec& spec, const Value& value) { spec.retries = parse_integer(value, 0); }},
      {"run.stop_after_failures", "8",
       "the sweep ends with status 1 if the first so many trials have all failed (diverged is not failed); "
       "0 = it trains all others nevertheless",
       [](SweepSpec& spec, const Value& value) { spec.stop_after_failures = parse_integer(value, 0); }},
      {"run.checkpoint_seconds", "600",
       "seconds between checkpoints of a running trial or Fisher run; 0 = only at a stop",
       [](SweepSpec& spec, const Value& value) { spec.checkpoint_seconds = parse_number(value, 0.0, kInfinity); }},
      {"run.deadline_seconds", "0",
       "seconds after which everything is saved and the sweep ends with status 75; 0 = none",
       [](SweepSpec& spec, const Value& value) { spec.deadline_seconds = parse_number(value, 0.0, kInfinity); }},
      {"run.end_margin_seconds", "120",
       "seconds before the end of the Slurm allocation (SLURM_JOB_END_TIME) at which everything is saved and the "
       "sweep ends with status 75",
       [](SweepSpec& spec, const Value& value) { spec.end_margin_seconds = parse_number(value, 0.0, kInfinity); }},
      {"run.progress", "auto", "auto (bar on a terminal, else lines), bar, lines or none", assign_progress},
  };
}

}  // namespace tunescope::cli
