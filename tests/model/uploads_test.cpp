// What a pass copies to its device. On LibTorch's meta device nothing is computed, but copies to it are operations as
// on any other.

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "support/golden.hpp"
#include "support/learnable_examples.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {
namespace {

int uploads = 0;

std::unique_ptr<at::ObserverContext> note_upload(const at::RecordFunction& function) {
  if (std::string_view(function.name()) != "aten::copy_") return nullptr;  // all copies end in it
  const at::Tensor& target = function.inputs()[0].toTensor();
  const at::Tensor& source = function.inputs()[1].toTensor();
  if (target.is_meta() && source.is_cpu()) ++uploads;
  return nullptr;
}

class Uploads : public ::testing::Test {
 protected:
  Uploads() {
    uploads = 0;
    callback_ = at::addGlobalCallback(at::RecordFunctionCallback(note_upload).needsInputs(true));
  }
  ~Uploads() override { at::removeCallback(callback_); }

 private:
  at::CallbackHandle callback_ = 0;
};

TEST_F(Uploads, OfAPassAreOneCopy) {
  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  move_to(model, at::kMeta);
  const ParameterCatalogue catalogue = model.network->catalogue(2);
  const Dataset examples = test::learnable_examples(12, 1);
  const std::vector<std::int64_t> chosen = {4, 0, 7, 11};
  const PackedBatch batch = pack(examples, chosen, false);
  const ForcedKernels for_gpus(KernelBackend::kCuda);  // with the order of the ids
  for (const char* method : {"full", "layernorm"}) {
    Parameters parameters = with_new_head(model, catalogue, 1);
    TrainableParameters trainable(catalogue, select_parameters(parse_method(method), catalogue, {.seed = 1}),
                                  parameters);
    TrainingSink sink({&trainable});
    uploads = 0;
    Pass pass(*model.network, ModelInput{parameters, batch, 99}, {.sink = &sink});
    EXPECT_TRUE(pass.labels().front().is_meta());
    pass.backward(at::empty_like(pass.logits().front()));
    trainable.step(trainable.finish_gradients(), at::empty({}, at::TensorOptions(at::kDouble).device(at::kMeta)), {});
    EXPECT_EQ(uploads, 1) << method;
  }
}

}  // namespace
}  // namespace tunescope
