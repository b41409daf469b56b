#include "forest_tables.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace bridge {
namespace {

// As in bridge/forest.py: no library grows trees this deep, and float32 tells only these categories apart.
constexpr uint32_t kMaxDepth = 4096;
constexpr int64_t kMaxCategories = 1 << 24;
constexpr size_t kMaxNodes = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxOutputs = 1 << 20;

[[noreturn]] void refuse(const std::string& what) { throw TableError("bridge::Forest: " + what); }

void check_index(const char* table, int64_t index, size_t size) {
  if (index < 0 || static_cast<uint64_t>(index) >= size) {
    refuse("table '" + std::string(table) + "' points to " + std::to_string(index) + ", outside of its " +
           std::to_string(size) + " entries");
  }
}

void check_sizes(const ForestTables& t) {
  const size_t nodes = t.feature.size();
  if (nodes > kMaxNodes) refuse("there are " + std::to_string(nodes) + " nodes, expected fewer than 2**31");
  const std::pair<const char*, size_t> lengths[] = {
      {"threshold", t.threshold.size()}, {"left", t.left.size()},         {"right", t.right.size()},
      {"leaf", t.leaf.size()},           {"category", t.category.size()}, {"missing_left", t.missing_left.size()}};
  for (const auto& [name, length] : lengths) {
    if (length != nodes) {
      refuse("table '" + std::string(name) + "' has " + std::to_string(length) + " entries, expected " +
             std::to_string(nodes) + ", as many as 'feature'");
    }
  }
  if (t.roots.empty()) refuse("there are no trees: table 'roots' is empty");
  if (t.roots.size() > nodes) refuse("there are more roots than nodes: two trees share a node");
  if (t.outputs < 1 || t.outputs > kMaxOutputs) {
    refuse("table 'values' has " + std::to_string(t.outputs) + " outputs, expected 1 to " +
           std::to_string(kMaxOutputs));
  }
  const auto rows = static_cast<uint64_t>(t.value_rows);
  if (t.value_rows < 1 || rows > std::numeric_limits<uint32_t>::max() ||
      rows * static_cast<uint64_t>(t.outputs) != t.values.size()) {
    refuse("table 'values' has " + std::to_string(t.values.size()) + " numbers in " + std::to_string(t.value_rows) +
           " rows of " + std::to_string(t.outputs));
  }
  if (!t.base.empty() && t.base.size() != static_cast<size_t>(t.outputs)) {
    refuse("table 'base' has " + std::to_string(t.base.size()) + " entries, expected " + std::to_string(t.outputs) +
           ", as many as outputs");
  }
}

void read_sets(const ForestTables& t, Forest& forest) {
  const auto& starts = t.set_starts;
  bool cuts = !starts.empty() && starts.front() == 0 && std::is_sorted(starts.begin(), starts.end()) &&
              static_cast<uint64_t>(starts.back()) == t.set_members.size();
  if (!cuts || t.set_members.size() > kMaxNodes) refuse("table 'set_starts' does not cut 'set_members' into sets");
  for (int64_t member : t.set_members) {
    if (member < 0 || member >= kMaxCategories) {
      refuse("table 'set_members' holds " + std::to_string(member) + ", outside of 0..2**24-1");
    }
  }
  forest.sets.resize(starts.size() - 1);
  for (size_t s = 0; s + 1 < starts.size(); ++s) {
    CategorySet& set = forest.sets[s];
    set.begin = static_cast<uint32_t>(forest.members.size());
    for (int64_t i = starts[s]; i < starts[s + 1]; ++i) {
      const auto member = static_cast<uint32_t>(t.set_members[static_cast<size_t>(i)]);
      if (member < 256) {
        set.low[member / 64] |= uint64_t{1} << (member % 64);
      } else {
        forest.members.push_back(member);
      }
    }
    std::sort(forest.members.begin() + set.begin, forest.members.end());
    set.end = static_cast<uint32_t>(forest.members.size());
  }
}

// One step of the way through a tree: a node of the tables, and whose right child it is to become.
struct Step {
  int32_t node;
  uint32_t depth;
  uint32_t parent;  // number within the tree
  bool is_right;
};

class TreeReader {
 public:
  TreeReader(const ForestTables& tables, Forest& forest)
      : tables_(tables), forest_(forest), seen_(tables.feature.size(), false) {}

