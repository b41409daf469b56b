// What one block of threads computes: the same code on a GPU and on the host.
//
// A Block gives its place in the grid (`x`, `y`), its `threads`, its `shared` memory, and two ways to run a step on all
// of its threads, who wait for one another behind it: `each(f)` calls f(thread), and `each_warp(f)` calls f(warp) with
// warp.index, warp.is_leader() and warp.ballot(f), the bits of f(lane) of its 32 lanes.
#pragma once

#include "walk.h"

namespace bridge::gpu {

constexpr uint32_t kLanes = 32;

// Where a block's cells end and its leaf rows start.
BRIDGE_BOTH inline uint64_t align_shared(uint64_t bytes) { return (bytes + 15) / 16 * 16; }

// Row i of a thread in its tile. Cells smaller than a bank of shared memory (4 bytes) come to a thread by whole banks:
// the lanes of a warp then read 32 different banks, whatever columns they ask for.
template <class Cell>
BRIDGE_BOTH inline uint32_t row_in_tile(uint32_t thread, uint32_t i, uint32_t rows_of_thread) {
  const uint32_t of_bank = sizeof(Cell) >= 4 ? 1 : 4 / static_cast<uint32_t>(sizeof(Cell));
  const uint32_t together = of_bank < rows_of_thread ? of_bank : rows_of_thread;
  const uint32_t first = thread / kLanes * kLanes * rows_of_thread;
  return first + i / together * kLanes * together + thread % kLanes * together + i % together;
}

// Cells of a tile, column by column.
template <class Cell, int kRows>
struct TileCells {
  const Cell* cells;
  uint32_t tile_rows;
  uint32_t thread;

  BRIDGE_BOTH Cell operator()(uint32_t column, int i) const {
    return cells[column * tile_rows + row_in_tile<Cell>(thread, static_cast<uint32_t>(i), kRows)];
  }
};

// Cells of rows that are too wide for a tile: prepared whenever they are asked for.
template <class Kind, class T>
struct DirectCells {
  const Forest<T>& forest;
  const T* x;

