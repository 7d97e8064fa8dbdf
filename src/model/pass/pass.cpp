#include "tunescope/model/pass.hpp"

#include "model/pass/recording.hpp"

namespace tunescope {

struct Pass::State {
  Recording recording;
  std::vector<Value> outputs = {};
};

Pass::Pass(const Network& network, std::span<const ModelInput> models, const PassOptions& options)
    : state_(new State{.recording = {network, models, options}}) {
  state_->outputs = network.forward(state_->recording);
  for (const Value& output : state_->outputs) logits_.push_back(output.tensor);
}

Pass::Pass(const Network& network, const ModelInput& model, const PassOptions& options)
    : Pass(network, {&model, 1}, options) {}

Pass::~Pass() = default;

const std::vector<at::Tensor>& Pass::labels() const { return state_->recording.layout().labels(); }

const PassFlops& Pass::flops() const { return state_->recording.flops(); }

void Pass::backward(std::span<const at::Tensor> logits_gradients, Keep keep) {
  state_->recording.play_back(state_->outputs, logits_gradients, keep);
}

at::Tensor evaluate_logits(const Network& network, const ModelInput& model) {
  return Pass(network, model).logits().front();
}

}  // namespace tunescope
