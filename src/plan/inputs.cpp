#include "tunescope/plan/inputs.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include "tunescope/base/error.hpp"
#include "tunescope/device/gpu.hpp"
#include "tunescope/kernels/matmul.hpp"
#include "tunescope/text/read_tokenizer.hpp"

namespace tunescope {
namespace {

// Rows behind the last token are what padding an embedding to a round size leaves, of which 8 is the smallest in use.
// DeBERTa-v3 has 128,100 rows for 128,001 tokens. More than one row in a hundred means otherwise that the files do not
// belong together.
bool is_padding(std::int64_t spare, std::int64_t rows) {
  constexpr std::int64_t kSmallestMultiple = 8;
  const bool fills_a_multiple = rows % kSmallestMultiple == 0 && spare < kSmallestMultiple;
  return spare > 0 && (fills_a_multiple || spare <= rows / 100);
}

void check_vocabulary(const Tokenizer& tokenizer, const NetworkLimits& limits, const std::filesystem::path& folder,
                      FolderNotes& notes) {
  const auto tokens = static_cast<std::int64_t>(tokenizer.vocabulary_size());
  const std::int64_t spare = limits.vocabulary - tokens;
  if (spare == 0) return;
  if (is_padding(spare, limits.vocabulary)) {
    notes.notes.push_back(
        fmt::format("left out: {} of the embedding's {} rows, which no token has", spare, limits.vocabulary));
    return;
  }
  throw ModelError(
      fmt::format("{}: the vocabulary has {} tokens (added ones included), the model's embedding {} (vocab_size in "
                  "config.json); they do not belong together{}",
                  folder.string(), tokens, limits.vocabulary,
                  spare > 0 ? ": if they do, fill the vocabulary up with tokens such as [unused1]" : ""));
}

void check_lengths(const SweepSpec& spec, const Tokenizer& tokenizer, const NetworkLimits& limits) {
  const auto shortest_pair = static_cast<std::int64_t>(tokenizer.sequences().special_tokens_of_pair()) + 2;
  if (spec.max_length < shortest_pair || spec.max_length > limits.positions) {
    throw ConfigError(fmt::format("[data] max_length = {} must be from {} to {}, the positions of the model ({})",
                                  spec.max_length, shortest_pair, limits.positions,
                                  (spec.model_folder / "config.json").string()));
  }
}

// A model without token types ignores those of the tokenizer.
void check_types(const SweepSpec& spec, const Tokenizer& tokenizer, const NetworkLimits& limits) {
  if (limits.token_types == 0 || tokenizer.sequences().types_of_pair() <= limits.token_types) return;
  for (const std::string& name : spec.tasks) {
    if (spec.find_task(name).text_columns.size() > 1) {
      throw ConfigError(fmt::format(
          "task {} has sentence pairs, which the tokenizer gives more types than the model's {} (type_vocab_size "
          "in config.json): use the tokenizer that the model was trained with, or leave the task out",
          name, limits.token_types));
    }
  }
}

}  // namespace

SweepInputs::SweepInputs(const SweepSpec& spec, DataWarning warning)
    : spec_(spec),
      warning_(std::move(warning)),
      model_(load_pretrained(spec.model_folder)),
      tokenizer_(read_tokenizer(spec.model_folder)),
      pass_costs_(model_.network) {
  if (!spec.pack_weights) model_.packed_weights.reset();
  notes_.append(model_.notes);
  notes_.append(tokenizer_->notes());
  check_vocabulary(*tokenizer_, model_.network->limits(), spec.model_folder, notes_);
  check_lengths(spec, *tokenizer_, model_.network->limits());
  check_types(spec, *tokenizer_, model_.network->limits());
  for (std::string& warning : notes_.warnings) {
    warning = spec.model_folder.string() + ": " + warning;
    warning_(warning);
  }
  may_write_cache_ = prepare_cache(spec.cache_folder, warning_);
}

InputHashes SweepInputs::load_and_hash() {
  InputHashes hashes{
      .model = model_content_hash(spec_.model_folder), .tokenizer = tokenizer_->content_hash(), .tasks = {}};
  for (const std::string& name : spec_.tasks) hashes.tasks[name] = task(name).content_hash;
  return hashes;
}

const TaskData& SweepInputs::task(const std::string& name) {
  const auto found = tasks_.find(name);
  if (found != tasks_.end()) return found->second;
  TaskData data = load_task(spec_.find_task(name), *tokenizer_,
                            {.glue_folder = spec_.glue_folder,
                             .cache_folder = spec_.cache_folder,
                             .may_write_cache = may_write_cache_,
                             .max_length = spec_.max_length},
                            warning_);
  data.train = subsample(data.train, spec_.train_examples);
  data.dev = subsample(data.dev, spec_.dev_examples);
  data.mismatched_dev = subsample(data.mismatched_dev, spec_.dev_examples);
  set_selection_aside(data, spec_.selection);
  return tasks_.emplace(name, std::move(data)).first->second;
}

void SweepInputs::move_model_to(at::Device device) {
  bfloat16_weights_.reset();
  move_to(model_, device);
  if (!spec_.pack_weights) model_.packed_weights.reset();
  pass_costs_.set_device(device);
}

bool SweepInputs::is_bfloat16_faster() const {
  const at::Device device = model_.backbone.front().device();
  if (device.is_cuda()) return describe_gpu(device).has_bfloat16_and_tf32();
  const NetworkLimits& limits = model_.network->limits();
  const double gain = measure_bfloat16_speedup(limits.hidden_size, limits.intermediate_size);
  spdlog::info("products in bfloat16 are {:.1f} times as fast as in float32", gain);
  return gain > 1.0;
}

}  // namespace tunescope
