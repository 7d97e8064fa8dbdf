#include "foreign_weights.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <string>
#include <string_view>

#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"

namespace tunescope {
namespace {

// Loading and saving with transformers is no remedy: if the file has no pooler, it would draw a random one and save it.
constexpr std::string_view kFromPickle =
    "fetch the model with scripts/fetch-assets, which converts it, or convert it on a machine that has torch and "
    "safetensors: python -c \"import torch, safetensors.torch as s; "
    "w = torch.load('{0}', map_location='cpu', weights_only=True); "
    "s.save_file({{k: v.contiguous().clone() for k, v in w.items()}}, '{1}')\"";
constexpr std::string_view kFromShards =
    "its parts are pickles too: load it with the class in config.json's architectures and save it again "
    "(from_pretrained and save_pretrained of transformers), which writes {1}";
constexpr std::string_view kFromTensorFlow =
    "convert it with transformers 4 and TensorFlow: python -c \"import transformers as t; "
    "t.BertForPreTraining.from_pretrained('{2}', from_tf=True).save_pretrained('{2}')\"";
constexpr std::string_view kFromFlax =
    "convert it with transformers 4 and flax: python -c \"import transformers as t; "
    "t.BertForPreTraining.from_pretrained('{2}', from_flax=True).save_pretrained('{2}')\"";
constexpr std::string_view kFromGoogle =
    "convert it with transformers 4 and TensorFlow: transformers-cli convert --model_type bert --tf_checkpoint "
    "{2}/bert_model.ckpt --config {2}/bert_config.json --pytorch_dump_output {2}/pytorch_model.bin; what then has to "
    "be done with pytorch_model.bin is said here next time";
constexpr std::string_view kFromAdapter =
    "it changes another model: merge it into that with peft (merge_and_unload) and save the result";
constexpr std::string_view kFromOnnx = "it holds no weights to train: take the model that it was exported from";

struct ForeignFormat {
  std::string_view file;
  std::string_view remedy;  // {0}: the file, {1}: what is wanted, {2}: the folder
};

constexpr std::array kFormats = std::to_array<ForeignFormat>({{"pytorch_model.bin", kFromPickle},
                                                              {"pytorch_model.bin.index.json", kFromShards},
                                                              {"tf_model.h5", kFromTensorFlow},
                                                              {"flax_model.msgpack", kFromFlax},
                                                              {"bert_model.ckpt.index", kFromGoogle},
                                                              {"adapter_model.safetensors", kFromAdapter},
                                                              {"adapter_model.bin", kFromAdapter},
                                                              {"model.onnx", kFromOnnx}});

}  // namespace

void refuse_foreign_weights(const std::filesystem::path& folder) {
  if (const std::string problem = hub_cache_problem(folder); !problem.empty()) throw ModelError(problem);
  const std::filesystem::path wanted = folder / "model.safetensors";
  if (std::filesystem::is_symlink(wanted)) {
    throw ModelError(fmt::format("{}: is a link to {}, which is not there; fetch the model again", wanted.string(),
                                 std::filesystem::read_symlink(wanted).string()));
  }
  for (const ForeignFormat& format : kFormats) {
    const std::filesystem::path file = folder / format.file;
    if (!std::filesystem::exists(file)) continue;
    if (const std::string problem = git_lfs_problem(file); !problem.empty()) throw ModelError(problem);
    throw ModelError(
        fmt::format("{}: has {} but no model.safetensors; {}", folder.string(), format.file,
                    fmt::format(fmt::runtime(format.remedy), file.string(), wanted.string(), folder.string())));
  }
  throw ModelError(folder.string() + ": has neither model.safetensors nor model.safetensors.index.json");
}

}  // namespace tunescope
