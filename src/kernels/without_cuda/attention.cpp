#include "../backends/attention.hpp"

namespace tunescope::cuda {

AttentionForward* const attention = nullptr;
AttentionBackward* const attention_backward = nullptr;

}  // namespace tunescope::cuda
