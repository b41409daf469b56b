// What becomes of the scores of a row's trees: their total, and what the operator's outputs make of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "forest_tables.h"

namespace bridge {

enum class Aggregate : uint8_t { kSum, kMean, kMin, kMax };
enum class Link : uint8_t { kNone, kSigmoid, kSigmoidBoth, kSoftmax, kExp };
enum class Label : uint8_t { kArgmax, kArgmaxTotal, kPositive, kNonNegative };

// The attributes of a node; bridge/passes/keep_forests.py defines them.
struct Settings {
  Aggregate aggregate = Aggregate::kSum;
  Link link = Link::kNone;
  Label label = Label::kArgmax;
  bool squeeze = false;

  // Whether they ask for the sums alone.
  bool are_plain() const { return aggregate == Aggregate::kSum && link == Link::kNone && !squeeze; }
};

// Return what an attribute's text means; throw TableError where it means nothing.
Aggregate aggregate_of(const std::string& text);
Link link_of(const std::string& text);
Label label_of(const std::string& text);

// Where the outputs of some rows are to be written; those that nobody asked for are null, but for y.
struct Results {
  double* y = nullptr;
  double* total = nullptr;
  int64_t* label = nullptr;
  double* log = nullptr;

  // The same from a later row on.
  Results from(size_t row, size_t columns, size_t outputs) const {
    return {y + row * columns, total ? total + row * outputs : nullptr, label ? label + row : nullptr,
            log ? log + row * columns : nullptr};
  }
};

class Finish {
 public:
  // Throws TableError where the settings do not fit a forest's outputs.
  Finish(const Settings& settings, const Forest& forest);

  // Of y and its logarithm; the total has as many columns as the forest has outputs.
  size_t columns() const { return columns_; }
  bool squeezes(size_t columns) const { return settings_.squeeze && columns == 1; }

  // Returns where the sums, minima or maxima of so many rows are to stand for `finish`, which takes no memory itself.
  double* place(const Results& results, size_t rows) const;

  // Writes the results of rows whose sums stand at `place`.
  void finish(const Results& results, size_t rows) const;

 private:
  void add_base(double* totals, size_t rows) const;
  void apply_link(const double* totals, size_t rows, double* y) const;

  Settings settings_;
  size_t outputs_;
  size_t columns_;
  double n_trees_;
  std::vector<double> base_;
};

}  // namespace bridge
