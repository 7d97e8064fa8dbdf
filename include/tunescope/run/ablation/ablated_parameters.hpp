#pragma once

#include <string_view>

#include "tunescope/method/method.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// What is done to a group of scalars of a trained model: `kReset` puts them back to their initial values and leaves
/// all others trained; `kTransplant` leaves them trained and puts all others back.
enum class AblationKind { kReset, kTransplant };

/// "reset", "transplant": the column `kind` of `/ablation`.
std::string_view name_of(AblationKind kind);

/// The parameters of a trained model with some of its scalars put back. The head stays as trained, for both kinds: it
/// is what reads the others. Tensors that are of one origin alone are shared with it, not copied.
Parameters ablated_parameters(const Parameters& initial, const Parameters& trained, const Selection& group,
                              AblationKind kind, const ParameterCatalogue& catalogue);

}  // namespace tunescope
