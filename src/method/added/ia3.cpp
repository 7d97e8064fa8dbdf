#include "method/registry.hpp"

namespace tunescope {
namespace {

void add_ia3(const MethodPart&, Additions& additions) {
  for (const char* role : {"key", "value"}) {
    for (const LinearTarget& target : targets_of(role, additions)) additions.rescale_outputs(target);
  }
  for (const LinearTarget& target : targets_of("output", additions)) additions.rescale_inputs(target);
}

}  // namespace

AdditionMethod ia3_method() {
  return {.name = "ia3",
          .description =
              "vectors that multiply keys, values and the feed-forward network's inner activation (Liu et "
              "al. 2022), without weight decay",
          .options = {},
          .add = add_ia3};
}

}  // namespace tunescope
