#include "tunescope/storage/fisher_checkpoint.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "tunescope/base/error.hpp"
#include "tunescope/fisher/depth_profile.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/checked_tensors.hpp"

namespace tunescope {
namespace {

constexpr const char* kScales = "depth_scales";

}  // namespace

FisherCheckpoint::FisherCheckpoint(const std::filesystem::path& folder, MeasuredPart part, const Shard& shard,
                                   const FisherInputs& inputs)
    : path_(folder / fmt::format("{}rank-{}-of-{}.safetensors", part == MeasuredPart::kModel ? "" : "added-",
                                 shard.rank, shard.ranks)),
      inputs_(inputs) {}

void FisherCheckpoint::save(const FisherState& state) const {
  CheckedTensors saved{.tensors = {},
                       .text = fmt::format("{} {} {} {} {} {:d}", state.micro_batches, state.total, state.seconds,
                                           state.groups_per_pass, state.micro_batch_tokens, state.is_in_bfloat16)};
  for (ParameterIndex i = 0; i < state.sums.size(); ++i) {
    if (state.sums[i].defined()) saved.tensors.emplace_back(inputs_.catalogue[i].name, state.sums[i].cpu());
  }
  saved.tensors.emplace_back(kScales, state.depth_sums.cpu());
  std::sort(saved.tensors.begin(), saved.tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  make_folder(path_.parent_path());
  write_checked_tensors(path_, saved);
}

std::optional<FisherState> FisherCheckpoint::load() const {
  if (!std::filesystem::exists(path_)) return std::nullopt;
  try {
    CheckedTensors saved = read_checked_tensors(path_);
    FisherState state{.sums = std::vector<at::Tensor>(inputs_.catalogue.size()), .depth_sums = {}};
    std::istringstream numbers(saved.text);
    numbers >> state.micro_batches >> state.total >> state.seconds;
    // Earlier builds did not write these.
    if (!(numbers >> state.groups_per_pass)) state.groups_per_pass = 0;
    if (!(numbers >> state.micro_batch_tokens)) state.micro_batch_tokens = kMicroBatchTokens;
    if (!(numbers >> state.is_in_bfloat16)) state.is_in_bfloat16 = false;
    const bool is_possible = state.micro_batches >= 0 && state.micro_batches <= state.total;
    if (!is_possible) refuse_checkpoint(path_, "its counts make no sense");
    const std::map<std::string, at::Tensor> tensors(saved.tensors.begin(), saved.tensors.end());
    for (ParameterIndex i = 0; i < inputs_.catalogue.size(); ++i) {
      if (inputs_.needs_gradient[i])
        state.sums[i] = find(tensors, inputs_.catalogue[i].name, inputs_.catalogue[i].shape);
    }
    state.depth_sums =
        find(tensors, kScales, {kDepthQuantities, static_cast<std::int64_t>(inputs_.catalogue.encoder_layers()) + 1});
    return state;
  } catch (const DataError& error) {
    spdlog::warn("{}; this rank's shard starts from scratch", error.what());
    return std::nullopt;
  }
}

at::Tensor FisherCheckpoint::find(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                                  at::IntArrayRef shape) const {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.sizes() != shape) {
    refuse_checkpoint(path_, "it has no sums of " + name + " in its shape");
  }
  return found->second;
}

}  // namespace tunescope
