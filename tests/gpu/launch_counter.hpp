#pragma once

#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "emulator/simt.hpp"

namespace tunescope::test {

/// Counts, while it lives, what a GPU would be asked to do: the kernels that the emulator runs, and the operations of
/// ATen that launch a kernel. One at a time.
class LaunchCounter {
 public:
  LaunchCounter() : own_before_(emulator::launches()) {
    operations().clear();
    callback_ = at::addGlobalCallback(at::RecordFunctionCallback(begin, end));
  }
  ~LaunchCounter() { at::removeCallback(callback_); }
  LaunchCounter(const LaunchCounter&) = delete;
  LaunchCounter& operator=(const LaunchCounter&) = delete;

  std::int64_t launches() const {
    std::int64_t of_aten = 0;
    for (const auto& [name, count] : operations()) of_aten += count;
    return own() + of_aten;
  }
  std::int64_t own() const { return emulator::launches() - own_before_; }
  /// The operations of ATen that launch, by name. Those that are composed of others count as these.
  static std::map<std::string, std::int64_t>& operations() {
    static std::map<std::string, std::int64_t> by_name;
    return by_name;
  }

 private:
  // Views, allocations, and operations composed of others, which are recorded too.
  static constexpr std::array<std::string_view, 37> kFree = {
      "alias",          "as_strided", "clone",     "contiguous", "detach",    "empty",     "empty_like",
      "empty_strided",  "expand",     "expand_as", "narrow",     "full",      "from_blob", "lift",
      "ones_like",      "permute",    "reshape",   "resize_",    "select",    "slice",     "split",
      "squeeze",        "t",          "to",        "_to_copy",   "transpose", "unbind",    "unsqueeze",
      "_reshape_alias", "view",       "zeros",     "zeros_like", "stack",     "full_like", "resolve_conj",
      "result_type",    "flatten"};

  // Made for an operation that counts. Those within it do not: on a GPU it is one kernel.
  struct Counted : at::ObserverContext {};
  static int& depth() {
    static int counted = 0;
    return counted;
  }

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    constexpr std::string_view kPrefix = "aten::";
    std::string_view name = function.name();
    if (depth() > 0 || !name.starts_with(kPrefix)) return nullptr;
    name.remove_prefix(kPrefix.size());
    if (std::ranges::find(kFree, name) != kFree.end()) return nullptr;
    ++operations()[std::string(name)];
    ++depth();
    return std::make_unique<Counted>();
  }
  static void end(const at::RecordFunction&, at::ObserverContext* counted) {
    if (counted != nullptr) --depth();
  }

  std::int64_t own_before_;
  at::CallbackHandle callback_;
};

}  // namespace tunescope::test
