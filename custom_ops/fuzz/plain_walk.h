// What every kernel must give: one row after another down one tree after another, straight through the tables.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "drawn_tables.h"

namespace fuzz {

inline bool goes_left(const OwnTables& t, size_t node, double x) {
  if (std::isnan(x)) return t.missing_left[node] != 0;
  if (t.category[node] < 0) return x <= t.threshold[node];
  if (!(x >= 0 && x < 16777216.0)) return false;
  const auto set = static_cast<size_t>(t.category[node]);
  const auto begin = t.set_members.begin() + t.set_starts[set], end = t.set_members.begin() + t.set_starts[set + 1];
  return std::find(begin, end, static_cast<int64_t>(x)) != end;
}

// Returns the row of values that each row of x, `width` numbers wide, scores in each tree: (rows, trees).
template <class T>
std::vector<size_t> walk(const OwnTables& t, const std::vector<T>& x, size_t width, size_t rows) {
  std::vector<size_t> reached;
  for (size_t row = 0; row < rows; ++row) {
    for (const int32_t root : t.roots) {
      auto node = static_cast<size_t>(root);
      while (t.left[node] >= 0) {
        const double number = x[row * width + static_cast<size_t>(t.feature[node])];
        node = static_cast<size_t>(goes_left(t, node, number) ? t.left[node] : t.right[node]);
      }
      reached.push_back(static_cast<size_t>(t.leaf[node]));
    }
  }
  return reached;
}

// Returns the sums, (rows, outputs). `group` trees are added up at a time, and then these sums, both in their order.
inline std::vector<double> add_up(const OwnTables& t, const std::vector<size_t>& reached, size_t group) {
  const auto outputs = static_cast<size_t>(t.outputs);
  const size_t trees = t.roots.size(), rows = reached.size() / trees;
  std::vector<double> sums(rows * outputs, 0.0);
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t* leaves = &reached[i / outputs * trees];
    for (size_t first = 0; first < trees; first += group) {
      double part = 0;
      for (size_t tree = first; tree < std::min(first + group, trees); ++tree) {
        part += t.values[leaves[tree] * outputs + i % outputs];
      }
      sums[i] += part;
    }
  }
  return sums;
}

// Equal as bits, but for the payload of NaN, which is the processor's.
inline bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

// A number at a threshold, beside one, or anywhere.
template <class T>
T draw_number(Bytes& bytes, const OwnTables& t) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  const auto thresholds = static_cast<uint32_t>(t.threshold.size());
  double drawn = bytes.upto(1) && thresholds ? t.threshold[bytes.upto(thresholds - 1)] : bytes.number();
  if (std::isfinite(drawn)) {
    drawn = std::clamp<double>(drawn, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max());
  }
  const uint32_t side = bytes.upto(3);
  const auto number = static_cast<T>(drawn);
  return side < 2 ? std::nextafter(number, side ? kInfinity : -kInfinity) : number;
}

// Draws so many numbers of rows, among which those drawn come again, shuffled: many rows take few bytes.
template <class T>
std::vector<T> draw_rows(Bytes& bytes, const OwnTables& t, size_t numbers) {
  std::vector<T> drawn(1 + bytes.upto(99)), x(numbers);
  for (T& number : drawn) number = draw_number<T>(bytes, t);
  uint64_t state = bytes.upto(65535);
  for (T& number : x) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX
    number = drawn[(state >> 33) % drawn.size()];
  }
  return x;
}

}  // namespace fuzz
