#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "support/architecture_goldens.hpp"
#include "support/collected_gradients.hpp"
#include "support/golden_batch.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/plan/pass_costs.hpp"

namespace tunescope {
namespace {

class ArchitectureCosts : public ::testing::TestWithParam<const char*> {
 protected:
  test::ArchitectureGolden golden{GetParam()};
  PackedBatch batch = test::golden_batch(golden.expected, golden.expected.tensor("labels"));

  // Of which the pass computes embeddings.
  double distances() const {
    std::int64_t longest = 0;
    for (std::size_t b = 0; b + 1 < batch.sequence_offsets.size(); ++b) {
      longest = std::max(longest, batch.sequence_offsets[b + 1] - batch.sequence_offsets[b]);
    }
    const std::optional<DistanceLookup> lookup = golden.model.network->distance_lookup(longest);
    return lookup ? static_cast<double>(std::set(lookup->ids.begin(), lookup->ids.end()).size()) : 0.0;
  }
};

// Needs the gradients of a method's parameters, and does nothing with them.
class NeedsOf final : public test::CollectedGradients {
 public:
  NeedsOf(const Parameters& parameters, std::vector<bool> needed)
      : CollectedGradients(parameters), needed_(std::move(needed)) {}
  bool needs_gradient(std::size_t, ParameterIndex parameter) const override { return needed_[parameter]; }

 private:
  std::vector<bool> needed_;
};

TEST_P(ArchitectureCosts, OfAPassWithoutNumbersAreThoseOfAPass) {
  PassCosts costs(golden.model.network);
  for (const char* method : {"full", "head", "layernorm", "layernorm-output", "bitfit"}) {
    const Selection selection = select_parameters(parse_method(method), golden.catalogue, {});
    std::vector<bool> needed;
    for (const TensorSelection& tensor : selection) needed.push_back(tensor.kind != TensorSelection::Kind::kNone);
    for (const LastLayer last_layer : {LastLayer::kPooledTokens, LastLayer::kAllTokens}) {
      NeedsOf sink(golden.parameters, needed);
      Pass pass(*golden.model.network, ModelInput{golden.parameters, batch}, {.sink = &sink, .last_layer = last_layer});
      pass.backward(batch_loss(pass.logits().front(), batch.labels).logits_gradient);
      const PassFlops planned =
          costs.flops(needed, 3, last_layer, {batch.token_count(), batch.sequence_count(), distances()});
      EXPECT_DOUBLE_EQ(planned.forward, pass.flops().forward) << method;
      EXPECT_DOUBLE_EQ(planned.backward, pass.flops().backward) << method;
    }
  }
}

TEST_P(ArchitectureCosts, GrowWithTheLengthOfSequencesInMemory) {
  PassCosts costs(golden.model.network);
  const auto bytes = [&](const char* method, std::int64_t length) {
    return costs.training_bytes(parse_method(method), 3, {length, length}, std::nullopt);
  };
  EXPECT_GT(bytes("full", 8), 4 * costs.model_bytes(3));  // values, gradients and two moments
  EXPECT_GT(bytes("layernorm", 16), bytes("layernorm", 8));
  EXPECT_LT(bytes("head", 16), bytes("layernorm", 16));
}

INSTANTIATE_TEST_SUITE_P(Golden, ArchitectureCosts, test::architecture_goldens(), test::name_of_golden);

}  // namespace
}  // namespace tunescope
