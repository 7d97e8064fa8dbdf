#include "tunescope/plan/pass_costs.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <array>
#include <optional>
#include <utility>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/meta_memory.hpp"
#include "tunescope/fisher/fisher_passes.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {
namespace {

at::TensorOptions on_meta(at::ScalarType type) { return at::TensorOptions(type).device(at::kMeta); }

Parameters parameters_on_meta(const ParameterCatalogue& catalogue) {
  Parameters parameters;
  for (const ParameterInfo& info : catalogue.parameters()) {
    parameters.push_back(at::empty(info.shape, on_meta(at::kFloat)));
  }
  return parameters;
}

PackedBatch batch_of(const std::vector<std::int64_t>& lengths) {
  PackedBatch batch;
  batch.sequence_offsets = {0};
  for (const std::int64_t length : lengths) batch.sequence_offsets.push_back(batch.token_count() + length);
  batch.examples.resize(lengths.size());
  batch.token_ids.resize(static_cast<std::size_t>(batch.token_count()));
  batch.type_ids = batch.token_ids;
  return batch;
}

// Needs gradients, and does nothing with them.
class IdleSink final : public GradientSink {
 public:
  explicit IdleSink(const std::vector<bool>& needed) : needed_(needed) {}
  bool needs_gradient(std::size_t, ParameterIndex parameter) const override { return needed_[parameter]; }
  void on_linear(std::span<const LinearParameters>, std::span<const LinearFactors>) override {}
  void on_layer_norm(const LayerNormParameters&, std::span<const LayerNormFactors>) override {}
  void on_embedding(ParameterIndex, std::span<const EmbeddingFactors>) override {}
  void on_head(const LinearParameters&, const HeadFactors&) override {}
  void on_added(std::span<const AddedFactors>) override {}

 private:
  const std::vector<bool>& needed_;
};

PassFlops run_on_meta(const Network& network, const ModelInput& model, const PassOptions& options) {
  Pass pass(network, model, options);
  pass.backward(at::empty_like(pass.logits().front()));
  return pass.flops();
}

}  // namespace

void PassCosts::set_device(at::Device device) {
  if (device.is_cuda() != is_for_gpu_) bytes_.clear();
  is_for_gpu_ = device.is_cuda();
}

const ParameterCatalogue& PassCosts::catalogue(std::int64_t outputs) {
  const auto known = catalogues_.find(outputs);
  return known != catalogues_.end() ? known->second
                                    : catalogues_.emplace(outputs, network_->catalogue(outputs)).first->second;
}

double PassCosts::model_bytes(std::int64_t outputs) {
  return static_cast<double>(catalogue(outputs).total_size()) * sizeof(float);
}

double PassCosts::distance_rows(std::int64_t longest) const {
  const std::optional<DistanceLookup> lookup = network_->distance_lookup(longest);
  return lookup ? static_cast<double>(lookup->ids.back() - lookup->ids.front() + 1) : 0.0;
}

PassCosts::FlopsPerRow PassCosts::count_flops(const Work& work, const Additions& additions) const {
  const Parameters parameters = parameters_on_meta(additions.catalogue());
  IdleSink sink(work.needs_gradient);
  const auto count = [&](const std::vector<std::int64_t>& lengths) {
    const PackedBatch batch = batch_of(lengths);
    return run_on_meta(*network_, {parameters, batch, std::nullopt, nullptr, &additions},
                       {.sink = &sink, .last_layer = work.last_layer});
  };
  // Two sequences of one token have one distance, 0, and a sequence of two tokens has three.
  const PassFlops one = count({1});
  const PassFlops pair = count({1, 1});
  const PassFlops two = count({2});
  const auto solve = [&](double PassFlops::*part) {
    const double distance = 2 * one.*part - pair.*part;
    const double token = two.*part - one.*part - 2 * distance;
    return std::array{token, one.*part - token - distance, distance};
  };
  const auto forward = solve(&PassFlops::forward);
  const auto backward = solve(&PassFlops::backward);
  return {{forward[0], backward[0]}, {forward[1], backward[1]}, {forward[2], backward[2]}};
}

PassFlops PassCosts::flops(const std::vector<bool>& needs_gradient, std::int64_t outputs, LastLayer last_layer,
                           const Rows& rows) {
  return flops({"", needs_gradient, outputs, last_layer}, Additions(catalogue(outputs)), rows);
}

PassFlops PassCosts::training_flops(const Method& method, std::int64_t outputs, const Rows& rows) {
  const Additions additions = additions_of(method, catalogue(outputs));
  Work work{.adding = additions.empty() ? "" : method.text(), .needs_gradient = {}, .outputs = outputs};
  for (const TensorSelection& tensor : planning_stand_in_selection(method, additions.catalogue())) {
    work.needs_gradient.push_back(tensor.kind != TensorSelection::Kind::kNone);
  }
  return flops(work, additions, rows);
}

PassFlops PassCosts::fisher_flops(const Method& method, const std::string& pool, std::int64_t outputs,
                                  const Rows& rows) {
  const FisherPasses passes(method, catalogue(outputs), pool);
  const auto of = [&](const Additions& additions, const std::vector<bool>& needs_gradient) {
    const std::string adding = additions.empty() ? "" : method.text();
    return flops({adding, needs_gradient, outputs, LastLayer::kAllTokens}, additions, rows);
  };
  PassFlops all = of(passes.unmerged, passes.of_model);
  if (passes.measure_merged()) {
    const PassFlops of_merged = of(passes.additions, passes.of_merged);
    all.forward += of_merged.forward;
    all.backward += of_merged.backward;
  }
  return all;
}

PassFlops PassCosts::flops(const Work& work, const Additions& additions, const Rows& rows) {
  auto known = flops_.find(work);
  if (known == flops_.end()) known = flops_.emplace(work, count_flops(work, additions)).first;
  const FlopsPerRow& per_row = known->second;
  const auto total = [&](double PassFlops::*part) {
    return per_row.token.*part * static_cast<double>(rows.tokens) +
           per_row.sequence.*part * static_cast<double>(rows.sequences) + per_row.distance.*part * rows.distances;
  };
  return {total(&PassFlops::forward), total(&PassFlops::backward)};
}

double PassCosts::training_bytes(const Method& method, std::int64_t outputs, const std::vector<std::int64_t>& lengths,
                                 std::optional<double> dropout) {
  auto key = std::tuple(method.text(), outputs, lengths, dropout);
  if (const auto known = bytes_.find(key); known != bytes_.end()) return known->second;
  const Additions additions = additions_of(method, catalogue(outputs));
  const ParameterCatalogue& tensors = additions.catalogue();
  const Selection selection = planning_stand_in_selection(method, tensors);
  const Parameters model = parameters_on_meta(tensors);  // stays when the trial has copies of its own
  std::optional<ForcedKernels> kernels;                  // nothing is computed: what they keep is counted
  if (is_for_gpu_) kernels.emplace(KernelBackend::kCuda);
  const MetaMemory memory;
  Parameters parameters = model;
  TrainableParameters trainable(tensors, selection, parameters);
  const PackedBatch batch = batch_of(lengths);
  TrainingSink sink({&trainable});
  const std::uint64_t dropout_key = 0;
  run_on_meta(*network_, {parameters, batch, dropout_key, nullptr, &additions}, {.sink = &sink, .dropout = dropout});
  return bytes_.emplace(std::move(key), static_cast<double>(memory.peak_bytes())).first->second;
}

}  // namespace tunescope
