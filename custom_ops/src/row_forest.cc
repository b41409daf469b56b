#include "row_forest.h"

#include <algorithm>

namespace bridge {
namespace {

constexpr size_t kRoom = 64;  // that a kernel may read behind the last node

// The bits from `first` to `last - 1`; fewer than 64.
uint64_t bits_between(uint32_t first, uint32_t last) { return ((uint64_t{1} << (last - first)) - 1) << first; }

}  // namespace

template <class T>
RowForest::RowForest(const Forest& forest, const FullForest<T>& full, const Kernels& kernels) {
  const bool is_small = std::all_of(full.trees().begin(), full.trees().end(),
                                    [](const FullTree& tree) { return tree.n_leaves <= kMostRowLeaves; });
  if (!kernels.find_row_leaves || full.n_trees() != forest.n_trees() || full.code_bytes() != 1 ||
      full.n_columns() > kMostRowColumns || !is_small) {
    return;
  }
  find_ = kernels.find_row_leaves;
  n_trees_ = full.n_trees();
  for (const FullNode& node : full.nodes()) {
    columns_.push_back(static_cast<uint8_t>(node.column));
    codes_.push_back(static_cast<uint8_t>(node.code));
    keeps_.push_back(~bits_between(node.first & 0xff, node.right & 0xff));
  }
  for (const FullTree& tree : full.trees()) first_nodes_.push_back(tree.first_node);
  first_nodes_.push_back(static_cast<uint32_t>(full.n_nodes()));
  for (const Node& node : forest.nodes) {
    if (node.is_leaf()) leaf_rows_.push_back(node.leaf_row);
  }
  columns_.resize(columns_.size() + kRoom);
  codes_.resize(codes_.size() + kRoom);
  keeps_.resize(keeps_.size() + kRoom);
}

void RowForest::find_leaves(const uint8_t* codes, uint32_t* leaf_rows) const {
  const RowTrees trees{columns_.data(), codes_.data(), keeps_.data(), first_nodes_.data(), n_trees_};
  find_(trees, codes, leaf_rows);
  for (size_t tree = 0; tree < n_trees_; ++tree) {
    leaf_rows[tree] = leaf_rows_[first_nodes_[tree] + tree + leaf_rows[tree]];
  }
}

template RowForest::RowForest(const Forest&, const FullForest<float>&, const Kernels&);
template RowForest::RowForest(const Forest&, const FullForest<double>&, const Kernels&);

}  // namespace bridge
