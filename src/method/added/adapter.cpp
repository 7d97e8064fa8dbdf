#include "method/registry.hpp"

namespace tunescope {
namespace {

constexpr const char* kHoulsby = "houlsby";
constexpr const char* kPfeiffer = "pfeiffer";

std::string spell_placement(const std::string& text) { return spell_choice("placement", text, {kHoulsby, kPfeiffer}); }

std::string spell_size(const std::string& text) { return spell_whole_number("size", text); }

// As `DoubleSeqBnConfig` and `SeqBnConfig` of the library `adapters` have them.
void add_adapter(const MethodPart& part, Additions& additions) {
  const bool is_houlsby = part.options.at("placement") == kHoulsby;
  const Additions::BottleneckOptions options{.size = std::stoll(part.options.at("size")),
                                             .activation = is_houlsby ? Activation::kSilu : Activation::kRelu,
                                             .input = is_houlsby ? BottleneckInput::kBranch : BottleneckInput::kSum};
  const auto add_behind = [&](const char* role) {
    for (const LinearTarget& target : targets_of(role, additions)) additions.add_bottleneck(target, options);
  };
  if (is_houlsby) add_behind("attention_output");
  add_behind("output");
}

}  // namespace

// The size is the one that Houlsby et al. use for all tasks of GLUE if there is one for all.
AdditionMethod adapter_method() {
  return {.name = "adapter",
          .description =
              "bottlenecks behind attention and feed-forward (Houlsby et al. 2019); placement=pfeiffer: behind "
              "feed-forward alone (Pfeiffer et al. 2020)",
          .options = {{"placement", kHoulsby, spell_placement}, {"size", "64", spell_size}},
          .add = add_adapter};
}

}  // namespace tunescope
