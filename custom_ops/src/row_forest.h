// A forest of small trees, packed for one row by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "forest_tables.h"
#include "full_forest.h"
#include "row_trees.h"

namespace bridge {

class RowForest {
 public:
  // Packs the trees of `full` where it holds all of the forest's and kernels have a loop for them; else packs none.
  template <class T>
  RowForest(const Forest& forest, const FullForest<T>& full, const Kernels& kernels);

  size_t n_trees() const { return n_trees_; }

  // Finds the row of `values` that each tree scores; `codes` are the row's, as many as kMostRowColumns.
  void find_leaves(const uint8_t* codes, uint32_t* leaf_rows) const;

 private:
  void (*find_)(const RowTrees& trees, const uint8_t* codes, uint32_t* leaves) = nullptr;
  size_t n_trees_ = 0;
  std::vector<uint8_t> columns_, codes_;
  std::vector<uint64_t> keeps_;
  std::vector<uint32_t> first_nodes_;
  std::vector<uint32_t> leaf_rows_;  // one a leaf, from left to right; a tree has one leaf more than nodes
};

}  // namespace bridge
