#include "plan.h"

#include <algorithm>

namespace bridge::gpu {
namespace {

constexpr uint64_t kFewRows = 32;          // up to so many, every row has blocks of its own
constexpr uint64_t kBlocksAProcessor = 4;  // wanted, for one to compute while another waits
constexpr uint64_t kGoodShared = 32 * 1024;  // of a block: more of it would leave a processor with fewer rows in all
constexpr uint64_t kMostParts = 65'535;    // of a grid
constexpr uint64_t kColumnsOfGroup = 16;   // to prepare so many cells of a row takes about as long as to walk a group

uint64_t divide_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

bool is_coded(const Shape& shape) { return shape.format == Format::kCoded8 || shape.format == Format::kCoded16; }

Launch launch(const Shape& shape, Launch::Kind kind, uint64_t rows_of_thread, uint64_t threads, uint64_t rows,
              uint64_t groups_of_block, bool is_split) {
  const uint64_t tile_rows = kind == Launch::kRow ? 1 : threads * rows_of_thread;
  return {kind,
          static_cast<uint32_t>(rows_of_thread),
          static_cast<uint32_t>(threads),
          static_cast<uint32_t>(divide_up(rows, tile_rows)),
          static_cast<uint32_t>(divide_up(shape.groups, groups_of_block)),
          static_cast<uint32_t>(groups_of_block),
          shared_bytes(shape, kind, tile_rows, groups_of_block),
          is_split};
}

}  // namespace

uint64_t cell_bytes(Format format, uint64_t number_bytes) {
  if (format == Format::kCoded8) return 1;
  return format == Format::kCoded16 ? 2 : number_bytes;
}

uint64_t shared_bytes(const Shape& shape, Launch::Kind kind, uint64_t rows, uint64_t groups_of_block) {
  const uint64_t cells = (shape.columns * rows * cell_bytes(shape.format, shape.number_bytes) + 15) / 16 * 16;
  const uint64_t reached = kGroupTrees * sizeof(uint32_t);
  if (kind == Launch::kRow) return cells + groups_of_block * reached;
  return (kind == Launch::kDirect ? 0 : cells) + (shape.outputs > 1 ? rows * reached : 0);
}

Launch plan(const Shape& shape, uint64_t rows, const Machine& machine) {
  const bool may_split = shape.groups > 1 && rows <= machine.parts_capacity / (shape.groups * shape.outputs);
  if (rows <= kFewRows && (may_split || shape.groups == 1)) {
    // A warp takes a tree of codes, a thread any other: more groups to a block then.
    const uint64_t groups = std::max(is_coded(shape) ? 1 : std::min<uint64_t>(4, shape.groups),
                                     divide_up(shape.groups, kMostParts));
    const Launch row = launch(shape, Launch::kRow, 1, is_coded(shape) ? kMostThreads : 64, rows, groups, may_split);
    if (row.shared_bytes <= machine.shared_bytes) return row;
  }
  const uint64_t blocks = kBlocksAProcessor * machine.processors;
  const auto groups_of_block = [&](Launch::Kind kind, uint64_t tile_rows) {
    if (!may_split) return shape.groups;
    const uint64_t parts = std::clamp<uint64_t>(divide_up(blocks, divide_up(rows, tile_rows)), 1, shape.groups);
    const uint64_t cells = kind == Launch::kDirect ? 1 : shape.columns;
    const uint64_t worth = std::min(divide_up(cells, kColumnsOfGroup), shape.groups);
    return std::max({divide_up(shape.groups, parts), worth, divide_up(shape.groups, kMostParts)});
  };
  const auto fill = [&](Launch::Kind kind, uint64_t rows_of_thread, uint64_t threads) {
    const uint64_t groups = groups_of_block(kind, threads * rows_of_thread);
    return launch(shape, kind, rows_of_thread, threads, rows, groups, groups < shape.groups);
  };
  if (shape.outputs == 1) {
    for (uint64_t threads = kMostThreads; threads >= 2 * kLeastThreads; threads /= 2) {
      const Launch tile = fill(Launch::kTile, kRowsOfThread, threads);
      if (tile.shared_bytes <= std::min(kGoodShared, machine.shared_bytes) && uint64_t{tile.tiles} * tile.parts >= blocks / 2) return tile;
    }
  }
  for (uint64_t threads = kMostThreads; threads >= kLeastThreads; threads /= 2) {
    const Launch tile = fill(Launch::kTile, 1, threads);
    const bool is_enough = threads == kLeastThreads || uint64_t{tile.tiles} * tile.parts >= machine.processors;
    if (tile.shared_bytes <= machine.shared_bytes && is_enough) return tile;
  }
  return fill(Launch::kDirect, 1, kMostThreads / 2);
}

Launch plan_adding(const Shape& shape, uint64_t rows) {
  const uint64_t blocks = divide_up(rows * shape.outputs, kMostThreads);
  return {Launch::kTile, 1, kMostThreads, static_cast<uint32_t>(blocks), 1, 0, 0, false};
}

}  // namespace bridge::gpu
