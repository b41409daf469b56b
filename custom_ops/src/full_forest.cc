#include "full_forest.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "float_cuts.h"
#include "row_trees.h"

namespace bridge {
namespace {

constexpr uint32_t kLeastBits = 5;     // what a search in registers begins with
constexpr size_t kMostByteCuts = 255;  // NaN has a code above the last cut's
constexpr size_t kMostWordCuts = 65535;
// Leaves that share a row of values would make many tables out of one row, or take long to be looked through.
constexpr size_t kMostTableBytes = size_t{1} << 29;
constexpr size_t kMostScores = size_t{1} << 29;

Column code_column_of(const Node& node) {
  if (node.set >= 0) return {Column::Kind::kInSet, node.feature, node.set, node.missing_left};
  return {node.missing_left ? Column::Kind::kMissingLeft : Column::Kind::kMissingRight, node.feature};
}

float in_dtype(double cut, float) { return floor_float(cut); }
double in_dtype(double cut, double) { return cut; }

uint32_t four_bytes(size_t number) { return static_cast<uint32_t>(number) * 0x01010101u; }
uint32_t two_words(size_t number) { return static_cast<uint32_t>(number) * 0x00010001u; }

}  // namespace

template <class T>
FullForest<T>::FullForest(const Forest& forest, const Kernels& kernels, size_t most_leaves)
    : kernels_(kernels), most_leaves_(most_leaves) {
  number_.assign(forest.n_trees(), -1);
  for (size_t tree = 0; tree < forest.n_trees(); ++tree) number_[tree] = may_hold(forest, tree) ? 0 : -1;
  ColumnNumbers numbers;
  const std::vector<std::vector<double>> cuts = find_cuts(forest, numbers);
  size_t most = 0;
  for (const auto& list : cuts) most = std::max(most, list.size());
  if (most > kMostWordCuts) {
    number_.assign(forest.n_trees(), -1);
    return;
  }
  has_words_ = most > kMostByteCuts;
  pack_cuts(cuts);
  size_t scores = 0;
  for (size_t tree = 0; tree < forest.n_trees(); ++tree) {
    if (number_[tree] < 0) continue;
    const size_t leaves = (forest.tree_starts[tree + 1] - forest.tree_starts[tree] + 1) / 2;
    scores += leaves * forest.outputs;
    if (scores > kMostScores || tables_.size() + 8 * plane_size(leaves) * forest.outputs > kMostTableBytes) {
      number_[tree] = -1;
      continue;
    }
    number_[tree] = static_cast<int32_t>(trees_.size());
    pack_tree(forest, tree, cuts, numbers);
  }
  columns_ = std::move(numbers.columns);
  sets_ = SetColumns<T>(forest, columns_);
  n_sets_ = static_cast<size_t>(
      std::count_if(columns_.begin(), columns_.end(), [](const Column& c) { return c.kind == Column::Kind::kInSet; }));
  pack_row_cuts();
}

template <class T>
bool FullForest<T>::may_hold(const Forest& forest, size_t tree) const {
  const size_t nodes = forest.tree_starts[tree + 1] - forest.tree_starts[tree];
  return (nodes + 1) / 2 <= most_leaves_;
}

// Returns the thresholds of each column in ascending order, of the trees that may be held.
template <class T>
std::vector<std::vector<double>> FullForest<T>::find_cuts(const Forest& forest, ColumnNumbers& numbers) {
  std::vector<std::vector<double>> cuts;
  for (size_t tree = 0; tree < forest.n_trees(); ++tree) {
    if (number_[tree] < 0) continue;
    for (size_t i = forest.tree_starts[tree]; i < forest.tree_starts[tree + 1]; ++i) {
      const Node& node = forest.nodes[i];
      if (node.is_leaf()) continue;
      const uint32_t column = numbers.number(code_column_of(node));
      if (column == cuts.size()) cuts.emplace_back();
      if (node.set < 0) cuts[column].push_back(node.threshold);
    }
  }
  for (auto& list : cuts) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return cuts;
}

template <class T>
void FullForest<T>::pack_cuts(const std::vector<std::vector<double>>& cuts) {
  for (const auto& list : cuts) {
    const auto bits = std::max(kLeastBits, static_cast<uint32_t>(std::bit_width(list.size())));
    cut_lists_.push_back({cuts_.size(), bits, static_cast<uint32_t>(list.size())});
    cuts_.resize(cuts_.size() + (size_t{1} << bits), std::numeric_limits<T>::infinity());
    T* tree = &cuts_[cut_lists_.back().place];
    for (size_t rank = 0; rank < list.size(); ++rank) {
      // The cut of rank r has r + 1 as its number in order from 1 on: its last one bit says how far up it stands.
      const size_t number = rank + 1;
      const auto height = static_cast<uint32_t>(std::countr_zero(number));
      tree[(size_t{1} << (bits - 1 - height)) + (number >> (height + 1))] = in_dtype(list[rank], T{});
    }
  }
}

template <class T>
void FullForest<T>::pack_tree(const Forest& forest, size_t tree, const std::vector<std::vector<double>>& cuts,
                              ColumnNumbers& numbers) {
  const Node* nodes = &forest.nodes[forest.tree_starts[tree]];
  const size_t count = forest.tree_starts[tree + 1] - forest.tree_starts[tree];
  // Leaves before each node, in preorder: those of the subtrees to its left.
  std::vector<size_t> leaves_before(count + 1, 0);
  std::vector<uint32_t> leaf_rows;
  for (size_t i = 0; i < count; ++i) {
    leaves_before[i + 1] = leaves_before[i] + nodes[i].is_leaf();
    if (nodes[i].is_leaf()) leaf_rows.push_back(nodes[i].leaf_row);
  }
  FullTree packed{};
  packed.first_node = static_cast<uint32_t>(nodes_.size());
  packed.first_scores = static_cast<uint32_t>(scores_.size());
  packed.n_leaves = static_cast<uint32_t>(leaf_rows.size());
  for (size_t i = 0; i < count; ++i) {
    const Node& node = nodes[i];
    if (node.is_leaf()) continue;
    const uint32_t column = numbers.number(code_column_of(node));
    size_t code = 0;
    if (node.set < 0) {
      const auto& list = cuts[column];
      code = static_cast<size_t>(std::lower_bound(list.begin(), list.end(), node.threshold) - list.begin());
    }
    nodes_.push_back({column, has_words_ ? two_words(code) : four_bytes(code), four_bytes(leaves_before[i]),
                      four_bytes(leaves_before[node.right])});
  }
  packed.n_nodes = static_cast<uint32_t>(nodes_.size()) - packed.first_node;
  pack_scores(forest, leaf_rows);
  packed.n_scores = static_cast<uint32_t>(scores_.size()) - packed.first_scores;
  trees_.push_back(packed);
}

// Packs a table for each output on which a leaf scores. To add 0.0 changes no sum: none is ever -0.0, for all begin
// with 0.0.
template <class T>
void FullForest<T>::pack_scores(const Forest& forest, const std::vector<uint32_t>& leaf_rows) {
  for (size_t output = 0; output < forest.outputs; ++output) {
    const bool scores = std::any_of(leaf_rows.begin(), leaf_rows.end(),
                                    [&](uint32_t row) { return forest.values[row * forest.outputs + output] != 0.0; });
    if (scores) pack_table(forest, leaf_rows, output);
  }
}

template <class T>
void FullForest<T>::pack_table(const Forest& forest, const std::vector<uint32_t>& leaf_rows, size_t output) {
  scores_.push_back({static_cast<uint32_t>(output), tables_.size()});
  const size_t size = kernels_.wants_planes ? plane_size(leaf_rows.size()) : leaf_rows.size();
  unsigned char* table = &*tables_.insert(tables_.end(), 8 * size, 0);
  for (size_t leaf = 0; leaf < leaf_rows.size(); ++leaf) {
    unsigned char bytes[8];
    std::memcpy(bytes, &forest.values[leaf_rows[leaf] * forest.outputs + output], 8);
    if (!kernels_.wants_planes) {
      std::memcpy(table + 8 * leaf, bytes, 8);
      continue;
    }
    for (size_t plane = 0; plane < 8; ++plane) table[plane * size + leaf] = bytes[plane];
  }
}

template <class T>
template <class Code>
void FullForest<T>::code_column(size_t column, const T* x, size_t width, size_t rows, Code* codes) const {
  const CutList& list = cut_lists_[column];
  const uint32_t missing = columns_[column].kind == Column::Kind::kMissingLeft ? 0 : list.missing;
  const Cuts<T> cuts{&cuts_[list.place], list.bits, missing};
  x += columns_[column].feature;
  if constexpr (std::is_same_v<T, float> && sizeof(Code) == 1) {
    kernels_.code_bytes_f32(cuts, x, width, rows, codes);
  } else if constexpr (std::is_same_v<T, float>) {
    kernels_.code_words_f32(cuts, x, width, rows, codes);
  } else if constexpr (sizeof(Code) == 1) {
    kernels_.code_bytes_f64(cuts, x, width, rows, codes);
  } else {
    kernels_.code_words_f64(cuts, x, width, rows, codes);
  }
}

template <class T>
template <class Code>
void FullForest<T>::code_set(size_t column, const Forest& forest, const T* x, size_t width, size_t rows,
                             const uint8_t* categories, size_t stride, Code* codes) const {
  const auto table = sets_.table(column);
  if (!table.bits) {
    x += columns_[column].feature;
    for (size_t row = 0; row < rows; ++row) codes[row] = goes_right_of_set(forest, columns_[column], x[row * width]);
    return;
  }
  categories += table.place * stride;
  if constexpr (sizeof(Code) == 1) {
    kernels_.look_up_bytes(table.bits, categories, rows, codes);
  } else {
    kernels_.look_up_words(table.bits, categories, rows, codes);
  }
}

template <class T>
template <class Code>
void FullForest<T>::code_all(const Forest& forest, const T* x, size_t width, size_t rows, size_t stride,
                             Code* codes) const {
  auto* categories = reinterpret_cast<uint8_t*>(codes + columns_.size() * stride);
  sets_.find_categories(x, width, rows, stride, categories);
  for (size_t column = 0; column < columns_.size(); ++column, codes += stride) {
    if (columns_[column].kind == Column::Kind::kInSet) {
      code_set(column, forest, x, width, rows, categories, stride, codes);
    } else {
      code_column(column, x, width, rows, codes);
    }
  }
}

template <class T>
void FullForest<T>::code_rows(const Forest& forest, const T* x, size_t width, size_t rows, size_t stride,
                              unsigned char* codes) const {
  if (has_words_) {
    code_all(forest, x, width, rows, stride, reinterpret_cast<uint16_t*>(codes));
  } else {
    code_all(forest, x, width, rows, stride, codes);
  }
}

// Packs what codes one row at once, where all columns have cuts.
template <class T>
void FullForest<T>::pack_row_cuts() {
  constexpr size_t kLanes = 16;
  constexpr size_t kMost = std::numeric_limits<int32_t>::max();
  if (!kernels_.code_row || columns_.size() > kMostRowColumns || has_words_ || n_sets_ || cuts_.size() > kMost) return;
  const size_t room = (columns_.size() + kLanes - 1) / kLanes * kLanes;
  for (auto* table : {&row_features_, &row_places_, &row_bits_, &row_missing_}) table->assign(room, 0);
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].feature > kMost) return row_features_.clear();
    row_features_[i] = static_cast<int32_t>(columns_[i].feature);
    row_places_[i] = static_cast<int32_t>(cut_lists_[i].place);
    row_bits_[i] = static_cast<int32_t>(cut_lists_[i].bits);
    row_missing_[i] = columns_[i].kind == Column::Kind::kMissingLeft ? 0 : static_cast<int32_t>(cut_lists_[i].missing);
  }
}

