#pragma once

#include <string>
#include <string_view>

#include "tunescope/data/dataset.hpp"

namespace tunescope {

/// Which examples choose the best step of a trial and the best learning rate of a method. If they are the ones that are
/// reported, the best of many runs is reported, which is better than the method is.
struct SelectionRule {
  enum class Source {
    kDev,        ///< the development set, which is reported as well
    kHalfOfDev,  ///< one half of it; the other is reported
    kTrain       ///< a share of the training set, which is not trained on
  };
  Source source = Source::kDev;
  double share = 0.0;  ///< of the training set, of `kTrain`

  /// "dev", "half-dev" or "train:0.1", as trials are described and as `parse_selection` reads it.
  std::string text() const;
};

/// Throws `ConfigError` saying what is expected.
SelectionRule parse_selection(std::string_view text);

/// Takes the examples that choose out of the training or development set and makes them `TaskData::selection`. A fixed
/// random draw, the same for every seed and rank, in which each class has its share; of a regression task each tenth of
/// the scores. A second development set, which never chooses, stays whole. Throws `ConfigError` if either part would be
/// empty.
void set_selection_aside(TaskData& data, const SelectionRule& rule);

}  // namespace tunescope
