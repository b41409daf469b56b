#include "walker.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "float_cuts.h"

namespace bridge {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHalf = 0.5;  // between the 0 and the 1 of a made column
constexpr size_t kTreesAtOnce = 16;
constexpr uint32_t kLevelsBetweenChecks = 4;
constexpr size_t kLineNodes = 8;  // 64 bytes of the narrow ones
constexpr uint32_t kNoNode = std::numeric_limits<uint32_t>::max();
constexpr size_t kNarrow = std::numeric_limits<uint16_t>::max();

float in_dtype(double threshold, float) { return floor_float(threshold); }
double in_dtype(double threshold, double) { return threshold; }

// A leaf's row of values, in what is left of the bits of a threshold that nothing is above: a NaN.
struct FloatLeaf {
  static constexpr uint32_t kNaN = 0x7fc00000, kMostRow = (1u << 22) - 1;
  static float threshold(uint32_t row) { return std::bit_cast<float>(kNaN | (row & kMostRow)); }
  static uint32_t row(float threshold) { return std::bit_cast<uint32_t>(threshold) & kMostRow; }
};
struct DoubleLeaf {
  static constexpr uint64_t kNaN = 0x7ff8000000000000, kMostRow = std::numeric_limits<uint32_t>::max();
  static double threshold(uint32_t row) { return std::bit_cast<double>(kNaN | row); }
  static uint32_t row(double threshold) { return static_cast<uint32_t>(std::bit_cast<uint64_t>(threshold)); }
};
template <class T>
using LeafOf = std::conditional_t<std::is_same_v<T, float>, FloatLeaf, DoubleLeaf>;

// Returns a tree's nodes in the order in which they are to stand: siblings side by side, and in each line of the cache
// as many levels of a subtree as it has room for, for a walk waits for every line that it comes to. `kNoNode` stands
// before the root, so that no two siblings lie on different lines.
std::vector<uint32_t> in_lines(const Node* nodes) {
  std::vector<uint32_t> order{kNoNode, 0};
  std::vector<uint32_t> waiting;  // whose children are to stand together with their own descendants
  if (!nodes[0].is_leaf()) waiting.push_back(0);
  for (size_t next = 0; next < waiting.size(); ++next) {
    std::vector<uint32_t> parents{waiting[next]};  // level by level
    const size_t room = (kLineNodes - order.size() % kLineNodes) / 2;
    size_t pairs = 0;
    for (; pairs < parents.size() && pairs < room; ++pairs) {
      for (const uint32_t child : {parents[pairs] + 1, nodes[parents[pairs]].right}) {
        order.push_back(child);
        if (!nodes[child].is_leaf()) parents.push_back(child);
      }
    }
    waiting.insert(waiting.end(), parents.begin() + static_cast<std::ptrdiff_t>(pairs), parents.end());
  }
  return order;
}

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
  needs_leaf_rows_ = forest.values.size() / forest.outputs > LeafOf<T>::kMostRow;
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
  const WideNode<T> leaf{LeafOf<T>::threshold(0), 0, 0};
  wide_.resize((wide_.size() + kLineNodes - 1) / kLineNodes * kLineNodes, leaf);
  const size_t root = wide_.size();
  walks_.push_back({static_cast<uint32_t>(root) + 1, forest.depths[tree]});
  const std::vector<uint32_t> order = in_lines(nodes);
  std::vector<uint32_t> place(forest.tree_starts[tree + 1] - forest.tree_starts[tree]);
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] != kNoNode) place[order[i]] = static_cast<uint32_t>(i);
  }
  wide_.resize(root + order.size(), leaf);
  if (needs_leaf_rows_) leaf_rows_.resize(wide_.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] == kNoNode) continue;
    const Node& node = nodes[order[i]];
    if (node.is_leaf()) {
      wide_[root + i].threshold = LeafOf<T>::threshold(node.leaf_row);
      if (needs_leaf_rows_) leaf_rows_[root + i] = node.leaf_row;
      continue;
    }
    const uint32_t column = column_of(node, numbers);
    const bool is_flag = column >= features_ && numbers.columns[column - features_].is_flag();
    wide_[root + i] = {in_dtype(is_flag ? kHalf : node.threshold, T{}), column,
                       place[order[i] + 1] - static_cast<uint32_t>(i)};
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
uint32_t Walker<T>::leaf_row(const AnyNode* nodes, uint32_t node) const {
  return needs_leaf_rows_ ? leaf_rows_[node] : LeafOf<T>::row(nodes[node].threshold);
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
    for (size_t i = first; i <= last; ++i) leaf_rows[by_depth_[i]] = leaf_row(nodes, at[i - first]);
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
  const auto look_up = [&](const auto* nodes) {
    for (size_t row = 0; row < rows; ++row) leaf_rows[row] = leaf_row(nodes, leaf_rows[row]);
  };
  if constexpr (std::is_same_v<T, float>) {
    if (!narrow_.empty()) {
      kernels_.descend_narrow(narrow_.data(), walk, x.data, x.stride, rows, leaf_rows);
      return look_up(narrow_.data());
    }
    kernels_.descend_wide_f32(wide_.data(), walk, x.data, x.stride, rows, leaf_rows);
  } else {
    kernels_.descend_wide_f64(wide_.data(), walk, x.data, x.stride, rows, leaf_rows);
  }
  look_up(wide_.data());
}

template class Walker<float>;
template class Walker<double>;

}  // namespace bridge
