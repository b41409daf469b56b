// The small trees of a forest, packed for evaluation as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "forest_tables.h"
#include "full_nodes.h"
#include "kernels.h"
#include "made_columns.h"
#include "set_columns.h"

namespace bridge {

// T is the dtype of x. Codes are ranks among the thresholds of a column, counted in the dtype of x: they decide as it
// does.
template <class T>
class FullForest {
 public:
  FullForest(const Forest& forest, const Kernels& kernels, size_t most_leaves);

  // Whether a tree is among those packed here.
  bool holds(size_t tree) const { return number_[tree] >= 0; }

  size_t n_trees() const { return trees_.size(); }
  size_t n_columns() const { return columns_.size(); }
  size_t n_cut_columns() const { return columns_.size() - n_sets_; }
  size_t n_nodes() const { return nodes_.size(); }
  const std::vector<FullNode>& nodes() const { return nodes_; }
  const std::vector<FullTree>& trees() const { return trees_; }
  const std::vector<LeafScores>& scores() const { return scores_; }
  size_t code_bytes() const { return has_words_ ? 2 : 1; }

  // How many bytes a row has in the memory that `code_rows` writes.
  size_t row_bytes() const { return columns_.size() * code_bytes() + sets_.n_features(); }

  // Writes the codes of all columns, `stride` rows apart; `codes` has room for `stride` rows of row_bytes().
  void code_rows(const Forest& forest, const T* x, size_t width, size_t rows, size_t stride,
                 unsigned char* codes) const;

  // Writes the codes of one row, of at most kMostRowColumns columns that are bytes; `scratch` has room as for code_rows
  // of kRowGroup rows.
  void code_row(const Forest& forest, const T* x, size_t width, unsigned char* scratch, uint8_t* codes) const;

  // Adds the scores of the forest's trees from `first` to `last - 1`, all held, to the sums of a tile.
  void add_trees(size_t first, size_t last, const unsigned char* codes, size_t stride, size_t rows, double* sums) const;

 private:
  struct CutList {
    size_t place;  // in cuts_
    uint32_t bits;
    uint32_t missing;
  };

  bool may_hold(const Forest& forest, size_t tree) const;
  std::vector<std::vector<double>> find_cuts(const Forest& forest, ColumnNumbers& numbers);
  void pack_cuts(const std::vector<std::vector<double>>& cuts);
  void pack_row_cuts();
  void pack_tree(const Forest& forest, size_t tree, const std::vector<std::vector<double>>& cuts,
                 ColumnNumbers& numbers);
  void pack_scores(const Forest& forest, const std::vector<uint32_t>& leaf_rows);
  void pack_table(const Forest& forest, const std::vector<uint32_t>& leaf_rows, size_t output);
  template <class Code>
  void code_column(size_t column, const T* x, size_t width, size_t rows, Code* codes) const;
  template <class Code>
  void code_set(size_t column, const Forest& forest, const T* x, size_t width, size_t rows, const uint8_t* categories,
                size_t stride, Code* codes) const;
  template <class Code>
  void code_all(const Forest& forest, const T* x, size_t width, size_t rows, size_t stride, Code* codes) const;

  const Kernels& kernels_;
  size_t most_leaves_;
  std::vector<int32_t> number_;  // of each tree of the forest among those packed; -1 for the others
  std::vector<Column> columns_;
  SetColumns<T> sets_;
  size_t n_sets_ = 0;
  std::vector<T> cuts_;
  std::vector<CutList> cut_lists_;
  std::vector<int32_t> row_features_, row_places_, row_bits_, row_missing_;  // as RowCuts has them, or empty
  bool has_words_ = false;
  std::vector<FullNode> nodes_;
  std::vector<FullTree> trees_;
  std::vector<LeafScores> scores_;
  std::vector<unsigned char> tables_;  // what stands in it is read as float64, from multiples of eight bytes
};

}  // namespace bridge
