#include "set_columns.h"

#include <map>

namespace bridge {
namespace {

constexpr uint64_t kNotCategories = uint64_t{3} << 62;  // the last two bits of the last word

bool has_table(const Forest& forest, const Column& column) {
  if (column.kind != Column::Kind::kInSet) return false;
  const CategorySet& set = forest.sets[static_cast<size_t>(column.set)];
  return set.begin == set.end && !(set.low[3] & kNotCategories);
}

}  // namespace

template <class T>
SetColumns<T>::SetColumns(const Forest& forest, const std::vector<Column>& columns) : number_(columns.size(), -1) {
  std::map<uint32_t, size_t> places;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    if (!has_table(forest, column)) continue;
    const auto [place, is_new] = places.try_emplace(column.feature, features_.size());
    if (is_new) features_.push_back(column.feature);
    number_[i] = static_cast<int32_t>(bits_.size());
    places_.push_back(place->second);
    auto& bits = bits_.emplace_back();
    const CategorySet& set = forest.sets[static_cast<size_t>(column.set)];
    for (size_t word = 0; word < 4; ++word) bits[word] = ~set.low[word];
    if (column.missing_left) bits[3] &= ~(uint64_t{1} << (kMissingCategory % 64));
  }
}

template <class T>
void SetColumns<T>::find_categories(const T* x, size_t width, size_t rows, size_t stride, uint8_t* categories) const {
  for (size_t i = 0; i < features_.size(); ++i) {
    const T* number = x + features_[i];
    uint8_t* out = categories + i * stride;
    for (size_t row = 0; row < rows; ++row, number += width) {
      const bool is_category = *number >= 0 && *number < static_cast<T>(kCategories);
      const uint8_t other = *number != *number ? kMissingCategory : kNoCategory;
      out[row] = is_category ? static_cast<uint8_t>(*number) : other;
    }
  }
}

template <class T>
typename SetColumns<T>::Table SetColumns<T>::table(size_t column) const {
  if (number_[column] < 0) return {};
  const auto number = static_cast<size_t>(number_[column]);
  return {places_[number], bits_[number].data()};
}

template class SetColumns<float>;
template class SetColumns<double>;

}  // namespace bridge
