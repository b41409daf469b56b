#include "fast_forest.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace bridge {
namespace {

// How many rows go through the trees at once. Trees that are walked are large: many rows share each of them while it is
// in the cache. The codes and sums of a tile stay in the second level's cache, half a megabyte on the smallest
// machines.
constexpr size_t kMostWalkedRows = 2048;
constexpr size_t kMostFullRows = 256;
constexpr size_t kTasks = 16;  // that large trees are shared among, where that suffices for all threads
constexpr size_t kTileBytes = 1 << 18;

// What one row takes, about.
constexpr double kVisitNs = 1.0;
constexpr double kMadeNs = 4.0;  // to make a column for a walk
constexpr double kTreeNs = 2.0;       // of which all nodes are asked at once
constexpr double kRowColumnNs = 3.0;  // to code a column for that
constexpr double kCodeNs = 2.0;
constexpr double kColumnNs = 8.0;  // to begin with a column, once a tile

// What a run needs besides its input and output; kept by each thread, so that a run allocates nothing.
template <class T>
struct Scratch {
  std::vector<T> rows;
  std::vector<uint32_t> leaves;
  std::vector<unsigned char> codes;
  std::vector<double> sums;
};

template <class T>
Scratch<T>& scratch() {
  static thread_local Scratch<T> mine;
  return mine;
}

template <class Number>
Number* grow(std::vector<Number>& table, size_t size) {
  if (table.size() < size) table.resize(size);
  return table.data();
}

double start_of(Fold fold) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return fold == Fold::kSum ? 0.0 : fold == Fold::kMin ? kInfinity : -kInfinity;
}

// Calls `body` with the function that folds one more score in.
template <class Body>
void with_fold(Fold fold, Body&& body) {
  switch (fold) {
    case Fold::kSum:
      return body([](double sum, double score) { return sum + score; });
    case Fold::kMin:
      return body([](double least, double score) { return score < least || score != score ? score : least; });
    case Fold::kMax:
      return body([](double most, double score) { return score > most || score != score ? score : most; });
  }
}

size_t padded(size_t rows) { return (rows + kRowGroup - 1) / kRowGroup * kRowGroup; }

}  // namespace

template <class T>
FastForest<T>::FastForest(Forest forest, const Kernels& kernels, Fold fold)
    : forest_(std::move(forest)),
      fold_(fold),
      walker_(forest_, kernels),
      // The loops over all nodes of a tree add.
      full_(forest_, kernels, fold == Fold::kSum ? kernels.most_leaves : 0),
      row_(forest_, full_, kernels) {
  for (size_t tree = 0; tree < forest_.n_trees(); ++tree) {
    const bool is_full = full_.holds(tree);
    if (stretches_.empty() || stretches_.back().is_full != is_full) stretches_.push_back({tree, tree, is_full});
    stretches_.back().last = tree + 1;
    row_visits_ += forest_.depths[tree];
    if (!is_full) walked_visits_ += forest_.depths[tree];
    has_walks_ |= !is_full;
  }
  const double walk_ns = kVisitNs * row_visits_ + kMadeNs * static_cast<double>(walker_.n_made());
  const double all_ns =
      kRowColumnNs * static_cast<double>(full_.n_columns()) + kTreeNs * static_cast<double>(row_.n_trees());
  asks_all_ = row_.n_trees() && all_ns < walk_ns;
  row_ns_ = asks_all_ ? all_ns : walk_ns;
  group_ns_ = kernels.node_ns * static_cast<double>(full_.n_nodes()) * static_cast<double>(full_.code_bytes());
  const size_t row_bytes = std::max<size_t>(
      {full_.row_bytes(), forest_.outputs * sizeof(double), has_walks_ ? walker_.columns() * sizeof(T) : 0, 1});
  tile_rows_ = std::clamp<size_t>(kTileBytes / row_bytes / kRowGroup * kRowGroup, kRowGroup,
                                  has_walks_ ? kMostWalkedRows : kMostFullRows);
}

template <class T>
double FastForest<T>::tile_ns(size_t rows) const {
  double each = kVisitNs * walked_visits_ + kCodeNs * static_cast<double>(full_.n_cut_columns());
  if (has_walks_) each += kMadeNs * static_cast<double>(walker_.n_made());
  // A group by itself takes twice the time: one instruction waits for another.
  const size_t groups = std::max<size_t>(padded(rows) / kRowGroup, 2);
  return each * static_cast<double>(rows) + group_ns_ * static_cast<double>(groups) +
         kColumnNs * static_cast<double>(full_.n_columns());
}

