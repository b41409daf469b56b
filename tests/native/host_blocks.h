// Runs the blocks of the CUDA kernels on the host, one after another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dispatch.h"

namespace bridge::gpu {

// Threads that wait for one another may run in any order: runs go forwards and backwards in turn.
inline bool is_backwards = false;

template <class F>
void in_order(uint32_t count, const F& f) {
  for (uint32_t i = 0; i < count; ++i) f(is_backwards ? count - 1 - i : i);
}

struct HostWarp {
  uint32_t index;
  static bool is_leader() { return true; }
  template <class F>
  uint32_t ballot(const F& f) const {
    uint32_t bits = 0;
    for (uint32_t lane = 0; lane < kLanes; ++lane) bits |= static_cast<uint32_t>(f(lane)) << lane;
    return bits;
  }
};

struct HostBlock {
  uint32_t x, y, threads;
  std::byte* shared;
  template <class F>
  void each(const F& f) const {
    in_order(threads, f);
  }
  template <class F>
  void each_warp(const F& f) const {
    in_order(threads / kLanes, [&](uint32_t warp) { f(HostWarp{warp}); });
  }
};

template <class Body, class T>
void run_grid(const Launch& how, const Forest<T>& forest, const Rows<T>& rows) {
  // Of exactly the size that is asked for, so that a sanitizer finds what lies beyond.
  std::vector<uint64_t> shared(how.shared_bytes / 8 + 1, 0xABABABABABABABAB);
  in_order(how.parts * how.tiles, [&](uint32_t i) {
    auto* const bytes = reinterpret_cast<std::byte*>(shared.data());
    Body::run(forest, rows, HostBlock{i % how.tiles, i / how.tiles, how.threads, bytes});
  });
}

}  // namespace bridge::gpu
