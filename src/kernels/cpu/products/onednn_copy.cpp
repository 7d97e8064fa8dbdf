#include <ATen/Context.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <exception>
#include <new>
#include <optional>
#include <string_view>

#include "packed_copies.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope::cpu {
namespace {

// Operators that LibTorch registers for its own compiler. `Reorder` makes the copy of a weight [out, in]; `Linear`
// computes input weightᵀ.
using Reorder = at::Tensor(const at::Tensor& weight, std::optional<std::int64_t> rows);
using Linear = at::Tensor(const at::Tensor& input, const at::Tensor& copy, const std::optional<at::Tensor>& bias,
                          std::string_view activation, c10::List<std::optional<at::Scalar>> scalars,
                          std::optional<std::string_view> algorithm);
constexpr const char* kReorder = "mkldnn::_reorder_linear_weight";
constexpr const char* kLinear = "mkldnn::_linear_pointwise";

std::optional<c10::OperatorHandle> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""});
}

class OneDnnCopy final : public PackedMatrix::Copy {
 public:
  explicit OneDnnCopy(const at::Tensor& matrix)
      : copy_(find_operator(kReorder)->typed<Reorder>().call(matrix.t().contiguous(), kUsualRows)) {}

  at::Tensor product(const at::Tensor& a, const at::Tensor& bias) const override {
    static const c10::TypedOperatorHandle<Linear> linear = find_operator(kLinear)->typed<Linear>();
    const auto bias_or_none = bias.defined() ? std::optional(bias) : std::nullopt;
    return linear.call(with_product_rows(a), copy_, bias_or_none, "none", c10::List<std::optional<at::Scalar>>(), "")
        .narrow(0, 0, a.size(0));
  }

  void multiply(const at::Tensor& a, const at::Tensor& c, Accumulate accumulate) const override {
    const at::Tensor found = product(a, {});
    if (accumulate == Accumulate::kYes) {
      c.add_(found);
    } else {
      c.copy_(found);
    }
  }

 private:
  at::Tensor copy_;  // opaque
};

}  // namespace

bool onednn_packs() { return at::hasMKLDNN() && find_operator(kReorder) && find_operator(kLinear); }

std::shared_ptr<const PackedMatrix::Copy> packed_by_onednn(const at::Tensor& matrix) {
  try {
    return std::make_shared<OneDnnCopy>(matrix);
  } catch (const std::exception&) {  // of LibTorch's allocator, or of oneDNN's
    throw std::bad_alloc();
  }
}

}  // namespace tunescope::cpu