template <class T>
double FastForest<T>::run_ns(size_t rows) const {
  return std::min(row_ns_ * static_cast<double>(rows), tile_ns(rows));
}

template <class T>
size_t FastForest<T>::task_rows(size_t rows, double ns) const {
  // A large tree is brought into the cache once for all rows of a task; kernels evaluate four groups of rows side by
  // side, and take twice the time a row for one alone.
  const size_t shared = has_walks_ ? std::min(rows / kTasks, kMostWalkedRows) : 4 * kRowGroup;
  const double wanted = ns * static_cast<double>(rows) / run_ns(rows);
  const size_t least = std::max(shared, static_cast<size_t>(std::min(wanted, static_cast<double>(rows))));
  return std::clamp<size_t>(padded(least), kRowGroup, tile_rows_);
}

template <class T>
void FastForest<T>::run(const T* x, size_t width, size_t rows, double* sums) const {
  if (rows < kRowGroup && row_ns_ * static_cast<double>(rows) <= tile_ns(rows)) {
    std::fill(sums, sums + rows * forest_.outputs, start_of(fold_));
    for (size_t row = 0; row < rows; ++row) run_row(x + row * width, width, sums + row * forest_.outputs);
    return;
  }
  for (size_t row = 0; row < rows; row += tile_rows_) {
    run_tile(x + row * width, width, std::min(tile_rows_, rows - row), sums + row * forest_.outputs);
  }
}

template <class T>
void FastForest<T>::run_row(const T* x, size_t width, double* sums) const {
  Scratch<T>& mine = scratch<T>();
  uint32_t* leaves = grow(mine.leaves, forest_.n_trees());
  if (asks_all_) {
    uint8_t codes[kMostRowColumns] = {};
    full_.code_row(forest_, x, width, grow(mine.codes, full_.row_bytes() * kRowGroup), codes);
    row_.add_scores(forest_, codes, leaves, sums);
    return;
  }
  walker_.find_row_leaves(walker_.prepare(forest_, x, width, 1, mine.rows).data, leaves);
  with_fold(fold_, [&](auto fold) {
    for (size_t o = 0; o < forest_.outputs; ++o) {
      const double* values = &forest_.values[o];
      double sum = sums[o];
      for (size_t tree = 0; tree < forest_.n_trees(); ++tree) sum = fold(sum, values[leaves[tree] * forest_.outputs]);
      sums[o] = sum;
    }
  });
}

template <class T>
void FastForest<T>::run_tile(const T* x, size_t width, size_t rows, double* sums) const {
  Scratch<T>& mine = scratch<T>();
  const size_t stride = padded(rows);
  double* columns = grow(mine.sums, forest_.outputs * stride);
  std::fill(columns, columns + forest_.outputs * stride, start_of(fold_));
  unsigned char* codes = grow(mine.codes, full_.row_bytes() * stride);
  if (full_.n_trees()) full_.code_rows(forest_, x, width, rows, stride, codes);
  Rows<T> ready{x, width};
  if (has_walks_) ready = walker_.prepare(forest_, x, width, rows, mine.rows);
  for (const Stretch& stretch : stretches_) {
    if (stretch.is_full) {
      full_.add_trees(stretch.first, stretch.last, codes, stride, stride, columns);
    } else {
      walk_trees(stretch, ready, rows, stride, columns);
    }
  }
  for (size_t row = 0; row < rows; ++row) {
    for (size_t o = 0; o < forest_.outputs; ++o) sums[row * forest_.outputs + o] = columns[o * stride + row];
  }
}

template <class T>
void FastForest<T>::walk_trees(const Stretch& stretch, Rows<T> x, size_t rows, size_t stride, double* sums) const {
  uint32_t* leaves = grow(scratch<T>().leaves, rows);
  for (size_t tree = stretch.first; tree < stretch.last; ++tree) {
    walker_.find_leaves(tree, x, rows, leaves);
    with_fold(fold_, [&](auto fold) {
      for (size_t o = 0; o < forest_.outputs; ++o) {
        const double* values = &forest_.values[o];
        for (size_t row = 0; row < rows; ++row) {
          double& sum = sums[o * stride + row];
          sum = fold(sum, values[leaves[row] * forest_.outputs]);
        }
      }
    });
  }
}

template class FastForest<float>;
template class FastForest<double>;

}  // namespace bridge
