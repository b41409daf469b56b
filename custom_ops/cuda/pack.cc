#include "pack.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <tuple>
#include <type_traits>

#include "float_cuts.h"

namespace bridge::gpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kAlignment = 256;
constexpr uint64_t kMostPadding = 8;  // coded nodes a node of the forest

template <class T>
T cut_of(double threshold) {
  if constexpr (std::is_same_v<T, float>) {
    return floor_float(threshold);
  } else {
    return threshold;
  }
}

// Numbers columns in the order in which they are first asked for.
class Columns {
 public:
  uint32_t number(Column::Kind kind, const Node& node) {
    const bool is_set = kind == Column::kInSet;
    const uint32_t set = is_set ? static_cast<uint32_t>(node.set) : 0;
    const uint32_t missing_left = is_set && node.missing_left;
    const auto count = static_cast<uint32_t>(columns.size());
    const auto [place, is_new] = numbers_.try_emplace({kind, node.feature, set, missing_left}, count);
    if (is_new) columns.push_back({kind, node.feature, set, missing_left, 0, 0});
    return place->second;
  }

  std::vector<Column> columns;

 private:
  std::map<std::tuple<Column::Kind, uint32_t, uint32_t, uint32_t>, uint32_t> numbers_;
};

// The tables while they grow.
template <class T>
struct Tables {
  std::vector<Column> columns;
  std::vector<T> cuts;
  std::vector<Tree> trees;
  std::vector<uint32_t> coded;
  std::vector<NarrowNode> narrow;
  std::vector<WideNode> wide;
  std::vector<uint32_t> leaf_rows;
  Format format = Format::kWide;
  uint32_t shift = 0;
};

Column::Kind kind_of_coded(const Node& node) {
  if (node.set >= 0) return Column::kInSet;
  return node.missing_left ? Column::kMissingLeft : Column::kMissingRight;
}

// Whether trees, columns and thresholds are few enough for codes; then fills in columns and cuts.
template <class T>
bool find_cuts(const bridge::Forest& forest, Format narrowest, Columns& columns, Tables<T>& tables) {
  if (narrowest > Format::kCoded16) return false;
  uint64_t padded = 0;
  for (uint32_t depth : forest.depths) {
    if (depth > kCodedDepth) return false;
    padded += uint64_t{1} << depth;
  }
  if (padded > kMostPadding * forest.nodes.size() || padded > std::numeric_limits<uint32_t>::max()) return false;
  std::vector<std::vector<T>> cuts;
  for (const Node& node : forest.nodes) {
    if (node.is_leaf()) continue;
    const uint32_t column = columns.number(kind_of_coded(node), node);
    cuts.resize(columns.columns.size());
    if (node.set < 0) cuts[column].push_back(cut_of<T>(node.threshold));
  }
  size_t most = 0;
  for (std::vector<T>& of_column : cuts) {
    std::sort(of_column.begin(), of_column.end());
    of_column.erase(std::unique(of_column.begin(), of_column.end()), of_column.end());
    most = std::max(most, of_column.size());
  }
  const bool in_byte = most <= 0xFF && narrowest == Format::kCoded8;
  tables.format = in_byte ? Format::kCoded8 : Format::kCoded16;
  const Shape shape{cuts.size(), 1, 2, tables.format, sizeof(T)};
  if (most >= kNeverRight || cuts.size() > 0x10000 ||
      shared_bytes(shape, Launch::kTile, kLeastThreads, 1) > kLeastShared) {
    return false;
  }
  tables.columns = columns.columns;
  for (size_t c = 0; c < cuts.size(); ++c) {
    tables.columns[c].first_cut = static_cast<uint32_t>(tables.cuts.size());
    tables.columns[c].n_cuts = static_cast<uint32_t>(cuts[c].size());
    tables.cuts.insert(tables.cuts.end(), cuts[c].begin(), cuts[c].end());
  }
  return true;
}

