#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tunescope {

/// Numbers that the host's loops read at `host`, and kernels on the batch's device at `device`. On the CPU the two are
/// the same memory; `device` is null on LibTorch's meta device, which has none.
template <typename Number>
struct LayoutNumbers {
  std::span<const Number> host;
  const Number* device = nullptr;

  Number operator[](std::size_t index) const { return host[index]; }
  std::size_t size() const { return host.size(); }
  LayoutNumbers part(std::size_t first, std::size_t count) const {
    return {host.subspan(first, count), device == nullptr ? nullptr : device + first};
  }
};

/// Owns lists of such numbers. If the device is not the CPU, all lists go there in one copy, from memory that is
/// pinned, so that nobody waits for it.
class CopiedNumbers {
 public:
  struct List {
    std::vector<std::int64_t> numbers;
    LayoutNumbers<std::int64_t>* place;  ///< is set to where they lie
  };

  CopiedNumbers() = default;
  CopiedNumbers(std::span<const List> lists, at::Device device);

  /// A list, or a part of one, as operations of LibTorch take it: a view [its size] int64 on the device.
  at::Tensor tensor(const LayoutNumbers<std::int64_t>& list) const;

 private:
  at::Tensor host_, device_;
};

}  // namespace tunescope
