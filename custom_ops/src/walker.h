// Trees that rows walk down node by node: for few rows, and for trees too large to evaluate whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
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

// Memory that begins with a line of the cache.
template <class Number>
struct LineAllocator {
  using value_type = Number;
  static constexpr std::align_val_t kLine{64};

  LineAllocator() = default;
  template <class Other>
  LineAllocator(const LineAllocator<Other>&) {}
  Number* allocate(size_t count) { return static_cast<Number*>(::operator new(count * sizeof(Number), kLine)); }
  void deallocate(Number* place, size_t) { ::operator delete(place, kLine); }
  bool operator==(const LineAllocator&) const = default;
};

// Holds what the walks of a forest need; T is the dtype of x, float or double.
template <class T>
class Walker {
 public:
  Walker(const Forest& forest, const Kernels& kernels);

  // Returns rows with all columns and without the NaN that must go right: x itself where it is that already, else a
  // copy in `scratch`.
  Rows<T> prepare(const Forest& forest, const T* x, size_t width, size_t rows, std::vector<T>& scratch) const;

  // Finds the row of `values` that one prepared row scores in each tree.
  void find_row_leaves(const T* x, uint32_t* leaf_rows) const;

  // Finds the row of `values` that each prepared row scores in one tree.
  void find_leaves(size_t tree, Rows<T> x, size_t rows, uint32_t* leaf_rows) const;

  // How many numbers a row has in the copy that `prepare` makes.
  size_t columns() const { return features_ + made_.size(); }
  size_t n_made() const { return made_.size(); }

 private:
  void add_tree(const Forest& forest, size_t tree, ColumnNumbers& numbers);
  uint32_t column_of(const Node& node, ColumnNumbers& numbers) const;
  void make_narrow();
  template <class AnyNode>
  uint32_t leaf_row(const AnyNode* nodes, uint32_t node) const;
  template <class AnyNode>
  void walk_row(const AnyNode* nodes, const T* x, uint32_t* leaf_rows) const;

  const Kernels& kernels_;
  size_t features_;
  std::vector<Column> made_;        // stand behind the features
  std::vector<Walk> walks_;         // one a tree
  std::vector<uint32_t> by_depth_;  // the numbers of the trees, the deepest first
  std::vector<WideNode<T>> wide_;
  std::vector<NarrowNode, LineAllocator<NarrowNode>> narrow_;  // takes the place of `wide_` where it may
  bool needs_leaf_rows_ = false;     // nodes have too few bits for them
  std::vector<uint32_t> leaf_rows_;  // then one a node, read at leaves
};

}  // namespace bridge
