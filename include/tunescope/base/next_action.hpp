#pragma once

#include <functional>

namespace tunescope {

/// What a long computation does between two of its steps.
enum class NextAction { kContinue, kSave, kSaveAndStop };

/// Calls `save` unless the action is `kContinue`. A checkpoint on the way is insurance: if it cannot be written,
/// that is a warning in the log and the computation continues. Throws what `save` throws if the computation is to
/// stop.
void save_for(NextAction action, const std::function<void()>& save);

}  // namespace tunescope
