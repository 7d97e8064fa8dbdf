#include "tunescope/results/fisher_record.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/catalogue_lookup.hpp"
#include "support/changed_bytes.hpp"
#include "support/small_config.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/fisher/depth_profile.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/model/additions.hpp"
#include "tunescope/results/results_file.hpp"

namespace tunescope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FisherRecord sample_fisher_record(const std::string& id, double shift) {
  FisherRecord record;
  record.row = {.id = id,
                .task = "RTE",
                .mode = "true",
                .at = "full",
                .trial = "89abcdef01234567",
                .reducer = "mpi",
                .device = "cpu",
                .hostname = "knoten-ä",
                .gpu = "NVIDIA H200",
                .gpu_software = "driver 580.95.05",
                .precision = "bfloat16",
                .point = 0.5,
                .learning_rate = 2e-5,
                .wall_seconds = 3.5 + shift,
                .examples = 1024,
                .batch_size = 8,
                .step = 100,
                .seed = 7,
                .ranks = 4,
                .threads = 2,
                .draws = 3};
  const double nan = std::nan("");
  record.axes = {{"embeddings", "0"}, {"weight", "bias"}, {6, 3, 2, 0}, {"x", "y", "z", ""}};
  record.maps = {{1 + shift, 2, 3, nan}, {4, 5, 6, nan}, {7, 8, 9, nan}, {0.25, 0.25, 0.5, nan}};
  record.profiles = {{1, 2}, {nan, 3}, {nan, 4}, {5, 6}, {nan, 7}, {nan, 8 + shift}};
  record.added = {{"layer.0.lora_A.weight", 8, 0.5 + shift, 4, 1.5}, {"layer.0.lora_B.weight", 6, 0, 0, 0}};
  record.diagonal = {{"a.weight", at::arange(6).to(at::kDouble).add_(shift).view({2, 3})},
                     {"a.bias", at::arange(3).to(at::kDouble)}};
  return record;
}

TEST(FisherRecord, ReadsBackRowMapsAndDiagonal) {
  const test::TemporaryFolder folder;
  const FisherRecord written = sample_fisher_record("run-a", 0);
  write_fisher(folder.path() / "a.h5", written);
  const FisherRecord read = read_fisher(folder.path() / "a.h5");
  EXPECT_EQ(read.row.id, "run-a");
  EXPECT_EQ(read.row.mode, "true");
  EXPECT_EQ(read.row.trial, written.row.trial);
  EXPECT_EQ(read.row.point, 0.5);
  EXPECT_EQ(read.row.batch_size, 8);
  EXPECT_EQ(read.row.ranks, 4);
  EXPECT_EQ(read.row.gpu, "NVIDIA H200");
  EXPECT_EQ(read.row.gpu_software, "driver 580.95.05");
  EXPECT_EQ(read.row.precision, "bfloat16");
  EXPECT_EQ(read.row.draws, 3);
  EXPECT_EQ(read.axes.components, written.axes.components);
  EXPECT_EQ(read.axes.roles, written.axes.roles);
  EXPECT_THAT(read.maps.mean, testing::Pointwise(testing::NanSensitiveDoubleEq(), written.maps.mean));
  EXPECT_THAT(read.maps.share, testing::Pointwise(testing::NanSensitiveDoubleEq(), written.maps.share));
  EXPECT_THAT(read.profiles.hidden_rms, ElementsAre(1, 2));
  EXPECT_THAT(read.profiles.feed_forward_branch_gradient_rms, ElementsAre(testing::IsNan(), 8));
  ASSERT_EQ(read.added.size(), 2U);
  EXPECT_EQ(read.added[1].tensor, "layer.0.lora_B.weight");
  EXPECT_EQ(read.added[0].size, 8);
  EXPECT_EQ(read.added[0].mean, 0.5);
  EXPECT_EQ(read.added[0].sum, 4);
  EXPECT_EQ(read.added[0].max, 1.5);
  const auto diagonal = read_fisher_diagonal(folder.path() / "a.h5", {"a.bias", "a.weight"});
  EXPECT_TRUE(diagonal[0].equal(at::arange(3).to(at::kFloat)));
  EXPECT_TRUE(diagonal[1].equal(at::arange(6).to(at::kFloat)));
}

TEST(FisherRecord, RefusesATensorThatWasNotKept) {
  const test::TemporaryFolder folder;
  write_fisher(folder.path() / "a.h5", sample_fisher_record("run-a", 0));
  EXPECT_THROW(read_fisher_diagonal(folder.path() / "a.h5", {"b.weight"}), Hdf5Error);
}

TEST(FisherRecord, RefusesAChangedByteAnywhere) {
  const test::TemporaryFolder folder;
  write_fisher(folder.path() / "a.h5", sample_fisher_record("run-a", 0));
  test::expect_changes_are_refused(folder, "a.h5", read_fisher);
}

