// The tables of a bridge::Forest node, and the forest that they make once all of them were checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace bridge {

// Says what was found in the tables of a model and what was expected; the text is for the user.
class TableError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The operator's inputs 1 to 12 as a file has them; nothing is checked yet. bridge/passes/keep_forests.py defines them.
struct ForestTables {
  std::span<const int32_t> feature;
  std::span<const double> threshold;
  std::span<const int32_t> left;
  std::span<const int32_t> right;
  std::span<const int32_t> leaf;
  std::span<const uint8_t> missing_left;  // a file may hold any byte here: read as bool, that would be undefined
  std::span<const int32_t> roots;
  std::span<const double> values;  // (leaves, outputs), row by row
  int64_t value_rows = 0;
  int64_t outputs = 0;
  std::span<const int32_t> category;
  std::span<const int64_t> set_starts;
  std::span<const int64_t> set_members;
  std::span<const double> base = {};  // (outputs), or nothing
};

// One node. A tree's nodes stand in preorder: the left child follows its parent.
struct Node {
  double threshold = 0;  // never NaN
  uint32_t feature = 0;
  uint32_t right = 0;     // number within the tree; 0 at a leaf
  uint32_t leaf_row = 0;  // at a leaf, its row of values
  int32_t set = -1;       // where not negative, the set that is asked for in place of the threshold
  bool missing_left = false;

  bool is_leaf() const { return right == 0; }
};

// The numbers of one set: a bitmap of those below 256, a sorted stretch of `Forest::members` for the others.
struct CategorySet {
  uint64_t low[4] = {0, 0, 0, 0};
  uint32_t begin = 0;
  uint32_t end = 0;
};

// A forest whose every index lies within its table, and whose trees end.
struct Forest {
  std::vector<Node> nodes;          // tree after tree
  std::vector<size_t> tree_starts;  // one more than trees
  std::vector<uint32_t> depths;     // decisions on the longest path, one a tree
  std::vector<double> values;       // (value rows, outputs)
  std::vector<double> base;         // (outputs), or nothing
  size_t outputs = 0;
  size_t features = 0;  // the least width of x: the largest feature asked for, plus one
  std::vector<CategorySet> sets;
  std::vector<uint32_t> members;

  size_t n_trees() const { return depths.size(); }

  // Whether the integer part of `x`, which is not NaN, is in a set.
  bool is_member(int32_t set, double x) const;
};

// Returns the forest; throws TableError where the tables are damaged. Reads nothing outside of the spans.
Forest read_forest(const ForestTables& tables);

}  // namespace bridge
