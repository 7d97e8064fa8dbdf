#include "tunescope/base/next_action.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace tunescope {

void save_for(NextAction action, const std::function<void()>& save) {
  if (action == NextAction::kContinue) return;
  try {
    save();
  } catch (const std::exception& error) {
    if (action == NextAction::kSaveAndStop) throw;
    spdlog::warn("no checkpoint: {}; the computation goes on without one", error.what());
  }
}

}  // namespace tunescope
