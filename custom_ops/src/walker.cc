#include "walker.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "float_cuts.h"

namespace bridge {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHalf = 0.5;  // between the 0 and the 1 of a made column
constexpr size_t kTreesAtOnce = 12;
constexpr uint32_t kLevelsBetweenChecks = 4;
constexpr size_t kNarrow = std::numeric_limits<uint16_t>::max();

float in_dtype(double threshold, float) { return floor_float(threshold); }
double in_dtype(double threshold, double) { return threshold; }

// Brings several trees' walks of one row down side by side: alone, each would wait for memory at every level.
template <class AnyNode, class T>
void walk_side_by_side(const AnyNode* nodes, uint32_t depth, const T* x, uint32_t* at) {
  for (uint32_t level = 0; level < depth; level += kLevelsBetweenChecks) {
    for (uint32_t more = 1; more < kLevelsBetweenChecks; ++more) {
      for (size_t j = 0; j < kTreesAtOnce; ++j) at[j] = next_node(nodes, at[j], x);
    }
    uint32_t moved = 0;
    for (size_t j = 0; j < kTreesAtOnce; ++j) {
      const uint32_t next = next_node(nodes, at[j], x);
      moved |= next ^ at[j];
      at[j] = next;
    }
    if (!moved) return;
  }
}

}  // namespace

template <class T>
Walker<T>::Walker(const Forest& forest, const Kernels& kernels) : kernels_(kernels), features_(forest.features) {
  ColumnNumbers numbers;
  wide_.reserve(forest.nodes.size());
  leaf_rows_.reserve(forest.nodes.size());
  for (size_t tree = 0; tree < forest.n_trees(); ++tree) add_tree(forest, tree, numbers);
  made_ = std::move(numbers.columns);
  by_depth_.resize(walks_.size());
  std::iota(by_depth_.begin(), by_depth_.end(), uint32_t{0});
  std::stable_sort(by_depth_.begin(), by_depth_.end(),
                   [&](uint32_t a, uint32_t b) { return walks_[a].depth > walks_[b].depth; });
  make_narrow();
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
  walks_.push_back({static_cast<uint32_t>(wide_.size()), forest.depths[tree]});
  std::vector<uint32_t> queue{0};
  queue.reserve(count);
  for (uint32_t place = 0; place < queue.size(); ++place) {
    const Node& node = nodes[queue[place]];
    leaf_rows_.push_back(node.leaf_row);
    if (node.is_leaf()) {
      wide_.push_back({in_dtype(kInfinity, T{}), 0, 0});
      continue;
    }
    const uint32_t column = column_of(node, numbers);
    const bool is_flag = column >= features_ && numbers.columns[column - features_].is_flag();
    wide_.push_back(
        {in_dtype(is_flag ? kHalf : node.threshold, T{}), column, static_cast<uint32_t>(queue.size()) - place});
    queue.push_back(queue[place] + 1);
    queue.push_back(node.right);
  }
}

template <class T>
void Walker<T>::make_narrow() {
  if constexpr (std::is_same_v<T, float>) {
    for (const auto& node : wide_) {
      if (node.column > kNarrow || node.distance > kNarrow) return;
    }
    narrow_.reserve(wide_.size());
    for (const auto& node : wide_) {
      narrow_.push_back({node.threshold, static_cast<uint16_t>(node.column), static_cast<uint16_t>(node.distance)});
    }
    wide_ = {};
  }
}

template <class T>
Rows<T> Walker<T>::prepare(const Forest& forest, const T* x, size_t width, size_t rows, std::vector<T>& scratch) const {
  if (made_.empty()) {
    unsigned has_nan = 0;
    for (size_t i = 0; i < rows * width; ++i) has_nan |= static_cast<unsigned>(x[i] != x[i]);
    if (!has_nan) return {x, width};
  }
  const size_t stride = columns();
  if (scratch.size() < rows * stride) scratch.resize(rows * stride);
  for (size_t row = 0; row < rows; ++row, x += width) {
    T* out = scratch.data() + row * stride;
    for (size_t f = 0; f < features_; ++f) out[f] = x[f] != x[f] ? std::numeric_limits<T>::infinity() : x[f];
    for (size_t i = 0; i < made_.size(); ++i) {
      const Column& column = made_[i];
      const T value = x[column.feature];
      switch (column.kind) {
        case Column::Kind::kInSet:
          out[features_ + i] = goes_right_of_set(forest, column, value);
          break;
        case Column::Kind::kIsMissing:
          out[features_ + i] = value != value;
          break;
        default:
          out[features_ + i] = value;  // NaN > threshold is false: NaN goes left
      }
    }
  }
  return {scratch.data(), stride};
}

template <class T>
template <class AnyNode>
void Walker<T>::walk_row(const AnyNode* nodes, const T* x, uint32_t* leaf_rows) const {
  uint32_t at[kTreesAtOnce];
  for (size_t first = 0; first < by_depth_.size(); first += kTreesAtOnce) {
    // The last group is filled up with the last tree. Trees of like depth wait less for one another.
    const size_t last = std::min(first + kTreesAtOnce, by_depth_.size()) - 1;
    for (size_t j = 0; j < kTreesAtOnce; ++j) at[j] = walks_[by_depth_[std::min(first + j, last)]].root;
    walk_side_by_side(nodes, walks_[by_depth_[first]].depth, x, at);
    for (size_t i = first; i <= last; ++i) leaf_rows[by_depth_[i]] = leaf_rows_[at[i - first]];
  }
}

template <class T>
void Walker<T>::find_row_leaves(const T* x, uint32_t* leaf_rows) const {
  if (narrow_.empty()) {
    walk_row(wide_.data(), x, leaf_rows);
  } else if constexpr (std::is_same_v<T, float>) {
    walk_row(narrow_.data(), x, leaf_rows);
  }
}

template <class T>
void Walker<T>::find_leaves(size_t tree, Rows<T> x, size_t rows, uint32_t* leaf_rows) const {
  const Walk walk = walks_[tree];
  if constexpr (std::is_same_v<T, float>) {
    if (narrow_.empty()) {
      kernels_.descend_wide_f32(wide_.data(), walk, x.data, x.stride, rows, leaf_rows);
    } else {
      kernels_.descend_narrow(narrow_.data(), walk, x.data, x.stride, rows, leaf_rows);
    }
  } else {
    kernels_.descend_wide_f64(wide_.data(), walk, x.data, x.stride, rows, leaf_rows);
  }
  for (size_t row = 0; row < rows; ++row) leaf_rows[row] = leaf_rows_[leaf_rows[row]];
}

template class Walker<float>;
template class Walker<double>;

}  // namespace bridge
