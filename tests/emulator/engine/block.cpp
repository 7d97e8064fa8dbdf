#include "block.hpp"

#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>

#include "memory.hpp"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace tunescope::emulator {
namespace {

std::int64_t launch_count = 0;

bool is_same_line(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::string_view(a.file_name()) == b.file_name());
}

bool has_lane(unsigned mask, unsigned lane) { return (mask >> lane & 1U) != 0; }

void check_limit(const Shape& shape, const char* what, std::uint64_t found, std::uint64_t least, std::uint64_t most) {
  if (found >= least && found <= most) return;
  std::ostringstream text;
  text << line_of_code(shape.kernel) << ": the launch has " << found << " " << what << "; CUDA takes " << least
       << " to " << most;
  throw EmulatorError(text.str());
}

void check_limits(const Shape& shape) {
  const auto& [grid, block, shared_bytes, kernel] = shape;
  check_limit(shape, "blocks in x", grid.x, 1, (1U << 31U) - 1);
  check_limit(shape, "blocks in y", grid.y, 1, 65535);
  check_limit(shape, "blocks in z", grid.z, 1, 65535);
  check_limit(shape, "threads in x", block.x, 1, 1024);
  check_limit(shape, "threads in y", block.y, 1, 1024);
  check_limit(shape, "threads in z", block.z, 1, 64);
  check_limit(shape, "threads of a block", std::uint64_t{block.x} * block.y * block.z, 1, 1024);
  check_limit(shape, "bytes of shared memory", shared_bytes, 0, kMaxSharedBytes);
}

}  // namespace

std::int64_t launches() { return launch_count; }
void set_seed(std::uint64_t seed) { random_order() = Random(seed); }

Random& random_order() {
  static Random random(1);
  return random;
}

std::string text_of(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

std::string text_of(const dim3& index) {
  return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

std::string line_of_code(const void* code) {
  Dl_info object{};
  if (code == nullptr || dladdr(code, &object) == 0) return "unknown code";
  const auto offset = static_cast<const char*>(code) - static_cast<const char*>(object.dli_fbase);
  std::ostringstream command;
  command << "addr2line -i -e '" << object.dli_fname << "' 0x" << std::hex << offset << " 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> lines(popen(command.str().c_str(), "r"), pclose);
  std::array<char, 4096> line{};
  // From the innermost function that was inlined outwards; those of the language are not what is asked for.
  while (lines != nullptr && std::fgets(line.data(), line.size(), lines.get()) != nullptr) {
    const std::string text(line.data());
    if (text.find("emulator/simt.hpp") == std::string::npos) return text.substr(0, text.find_first_of(" \n"));
  }
  return "unknown code";
}

std::byte* shared_arena() {
  static std::byte* const arena = [] {
    void* const memory = mmap(nullptr, kArrayStride * kMaxArrays, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
#ifdef __SANITIZE_ADDRESS__
    __asan_poison_memory_region(memory, kArrayStride * kMaxArrays);
#endif
    return static_cast<std::byte*>(memory);
  }();
  return arena;
}

void Block::begin_launch(const Shape& launched) {
  check_limits(launched);
  ++launch_count;
  shape = launched;
  const auto& [grid, size, shared_bytes, kernel] = shape;
  blocks_.clear();
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) blocks_.emplace_back(x, y, z);
    }
  }
  std::shuffle(blocks_.begin(), blocks_.end(), random_order());
  threads.resize(std::size_t{size.x} * size.y * size.z);
  exchanged_.resize((threads.size() + kWarpSize - 1) / kWarpSize);
  memory::begin_launch();
}

void Block::begin_block(const dim3& number) {
  index = number;
  for (unsigned i = 0; i < threads.size(); ++i) {
    threads[i].number = i;
    threads[i].index = {i % shape.block.x, i / shape.block.x % shape.block.y, i / (shape.block.x * shape.block.y)};
    threads[i].state = State::kRuns;
  }
#ifdef __SANITIZE_ADDRESS__
  if (!arrays_.empty()) __asan_poison_memory_region(shared_arena(), kArrayStride * arrays_.size());
#endif
  arrays_.clear();
  static_bytes_ = 0;
  memory::begin_block(threads.size());
}

EmulatorError Block::error(const std::string& where, const Thread& thread, const std::string& what) const {
  return EmulatorError(where + ": thread " + text_of(thread.index) + " of block " + text_of(index) + ": " + what);
}

