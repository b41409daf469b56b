// What every plan of a run must hold to.
#pragma once

#include "plan.h"

namespace bridge::gpu {

// Returns what is wrong with a plan for so many rows; null where nothing is.
inline const char* broken_rule(const Shape& shape, uint64_t rows, const Machine& machine, const Launch& how) {
  const bool is_coded = shape.format <= Format::kCoded16;
  const uint64_t tile_rows = how.kind == Launch::kRow ? 1 : uint64_t{how.threads} * how.rows_of_thread;
  if (is_coded && how.kind == Launch::kDirect) return "reads coded rows without a tile";
  if (how.shared_bytes > machine.shared_bytes) return "asks for more shared memory than there is";
  if (how.threads % 32 || !how.threads || how.threads > kMostThreads) return "has an odd number of threads";
  if (how.tiles * tile_rows < rows || (how.tiles - 1) * tile_rows >= rows) return "does not cover the rows";
  if (uint64_t{how.parts} * how.groups_of_block < shape.groups) return "does not cover the trees";
  if ((how.parts - 1) * uint64_t{how.groups_of_block} >= shape.groups) return "has a part without trees";
  if (how.parts > 65'535) return "has more parts than a grid";
  if (!how.is_split && how.parts != 1) return "has parts that nobody adds";
  if (how.is_split && shape.groups * rows * shape.outputs > machine.parts_capacity) return "has no memory for its parts";
  if (how.rows_of_thread != 1 && shape.outputs != 1) return "has several rows a thread for vectors";
  return nullptr;
}

}  // namespace bridge::gpu
