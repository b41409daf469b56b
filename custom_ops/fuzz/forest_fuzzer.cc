// Turns bytes into the tables of a forest and into rows, and holds every kernel to a plain walk through the tables.
//
// Half of the inputs are trees in which a few entries were changed, which the reader mostly refuses: it must not read
// outside of them. Those that pass, and the others, must give the sums of the walk, bit for bit.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "fast_forest.h"

namespace {

constexpr size_t kWidth = 5;
constexpr const char* kIsas[] = {"scalar", "avx2", "avx512", "avx512vbmi"};

// Hands the input out byte by byte; zeros once it is used up.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint32_t upto(uint32_t most) {
    uint32_t number = byte();
    if (most > 255) number = number << 8 | byte();
    return number % (most + 1);
  }

  double number() {
    static constexpr double kSpecial[] = {0.0,    -0.0,         0.1,    -0.1,  1.0 / 3, 1e-45,
                                          5e-324, 3.4028234e38, 3.5e38, 1e300, -1e300};
    const uint32_t kind = byte();
    if (kind < 24) return kSpecial[kind % std::size(kSpecial)];
    if (kind < 28) return std::numeric_limits<double>::infinity();
    if (kind < 32) return -std::numeric_limits<double>::infinity();
    if (kind < 36) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<int8_t>(byte()) / (kind < 140 ? 1.0 : 3.0);
  }

 private:
  uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }

  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

// The tables with memory of their own, each exactly as long as it says, so that a read beyond it is seen.
struct OwnTables {
  std::vector<int32_t> feature, left, right, leaf, roots, category;
  std::vector<double> threshold, values;
  std::vector<uint8_t> missing_left;
  std::vector<int64_t> set_starts, set_members;
  int64_t outputs = 1;

  bridge::ForestTables view() const {
    return {feature,    threshold, left,
            right,      leaf,      missing_left,
            roots,      values,    static_cast<int64_t>(values.size()) / outputs,
            outputs,    category,  set_starts,
            set_members};
  }
};

int32_t any_index(Bytes& bytes, size_t size) {
  return static_cast<int32_t>(bytes.upto(static_cast<uint32_t>(size) + 1)) - 1;
}

void add_node(Bytes& bytes, OwnTables& t, size_t sets, size_t rows) {
  t.feature.push_back(static_cast<int32_t>(bytes.upto(kWidth - 1)));
  t.threshold.push_back(bytes.number());
  t.left.push_back(-1);
  t.right.push_back(-1);
  t.leaf.push_back(static_cast<int32_t>(bytes.upto(static_cast<uint32_t>(rows) - 1)));
  t.missing_left.push_back(static_cast<uint8_t>(bytes.upto(3)));
  const bool asks = sets && bytes.upto(3) == 0;
  t.category.push_back(asks ? static_cast<int32_t>(bytes.upto(static_cast<uint32_t>(sets) - 1)) : -1);
}

OwnTables make_tables(Bytes& bytes) {
  OwnTables t;
  t.outputs = 1 + bytes.upto(2);
  const size_t rows = 1 + bytes.upto(40);
  for (size_t i = 0; i < rows * static_cast<size_t>(t.outputs); ++i)
    t.values.push_back(bytes.upto(9) ? bytes.number() : 0);
  const size_t sets = bytes.upto(1) ? bytes.upto(4) : 0;
  t.set_starts.push_back(0);
  for (size_t s = 0; s < sets; ++s) {
    for (uint32_t n = bytes.upto(5); n; --n)
      t.set_members.push_back(bytes.upto(7) ? bytes.upto(12) : bytes.upto(65535) * 300);
    t.set_starts.push_back(static_cast<int64_t>(t.set_members.size()));
  }
  const bool any = bytes.upto(1);
  const size_t trees = 1 + bytes.upto(6);
  for (size_t tree = 0; tree < trees; ++tree) {
    const size_t root = t.feature.size();
    t.roots.push_back(static_cast<int32_t>(root));
    // Most trees are small; some have more leaves than a byte can count.
    const size_t splits = bytes.upto(7) ? bytes.upto(40) : bytes.upto(400);
    const bool is_list = bytes.upto(7) == 0;
    add_node(bytes, t, sets, rows);
    for (size_t split = 0; split < splits; ++split) {
      size_t node = t.feature.size() - 1;
      if (!is_list) {
        node = root + bytes.upto(static_cast<uint32_t>(t.feature.size() - root) - 1);
        while (t.left[node] >= 0) node = static_cast<size_t>(bytes.upto(1) ? t.left[node] : t.right[node]);
      }
      t.left[node] = static_cast<int32_t>(t.feature.size());
      t.right[node] = t.left[node] + 1;
      add_node(bytes, t, sets, rows);
      add_node(bytes, t, sets, rows);
    }
  }
  const size_t nodes = t.feature.size();
  for (uint32_t changes = any ? bytes.upto(6) : 0; changes; --changes) {
    const size_t at = bytes.upto(static_cast<uint32_t>(nodes) - 1);
    switch (bytes.upto(9)) {
      case 0:
        t.left[at] = any_index(bytes, nodes);
        break;
      case 1:
        t.right[at] = any_index(bytes, nodes);
        break;
      case 2:
        t.leaf[at] = any_index(bytes, rows);
        break;
      case 3:
        t.feature[at] = any_index(bytes, kWidth);
        break;
      case 4:
        t.category[at] = any_index(bytes, sets);
        break;
      case 5:
        t.roots[at % t.roots.size()] = any_index(bytes, nodes);
        break;
      case 6:
        t.set_starts[at % t.set_starts.size()] = any_index(bytes, t.set_members.size());
        break;
      case 7:
        t.threshold.resize(at);
        break;
      case 8:
        t.values.resize(std::max<size_t>(1, at % t.values.size()));
        break;
      default:
        t.left[at] = std::numeric_limits<int32_t>::max() - static_cast<int32_t>(bytes.upto(2));
    }
  }
  return t;
}

