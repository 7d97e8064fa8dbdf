#include "tunescope/plan/inputs.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include "tunescope/base/error.hpp"
#include "tunescope/device/gpu.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {
namespace {

// Rows behind the last token are what padding an embedding to a round size leaves, up to this many.
constexpr std::int64_t kMostSpareRows = 1023;

void check_vocabulary(const WordPiece& tokenizer, const NetworkLimits& limits, const std::filesystem::path& folder,
                      FolderNotes& notes) {
  const auto tokens = static_cast<std::int64_t>(tokenizer.vocabulary_size());
  const std::int64_t spare = limits.vocabulary - tokens;
  if (spare == 0) return;
  if (spare > 0 && spare <= kMostSpareRows) {
    notes.notes.push_back(
        fmt::format("left out: {} of the embedding's {} rows, which no token has", spare, limits.vocabulary));
    return;
  }
  throw ModelError(
      fmt::format("{}: the vocabulary has {} tokens (added ones included), the model's embedding {} (vocab_size in "
                  "config.json); they do not belong together{}",
                  folder.string(), tokens, limits.vocabulary,
                  spare > 0 ? ": if they do, fill vocab.txt up with lines such as [unused1]" : ""));
}

void check_lengths(const SweepSpec& spec, const NetworkLimits& limits) {
  constexpr std::int64_t kShortestPair = 5;  // [CLS] a [SEP] b [SEP]
  if (spec.max_length < kShortestPair || spec.max_length > limits.positions) {
    throw ConfigError(
        fmt::format("[data] max_length = {} must be from {} to the model's {} positions "
                    "(max_position_embeddings in config.json)",
                    spec.max_length, kShortestPair, limits.positions));
  }
}

// A model without token types reads a pair as one text.
void check_types(const SweepSpec& spec, const NetworkLimits& limits) {
  if (limits.token_types == 0) return;
  for (const std::string& name : spec.tasks) {
    if (find_task(name).text_columns.size() > static_cast<std::size_t>(limits.token_types)) {
      throw ConfigError(
          fmt::format("task {} has sentence pairs, but the model has {} token types", name, limits.token_types));
    }
  }
}

}  // namespace

SweepInputs::SweepInputs(const SweepSpec& spec, DataWarning warning)
    : spec_(spec),
      warning_(std::move(warning)),
      model_(load_pretrained(spec.model_folder)),
      tokenizer_(WordPiece::from_folder(spec.model_folder)),
      pass_costs_(model_.network) {
  notes_.append(model_.notes);
  notes_.append(tokenizer_.notes());
  check_vocabulary(tokenizer_, model_.network->limits(), spec.model_folder, notes_);
  check_lengths(spec, model_.network->limits());
  check_types(spec, model_.network->limits());
  for (std::string& warning : notes_.warnings) {
    warning = spec.model_folder.string() + ": " + warning;
    warning_(warning);
  }
  may_write_cache_ = prepare_cache(spec.cache_folder, warning_);
}

InputHashes SweepInputs::load_and_hash() {
  InputHashes hashes{
      .model = model_content_hash(spec_.model_folder), .tokenizer = tokenizer_.content_hash(), .tasks = {}};
  for (const std::string& name : spec_.tasks) hashes.tasks[name] = task(name).content_hash;
  return hashes;
}

const TaskData& SweepInputs::task(const std::string& name) {
  const auto found = tasks_.find(name);
  if (found != tasks_.end()) return found->second;
  TaskData data = load_task(find_task(name), tokenizer_,
                            {.glue_folder = spec_.glue_folder,
                             .cache_folder = spec_.cache_folder,
                             .may_write_cache = may_write_cache_,
                             .max_length = spec_.max_length},
                            warning_);
  data.train = subsample(data.train, spec_.train_examples);
  data.dev = subsample(data.dev, spec_.dev_examples);
  data.mismatched_dev = subsample(data.mismatched_dev, spec_.dev_examples);
  return tasks_.emplace(name, std::move(data)).first->second;
}

void SweepInputs::move_model_to(at::Device device) {
  bfloat16_weights_.reset();
  move_to(model_, device);
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