// Files of programs that did not record scales.
TEST(FisherRecord, ScalesThatAreMissingAreNotANumber) {
  const test::TemporaryFolder folder;
  write_fisher(folder.path() / "a.h5", sample_fisher_record("run-a", 0));
  {
    const hdf5::Handle file(H5Fopen((folder.path() / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    ASSERT_GE(H5Ldelete(file.get(), "fisher/hidden_rms", H5P_DEFAULT), 0);
  }
  seal_file(folder.path() / "a.h5");
  const FisherProfiles profiles = read_fisher(folder.path() / "a.h5").profiles;
  EXPECT_THAT(profiles.hidden_rms, ElementsAre(testing::IsNan(), testing::IsNan()));
  EXPECT_THAT(profiles.hidden_gradient_rms, ElementsAre(5, 6));
}

TEST(FisherRecord, RefusesSizesThatAreFewerThanItsCells) {
  const test::TemporaryFolder folder;
  FisherRecord record = sample_fisher_record("run-a", 0);
  record.axes.layers.pop_back();
  record.axes.sizes.resize(2);
  for (auto* map : {&record.maps.mean, &record.maps.sum, &record.maps.max, &record.maps.share}) map->resize(2);
  record.profiles = {{1}, {1}, {1}, {1}, {1}, {1}};
  write_fisher(folder.path() / "a.h5", record);
  {
    const hdf5::Handle file(H5Fopen((folder.path() / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    ASSERT_GE(H5Ldelete(file.get(), "fisher/layer", H5P_DEFAULT), 0);
    ASSERT_GE(H5Lcreate_hard(file.get(), "fisher/component", file.get(), "fisher/layer", H5P_DEFAULT, H5P_DEFAULT), 0);
  }
  seal_file(folder.path() / "a.h5");
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_fisher(folder.path() / "a.h5"); }), HasSubstr("unequal length"));
}

TEST(FisherRecord, MergedFileHoldsRunsDiagonalsAndMasks) {
  const test::TemporaryFolder folder;
  write_fisher(folder.path() / "a.h5", sample_fisher_record("run-a", 0));
  write_fisher(folder.path() / "b.h5", sample_fisher_record("run-b", 1));
  const MaskRecord mask{
      .id = "mask", .method = "fisher", .runs = "run-a run-b", .indices = {{"a.weight", {1, 4}}, {"a.bias", {2}}}};
  merge_files(folder.path() / "all.h5",
              {.trial_files = {}, .fisher_files = {folder.path() / "a.h5", folder.path() / "b.h5"}, .masks = {mask}},
              {});
  const hdf5::File file = hdf5::File::open(folder.path() / "all.h5");
  const hdf5::Group fisher = file.open_group("fisher");
  EXPECT_THAT(fisher.read_strings("id"), ElementsAre("run-a", "run-b"));
  EXPECT_THAT(fisher.shape("mean"), ElementsAre(2, 2, 2));
  EXPECT_EQ(fisher.read_doubles("mean")[4], 2.0);
  EXPECT_THAT(fisher.shape("hidden_rms"), ElementsAre(2, 2));
  EXPECT_EQ(fisher.read_doubles("feed_forward_branch_gradient_rms")[3], 9.0);
  const hdf5::Group diagonal = file.open_group("fisher_parameters").open_group("run-b");
  EXPECT_THAT(diagonal.members(), ElementsAre("a.bias", "a.weight", "axis0_2", "axis0_3", "axis1_3"));
  EXPECT_THAT(diagonal.shape("a.weight"), ElementsAre(2, 3));
  EXPECT_THAT(diagonal.read_floats("a.weight"), ElementsAre(1, 2, 3, 4, 5, 6));
  const hdf5::Group added = file.open_group("added_fisher").open_group("run-b");
  EXPECT_THAT(added.read_strings("tensor"), ElementsAre("layer.0.lora_A.weight", "layer.0.lora_B.weight"));
  EXPECT_THAT(added.read_doubles("mean"), ElementsAre(1.5, 0));
  const hdf5::Group chosen = file.open_group("fisher_masks").open_group("mask");
  EXPECT_EQ(chosen.read_string_attribute("runs"), "run-a run-b");
  EXPECT_THAT(chosen.read_strings("tensor"), ElementsAre("a.weight", "a.bias"));
  EXPECT_THAT(chosen.read_integers("count"), ElementsAre(2, 1));
  EXPECT_THAT(chosen.read_integers("index"), ElementsAre(1, 4, 2));
}

// As one of an earlier program, or one of a training that adds nothing.
TEST(FisherRecord, MayHaveNoAddedTensors) {
  const test::TemporaryFolder folder;
  FisherRecord record = sample_fisher_record("run-a", 0);
  record.added.clear();
  write_fisher(folder.path() / "a.h5", record);
  EXPECT_FALSE(hdf5::File::open(folder.path() / "a.h5").has("added_fisher"));
  EXPECT_TRUE(read_fisher(folder.path() / "a.h5").added.empty());
  write_fisher(folder.path() / "b.h5", sample_fisher_record("run-b", 1));
  merge_files(folder.path() / "all.h5",
              {.trial_files = {}, .fisher_files = {folder.path() / "a.h5", folder.path() / "b.h5"}, .masks = {}}, {});
  EXPECT_THAT(hdf5::File::open(folder.path() / "all.h5").open_group("added_fisher").members(), ElementsAre("run-b"));
}

TEST(AddedFisher, SummarizesEachMeasuredTensor) {
  Additions additions(test::small_catalogue(2));
  additions.rescale_outputs(linear_targets(additions.catalogue(), "key").front());
  std::vector<at::Tensor> diagonal(additions.catalogue().size());
  diagonal.back() = at::arange(4).to(at::kDouble);
  const std::vector<AddedFisher> added = AddedFisher::of(additions.catalogue(), diagonal);
  ASSERT_EQ(added.size(), 1U);
  EXPECT_EQ(added[0].tensor, additions.catalogue().parameters().back().name);
  EXPECT_EQ(added[0].size, 4);
  EXPECT_EQ(added[0].mean, 1.5);
  EXPECT_EQ(added[0].sum, 6.0);
  EXPECT_EQ(added[0].max, 3.0);
}

TEST(FisherMaps, SummarizeEachTensor) {
  BertConfig config;
  config.vocab_size = 4;
  config.hidden_size = 2;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 1;
  config.intermediate_size = 4;
  config.max_position_embeddings = 5;
  const ParameterCatalogue catalogue = make_bert(config)->catalogue(2);
  std::vector<at::Tensor> diagonal(catalogue.size());
  diagonal[test::index_of(catalogue, "bert.embeddings.word_embeddings.weight")] =
      at::arange(8).to(at::kDouble).view({4, 2});                                                  // sum 28
  diagonal[test::index_of(catalogue, "classifier.bias")] = at::arange(2).to(at::kDouble).mul_(4);  // sum 4
  const FisherMaps maps = FisherMaps::of(catalogue, diagonal);
  const std::size_t word = catalogue.cell(test::index_of(catalogue, "bert.embeddings.word_embeddings.weight"));
  EXPECT_EQ(maps.mean[word], 3.5);
  EXPECT_EQ(maps.sum[word], 28.0);
  EXPECT_EQ(maps.max[word], 7.0);
  EXPECT_EQ(maps.share[word], 0.875);
  EXPECT_EQ(maps.share[catalogue.cell(test::index_of(catalogue, "classifier.bias"))], 0.125);
  EXPECT_TRUE(std::isnan(maps.mean[catalogue.cell(test::index_of(catalogue, "bert.pooler.dense.weight"))]));
}

// As in a merged file of which an earlier program computed the first run.
TEST(FisherRecord, MergedFileHasTheRolesThatAnyRunHas) {
  const test::TemporaryFolder folder;
  FisherRecord earlier = sample_fisher_record("run-a", 0);
  earlier.axes.roles.clear();
  write_fisher(folder.path() / "a.h5", earlier);
  write_fisher(folder.path() / "b.h5", sample_fisher_record("run-b", 1));
  EXPECT_TRUE(read_fisher(folder.path() / "a.h5").axes.roles.empty());
  merge_files(folder.path() / "all.h5",
              {.trial_files = {}, .fisher_files = {folder.path() / "a.h5", folder.path() / "b.h5"}, .masks = {}}, {});
  const hdf5::Group fisher = hdf5::File::open(folder.path() / "all.h5").open_group("fisher");
  EXPECT_THAT(fisher.read_strings("role"), ElementsAre("x", "y", "z", ""));
  EXPECT_THAT(fisher.shape("role"), ElementsAre(2, 2));
}

TEST(FisherProfiles, HaveNoNumberWhereNothingWasSummed) {
  const ParameterCatalogue catalogue = test::small_catalogue(2);
  at::Tensor scales =
      at::zeros({kDepthQuantities, static_cast<std::int64_t>(catalogue.encoder_layers()) + 1}, at::kDouble);
  scales[0] = 3;
  scales[5][1] = 2;
  const FisherProfiles profiles = FisherProfiles::of(catalogue, scales);
  ASSERT_EQ(profiles.hidden_rms.size(), catalogue.layer_labels().size());
  EXPECT_EQ(profiles.hidden_rms[0], 3);
  EXPECT_EQ(profiles.feed_forward_branch_gradient_rms[1], 2);
  EXPECT_TRUE(std::isnan(profiles.feed_forward_branch_gradient_rms[0]));
  EXPECT_TRUE(std::isnan(profiles.hidden_rms.back()));
}

}  // namespace
}  // namespace tunescope