// Where a node of a tree stands in the heap.
struct Place {
  uint32_t node;
  uint32_t place;
  uint32_t level;
};

template <class T>
void add_coded(const bridge::Forest& forest, size_t tree, Columns& columns, Tables<T>& tables) {
  const Node* nodes = &forest.nodes[forest.tree_starts[tree]];
  const uint32_t depth = forest.depths[tree];
  const size_t first = tables.coded.size(), leaves = tables.leaf_rows.size();
  tables.trees.push_back({first, leaves, depth});
  tables.coded.resize(first + (size_t{1} << depth), kNeverRight);
  tables.leaf_rows.resize(leaves + (size_t{1} << depth), 0);
  std::vector<Place> open{{0, 1, 0}};
  while (!open.empty()) {
    const Place at = open.back();
    open.pop_back();
    const Node& node = nodes[at.node];
    if (node.is_leaf()) {
      // Padding nodes send every row to the left.
      const size_t place = (size_t{at.place} << (depth - at.level)) - (size_t{1} << depth);
      tables.leaf_rows[leaves + place] = node.leaf_row;
      continue;
    }
    const uint32_t number = columns.number(kind_of_coded(node), node);
    const Column& column = tables.columns[number];
    uint32_t rank = 0;
    if (node.set < 0) {
      const T* cuts = tables.cuts.data() + column.first_cut;
      rank = static_cast<uint32_t>(std::lower_bound(cuts, cuts + column.n_cuts, cut_of<T>(node.threshold)) - cuts);
    }
    tables.coded[first + at.place] = number << 16 | rank;
    open.push_back({at.node + 1, 2 * at.place, at.level + 1});
    open.push_back({node.right, 2 * at.place + 1, at.level + 1});
  }
}

Column::Kind kind_of_linked(const Node& node) {
  if (node.set >= 0 || node.missing_left) return kind_of_coded(node);
  return node.threshold == kInfinity ? Column::kIsMissing : Column::kMissingRight;
}

template <class T>
void add_linked(const bridge::Forest& forest, size_t tree, Columns& columns, Tables<T>& tables) {
  const Node* nodes = &forest.nodes[forest.tree_starts[tree]];
  tables.trees.push_back({tables.wide.size(), tables.leaf_rows.size(), forest.depths[tree]});
  std::vector<uint32_t> queue{0};  // level by level
  for (uint32_t place = 0; place < queue.size(); ++place) {
    const Node& node = nodes[queue[place]];
    tables.leaf_rows.push_back(node.leaf_row);
    if (node.is_leaf()) {
      tables.wide.push_back({kInfinity, 0, place});
      continue;
    }
    const Column::Kind kind = kind_of_linked(node);
    const bool is_flag = kind == Column::kInSet || kind == Column::kIsMissing;  // 0 or 1
    tables.wide.push_back(
        {is_flag ? 0.5 : node.threshold, columns.number(kind, node), static_cast<uint32_t>(queue.size())});
    queue.push_back(queue[place] + 1);
    queue.push_back(node.right);
  }
}

template <class T>
void add_all_linked(const bridge::Forest& forest, Format narrowest, Tables<T>& tables) {
  Columns columns;
  size_t largest = 2;
  tables.format = Format::kWide;
  for (size_t tree = 0; tree < forest.n_trees(); ++tree) {
    add_linked(forest, tree, columns, tables);
    largest = std::max(largest, forest.tree_starts[tree + 1] - forest.tree_starts[tree]);
  }
  tables.columns = columns.columns;
  tables.shift = static_cast<uint32_t>(std::bit_width(largest - 1));
  const bool is_narrow = std::is_same_v<T, float> && tables.shift < 32 && narrowest <= Format::kNarrow;
  if (!is_narrow || tables.columns.size() > size_t{1} << (32 - tables.shift)) return;
  tables.format = Format::kNarrow;
  tables.narrow.reserve(tables.wide.size());
  for (const WideNode& node : tables.wide) {
    tables.narrow.push_back({floor_float(node.threshold), node.column << tables.shift | node.child});
  }
  tables.wide = {};
}

