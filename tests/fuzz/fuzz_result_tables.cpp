#include <ATen/ops/ones.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <hdf5.h>

#include "fuzzed_file.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/results_file.hpp"

using namespace tunescope;

namespace {

constexpr const char* kTables[] = {
    "trials/id",
    "trials/task",
    "trials/score",
    "trials/seed",
    "scores/best",
    "scores/final",
    "change/layer",
    "change/component",
    "change/size",
    "change/rms",
    "evaluations/step",
    "evaluations/loss",
    "evaluations/f1",
    "history/step",
    "history/loss",
    "predictions/run",
    "predictions/run/label",
    "predictions/run/logits",
    "predictions/run/logits_mismatched",
    "fisher/id",
    "fisher/point",
    "fisher/examples",
    "fisher/layer",
    "fisher/component",
    "fisher/size",
    "fisher/role",
    "fisher/mean",
    "fisher/hidden_rms",
    "fisher_parameters",
    "fisher_parameters/run",
    "fisher_parameters/run/w",
};

TrialRecord sample_trial() {
  TrialRecord trial;
  trial.row.id = "run";
  trial.best_scores = trial.final_scores = Scores(all_metrics().size(), 0.5);
  trial.axes = {.layers = {"a", "b"}, .components = {"weight"}, .sizes = {6, 3}, .roles = {"a", "b"}};
  trial.change = {.mean_abs = {1, 2}, .rms = {1, 2}, .relative_l2 = {1, 2}, .max_abs = {1, 2}};
  trial.evaluations = {{.step = 1, .epoch = 0.5, .loss = 0.7, .scores = trial.best_scores}};
  trial.history = {{.step = 1, .loss = 0.8, .learning_rate = 1e-3, .gradient_norm = 2}};
  trial.predictions = {.output_size = 2, .logits = {0, 1, 2, 3}, .labels = {0, 1}};
  return trial;
}

FisherRecord sample_fisher() {
  FisherRecord fisher;
  fisher.row.id = "run";
  fisher.axes = {.layers = {"a", "b"}, .components = {"weight"}, .sizes = {6, 3}, .roles = {"a", "b"}};
  fisher.maps = {.mean = {1, 2}, .sum = {1, 2}, .max = {1, 2}, .share = {1, 2}};
  fisher.profiles = {{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}};
  fisher.diagonal = {{"w", at::ones({2, 3})}};
  return fisher;
}

// Puts a table of any type and shape, without values, in the place of one; nothing where the file has none.
void replace_table(const hdf5::Handle& file, const std::string& name, FuzzedDataProvider& choices) {
  if (H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT) < 0) return;
  const hdf5::Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text.get(), H5T_VARIABLE);
  const hid_t types[] = {H5T_STD_I64LE, H5T_STD_U8LE, H5T_IEEE_F64LE, H5T_IEEE_F32LE, H5T_C_S1, text.get()};
  const hid_t type = choices.PickValueInArray(types);
  hdf5::Shape shape(choices.ConsumeIntegralInRange<std::size_t>(0, 3));
  for (hsize_t& length : shape) {
    length = choices.ConsumeBool() ? choices.ConsumeIntegralInRange<hsize_t>(0, 6) : choices.ConsumeIntegral<hsize_t>();
  }
  const hdf5::Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
  const hdf5::Handle table(
      H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
}

void replace_tables(const std::filesystem::path& path, const std::string& whole, FuzzedDataProvider choices) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << whole;
  hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  while (choices.remaining_bytes() > 0) replace_table(file, choices.PickValueInArray(kTables), choices);
  file.close();
  seal_file(path);
}

}  // namespace

// A trial's and a Fisher run's file that are sound HDF5, in which the bytes say what tables to replace, read and
// merged.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path trial = fuzz::folder() / "trial.h5";
  const std::filesystem::path fisher = fuzz::folder() / "fisher.h5";
  const std::filesystem::path merged = fuzz::folder() / "merged.h5";
  static const std::string whole_trial = (write_trial(trial, sample_trial()), test::read_bytes(trial));
  static const std::string whole_fisher = (write_fisher(fisher, sample_fisher()), test::read_bytes(fisher));
  replace_tables(trial, whole_trial, {data, size});
  replace_tables(fisher, whole_fisher, {data, size});
  fuzz::read_or_refuse([&] { read_trial_row(trial); });
  fuzz::read_or_refuse([&] { read_fisher_diagonal(fisher, {"w"}); });
  fuzz::read_or_refuse([&] { merge_files(merged, {.trial_files = {trial}, .fisher_files = {}, .masks = {}}, {}); });
  fuzz::read_or_refuse([&] { merge_files(merged, {.trial_files = {}, .fisher_files = {fisher}, .masks = {}}, {}); });
  return 0;
}
