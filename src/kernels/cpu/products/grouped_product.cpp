#include "kernels/backends/grouped_product.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "blas.hpp"

namespace tunescope::cpu {
namespace {

template <typename Operand, typename Result>
void multiply(const GroupedProduct& product) {
  const auto& [a, b, c, scale, accumulate] = product;
  gemm(operand_of<Operand>(a), operand_of<Operand>(b), {c.mutable_data_ptr<Result>(), c.stride(0)},
       {c.size(0), c.size(1), a.size(1)}, static_cast<Result>(scale), accumulate == Accumulate::kYes);
}

// Pieces of at most so many rows of the result, or columns if these are more, keep the threads at work to the end. They
// do not depend on the number of threads.
constexpr std::int64_t kLongestPiece = 128;

void cut(const GroupedProduct& product, std::vector<GroupedProduct>& pieces) {
  const std::int64_t dimension = product.c.size(0) >= product.c.size(1) ? 0 : 1;
  const std::int64_t length = product.c.size(dimension);
  const std::int64_t count = (length + kLongestPiece - 1) / kLongestPiece;
  for (std::int64_t piece = 0; piece < count; ++piece) {
    const std::int64_t first = length * piece / count;
    const auto part = [&](const at::Tensor& all) {
      return all.narrow(dimension, first, length * (piece + 1) / count - first);
    };
    pieces.push_back(product);
    pieces.back().c = part(product.c);
    (dimension == 0 ? pieces.back().a : pieces.back().b) = part(dimension == 0 ? product.a : product.b);
  }
}

}  // namespace

void grouped_product(std::span<const GroupedProduct> products) {
  std::vector<GroupedProduct> pieces;
  for (const GroupedProduct& product : products) cut(product, pieces);
  const at::ScalarType type = products.front().a.scalar_type();
  auto* const multiply_one = type == at::kBFloat16 ? multiply<at::BFloat16, float>
                             : type == at::kFloat  ? multiply<float, float>
                                                   : multiply<double, double>;
  at::parallel_for(0, static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) multiply_one(pieces[static_cast<std::size_t>(i)]);
  });
}

}  // namespace tunescope::cpu
