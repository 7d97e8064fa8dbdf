#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "results/schema.hpp"
#include "support/golden.hpp"
#include "support/sample_record.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/results_file.hpp"

namespace tunescope {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::IsNan;
using ::testing::SizeIs;

constexpr std::int64_t kNextVersion = schema::kVersion + 1;

// The table as the next build may have it, with one more column.
TrialRow read_with_one_more_column(const hdf5::File& file, std::int64_t version) {
  const schema::Column added{"added", &TrialRow::device, kNextVersion, "unknown"};
  return schema::read_row<TrialRow>(file.open_group("trials"), std::tuple_cat(schema::kTrialColumns, std::tuple(added)),
                                    version);
}

TEST(Columns, ThatAreNewHaveADefaultInEarlierFiles) {
  const hdf5::File file = schema::open_sealed(test::golden("earlier_build/results/earlier/trials/098758b687426320.h5"));
  const TrialRow row = read_with_one_more_column(file, schema::version_of(file));
  EXPECT_EQ(row.device, "unknown");
  EXPECT_EQ(row.gpu, "");
  EXPECT_EQ(row.gpu_software, "");
  EXPECT_EQ(row.kept_bytes, 0);
  EXPECT_THAT(row.energy_joules, IsNan());
  EXPECT_EQ(row.peak_host_bytes, 0);
  EXPECT_EQ(row.state, "done");
  EXPECT_EQ(row.steps, 60);
}

TEST(Columns, ThatAFileOfTheirVersionLacksAreAnError) {
  const test::TemporaryFolder folder;
  write_trial(folder.path() / "a.h5", test::sample_record("a", 0));
  const hdf5::File file = schema::open_sealed(folder.path() / "a.h5");
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_with_one_more_column(file, kNextVersion); }),
              ::testing::HasSubstr("added"));
}

void remove_dataset(const std::filesystem::path& path, const std::string& name) {
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  ASSERT_GE(H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT), 0);
}

// As in a file of before this metric and this measure of change.
TEST(Columns, OfANewMetricOrMeasureAreMissingInEarlierFiles) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "a.h5";
  const TrialRecord written = test::sample_record("a", 0);
  write_trial(path, written);
  remove_dataset(path, "evaluations/accuracy");
  remove_dataset(path, "change/rms");
  seal_file(path);
  const TrialRecord read = read_trial(path);
  EXPECT_THAT(read.change.rms, AllOf(SizeIs(written.change.rms.size()), Each(IsNan())));
  EXPECT_THAT(read.evaluations, SizeIs(written.evaluations.size()));
  EXPECT_THAT(read.evaluations.front().scores.front(), IsNan());
  EXPECT_EQ(read.evaluations.front().scores.back(), written.evaluations.front().scores.back());
  EXPECT_NO_THROW(
      merge_files(folder.path() / "merged.h5", {.trial_files = {path}, .fisher_files = {}, .masks = {}}, {}));
}

TEST(Roles, OfEarlierFilesAreThoseOfALaterOneInTheMergedFile) {
  const test::TemporaryFolder folder;
  const std::filesystem::path earlier = folder.path() / "a.h5", later = folder.path() / "b.h5";
  const TrialRecord record = test::sample_record("a", 0);
  write_trial(earlier, record);
  remove_dataset(earlier, "change/role");
  seal_file(earlier);
  write_trial(later, test::sample_record("b", 1));
  EXPECT_TRUE(read_trial(earlier).axes.roles.empty());
  const std::filesystem::path merged = folder.path() / "merged.h5";
  merge_files(merged, {.trial_files = {earlier, later}, .fisher_files = {}, .masks = {}}, {});
  EXPECT_EQ(hdf5::File::open(merged).open_group("change").read_strings("role"), record.axes.roles);
  merge_files(merged, {.trial_files = {earlier}, .fisher_files = {}, .masks = {}}, {});
  EXPECT_FALSE(hdf5::File::open(merged).open_group("change").has("role"));
}

TEST(Masks, AreKeptInTheFileOfTheTrialThatUsedThem) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "0123456789abcdef.h5";
  TrialRecord record = test::sample_record("0123456789abcdef", 0);
  write_trial(path, record);
  EXPECT_FALSE(read_mask(path));
  record.mask = {.id = "fedcba9876543210",
                 .method = "fisher:fraction=0.5,pool=layernorm,scope=task",
                 .runs = "00 ff",
                 .indices = {{"a.weight", {0, 5, 6}}, {"b.bias", {}}, {"c.weight", {7}}}};
  write_trial(path, record);
  for (const std::optional<MaskRecord>& found : {read_mask(path), read_trial(path).mask}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, record.mask->id);
    EXPECT_EQ(found->method, record.mask->method);
    EXPECT_EQ(found->runs, record.mask->runs);
    EXPECT_EQ(found->indices, record.mask->indices);
  }
}

}  // namespace
}  // namespace tunescope
