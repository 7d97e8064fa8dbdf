#pragma once

#include <span>

#include "tunescope/data/task.hpp"

namespace tunescope {

/// Share of equal pairs. As scikit-learn's accuracy_score.
double accuracy(std::span<const double> predictions, std::span<const double> labels);

/// F1 of class 1; 0 where neither predictions nor labels have it. As scikit-learn's f1_score.
double f1(std::span<const double> predictions, std::span<const double> labels);

/// Matthews correlation of two classes 0 and 1; 0 where either is constant. As scikit-learn's matthews_corrcoef.
double matthews(std::span<const double> predictions, std::span<const double> labels);

/// Pearson correlation; NaN where either is constant or there are fewer than two pairs. As SciPy's pearsonr.
double pearson(std::span<const double> predictions, std::span<const double> labels);

/// Spearman's rank correlation, ties given their mean rank; NaN as for `pearson`. As SciPy's spearmanr.
double spearman(std::span<const double> predictions, std::span<const double> labels);

/// A metric of one development set; `kAccuracyMismatched` is accuracy, on the other set.
double compute_metric(Metric metric, std::span<const double> predictions, std::span<const double> labels);

}  // namespace tunescope
