// How a run is cut into blocks.
#pragma once

#include <cstdint>

#include "plain_forest.h"

namespace bridge::gpu {

// What is asked of a forest to plan its runs.
struct Shape {
  uint64_t columns;
  uint64_t groups;
  uint64_t outputs;
  Format format;
  uint64_t number_bytes;  // of x: 4 or 8
};

// What a machine gives.
struct Machine {
  uint32_t processors;
  uint64_t shared_bytes;    // that a block may have
  uint64_t parts_capacity;  // how many float64 of `Rows::parts` there is memory for
};

struct Launch {
  enum Kind : uint32_t { kTile, kDirect, kRow };
  Kind kind;
  uint32_t rows_of_thread;
  uint32_t threads;
  uint32_t tiles;  // the grid is (tiles, parts)
  uint32_t parts;
  uint32_t groups_of_block;
  uint64_t shared_bytes;
  bool is_split;  // a second pass adds the groups' sums
};

constexpr uint32_t kMostThreads = 256;
constexpr uint32_t kRowsOfThread = 4;
constexpr uint32_t kLeastThreads = 32;
constexpr uint64_t kLeastShared = 48 * 1024;  // every GPU has that much

uint64_t cell_bytes(Format format, uint64_t number_bytes);

// The shared memory of a block that keeps so many rows.
uint64_t shared_bytes(const Shape& shape, Launch::Kind kind, uint64_t rows, uint64_t groups_of_block);

// Returns how to run so many rows, of which there is at least one.
Launch plan(const Shape& shape, uint64_t rows, const Machine& machine);

// Returns how to run the second pass.
Launch plan_adding(const Shape& shape, uint64_t rows);

}  // namespace bridge::gpu
