// Columns that say whether a category is in a set, coded by a table of 256 bits where the set's numbers are small
// enough.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "forest_tables.h"
#include "made_columns.h"

namespace bridge {

// A feature's integer part as a byte. What no set holds, and NaN, have bytes that no category has.
constexpr uint32_t kCategories = 254;
constexpr uint8_t kMissingCategory = 254;
constexpr uint8_t kNoCategory = 255;

// T is the dtype of x.
template <class T>
class SetColumns {
 public:
  SetColumns() = default;
  SetColumns(const Forest& forest, const std::vector<Column>& columns);

  // The features whose categories are wanted.
  size_t n_features() const { return features_.size(); }

  // Writes the categories of these features, `stride` rows apart.
  void find_categories(const T* x, size_t width, size_t rows, size_t stride, uint8_t* categories) const;

  // Where the categories for a column stand, and a bit for each of them: whether it goes right. No bits for columns
  // that are not coded by tables.
  struct Table {
    size_t place = 0;  // the feature's, among n_features()
    const uint64_t* bits = nullptr;
  };
  Table table(size_t column) const;

 private:
  std::vector<uint32_t> features_;
  std::vector<int32_t> number_;  // of each column among the tables; -1 for the others
  std::vector<size_t> places_;
  std::vector<std::array<uint64_t, 4>> bits_;
};

}  // namespace bridge
