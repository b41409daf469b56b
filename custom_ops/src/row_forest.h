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

  size_t n_trees() const { return shape_.n_trees; }

  // Adds the scores of a row's trees to its sums; `codes` are the row's, as many as kMostRowColumns. `leaves` has room
  // for one number a tree.
  void add_scores(const Forest& forest, const uint8_t* codes, uint32_t* leaves, double* sums) const;

 private:
  template <class T>
  void pack(const Forest& forest, const FullForest<T>& full);
  void pack_heap(const Forest& forest, size_t tree, const FullNode* inner);
  void pack_keeps(const Forest& forest, size_t tree, const FullNode* inner);
  void set_node(size_t place, const FullNode& node);
  void set_leaf(const Forest& forest, size_t tree, size_t place, uint32_t leaf_row);

  const Kernels& kernels_;
  RowTrees shape_{};  // without tables
  std::vector<uint8_t> columns_, codes_;
  std::vector<uint32_t> narrow_keeps_;
  std::vector<uint64_t> keeps_;
  std::vector<uint32_t> tree_outputs_;  // on which each tree scores, where it scores on one of several
  std::vector<double> scores_;          // `size` a tree, where none scores on more than one output
  std::vector<uint32_t> leaf_rows_;     // else likewise
};

}  // namespace bridge
