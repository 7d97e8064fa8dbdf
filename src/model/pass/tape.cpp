#include "tape.hpp"

namespace tunescope {

void Tape::play_back(Gradients& gradients, bool keep) {
  for (std::size_t number = entries_.size(); number-- > 0;) {
    const Entry& entry = entries_[number];
    std::vector<TypedResult> outputs;
    bool has_gradient = false;
    for (const GradientSlot slot : entry.outputs) {
      outputs.push_back(gradients.take(slot));
      has_gradient = has_gradient || outputs.back().own.defined();
    }
    if (has_gradient) entry.backward(outputs, gradients);
    if (!keep) entries_.pop_back();
  }
}

}  // namespace tunescope
