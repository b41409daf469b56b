#include "row_forest.h"

#include <algorithm>

namespace bridge {
namespace {

constexpr size_t kBlock = 64;          // nodes in a register
constexpr uint32_t kHeapLevels = 3;
constexpr uint32_t kHeapNodes = 7;
constexpr uint8_t kNeverRight = 0xff;  // a code that none is above
constexpr size_t kMostBytes = size_t{1} << 28;

// Where the node at `place` in a heap of many levels stands in one of heaps of three levels.
uint32_t in_heaps(uint32_t place, uint32_t level) {
  if (level < kHeapLevels) return place - 1;
  const uint32_t below = level - kHeapLevels;
  const uint32_t heap = (place >> below) - (1u << kHeapLevels);
  return kHeapNodes * (heap + 1) + (1u << below) + (place & ((1u << below) - 1)) - 1;
}

// The bits from `first` to `last - 1`; fewer than 64.
uint64_t bits_between(uint32_t first, uint32_t last) { return ((uint64_t{1} << (last - first)) - 1) << first; }

}  // namespace

template <class T>
RowForest::RowForest(const Forest& forest, const FullForest<T>& full, const Kernels& kernels) : kernels_(kernels) {
  const bool is_small = std::all_of(full.trees().begin(), full.trees().end(),
                                    [](const FullTree& tree) { return tree.n_leaves <= kMostRowLeaves; });
  if (kernels.find_row_leaves && full.n_trees() == forest.n_trees() && full.code_bytes() == 1 &&
      full.n_columns() <= kMostRowColumns && is_small && full.n_trees() < kMostBytes / (8 * kBlock)) {
    pack(forest, full);
  }
}

template <class T>
void RowForest::pack(const Forest& forest, const FullForest<T>& full) {
  const uint32_t depth = *std::max_element(forest.depths.begin(), forest.depths.end());
  uint32_t most_leaves = 1;
  for (const FullTree& tree : full.trees()) most_leaves = std::max(most_leaves, tree.n_leaves);
  const bool is_heap = depth <= 2 * kHeapLevels;
  shape_.is_heap = is_heap;
  shape_.size = depth <= kHeapLevels ? 8 : !is_heap && most_leaves <= 32 ? 32 : 64;
  shape_.n_trees = full.n_trees();
  const size_t nodes = (shape_.n_trees * shape_.size + kBlock - 1) / kBlock * kBlock;
  columns_.assign(nodes, 0);
  codes_.assign(nodes, kNeverRight);
  if (!is_heap && shape_.size == 32) narrow_keeps_.assign(nodes, ~uint32_t{0});
  if (!is_heap && shape_.size == 64) keeps_.assign(nodes, ~uint64_t{0});
  if (std::all_of(full.trees().begin(), full.trees().end(), [](const FullTree& tree) { return tree.n_scores <= 1; })) {
    scores_.assign(nodes, 0.0);
    for (const FullTree& tree : full.trees()) {
      tree_outputs_.push_back(tree.n_scores ? full.scores()[tree.first_scores].output : 0);
    }
  } else {
    leaf_rows_.assign(nodes, 0);
  }
  for (size_t tree = 0; tree < shape_.n_trees; ++tree) {
    const FullNode* inner = full.nodes().data() + full.trees()[tree].first_node;
    is_heap ? pack_heap(forest, tree, inner) : pack_keeps(forest, tree, inner);
  }
}

void RowForest::set_node(size_t place, const FullNode& node) {
  columns_[place] = static_cast<uint8_t>(node.column);
  codes_[place] = static_cast<uint8_t>(node.code);
}

void RowForest::set_leaf(const Forest& forest, size_t tree, size_t place, uint32_t leaf_row) {
  if (!scores_.empty()) {
    scores_[place] = forest.values[leaf_row * forest.outputs + tree_outputs_[tree]];
  } else {
    leaf_rows_[place] = leaf_row;
  }
}

void RowForest::pack_heap(const Forest& forest, size_t tree, const FullNode* inner) {
  const Node* nodes = &forest.nodes[forest.tree_starts[tree]];
  const size_t first = tree * shape_.size;
  const uint32_t levels = shape_.size == 8 ? kHeapLevels : 2 * kHeapLevels;
  struct Step {
    uint32_t node;
    uint32_t place;
    uint32_t level;
  };
  std::vector<Step> steps{{0, 1, 0}};
  while (!steps.empty()) {
    const Step step = steps.back();
    steps.pop_back();
    const Node& node = nodes[step.node];
    if (node.is_leaf()) {
      // The nodes that fill the tree up below send all rows left.
      set_leaf(forest, tree, first + (step.place << (levels - step.level)) - shape_.size, node.leaf_row);
      continue;
    }
    set_node(first + in_heaps(step.place, step.level), *inner++);  // in preorder, as the steps are
    steps.push_back({node.right, 2 * step.place + 1, step.level + 1});
    steps.push_back({step.node + 1, 2 * step.place, step.level + 1});
  }
}

void RowForest::pack_keeps(const Forest& forest, size_t tree, const FullNode* inner) {
  size_t place = tree * shape_.size, leaf = place;
  for (size_t i = forest.tree_starts[tree]; i < forest.tree_starts[tree + 1]; ++i) {
    const Node& node = forest.nodes[i];
    if (node.is_leaf()) {
      set_leaf(forest, tree, leaf++, node.leaf_row);
      continue;
    }
    const uint64_t keeps = ~bits_between(inner->first & 0xff, inner->right & 0xff);
    if (shape_.size == 32) {
      narrow_keeps_[place] = static_cast<uint32_t>(keeps);
    } else {
      keeps_[place] = keeps;
    }
    set_node(place++, *inner++);
  }
}

void RowForest::add_scores(const Forest& forest, const uint8_t* codes, uint32_t* leaves, double* sums) const {
  RowTrees trees = shape_;
  trees.columns = columns_.data();
  trees.codes = codes_.data();
  trees.keeps = shape_.size == 32 ? static_cast<const void*>(narrow_keeps_.data()) : keeps_.data();
  if (forest.outputs == 1 && !scores_.empty()) {
    *sums = kernels_.add_row_scores(trees, codes, scores_.data(), *sums);
    return;
  }
  kernels_.find_row_leaves(trees, codes, leaves);
  if (!scores_.empty()) {
    for (size_t tree = 0; tree < trees.n_trees; ++tree) sums[tree_outputs_[tree]] += scores_[leaves[tree]];
    return;
  }
  for (size_t o = 0; o < forest.outputs; ++o) {
    const double* values = &forest.values[o];
    double sum = sums[o];
    for (size_t tree = 0; tree < trees.n_trees; ++tree) sum += values[leaf_rows_[leaves[tree]] * forest.outputs];
    sums[o] = sum;
  }
}

template RowForest::RowForest(const Forest&, const FullForest<float>&, const Kernels&);
template RowForest::RowForest(const Forest&, const FullForest<double>&, const Kernels&);

}  // namespace bridge