// Whether all lanes are there that one lane waits for.
bool Block::is_complete(const Thread& one) const {
  const unsigned first = one.number / kWarpSize * kWarpSize;
  const auto refuse = [&](unsigned lane, const std::string& why) {
    throw error(text_of(one.where), one, "lane " + std::to_string(lane) + " of the mask " + why);
  };
  if (!has_lane(one.mask, one.number - first)) throw error(text_of(one.where), one, "its mask lacks its own lane");
  bool are_there = true;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if (!has_lane(one.mask, lane)) continue;
    if (first + lane >= threads.size()) refuse(lane, "does not exist");
    const Thread& other = threads[first + lane];
    if (other.state == State::kEnded) refuse(lane, "has ended");
    if (other.state != State::kInWarp) {
      are_there = false;
    } else if (!is_same_line(other.where, one.where) || other.bytes != one.bytes) {
      refuse(lane, "waits at another operation, " + text_of(other.where));
    } else if (other.mask != one.mask) {
      refuse(lane, "has another mask");
    }
  }
  return are_there;
}

void Block::exchange(const Thread& one) {
  const unsigned first = one.number / kWarpSize * kWarpSize;
  const unsigned mask = one.mask;
  std::vector<std::byte>& all = exchanged_[first / kWarpSize];
  all.assign(one.bytes * kWarpSize, std::byte{0});
  if (one.orders_memory) memory::order_lanes(first, mask);
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if (!has_lane(mask, lane)) continue;
    Thread& thread = threads[first + lane];
    if (thread.bytes > 0) std::memcpy(all.data() + lane * thread.bytes, thread.brought, thread.bytes);
    thread.state = State::kRuns;
  }
}

bool Block::release_warps() {
  bool has_released = false;
  for (const Thread& thread : threads) {
    if (thread.state != State::kInWarp || !is_complete(thread)) continue;
    exchange(thread);
    has_released = true;
  }
  return has_released;
}

// Threads that have ended are not waited for: since compute capability 7.0 a barrier succeeds when "all non-exited
// threads in the block" have reached it (CUDA C++ Programming Guide, "Compute Capability 7.x"). Threads at two barriers
// are an error although the hardware may let them pass, as the guide asks that a condition around a barrier "evaluates
// identically across the entire thread block".
void Block::release_barrier() {
  const Thread* at_barrier = nullptr;
  const Thread* in_warp = nullptr;
  for (const Thread& thread : threads) {
    if (thread.state == State::kInWarp) in_warp = &thread;
    if (thread.state != State::kAtBarrier) continue;
    if (at_barrier != nullptr && !is_same_line(at_barrier->where, thread.where)) {
      throw error(text_of(thread.where), thread,
                  "it waits at this barrier, and thread " + text_of(at_barrier->index) + " at another, " +
                      text_of(at_barrier->where));
    }
    at_barrier = &thread;
  }
  if (in_warp != nullptr) {
    throw error(text_of(in_warp->where), *in_warp,
                "it waits for lanes of its warp that never come" +
                    (at_barrier == nullptr ? std::string()
                                           : ", as thread " + text_of(at_barrier->index) + " waits at the barrier " +
                                                 text_of(at_barrier->where)));
  }
  for (Thread& thread : threads) {
    if (thread.state == State::kAtBarrier) thread.state = State::kRuns;
  }
  memory::order_block();
}

void Block::release() {
  if (!release_warps()) release_barrier();
}

std::byte* Block::shared(const Thread& thread, const SharedArray& array) {
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (arrays_[i].tag == array.tag) return shared_arena() + i * kArrayStride;
  }
  if (array.tag != nullptr) static_bytes_ += array.bytes;
  if (arrays_.size() == kMaxArrays || static_bytes_ > kMaxStaticBytes ||
      static_bytes_ + shape.shared_bytes > kMaxSharedBytes) {
    throw error(line_of_code(shape.kernel), thread,
                "its shared arrays have " + std::to_string(static_bytes_) + " bytes with '" + array.name + "', and " +
                    std::to_string(shape.shared_bytes) +
                    " come with the launch; CUDA takes 48 kB of arrays and 227 kB in all");
  }
  std::byte* const place = shared_arena() + arrays_.size() * kArrayStride;
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(place, array.bytes);
#endif
  std::memset(place, 0xFF, array.bytes);  // as a float, NaN
  memory::add_shared_array(arrays_.size(), array.name, array.bytes);
  arrays_.push_back(array);
  return place;
}

}  // namespace tunescope::emulator