  void read(int32_t root) {
    const size_t start = forest_.nodes.size();
    uint32_t depth = 0;
    steps_.push_back({root, 0, 0, false});
    while (!steps_.empty()) {
      const Step step = steps_.back();
      steps_.pop_back();
      const auto number = static_cast<uint32_t>(forest_.nodes.size() - start);
      if (step.is_right) forest_.nodes[start + step.parent].right = number;
      depth = std::max(depth, step.depth);
      add(step, number);
    }
    forest_.depths.push_back(depth);
    forest_.tree_starts.push_back(forest_.nodes.size());
  }

 private:
  void add(const Step& step, uint32_t number) {
    const auto i = static_cast<size_t>(step.node);
    if (seen_[i]) refuse("the tables loop: node " + std::to_string(i) + " is its own ancestor, or has two parents");
    seen_[i] = true;
    Node node;
    if (tables_.left[i] < 0) {
      check_index("leaf", tables_.leaf[i], static_cast<size_t>(tables_.value_rows));
      node.leaf_row = static_cast<uint32_t>(tables_.leaf[i]);
      forest_.nodes.push_back(node);
      return;
    }
    if (step.depth >= kMaxDepth) refuse("a tree is deeper than " + std::to_string(kMaxDepth) + " decisions");
    check_index("left", tables_.left[i], tables_.feature.size());
    check_index("right", tables_.right[i], tables_.feature.size());
    if (tables_.feature[i] < 0) refuse("table 'feature' points to " + std::to_string(tables_.feature[i]));
    node.feature = static_cast<uint32_t>(tables_.feature[i]);
    forest_.features = std::max<size_t>(forest_.features, size_t{node.feature} + 1);
    node.threshold = tables_.threshold[i];
    node.missing_left = tables_.missing_left[i] != 0;
    int32_t left = tables_.left[i];
    int32_t right = tables_.right[i];
    if (tables_.category[i] >= 0) {
      check_index("category", tables_.category[i], forest_.sets.size());
      node.set = tables_.category[i];
      node.threshold = 0;
    } else if (std::isnan(node.threshold)) {
      // `x <= NaN` holds for no number, and `x <= inf` for all: the same question with its sides exchanged.
      node.threshold = std::numeric_limits<double>::infinity();
      node.missing_left = !node.missing_left;
      std::swap(left, right);
    }
    forest_.nodes.push_back(node);
    steps_.push_back({right, step.depth + 1, number, true});
    steps_.push_back({left, step.depth + 1, number, false});
  }

  const ForestTables& tables_;
  Forest& forest_;
  std::vector<bool> seen_;
  std::vector<Step> steps_;
};

}  // namespace

bool Forest::is_member(int32_t set, double x) const {
  if (!(x >= 0 && x < static_cast<double>(kMaxCategories))) return false;
  const auto number = static_cast<uint32_t>(x);
  const CategorySet& s = sets[static_cast<size_t>(set)];
  if (number < 256) return (s.low[number / 64] >> (number % 64)) & 1;
  return std::binary_search(members.begin() + s.begin, members.begin() + s.end, number);
}

Forest read_forest(const ForestTables& tables) {
  check_sizes(tables);
  Forest forest;
  forest.outputs = static_cast<size_t>(tables.outputs);
  read_sets(tables, forest);
  forest.tree_starts.push_back(0);
  TreeReader reader(tables, forest);
  for (int32_t root : tables.roots) {
    check_index("roots", root, tables.feature.size());
    reader.read(root);
  }
  forest.values.assign(tables.values.begin(), tables.values.end());
  forest.base.assign(tables.base.begin(), tables.base.end());
  return forest;
}

}  // namespace bridge
