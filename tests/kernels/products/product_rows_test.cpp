#include "tunescope/kernels/products/product_rows.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <set>

namespace tunescope {
namespace {

TEST(ProductRows, AreFewNumbersThatAreHardlyLarger) {
  std::set<std::int64_t> numbers;
  for (std::int64_t rows = 1; rows <= 4096; ++rows) {
    const std::int64_t computed = product_rows(rows);
    EXPECT_GE(computed, rows);
    EXPECT_LE(computed, std::max(rows + 7, rows + rows / 16));
    EXPECT_EQ(product_rows(computed), computed);
    numbers.insert(computed);
  }
  EXPECT_LE(numbers.size(), 16 * 6);
}

TEST(ProductRows, AreAViewWhereThereIsMemoryForThem) {
  const at::Tensor operand = empty_operand(181, 6, at::TensorOptions(at::kFloat));
  EXPECT_EQ(operand.sizes(), (std::vector<std::int64_t>{181, 6}));
  EXPECT_TRUE(operand.is_contiguous());
  const at::Tensor columns = operand.narrow(1, 2, 4);
  for (const at::Tensor& matrix : {operand, columns}) {
    const at::Tensor rows = with_product_rows(matrix);
    EXPECT_EQ(rows.size(0), product_rows(181));
    EXPECT_EQ(rows.const_data_ptr(), matrix.const_data_ptr());
  }
}

TEST(ProductRows, AreACopyWhereThereIsNone) {
  const at::Tensor matrix = at::randn({181, 6});
  const at::Tensor rows = with_product_rows(matrix);
  EXPECT_EQ(rows.size(0), product_rows(181));
  EXPECT_NE(rows.const_data_ptr(), matrix.const_data_ptr());
  EXPECT_TRUE(rows.narrow(0, 0, 181).equal(matrix));
}

}  // namespace
}  // namespace tunescope
