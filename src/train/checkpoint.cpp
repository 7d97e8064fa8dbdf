#include "tunescope/train/checkpoint.hpp"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "tunescope/io/checked_tensors.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;

constexpr double kMissingScore = std::numeric_limits<double>::quiet_NaN();

// JSON has no NaN, so a metric that does not apply is stored as null.
double to_score(const Json& json) { return json.is_null() ? kMissingScore : json.get<double>(); }

Scores to_scores(const Json& json) {
  Scores scores;
  for (const Json& value : json) scores.push_back(to_score(value));
  return scores;
}

// Throws for anything but an integer. The JSON library's own conversion would accept fractions.
std::int64_t whole_number(const Json& json) { return json.get_ref<const Json::number_integer_t&>(); }

Json describe(const TrainResult& result) {
  Json json = {{"steps", result.steps},
               {"seconds", result.seconds},
               {"best_evaluation", result.best_evaluation},
               {"output_size", result.predictions.output_size},
               {"history", Json::array()},
               {"evaluations", Json::array()}};
  if (const TrainResult::Throughput& counted = result.throughput; counted.examples > 0) {
    json["throughput"] = {counted.examples, counted.tokens, counted.seconds};
  }
  for (const StepRecord& step : result.history) {
    json["history"].push_back({step.step, step.loss, step.learning_rate, step.gradient_norm});
  }
  for (const Evaluation& evaluation : result.evaluations) {
    json["evaluations"].push_back(
        {evaluation.step, evaluation.epoch, evaluation.loss, evaluation.scores, evaluation.selection_score});
  }
  return json;
}

TrainResult parse(const Json& json) {
  TrainResult result;
  result.steps = whole_number(json.at("steps"));
  result.seconds = json.at("seconds");
  if (json.contains("throughput")) {  // not in those of earlier versions
    const Json& throughput = json["throughput"];
    result.throughput = {.examples = whole_number(throughput.at(0)),
                         .tokens = whole_number(throughput.at(1)),
                         .seconds = throughput.at(2)};
  }
  result.best_evaluation = static_cast<std::size_t>(whole_number(json.at("best_evaluation")));
  result.predictions.output_size = whole_number(json.at("output_size"));
  result.mismatched_predictions.output_size = result.predictions.output_size;
  for (const Json& step : json.at("history")) {
    result.history.push_back({.step = whole_number(step.at(0)),
                              .loss = step.at(1),
                              .learning_rate = step.at(2),
                              .gradient_norm = step.at(3)});
  }
  for (const Json& evaluation : json.at("evaluations")) {
    result.evaluations.push_back({.step = whole_number(evaluation.at(0)),
                                  .epoch = evaluation.at(1),
                                  .loss = evaluation.at(2),
                                  .scores = to_scores(evaluation.at(3)),
                                  .selection_score = evaluation.size() > 4 ? to_score(evaluation[4]) : kMissingScore});
    // A metric that came later than the file is missing: new ones come last.
    Scores& scores = result.evaluations.back().scores;
    if (scores.size() > all_metrics().size()) throw std::out_of_range("scores");
    scores.resize(all_metrics().size(), kMissingScore);
  }
  const std::size_t evaluations = std::max<std::size_t>(result.evaluations.size(), 1);
  if (result.best_evaluation >= evaluations) throw std::out_of_range("best_evaluation");
  return result;
}

at::Tensor tensor_of(const std::vector<float>& values) {
  return at::from_blob(const_cast<float*>(values.data()), {static_cast<std::int64_t>(values.size())}).clone();
}

// Buffers and outputs must be flat and float32; a file with others is of another kind.
const at::Tensor& flat_tensor(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                              const std::filesystem::path& path) {
  const at::Tensor& tensor = tensors.at(name);
  if (tensor.scalar_type() != at::kFloat || tensor.dim() != 1) {
    refuse_checkpoint(path, "tensor " + name + " is not a list of float32");
  }
  return tensor;
}

std::vector<float> values_of(const at::Tensor& tensor) {
  const float* const first = tensor.const_data_ptr<float>();
  return {first, first + tensor.numel()};
}

NamedTensors tensors_of(const TrainState& state) {
  return {{"first_moments", state.buffers.first_moments.cpu()},
          {"label", tensor_of(state.result.predictions.labels)},
          {"label_mismatched", tensor_of(state.result.mismatched_predictions.labels)},
          {"logits", tensor_of(state.result.predictions.logits)},
          {"logits_mismatched", tensor_of(state.result.mismatched_predictions.logits)},
          {"second_moments", state.buffers.second_moments.cpu()},
          {"values", state.buffers.values.cpu()}};
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const TrainState& state) {
  Json text = describe(state.result);
  text["fingerprint"] = state.fingerprint;
  write_checked_tensors(path, {tensors_of(state), text.dump()});
}

TrainState load_checkpoint(const std::filesystem::path& path) {
  const CheckedTensors saved = read_checked_tensors(path);
  const std::map<std::string, at::Tensor> tensors(saved.tensors.begin(), saved.tensors.end());
  try {
    const auto tensor = [&](const char* name) -> const at::Tensor& { return flat_tensor(tensors, name, path); };
    const Json text = Json::parse(saved.text);
    TrainState state{.result = parse(text),
                     .buffers = {tensor("values"), tensor("first_moments"), tensor("second_moments")},
                     .fingerprint = text.value("fingerprint", "")};
    for (const char* moments : {"first_moments", "second_moments"}) {
      if (tensor(moments).numel() != state.buffers.values.numel()) {
        refuse_checkpoint(path, std::string(moments) + " and values differ in length");
      }
    }
    state.result.predictions.logits = values_of(tensor("logits"));
    state.result.predictions.labels = values_of(tensor("label"));
    state.result.mismatched_predictions.logits = values_of(tensor("logits_mismatched"));
    state.result.mismatched_predictions.labels = values_of(tensor("label_mismatched"));
    return state;
  } catch (const Json::exception& error) {
    refuse_checkpoint(path, error.what());
  } catch (const std::out_of_range&) {
    refuse_checkpoint(path, "a part is missing or of the wrong length");
  }
}

}  // namespace tunescope
