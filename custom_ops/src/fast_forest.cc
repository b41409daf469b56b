#include "fast_forest.h"

#include <algorithm>
#include <utility>

namespace bridge {
namespace {

constexpr size_t kFewRows = 4;
constexpr size_t kMostTileRows = 2048;
constexpr size_t kTileNumbers = 1 << 16;  // of one table of a tile: half a megabyte in float64
constexpr double kVisitNs = 1.5;

// What a run needs besides its input and output; kept by each thread, so that a run allocates nothing.
template <class T>
struct Scratch {
  std::vector<T> rows;
  std::vector<uint32_t> leaves;
};

template <class T>
Scratch<T>& scratch() {
  static thread_local Scratch<T> mine;
  return mine;
}

}  // namespace

template <class T>
FastForest<T>::FastForest(Forest forest, const Kernels& kernels)
    : forest_(std::move(forest)), walker_(forest_, kernels) {
  const size_t widest = std::max<size_t>({walker_.columns(), forest_.outputs, 1});
  tile_rows_ = std::clamp<size_t>(kTileNumbers / widest / 64 * 64, 64, kMostTileRows);
  row_ns_ = 10;
  for (uint32_t depth : forest_.depths) row_ns_ += kVisitNs * depth;
}

template <class T>
size_t FastForest<T>::task_rows(size_t wanted) const {
  return std::clamp<size_t>((wanted + 63) / 64 * 64, 64, tile_rows_);
}

template <class T>
void FastForest<T>::run(const T* x, size_t width, size_t rows, double* sums) const {
  std::fill(sums, sums + rows * forest_.outputs, 0.0);
  if (rows <= kFewRows) {
    for (size_t row = 0; row < rows; ++row) {
      const Rows<T> ready = walker_.prepare(forest_, x + row * width, width, 1, scratch<T>().rows);
      walker_.add_row(forest_, ready.data, sums + row * forest_.outputs);
    }
    return;
  }
  for (size_t row = 0; row < rows; row += tile_rows_) {
    run_tile(x + row * width, width, std::min(tile_rows_, rows - row), sums + row * forest_.outputs);
  }
}

template <class T>
void FastForest<T>::run_tile(const T* x, size_t width, size_t rows, double* sums) const {
  Scratch<T>& mine = scratch<T>();
  const Rows<T> ready = walker_.prepare(forest_, x, width, rows, mine.rows);
  if (mine.leaves.size() < rows) mine.leaves.resize(tile_rows_);
  const size_t outputs = forest_.outputs;
  for (size_t tree = 0; tree < forest_.n_trees(); ++tree) {
    walker_.find_leaves(tree, ready, rows, mine.leaves.data());
    for (size_t row = 0; row < rows; ++row) {
      const double* values = &forest_.values[mine.leaves[row] * outputs];
      for (size_t o = 0; o < outputs; ++o) sums[row * outputs + o] += values[o];
    }
  }
}

template class FastForest<float>;
template class FastForest<double>;

}  // namespace bridge
