#include "walker.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "float_cuts.h"

namespace bridge {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHalf = 0.5;  // between the 0 and the 1 of a made column
constexpr size_t kTreesAtOnce = 8;
constexpr uint32_t kLevelsBetweenChecks = 4;

// Brings several trees' walks of one row down side by side: alone, each would wait for memory at every level.
template <size_t kTrees, class Tree, class T>
void walk_side_by_side(const Tree* trees, const T* x, uint32_t* at) {
  uint32_t depth = 0;
  for (size_t j = 0; j < kTrees; ++j) {
    at[j] = 0;
    depth = std::max(depth, trees[j].depth);
  }
  for (uint32_t level = 0; level < depth;) {
    const uint32_t end = std::min(depth, level + kLevelsBetweenChecks);
    uint32_t moved = 0;
    for (; level < end; ++level) {
      moved = 0;
      for (size_t j = 0; j < kTrees; ++j) {
        const uint32_t next = next_node(trees[j], at[j], x);
        moved |= next ^ at[j];
        at[j] = next;
      }
    }
    if (!moved) return;
  }
}

}  // namespace

template <class T>
Walker<T>::Walker(const Forest& forest, const Kernels& kernels)
    : kernels_(kernels), features_(forest.features), starts_{0}, depths_(forest.depths) {
  ColumnNumbers numbers;
  wide_.reserve(forest.nodes.size());
  leaf_rows_.reserve(forest.nodes.size());
  for (size_t tree = 0; tree < forest.n_trees(); ++tree) add_tree(forest, tree, numbers);
  made_ = std::move(numbers.columns);
  if constexpr (std::is_same_v<T, float>) make_narrow();
}

template <class T>
uint32_t Walker<T>::column_of(const Node& node, ColumnNumbers& numbers) const {
  const auto behind = static_cast<uint32_t>(features_);
  if (node.set >= 0) {
    return behind + numbers.number({Column::Kind::kInSet, node.feature, node.set, node.missing_left});
  }
  if (node.missing_left) return behind + numbers.number({Column::Kind::kMissingLeft, node.feature});
  // NaN is copied as +inf, to go right of every threshold but this one.
  if (node.threshold == kInfinity) return behind + numbers.number({Column::Kind::kIsMissing, node.feature});
  return node.feature;
}

template <class T>
void Walker<T>::add_tree(const Forest& forest, size_t tree, ColumnNumbers& numbers) {
  const Node* nodes = &forest.nodes[forest.tree_starts[tree]];
  const size_t count = forest.tree_starts[tree + 1] - forest.tree_starts[tree];
  std::vector<uint32_t> queue{0};
  queue.reserve(count);
  for (uint32_t place = 0; place < queue.size(); ++place) {
    const Node& node = nodes[queue[place]];
    leaf_rows_.push_back(node.leaf_row);
    if (node.is_leaf()) {
      wide_.push_back({kInfinity, 0, place});
      continue;
    }
    const uint32_t column = column_of(node, numbers);
    const bool is_flag = column >= features_ && numbers.columns[column - features_].is_flag();
    wide_.push_back({is_flag ? kHalf : node.threshold, column, static_cast<uint32_t>(queue.size())});
    queue.push_back(queue[place] + 1);
    queue.push_back(node.right);
  }
  starts_.push_back(wide_.size());
}

template <class T>
void Walker<T>::make_narrow() {
  size_t largest = 2;
  for (size_t tree = 0; tree < depths_.size(); ++tree) largest = std::max(largest, starts_[tree + 1] - starts_[tree]);
  shift_ = static_cast<uint32_t>(std::bit_width(largest - 1));
  if (shift_ > 31 || columns() > (size_t{1} << (32 - shift_))) return;
  narrow_.reserve(wide_.size());
  for (const WideNode& node : wide_) {
    narrow_.push_back({floor_float(node.threshold), node.column << shift_ | node.child});
  }
  wide_ = {};
}

template <class T>
Rows<T> Walker<T>::prepare(const Forest& forest, const T* x, size_t width, size_t rows,
                           std::vector<T>& scratch) const {
  if (made_.empty()) {
    unsigned has_nan = 0;
    for (size_t i = 0; i < rows * width; ++i) has_nan |= static_cast<unsigned>(x[i] != x[i]);
    if (!has_nan) return {x, width};
  }
  const size_t stride = columns();
  if (scratch.size() < rows * stride) scratch.resize(rows * stride);
  for (size_t row = 0; row < rows; ++row, x += width) {
    T* out = &scratch[row * stride];
    for (size_t f = 0; f < features_; ++f) out[f] = x[f] != x[f] ? std::numeric_limits<T>::infinity() : x[f];
    for (size_t i = 0; i < made_.size(); ++i) {
      const Column& column = made_[i];
      const T value = x[column.feature];
      switch (column.kind) {
        case Column::Kind::kInSet: out[features_ + i] = goes_right_of_set(forest, column, value); break;
        case Column::Kind::kIsMissing: out[features_ + i] = value != value; break;
        default: out[features_ + i] = value;  // NaN > threshold is false: NaN goes left
      }
    }
  }
  return {scratch.data(), stride};
}

template <class T>
template <class Tree>
void Walker<T>::walk_row(const Forest& forest, const T* x, double* sums) const {
  Tree trees[kTreesAtOnce];
  uint32_t at[kTreesAtOnce];
  const size_t outputs = forest.outputs;
  for (size_t first = 0; first < depths_.size(); first += kTreesAtOnce) {
    const size_t count = std::min(kTreesAtOnce, depths_.size() - first);
    for (size_t j = 0; j < kTreesAtOnce; ++j) {
      // The last group is filled up with the last tree.
      const size_t tree = first + std::min(j, count - 1);
      if constexpr (std::is_same_v<Tree, NarrowTree>) {
        trees[j] = narrow_tree(tree);
      } else {
        trees[j] = wide_tree(tree);
      }
    }
    walk_side_by_side<kTreesAtOnce>(trees, x, at);
    for (size_t j = 0; j < count; ++j) {
      const double* values = &forest.values[leaf_rows_[starts_[first + j] + at[j]] * outputs];
      for (size_t o = 0; o < outputs; ++o) sums[o] += values[o];
    }
  }
}

template <class T>
void Walker<T>::add_row(const Forest& forest, const T* x, double* sums) const {
  if (narrow_.empty()) {
    walk_row<WideTree>(forest, x, sums);
  } else if constexpr (std::is_same_v<T, float>) {
    walk_row<NarrowTree>(forest, x, sums);
  }
}

template <class T>
void Walker<T>::find_leaves(size_t tree, Rows<T> x, size_t rows, uint32_t* leaf_rows) const {
  if constexpr (std::is_same_v<T, float>) {
    if (narrow_.empty()) {
      kernels_.descend_wide_f32(wide_tree(tree), x.data, x.stride, rows, leaf_rows);
    } else {
      kernels_.descend_narrow(narrow_tree(tree), x.data, x.stride, rows, leaf_rows);
    }
  } else {
    kernels_.descend_wide_f64(wide_tree(tree), x.data, x.stride, rows, leaf_rows);
  }
  const uint32_t* rows_of_nodes = &leaf_rows_[starts_[tree]];
  for (size_t row = 0; row < rows; ++row) leaf_rows[row] = rows_of_nodes[leaf_rows[row]];
}

template class Walker<float>;
template class Walker<double>;

}  // namespace bridge
