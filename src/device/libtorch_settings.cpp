#include "tunescope/device/libtorch_settings.hpp"

#include <ATen/Context.h>

#include <cstdlib>

namespace tunescope {
namespace {

constexpr const char* kExact = "highest";
constexpr const char* kInTf32 = "high";

}  // namespace

void prepare_libtorch() {
  at::globalContext().setFloat32MatmulPrecision(kExact);
  at::globalContext().setAllowBF16ReductionCuBLAS(/*allow_reduced_precision=*/false, /*allow_splitk=*/true);
  // oneDNN keeps so many compiled products, of up to half a megabyte each; by default twice as many.
  ::setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "512", /*overwrite=*/0);
  // The earlier name of the variable still works, but the new one comes before it.
  if (std::getenv("PYTORCH_CUDA_ALLOC_CONF") == nullptr) {
    ::setenv("PYTORCH_ALLOC_CONF", "expandable_segments:True", /*overwrite=*/0);
  }
}

Tf32Products::Tf32Products(bool is_wanted) {
  if (is_wanted) at::globalContext().setFloat32MatmulPrecision(kInTf32);
}
Tf32Products::~Tf32Products() { at::globalContext().setFloat32MatmulPrecision(kExact); }

bool multiplies_in_tf32() { return at::globalContext().allowTF32CuBLAS(); }

}  // namespace tunescope