bool goes_left(const OwnTables& t, size_t node, double x) {
  if (std::isnan(x)) return t.missing_left[node] != 0;
  if (t.category[node] < 0) return x <= t.threshold[node];
  if (!(x >= 0 && x < 16777216.0)) return false;
  const auto set = static_cast<size_t>(t.category[node]);
  const auto begin = t.set_members.begin() + t.set_starts[set], end = t.set_members.begin() + t.set_starts[set + 1];
  return std::find(begin, end, static_cast<int64_t>(x)) != end;
}

template <class T>
std::vector<double> walk(const OwnTables& t, const std::vector<T>& x, size_t rows) {
  const auto outputs = static_cast<size_t>(t.outputs);
  std::vector<double> sums(rows * outputs, 0.0);
  for (size_t row = 0; row < rows; ++row) {
    for (int32_t root : t.roots) {
      auto node = static_cast<size_t>(root);
      while (t.left[node] >= 0) {
        const double number = x[row * kWidth + static_cast<size_t>(t.feature[node])];
        node = static_cast<size_t>(goes_left(t, node, number) ? t.left[node] : t.right[node]);
      }
      for (size_t o = 0; o < outputs; ++o)
        sums[row * outputs + o] += t.values[static_cast<size_t>(t.leaf[node]) * outputs + o];
    }
  }
  return sums;
}

// Equal as bits, but for the payload of NaN, which is the processor's.
bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

template <class T>
void hold_to_walk(const OwnTables& tables, const bridge::Forest& forest, Bytes& bytes) {
  static constexpr size_t kRows[] = {0, 1, 3, 20, 64, 65, 300};
  const size_t rows = kRows[bytes.upto(std::size(kRows) - 1)];
  std::vector<T> x(rows * kWidth);
  for (T& number : x) {
    double drawn = bytes.upto(1) && !tables.threshold.empty()
                       ? tables.threshold[bytes.upto(static_cast<uint32_t>(tables.threshold.size()) - 1)]
                       : bytes.number();
    if (std::isfinite(drawn))
      drawn = std::clamp<double>(drawn, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max());
    number = static_cast<T>(drawn);
    const uint32_t side = bytes.upto(3);
    if (side < 2)
      number = std::nextafter(number, side ? std::numeric_limits<T>::infinity() : -std::numeric_limits<T>::infinity());
  }
  const std::vector<double> expected = walk(tables, x, rows);
  for (const char* isa : kIsas) {
    setenv("BRIDGE_FOREST_ISA", isa, 1);
    const bridge::Kernels* kernels = nullptr;
    try {
      kernels = &bridge::choose_kernels();
    } catch (const std::exception&) {
      continue;
    }
    const bridge::FastForest<T> fast(forest, *kernels);
    std::vector<double> sums(expected.size());
    fast.run(x.data(), kWidth, rows, sums.data());
    for (size_t i = 0; i < sums.size(); ++i) {
      if (same(sums[i], expected[i])) continue;
      std::fprintf(stderr, "%s: sum %zu is %.17g, expected %.17g\n", isa, i, sums[i], expected[i]);
      std::abort();
    }
  }
}

// How many inputs were refused and how many ran, printed at the end.
struct Counts {
  size_t refused = 0, ran = 0, too_narrow = 0;
  ~Counts() { std::fprintf(stderr, "refused %zu, ran %zu, of more columns %zu\n", refused, ran, too_narrow); }
} counts;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const OwnTables tables = make_tables(bytes);
  bridge::Forest forest;
  try {
    forest = bridge::read_forest(tables.view());
  } catch (const bridge::TableError&) {
    ++counts.refused;
    return 0;
  }
  if (forest.features > kWidth) {
    ++counts.too_narrow;
    return 0;
  }
  ++counts.ran;
  if (bytes.upto(1)) {
    hold_to_walk<float>(tables, forest, bytes);
  } else {
    hold_to_walk<double>(tables, forest, bytes);
  }
  return 0;
}