  BRIDGE_BOTH typename Kind::Cell operator()(uint32_t column, int) const {
    const Column& c = forest.columns[column];
    return Kind::prepare(forest, c, load(x + c.feature));
  }
};

// The trees of a group, and the groups of a block.
struct Range {
  uint32_t begin;
  uint32_t end;
};
template <class T>
BRIDGE_BOTH inline Range trees_of(const Forest<T>& forest, uint32_t group) {
  const uint32_t begin = group * kGroupTrees;
  return {begin, forest.n_trees - begin < kGroupTrees ? forest.n_trees : begin + kGroupTrees};
}
template <class T>
BRIDGE_BOTH inline Range groups_of(const Forest<T>& forest, const Rows<T>& run, uint32_t part) {
  const uint32_t begin = part * run.groups_of_block, groups = forest.groups();
  return {begin, groups - begin < run.groups_of_block ? groups : begin + run.groups_of_block};
}

// Block (x, y): the rows of tile x through the groups of trees of part y. `kVector`: several outputs, one row a thread.
// `kDirect`: rows are read where they are, one row a thread.
template <class Kind, class T, int kRows, bool kVector, bool kDirect, class Block>
BRIDGE_BOTH inline void walk_tile(const Forest<T>& forest, const Rows<T>& run, const Block& block) {
  using Cell = typename Kind::Cell;
  static_assert(kRows == 1 || !(kVector || kDirect));
  const uint32_t tile_rows = block.threads * kRows;
  const uint64_t first = static_cast<uint64_t>(block.x) * tile_rows;
  Cell* cells = reinterpret_cast<Cell*>(block.shared);
  if constexpr (!kDirect) {
    block.each([&](uint32_t thread) {
      // A row's numbers are neighbours: once it was fetched, the next ones come from the cache.
      for (uint32_t r = thread; r < tile_rows; r += block.threads) {
        const uint64_t row = first + r < run.rows ? first + r : run.rows - 1;  // beyond the last: some row
        for (uint32_t c = 0; c < forest.n_columns; ++c) {
          const Column column = forest.columns[c];
          cells[c * tile_rows + r] = Kind::prepare(forest, column, load(run.x + row * run.width + column.feature));
        }
      }
    });
  }
  const auto walk = [&](uint32_t tree, uint32_t thread, uint32_t(&at)[kRows]) {
    if constexpr (kDirect) {
      const uint64_t row = first + thread < run.rows ? first + thread : run.rows - 1;
      Kind::walk(forest, forest.trees[tree], DirectCells<Kind, T>{forest, run.x + row * run.width}, at);
    } else {
      Kind::walk(forest, forest.trees[tree], TileCells<Cell, kRows>{cells, tile_rows, thread}, at);
    }
  };
  const Range groups = groups_of(forest, run, block.y);
  if constexpr (!kVector) {
    block.each([&](uint32_t thread) {
      double total[kRows] = {};
      for (uint32_t group = groups.begin; group < groups.end; ++group) {
        const Range trees = trees_of(forest, group);
        double part[kRows] = {};
        for (uint32_t tree = trees.begin; tree < trees.end; ++tree) {
          uint32_t at[kRows];
          walk(tree, thread, at);
          for (int i = 0; i < kRows; ++i) part[i] += load(forest.values + at[i]);
        }
        for (int i = 0; i < kRows; ++i) {
          total[i] += part[i];
          const uint64_t row = first + row_in_tile<Cell>(thread, static_cast<uint32_t>(i), kRows);
          if (run.parts && row < run.rows) run.parts[group * run.rows + row] = part[i];
        }
      }
      for (int i = 0; i < kRows; ++i) {
        const uint64_t row = first + row_in_tile<Cell>(thread, static_cast<uint32_t>(i), kRows);
        if (!run.parts && row < run.rows) run.sums[row] = total[i];
      }
    });
  } else {
    auto* reached = reinterpret_cast<uint32_t*>(
        block.shared + (kDirect ? 0 : align_shared(uint64_t{forest.n_columns} * tile_rows * sizeof(Cell))));
    for (uint32_t group = groups.begin; group < groups.end; ++group) {
      const Range trees = trees_of(forest, group);
      block.each([&](uint32_t thread) {
        for (uint32_t tree = trees.begin; tree < trees.end; ++tree) {
          uint32_t at[kRows];
          walk(tree, thread, at);
          reached[(tree - trees.begin) * tile_rows + thread] = at[0];
        }
      });
      block.each([&](uint32_t thread) {
        for (uint32_t i = thread; i < tile_rows * forest.outputs; i += block.threads) {
          const uint32_t r = i / forest.outputs, output = i % forest.outputs;
          if (first + r >= run.rows) break;
          double part = 0;
          for (uint32_t tree = 0; tree < trees.end - trees.begin; ++tree) {
            part += load(forest.values + uint64_t{reached[tree * tile_rows + r]} * forest.outputs + output);
          }
          const uint64_t place = (first + r) * forest.outputs + output;
          if (run.parts) {
            run.parts[group * run.rows * forest.outputs + place] = part;
          } else {
            run.sums[place] = (group ? run.sums[place] : 0.0) + part;
          }
        }
      });
    }
  }
}

// Where one row ends in a tree of codes, of which a warp asks all questions at once: each waits for memory but once.
template <class Kind, class T, class Warp>
BRIDGE_BOTH inline uint32_t walk_by_warp(const Forest<T>& forest, const Tree& tree, const typename Kind::Cell* cells,
                                         const Warp& warp) {
  const uint32_t* nodes = forest.coded + tree.nodes;
  const uint32_t size = 1u << tree.depth;
  uint32_t right[(1 << kCodedDepth) / kLanes];
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (uint32_t word = 0; word < (1 << kCodedDepth) / kLanes; ++word) {
    right[word] = word * kLanes >= size ? 0 : warp.ballot([&](uint32_t lane) {
      const uint32_t place = word * kLanes + lane;
      if (place == 0 || place >= size) return false;
      const uint32_t node = load(nodes + place);
      return Kind::goes_right(node, cells[node >> 16]);
    });
  }
  uint32_t at = 1;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (uint32_t level = 0; level < kCodedDepth; ++level) {
    // Those of the first five levels stand in one word. An index that varies would put the words into slow memory.
    uint32_t bits = right[0];
    if (level == 5) bits = right[1];
    if (level == 6) bits = at & 32 ? right[3] : right[2];
    if (level == 7) bits = at & 64 ? (at & 32 ? right[7] : right[6]) : (at & 32 ? right[5] : right[4]);
    if (level < tree.depth) at = 2 * at + (bits >> (at % kLanes) & 1);
  }
  return Kind::leaf_row(forest, tree, at);
}

// Block (x, y): row x alone through the groups of trees of part y; a warp a tree of codes, else a thread a tree.
template <class Kind, class T, class Block>
BRIDGE_BOTH inline void walk_row(const Forest<T>& forest, const Rows<T>& run, const Block& block) {
  using Cell = typename Kind::Cell;
  Cell* cells = reinterpret_cast<Cell*>(block.shared);
  auto* reached = reinterpret_cast<uint32_t*>(block.shared + align_shared(uint64_t{forest.n_columns} * sizeof(Cell)));
  const T* x = run.x + block.x * run.width;
  block.each([&](uint32_t thread) {
    for (uint32_t c = thread; c < forest.n_columns; c += block.threads) {
      const Column column = forest.columns[c];
      cells[c] = Kind::prepare(forest, column, load(x + column.feature));
    }
  });
  const Range groups = groups_of(forest, run, block.y);
  const Range trees{trees_of(forest, groups.begin).begin, trees_of(forest, groups.end - 1).end};
  if constexpr (Kind::kIsCoded) {
    block.each_warp([&](const auto& warp) {
      for (uint32_t tree = trees.begin + warp.index; tree < trees.end; tree += block.threads / kLanes) {
        const uint32_t leaf = walk_by_warp<Kind>(forest, forest.trees[tree], cells, warp);
        if (warp.is_leader()) reached[tree - trees.begin] = leaf;
      }
    });
  } else {
    block.each([&](uint32_t thread) {
      for (uint32_t tree = trees.begin + thread; tree < trees.end; tree += block.threads) {
        uint32_t at[1];
        Kind::walk(forest, forest.trees[tree], TileCells<Cell, 1>{cells, 1, 0}, at);
        reached[tree - trees.begin] = at[0];
      }
    });
  }
  block.each([&](uint32_t thread) {
    for (uint64_t i = thread; i < uint64_t{groups.end - groups.begin} * forest.outputs; i += block.threads) {
      const auto group = static_cast<uint32_t>(i / forest.outputs) + groups.begin;
      const uint64_t output = i % forest.outputs;
      const Range own = trees_of(forest, group);
      double part = 0;
      for (uint32_t tree = own.begin; tree < own.end; ++tree) {
        part += load(forest.values + uint64_t{reached[tree - trees.begin]} * forest.outputs + output);
      }
      run.parts[(group * run.rows + block.x) * forest.outputs + output] = part;
    }
  });
}

// The second pass of a run that was split: adds the groups' sums in their order.
template <class T, class Block>
BRIDGE_BOTH inline void add_parts(const Forest<T>& forest, const Rows<T>& run, const Block& block) {
  const uint64_t numbers = run.rows * forest.outputs;
  block.each([&](uint32_t thread) {
    const uint64_t place = static_cast<uint64_t>(block.x) * block.threads + thread;
    if (place >= numbers) return;
    double total = 0;
    for (uint32_t group = 0; group < forest.groups(); ++group) total += run.parts[group * numbers + place];
    run.sums[place] = total;
  });
}

}  // namespace bridge::gpu
