#include "order.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "memory.hpp"

namespace tunescope::emulator::memory {
namespace {

struct Segment {
  std::uint32_t block;
  std::uint32_t thread;
  std::uint32_t tick;
};

// The last tick of each lane of a thread's warp that is ordered before what the thread does now.
using Heard = std::array<std::uint32_t, kWarpSize>;

struct Clock {
  std::uint32_t tick = 1;
  std::uint32_t segment = 0;  // 0: none yet since the last point that orders memory
  Heard heard{};
};

// What a thread that has seen an atomic operation knows of the block that did it: all before its last barrier, and what
// the thread knew of its own warp when it passed its fence.
struct Release {
  std::uint32_t barrier;
  std::uint32_t warp;
  Heard heard;
};
using Releases = std::unordered_map<std::uint32_t, std::vector<Release>>;  // by block

std::vector<Segment> segments;
std::uint32_t next_segment = 1;
std::uint32_t first_of_launch = 1;
std::uint32_t first_of_block = 1;
std::uint32_t first_since_barrier = 1;
std::uint32_t block_number = 0;
std::vector<Clock> clocks;
std::unordered_map<unsigned, Release> fenced;  // by thread
std::unordered_map<const void*, Releases> released;
std::unordered_set<const void*> seen_atomics;

bool is_among(const Release& release, const Segment& segment, std::uint32_t number) {
  return number < release.barrier ||
         (segment.thread / kWarpSize == release.warp && release.heard[segment.thread % kWarpSize] >= segment.tick);
}

void advance(Clock& clock) {
  ++clock.tick;
  clock.segment = 0;
}

const Segment& segment(std::uint32_t number) { return segments[number - first_of_launch]; }

}  // namespace

bool begin_launch_order() {
  constexpr std::uint32_t kManySegments = 1U << 31U;
  const bool restarts = next_segment > kManySegments;
  if (restarts) next_segment = 1;
  segments.clear();
  released.clear();
  first_of_launch = next_segment;
  block_number = 0;
  return restarts;
}

void begin_block_order(std::size_t threads) {
  ++block_number;
  first_of_block = first_since_barrier = next_segment;
  clocks.assign(threads, {});
  fenced.clear();
  seen_atomics.clear();
}

bool is_of_launch(std::uint32_t number) { return number >= first_of_launch; }
bool is_of_block(std::uint32_t number) { return number >= first_of_block; }

bool is_ordered(std::uint32_t number, unsigned thread) {
  if (number < first_of_launch || (number >= first_of_block && number < first_since_barrier)) return true;
  const Segment& other = segment(number);
  if (other.block == block_number && other.thread / kWarpSize == thread / kWarpSize) {
    return other.thread == thread || clocks[thread].heard[other.thread % kWarpSize] >= other.tick;
  }
  // Blocks run one after another here, so the others have made all their releases.
  for (const void* const address : seen_atomics) {
    const auto of_block = released[address].find(other.block);
    if (of_block == released[address].end()) continue;
    for (const Release& release : of_block->second) {
      if (is_among(release, other, number)) return true;
    }
  }
  return false;
}

bool is_by(std::uint32_t number, unsigned thread) {
  return segment(number).block == block_number && segment(number).thread == thread;
}

std::string actor_of(std::uint32_t number) {
  if (segment(number).block != block_number) return "another block";
  return "thread " + std::to_string(segment(number).thread) + " of the block";
}

std::uint32_t segment_of(unsigned thread) {
  Clock& clock = clocks[thread];
  if (clock.segment == 0) {
    clock.segment = next_segment++;
    segments.push_back({block_number, thread, clock.tick});
  }
  return clock.segment;
}

void order_block() {
  first_since_barrier = next_segment;
  for (Clock& clock : clocks) clock.segment = 0;
}

void order_lanes(unsigned first_thread, unsigned mask) {
  Heard all{};
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((mask >> lane & 1U) == 0) continue;
    Clock& clock = clocks[first_thread + lane];
    clock.heard[lane] = clock.tick;
    for (unsigned i = 0; i < kWarpSize; ++i) all[i] = std::max(all[i], clock.heard[i]);
  }
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((mask >> lane & 1U) == 0) continue;
    clocks[first_thread + lane].heard = all;
    advance(clocks[first_thread + lane]);
  }
}

void fence(unsigned thread) {
  Clock& clock = clocks[thread];
  clock.heard[thread % kWarpSize] = clock.tick;
  fenced[thread] = {first_since_barrier, thread / kWarpSize, clock.heard};
  advance(clock);
}

void note_atomic(const void* address, unsigned thread) {
  const auto release = fenced.find(thread);
  if (release != fenced.end()) released[address][block_number].push_back(release->second);
  seen_atomics.insert(address);
}

}  // namespace tunescope::emulator::memory
