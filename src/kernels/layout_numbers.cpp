#include "tunescope/kernels/layout_numbers.hpp"

#include <algorithm>

#include "tunescope/device/host_tensor.hpp"

namespace tunescope {

CopiedNumbers::CopiedNumbers(std::span<const List> lists, at::Device device) {
  std::size_t total = 0;
  for (const List& list : lists) total += list.numbers.size();
  host_ = host_tensor({static_cast<std::int64_t>(total)}, at::kLong, device);
  std::int64_t* const first = host_.mutable_data_ptr<std::int64_t>();
  std::int64_t* next = first;
  for (const auto& [numbers, place] : lists) next = std::ranges::copy(numbers, next).out;
  device_ = host_.to(device, /*non_blocking=*/true);
  const LayoutNumbers<std::int64_t> all{{first, total},
                                        device.is_meta() ? nullptr : device_.const_data_ptr<std::int64_t>()};
  std::size_t begin = 0;
  for (const auto& [numbers, place] : lists) {
    *place = all.part(begin, numbers.size());
    begin += numbers.size();
  }
}

at::Tensor CopiedNumbers::tensor(const LayoutNumbers<std::int64_t>& list) const {
  return device_.narrow(0, list.host.data() - host_.const_data_ptr<std::int64_t>(),
                        static_cast<std::int64_t>(list.size()));
}

}  // namespace tunescope
