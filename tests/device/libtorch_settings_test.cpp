#include "tunescope/device/libtorch_settings.hpp"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace tunescope {
namespace {

using ::testing::StrEq;

class LibTorchSettings : public ::testing::Test {
 protected:
  LibTorchSettings() { clear(); }
  ~LibTorchSettings() override { clear(); }
  static void clear() {
    ::unsetenv("PYTORCH_ALLOC_CONF");
    ::unsetenv("PYTORCH_CUDA_ALLOC_CONF");
  }
  static at::Float32MatmulPrecision precision() { return at::globalContext().float32MatmulPrecision(); }
};

TEST_F(LibTorchSettings, MakeProductsExactWhateverTheEnvironmentSaid) {
  at::globalContext().setFloat32MatmulPrecision("high");  // as TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1 does
  prepare_libtorch();
  EXPECT_EQ(precision(), at::Float32MatmulPrecision::HIGHEST);
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
  EXPECT_EQ(at::globalContext().allowBF16ReductionCuBLAS(),
            at::CuBLASReductionOption::DisallowReducedPrecisionAllowSplitK);
}

TEST_F(LibTorchSettings, LetTheMemoryOfAGpuGrowUnlessTheEnvironmentSaysOtherwise) {
  prepare_libtorch();
  EXPECT_THAT(::getenv("PYTORCH_ALLOC_CONF"), StrEq("expandable_segments:True"));
  ::setenv("PYTORCH_ALLOC_CONF", "max_split_size_mb:512", 1);
  prepare_libtorch();
  EXPECT_THAT(::getenv("PYTORCH_ALLOC_CONF"), StrEq("max_split_size_mb:512"));
  clear();
  ::setenv("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:512", 1);
  prepare_libtorch();
  EXPECT_EQ(::getenv("PYTORCH_ALLOC_CONF"), nullptr);
}

TEST_F(LibTorchSettings, AllowTf32WhereItIsWantedAndNoLonger) {
  prepare_libtorch();
  {
    const Tf32Products wanted(true);
    EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
    EXPECT_TRUE(multiplies_in_tf32());
  }
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
  EXPECT_FALSE(multiplies_in_tf32());
  const Tf32Products not_wanted(false);
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
}

}  // namespace
}  // namespace tunescope
