#pragma once

#include <span>

#include "tunescope/data/task.hpp"

namespace tunescope {

/// Fraction of predictions that equal their label. As scikit-learn's accuracy_score.
double accuracy(std::span<const double> predictions, std::span<const double> labels);

/// F1 of class 1; 0 if neither predictions nor labels contain it. As scikit-learn's f1_score.
double f1(std::span<const double> predictions, std::span<const double> labels);

/// Matthews correlation of the classes 0 and 1; 0 if predictions or labels are constant. As scikit-learn's
/// matthews_corrcoef.
double matthews(std::span<const double> predictions, std::span<const double> labels);

/// Pearson correlation; NaN if predictions or labels are constant or there are fewer than two pairs. As SciPy's
/// pearsonr.
double pearson(std::span<const double> predictions, std::span<const double> labels);

/// Spearman's rank correlation; ties get their mean rank; NaN as for `pearson`. As SciPy's spearmanr.
double spearman(std::span<const double> predictions, std::span<const double> labels);

/// A metric on one development set. `kAccuracyMismatched` is accuracy; the caller passes the mismatched set.
double compute_metric(Metric metric, std::span<const double> predictions, std::span<const double> labels);

}  // namespace tunescope
