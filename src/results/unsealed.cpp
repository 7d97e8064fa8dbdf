#include <iterator>
#include <sstream>

#include "schema.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/isolated.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope {
namespace {

using hdf5::Group;

std::string read_ids(const hdf5::File& file) {
  std::string ids;
  const Group trials = file.open_group("trials");
  const std::vector<std::string> all = trials.read_strings("id");
  const std::vector<std::string> states = trials.read_strings("state");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (states.at(i) != "failed") ids += all[i] + " ";
  }
  if (!file.has("fisher")) return ids;
  for (const std::string& id : file.open_group("fisher").read_strings("id")) ids += id + " ";
  return ids;
}

// Enough time for any machine to decompress a file of this size several times.
std::uint64_t seconds_for(const std::filesystem::path& path) {
  return 2 + std::filesystem::file_size(path) / 10'000'000;
}

// Reads everything that the program ever reads of a file, and returns the identifier of its trial or Fisher run.
std::string read_all(const std::filesystem::path& path) {
  const hdf5::File file = schema::open_unsealed(path);
  if (!file.has("fisher")) return schema::read_trial(file, schema::read_trial_row(file, path), path).row.id;
  const std::string id = schema::read_fisher(file, path).row.id;
  if (file.has("fisher_parameters")) {
    const Group diagonal = file.open_group("fisher_parameters").open_group(id);
    for (const std::string& tensor : diagonal.members()) diagonal.read_floats(tensor);
  }
  return id;
}

}  // namespace

std::vector<std::string> merged_ids(const std::filesystem::path& path) {
  std::istringstream ids(run_isolated([&] { return read_ids(hdf5::File::open(path)); }, seconds_for(path)));
  return {std::istream_iterator<std::string>(ids), {}};
}

void reseal(const std::filesystem::path& path) {
  const std::string id = run_isolated([&] { return read_all(path); }, seconds_for(path));
  if (id != path.stem()) throw Error("it is of " + id);
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::filesystem::copy_file(path, temporary, std::filesystem::copy_options::overwrite_existing);
    seal_file(temporary);
  });
}

}  // namespace tunescope