// Returns the values in the order of the leaves, of which each scores one number: one load less at the end of a walk.
std::vector<double> values_of(const std::vector<double>& values, const std::vector<uint32_t>& leaf_rows) {
  std::vector<double> ordered(leaf_rows.size());
  for (size_t i = 0; i < ordered.size(); ++i) ordered[i] = values[leaf_rows[i]];
  return ordered;
}

// Appends a table; its pointer counts from null.
template <class V>
const V* append(std::vector<std::byte>& bytes, const std::vector<V>& table) {
  static_assert(std::is_trivially_copyable_v<V>);
  const size_t start = (bytes.size() + kAlignment - 1) / kAlignment * kAlignment;
  bytes.resize(start + table.size() * sizeof(V));
  if (!table.empty()) std::memcpy(bytes.data() + start, table.data(), table.size() * sizeof(V));
  return reinterpret_cast<const V*>(start);
}

template <class V>
void move_to(const V*& table, const std::byte* base) {
  table = reinterpret_cast<const V*>(base + reinterpret_cast<size_t>(table));
}

}  // namespace

template <class T>
Forest<T> PackedForest<T>::at(const std::byte* base) const {
  Forest<T> moved = offsets;
  move_to(moved.columns, base);
  move_to(moved.cuts, base);
  move_to(moved.sets, base);
  move_to(moved.members, base);
  move_to(moved.trees, base);
  move_to(moved.coded, base);
  move_to(moved.narrow, base);
  move_to(moved.wide, base);
  move_to(moved.leaf_rows, base);
  move_to(moved.values, base);
  return moved;
}

template <class T>
PackedForest<T> pack(const bridge::Forest& forest, Format narrowest) {
  Tables<T> tables;
  Columns columns;
  if (find_cuts(forest, narrowest, columns, tables)) {
    for (size_t tree = 0; tree < forest.n_trees(); ++tree) add_coded(forest, tree, columns, tables);
  } else {
    add_all_linked(forest, narrowest, tables);
  }
  std::vector<Set> sets;
  sets.reserve(forest.sets.size());
  for (const CategorySet& set : forest.sets) {
    sets.push_back({{set.low[0], set.low[1], set.low[2], set.low[3]}, set.begin, set.end});
  }
  PackedForest<T> packed;
  Forest<T>& to = packed.offsets;
  std::vector<std::byte>& bytes = packed.bytes;
  to.columns = append(bytes, tables.columns);
  to.cuts = append(bytes, tables.cuts);
  to.sets = append(bytes, sets);
  to.members = append(bytes, forest.members);
  to.trees = append(bytes, tables.trees);
  to.coded = append(bytes, tables.coded);
  to.narrow = append(bytes, tables.narrow);
  to.wide = append(bytes, tables.wide);
  const bool is_by_leaf = tables.format <= Format::kCoded16 && forest.outputs == 1;
  to.leaf_rows = append(bytes, is_by_leaf ? std::vector<uint32_t>() : tables.leaf_rows);
  to.values = append(bytes, is_by_leaf ? values_of(forest.values, tables.leaf_rows) : forest.values);
  to.n_columns = static_cast<uint32_t>(tables.columns.size());
  to.n_trees = static_cast<uint32_t>(forest.n_trees());
  to.outputs = static_cast<uint32_t>(forest.outputs);
  to.shift = tables.shift;
  to.format = tables.format;
  return packed;
}

template struct PackedForest<float>;
template struct PackedForest<double>;
template PackedForest<float> pack(const bridge::Forest& forest, Format narrowest);
template PackedForest<double> pack(const bridge::Forest& forest, Format narrowest);

}  // namespace bridge::gpu
