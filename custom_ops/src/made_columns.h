// Columns that are made from features, so that every node of a forest asks one plain question: x[column] > threshold.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "forest_tables.h"

namespace bridge {

// A feature under one of its readings. NaN goes right of a threshold in `kMissingRight`, and left in `kMissingLeft`.
// `kIsMissing` is 1 for NaN, else 0; `kInSet` is 0 for the members of a set, which go left, else 1.
struct Column {
  enum class Kind : uint8_t { kMissingRight, kMissingLeft, kIsMissing, kInSet };
  Kind kind = Kind::kMissingRight;
  uint32_t feature = 0;
  int32_t set = -1;
  bool missing_left = false;  // where NaN goes for a set

  // Whether it holds 0 and 1 alone.
  bool is_flag() const { return kind == Kind::kIsMissing || kind == Kind::kInSet; }

  auto operator<=>(const Column&) const = default;
};

// Numbers columns in the order in which they are first asked for.
class ColumnNumbers {
 public:
  uint32_t number(const Column& column) {
    const auto [place, is_new] = numbers_.try_emplace(column, static_cast<uint32_t>(columns.size()));
    if (is_new) columns.push_back(column);
    return place->second;
  }

  std::vector<Column> columns;

 private:
  std::map<Column, uint32_t> numbers_;
};

// Returns whether a row with this number goes right at a node that asks for the column's set.
inline bool goes_right_of_set(const Forest& forest, const Column& column, double x) {
  return x != x ? !column.missing_left : !forest.is_member(column.set, x);
}

}  // namespace bridge