template <class T>
void FullForest<T>::code_row(const Forest& forest, const T* x, size_t width, unsigned char* scratch,
                             uint8_t* codes) const {
  if constexpr (std::is_same_v<T, float>) {
    if (!row_features_.empty()) {
      kernels_.code_row({cuts_.data(), row_features_.data(), row_places_.data(), row_bits_.data(), row_missing_.data(),
                         columns_.size()},
                        x, codes);
      return;
    }
  }
  code_rows(forest, x, width, 1, kRowGroup, scratch);
  for (size_t column = 0; column < columns_.size(); ++column) codes[column] = scratch[column * kRowGroup];
}

template <class T>
void FullForest<T>::add_trees(size_t first, size_t last, const unsigned char* codes, size_t stride, size_t rows,
                              double* sums) const {
  const FullTrees trees{nodes_.data(), trees_.data(), scores_.data(), tables_.data()};
  const auto begin = static_cast<size_t>(number_[first]);
  const size_t end = begin + (last - first);
  if (has_words_) {
    kernels_.evaluate_words(trees, begin, end, {reinterpret_cast<const uint16_t*>(codes), sums, stride, rows});
  } else {
    kernels_.evaluate_bytes(trees, begin, end, {codes, sums, stride, rows});
  }
}

template class FullForest<float>;
template class FullForest<double>;

}  // namespace bridge
