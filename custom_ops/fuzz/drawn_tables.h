// The tables of a forest, drawn from a fuzzer's input. Half of them are trees in which a few entries were changed,
// which the reader mostly refuses.
#pragma once

#include <cstdint>
#include <vector>

#include "bytes.h"
#include "forest_tables.h"

namespace fuzz {

constexpr size_t kWidth = 5;  // what undamaged trees ask for, at most

// The tables with memory of their own, each exactly as long as it says, so that a read beyond it is seen.
struct OwnTables {
  std::vector<int32_t> feature, left, right, leaf, roots, category;
  std::vector<double> threshold, values, base;
  std::vector<uint8_t> missing_left;
  std::vector<int64_t> set_starts, set_members;
  int64_t value_rows = 1, outputs = 1;

  bridge::ForestTables view() const {
    return {feature, threshold,  left,    right,    leaf,       missing_left, roots,
            values,  value_rows, outputs, category, set_starts, set_members,  base};
  }
};

OwnTables draw_tables(Bytes& bytes);

}  // namespace fuzz
