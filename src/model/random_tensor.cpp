#include "random_tensor.hpp"

#include <ATen/ops/empty.h>

#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// `draw` gives the next number of a stream.
template <typename Draw>
at::Tensor random_tensor(const std::vector<std::int64_t>& shape, std::uint64_t key, Draw draw) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions(at::kFloat));
  RandomStream random(key);
  float* const values = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(draw(random));
  return tensor;
}

}  // namespace

at::Tensor normal_tensor(const std::vector<std::int64_t>& shape, double deviation, std::uint64_t key) {
  return random_tensor(shape, key, [=](RandomStream& random) { return deviation * random.normal(); });
}

at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, std::uint64_t key) {
  return random_tensor(shape, key, [=](RandomStream& random) { return bound * (2.0 * random.uniform() - 1.0); });
}

}  // namespace tunescope
