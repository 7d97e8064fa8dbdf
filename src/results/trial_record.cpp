#include "tunescope/results/trial_record.hpp"

#include <limits>

#include "tunescope/model/tensor_role.hpp"

namespace tunescope {
MapAxes MapAxes::of(const ParameterCatalogue& catalogue) {
  MapAxes axes{catalogue.layer_labels(), catalogue.component_labels(), {}, {}};
  axes.sizes.resize(axes.cell_count(), 0);
  axes.roles.resize(axes.cell_count());
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    axes.sizes[catalogue.cell(i)] = catalogue[i].size();
    axes.roles[catalogue.cell(i)] = role_of(catalogue[i]);
  }
  return axes;
}

ChangeMaps ChangeMaps::of(const ParameterCatalogue& catalogue, const std::vector<ParameterChange>& change) {
  const std::size_t cells = catalogue.layer_labels().size() * catalogue.component_labels().size();
  const std::vector<double> empty(cells, std::numeric_limits<double>::quiet_NaN());
  ChangeMaps maps{empty, empty, empty, empty};
  for (ParameterIndex i = 0; i < change.size(); ++i) {
    const std::size_t target = catalogue.cell(i);
    maps.mean_abs[target] = change[i].mean_abs;
    maps.rms[target] = change[i].rms;
    maps.relative_l2[target] = change[i].relative_l2;
    maps.max_abs[target] = change[i].max_abs;
  }
  return maps;
}

}  // namespace tunescope
