#pragma once

#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/added_parameters.hpp"
#include "support/architecture_goldens.hpp"
#include "support/collected_gradients.hpp"
#include "support/golden_batch.hpp"
#include "support/sink_of_each.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope::test {

/// A golden model with additions.
class AdditionsCase {
 public:
  explicit AdditionsCase(const std::string& golden_name) : golden(golden_name) {}

  /// The model with additions. Random added tensors have effects of every kind.
  Parameters added_parameters(const Additions& additions, bool is_random) const {
    Parameters parameters = golden.parameters;
    additions.append_initial(parameters, 7);
    if (is_random) randomize_added(additions, parameters);
    return parameters;
  }
  PackedBatch examples() const { return golden_batch(golden.expected, golden.expected.tensor("labels")); }
  at::Tensor logits(const Parameters& parameters, const Additions* additions) const {
    return evaluate_logits(*golden.model.network,
                           {.parameters = parameters, .batch = examples(), .additions = additions});
  }

  /// Of all tensors, added ones too, with the masks of one step.
  void expect_gradients_of_finite_differences(const Additions& additions) {
    golden.compute_in_float64();
    const Parameters parameters = added_parameters(additions, true);
    const PackedBatch batch = examples();
    const auto run = [&](const Parameters& at, GradientSink* sink) {
      return std::make_unique<Pass>(*golden.model.network,
                                    ModelInput{at, batch, std::uint64_t{77}, nullptr, &additions},
                                    PassOptions{.sink = sink, .dropout = 0.1});
    };
    CollectedGradients sink(parameters);
    const auto pass = run(parameters, &sink);
    pass->backward(batch_loss(pass->logits().front(), batch.labels).logits_gradient);
    at::manual_seed(5);
    for (ParameterIndex i = 0; i < parameters.size(); ++i) {
      const at::Tensor direction = at::randn(parameters[i].sizes(), parameters[i].options());
      const auto loss_at = [&](double step) {
        Parameters moved = parameters;
        moved[i] = moved[i].add(direction, step);
        return batch_loss(run(moved, nullptr)->logits().front(), batch.labels).value();
      };
      constexpr double kStep = 1e-5;
      const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
      const double size = sink.gradients[i].norm().item<double>() * direction.norm().item<double>();
      EXPECT_NEAR(sink.gradients[i].mul(direction).sum().item<double>(), slope, 1e-6 * size + 1e-8)
          << additions.catalogue()[i].name;
      EXPECT_TRUE(i < golden.catalogue.size() || size > 1e-6) << additions.catalogue()[i].name;
    }
  }

  /// Golden logits, and gradients, of another library, under `method`: of the head, of the added tensors, whose numbers
  /// are the library's, and of what else it has.
  void expect_golden_numbers(const Additions& additions, const Safetensors& expected, const std::string& method) {
    Parameters parameters = golden.parameters;
    for (ParameterIndex i = additions.model_size(); i < additions.catalogue().size(); ++i) {
      const ParameterInfo& info = additions.catalogue()[i];
      ASSERT_EQ(expected.shape(method + "." + info.name), info.shape) << info.name;
      parameters.push_back(expected.tensor(method + "." + info.name).to(parameters.front().options()));
    }
    const PackedBatch batch = examples();
    CollectedGradients sink(parameters);
    Pass pass(*golden.model.network, ModelInput{parameters, batch, std::nullopt, nullptr, &additions}, {.sink = &sink});
    const at::Tensor logits = expected.tensor(method + ".logits").to(parameters.front().options());
    EXPECT_LT(pass.logits().front().sub(logits).abs().max().item<double>(), 1e-5);
    const Loss loss = batch_loss(pass.logits().front(), batch.labels);
    EXPECT_NEAR(loss.value(), expected.tensor(method + ".loss").item<double>(), 1e-5);
    pass.backward(loss.logits_gradient);
    for (ParameterIndex i = 0; i < parameters.size(); ++i) {
      const std::string& name = additions.catalogue()[i].name;
      if (i < golden.catalogue.backbone_count() && !expected.has(method + ".grad." + name)) continue;
      const at::Tensor gradient = expected.tensor(method + ".grad." + name).to(parameters.front().options());
      EXPECT_LT(sink.gradients[i].sub(gradient).norm().item<double>(), 1e-4 * gradient.norm().item<double>()) << name;
    }
  }

  /// The frozen tensors need no gradients, so that other parts of the pass are kept.
  void expect_same_gradients_if_nothing_else_trains(const Additions& additions) {
    class AddedAlone : public CollectedGradients {
     public:
      AddedAlone(const Parameters& parameters, std::size_t first) : CollectedGradients(parameters), first_(first) {}
      bool needs_gradient(std::size_t, ParameterIndex i) const override { return i >= first_; }

     private:
      std::size_t first_;
    };
    golden.compute_in_float64();
    const Parameters parameters = added_parameters(additions, true);
    const PackedBatch batch = examples();
    CollectedGradients all(parameters);
    AddedAlone added(parameters, additions.model_size());
    for (CollectedGradients* sink : {&all, static_cast<CollectedGradients*>(&added)}) {
      Pass pass(*golden.model.network, ModelInput{parameters, batch, std::nullopt, nullptr, &additions},
                {.sink = sink});
      pass.backward(batch_loss(pass.logits().front(), batch.labels).logits_gradient);
    }
    for (ParameterIndex i = additions.model_size(); i < parameters.size(); ++i) {
      EXPECT_TRUE(added.gradients[i].allclose(all.gradients[i], 1e-9, 1e-12)) << additions.catalogue()[i].name;
    }
  }

  /// Models with these additions in one pass, with one that has none.
  void expect_numbers_that_each_has_alone(const std::vector<Additions>& additions) {
    golden.compute_in_float64();
    std::vector<Parameters> parameters;
    for (const Additions& one : additions) parameters.push_back(added_parameters(one, true));
    parameters.push_back(golden.parameters);
    const PackedBatch batch = examples();
    std::vector<ModelInput> inputs;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      inputs.push_back(
          {parameters[i], batch, std::uint64_t{3}, nullptr, i < additions.size() ? &additions[i] : nullptr});
    }
    std::vector<std::unique_ptr<CollectedGradients>> together, alone;
    std::vector<GradientSink*> sinks;
    for (const Parameters& own : parameters) {
      together.push_back(std::make_unique<CollectedGradients>(own));
      alone.push_back(std::make_unique<CollectedGradients>(own));
      sinks.push_back(together.back().get());
    }
    SinkOfEach sink(sinks);
    Pass pass(*golden.model.network, inputs, {.sink = &sink, .dropout = 0.1});
    std::vector<at::Tensor> of_logits;
    for (const at::Tensor& own : pass.logits()) of_logits.push_back(batch_loss(own, batch.labels).logits_gradient);
    pass.backward(of_logits);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Pass single(*golden.model.network, inputs[i], {.sink = alone[i].get(), .dropout = 0.1});
      single.backward(batch_loss(single.logits().front(), batch.labels).logits_gradient);
      EXPECT_TRUE(pass.logits()[i].allclose(single.logits().front(), 1e-9, 1e-9)) << i;
      for (ParameterIndex p = 0; p < parameters[i].size(); ++p) {
        EXPECT_TRUE(together[i]->gradients[p].allclose(alone[i]->gradients[p], 1e-8, 1e-9)) << i << " " << p;
      }
    }
  }

  ArchitectureGolden golden;
};

}  // namespace tunescope::test
