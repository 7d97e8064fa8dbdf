#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/sample_record.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/results_file.hpp"

namespace tunescope {
namespace {

using test::sample_record;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What other programs do to a file that they open for writing: nothing, or something of theirs.
void open_for_writing(const std::filesystem::path& path, bool writes = false) {
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  ASSERT_GE(file.get(), 0);
  if (!writes) return;
  const hdf5::Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const hdf5::Handle note(H5Acreate2(file.get(), "note", H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                          H5Aclose);
  ASSERT_GE(note.get(), 0);
}

// A trial's file as older programs wrote it: sealed behind its end.
void write_old_trial(const std::filesystem::path& path, const std::string& id) {
  write_trial(path, sample_record(id, 0));
  {
    const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    ASSERT_GE(H5Adelete(file.get(), "checksum"), 0);
    // The attribute's bytes stay in the file as free space; they must not be taken for the seal.
  }
  std::string bytes = test::read_bytes(path);
  const std::string_view mark = kEmptySeal.substr(0, kEmptySeal.find('0'));
  for (std::size_t at = bytes.find(mark); at != std::string::npos; at = bytes.find(mark)) bytes.replace(at, 4, "free");
  std::ofstream(path, std::ios::binary) << bytes;
  seal_file(path);
}

class UnsealedFile : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "trial-a.h5";
};

TEST_F(UnsealedFile, OpenedForWritingAndClosedCountsAsBefore) {
  write_trial(path_, sample_record("trial-a", 0));
  open_for_writing(path_);
  EXPECT_EQ(inspect_seal(path_), Seal::kIntact);
  EXPECT_EQ(read_trial_row(path_).id, "trial-a");
}

TEST_F(UnsealedFile, OfAnOlderProgramCountsAndLosesItsSealByOpeningItForWriting) {
  write_old_trial(path_, "trial-a");
  EXPECT_THAT(test::read_bytes(path_), testing::EndsWith("\n"));
  EXPECT_EQ(read_trial_row(path_).id, "trial-a");
  open_for_writing(path_);
  EXPECT_EQ(inspect_seal(path_), Seal::kMissing);
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial_row(path_); }),
              HasSubstr("trial-a.h5: has lost its checksum: another program has opened it for writing"));
  reseal(path_);
  EXPECT_EQ(read_trial(path_).row.score, sample_record("trial-a", 0).row.score);
}

TEST_F(UnsealedFile, WrittenToIsRefusedUntilItIsSealedAgain) {
  write_trial(path_, sample_record("trial-a", 0));
  open_for_writing(path_, true);
  EXPECT_EQ(inspect_seal(path_), Seal::kBroken);
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { read_trial_row(path_); }), HasSubstr("another program has written to"));
  reseal(path_);
  EXPECT_EQ(read_trial_row(path_).id, "trial-a");
}

TEST_F(UnsealedFile, ThatWasCutIsDamaged) {
  write_trial(path_, sample_record("trial-a", 0));
  for (const std::size_t share : {1U, 2U, 3U}) {
    const std::filesystem::path cut = folder_.write("cut.h5", test::read_bytes(path_));
    std::filesystem::resize_file(cut, std::filesystem::file_size(cut) * share / 4);
    EXPECT_EQ(inspect_seal(cut), Seal::kDamaged);
  }
}

// The library crashes on some of this and never ends on some, which costs a child process at most.
TEST_F(UnsealedFile, DamagedAnywhereEndsNoMoreThanAnError) {
  write_trial(path_, sample_record("trial-a", 0));
  const std::string whole = test::read_bytes(path_);
  int refused = 0;
  for (std::size_t i = 0; i + 64 < whole.size(); i += 997) {
    std::string bytes = whole;
    bytes.replace(i, 64, std::string(64, '\xff'));
    folder_.write("trial-a.h5", bytes);
    try {
      reseal(path_);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 5);
}

TEST_F(UnsealedFile, OfAnotherTrialIsNotSealedAgain) {
  write_trial(path_, sample_record("trial-b", 0));
  EXPECT_THAT(test::message_of<Error>([&] { reseal(path_); }), HasSubstr("trial-b"));
}

TEST_F(UnsealedFile, ThatWasMergedTellsItsFinishedTrials) {
  TrialRecord failed = sample_record("trial-c", 0);
  failed.row.state = "failed";
  write_trial(path_, sample_record("trial-a", 0));
  write_trial(folder_.path() / "b.h5", sample_record("trial-b", 1));
  write_trial(folder_.path() / "c.h5", failed);
  const std::filesystem::path merged = folder_.path() / "merged.h5";
  merge_files(
      merged,
      {.trial_files = {path_, folder_.path() / "b.h5", folder_.path() / "c.h5"}, .fisher_files = {}, .masks = {}}, {});
  EXPECT_THAT(merged_ids(merged), ElementsAre("trial-a", "trial-b"));
  folder_.write("merged.h5", "no HDF5");
  EXPECT_THROW(merged_ids(merged), Error);
}

}  // namespace
}  // namespace tunescope
