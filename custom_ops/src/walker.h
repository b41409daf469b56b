// Trees that rows walk down node by node: for few rows, and for trees too large to evaluate whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "forest_tables.h"
#include "kernels.h"
#include "made_columns.h"
#include "walk_nodes.h"

namespace bridge {

// The rows as walks read them, and how many numbers apart they stand.
template <class T>
struct Rows {
  const T* data;
  size_t stride;
};

// Holds what the walks of a forest need; T is the dtype of x, float or double.
template <class T>
class Walker {
 public:
  Walker(const Forest& forest, const Kernels& kernels);

  // Returns rows with all columns and without the NaN that must go right: x itself where it is that already, else a
  // copy in `scratch`.
  Rows<T> prepare(const Forest& forest, const T* x, size_t width, size_t rows, std::vector<T>& scratch) const;

  // Adds the scores of all trees, in their order, to the sums of one prepared row.
  void add_row(const Forest& forest, const T* x, double* sums) const;

  // Finds the row of `values` that each prepared row scores in one tree.
  void find_leaves(size_t tree, Rows<T> x, size_t rows, uint32_t* leaf_rows) const;

  // How many numbers a row has in the copy that `prepare` makes.
  size_t columns() const { return features_ + made_.size(); }

 private:
  void add_tree(const Forest& forest, size_t tree, ColumnNumbers& numbers);
  uint32_t column_of(const Node& node, ColumnNumbers& numbers) const;
  void make_narrow();
  template <class Tree>
  void walk_row(const Forest& forest, const T* x, double* sums) const;
  NarrowTree narrow_tree(size_t tree) const { return {&narrow_[starts_[tree]], shift_, depths_[tree]}; }
  WideTree wide_tree(size_t tree) const { return {&wide_[starts_[tree]], depths_[tree]}; }

  const Kernels& kernels_;
  size_t features_;
  std::vector<Column> made_;  // stand behind the features
  std::vector<size_t> starts_;
  std::vector<uint32_t> depths_;
  std::vector<WideNode> wide_;
  std::vector<NarrowNode> narrow_;  // takes the place of `wide_` where x is float32 and the numbers are small enough
  uint32_t shift_ = 0;
  std::vector<uint32_t> leaf_rows_;  // one a node, read at leaves
};

}  // namespace bridge
