// A forest that is ready to run.
#pragma once

#include <cstddef>
#include <vector>

#include "forest_tables.h"
#include "walker.h"

namespace bridge {

// T is the dtype of x, float or double. A row's sum adds its trees' scores in float64 in the order of the trees,
// beginning with 0.0: the same bits whatever the instruction set, the threads and the rows beside it.
template <class T>
class FastForest {
 public:
  FastForest(Forest forest, const Kernels& kernels);

  // The least number of columns that x must have.
  size_t features() const { return forest_.features; }
  size_t outputs() const { return forest_.outputs; }

  // Writes the sums, (rows, outputs), of rows that are `width` numbers wide.
  void run(const T* x, size_t width, size_t rows, double* sums) const;

  // About how many nanoseconds a row takes among many.
  double row_ns() const { return row_ns_; }

  // How many rows to give to a thread at a time: at least `wanted`, and whole tiles' parts.
  size_t task_rows(size_t wanted) const;

 private:
  void run_tile(const T* x, size_t width, size_t rows, double* sums) const;

  Forest forest_;
  Walker<T> walker_;
  size_t tile_rows_;
  double row_ns_;
};

}  // namespace bridge
