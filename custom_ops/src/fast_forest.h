// A forest that is ready to run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "forest_tables.h"
#include "full_forest.h"
#include "row_forest.h"
#include "walker.h"

namespace bridge {

// How the scores of a row's trees become one. A NaN among them makes the least and the largest NaN.
enum class Fold : uint8_t { kSum, kMin, kMax };

// T is the dtype of x, float or double. A row's sum adds its trees' scores in float64 in the order of the trees,
// beginning with 0.0: the same bits whatever the instruction set, the threads and the rows beside it.
template <class T>
class FastForest {
 public:
  FastForest(Forest forest, const Kernels& kernels, Fold fold = Fold::kSum);

  // The least number of columns that x must have.
  size_t features() const { return forest_.features; }
  size_t outputs() const { return forest_.outputs; }

  // Writes the sums, or what else folds make, (rows, outputs), of rows that are `width` numbers wide.
  void run(const T* x, size_t width, size_t rows, double* sums) const;

  // About how many nanoseconds so many rows take on one core.
  double run_ns(size_t rows) const;

  // How many of so many rows to give to a thread at a time, for a task of at least so many nanoseconds.
  size_t task_rows(size_t rows, double ns) const;

 private:
  // Trees one after another that are evaluated alike.
  struct Stretch {
    size_t first;
    size_t last;
    bool is_full;
  };

  double tile_ns(size_t rows) const;
  void run_row(const T* x, size_t width, double* sums) const;
  void run_tile(const T* x, size_t width, size_t rows, double* sums) const;
  void walk_trees(const Stretch& stretch, Rows<T> x, size_t rows, size_t stride, double* sums) const;

  Forest forest_;
  Fold fold_;
  Walker<T> walker_;
  FullForest<T> full_;
  RowForest row_;
  std::vector<Stretch> stretches_;
  bool has_walks_ = false;
  size_t tile_rows_;
  bool asks_all_ = false;     // of a row by itself, all nodes at once: faster than to walk
  double row_ns_ = 0;         // about what a row by itself takes
  double row_visits_ = 0;     // of walks down all trees
  double walked_visits_ = 0;  // of walks down the trees that are not evaluated whole
  double group_ns_;           // of evaluating the others, for kRowGroup rows
};

}  // namespace bridge
