// Turns bytes into the tables of a forest and into rows, and holds the kernels of every instruction set to a plain walk
// through the tables, bit for bit. Damaged tables must be refused, and not be read beyond their ends.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "counts.h"
#include "fast_forest.h"
#include "plain_walk.h"

namespace {

constexpr const char* kIsas[] = {"scalar", "avx2", "avx512", "avx512vbmi"};
constexpr size_t kAllTrees = 1 << 30;
fuzz::Counts counts;

// Calls `body` with the kernels of each instruction set that this machine runs.
template <class Body>
void with_all_kernels(const Body& body) {
  for (const char* isa : kIsas) {
    setenv("BRIDGE_FOREST_ISA", isa, 1);
    const bridge::Kernels* kernels = nullptr;
    try {
      kernels = &bridge::choose_kernels();
    } catch (const std::exception&) {
      continue;
    }
    body(*kernels);
  }
}

void expect_same(const char* isa, const std::vector<double>& sums, const std::vector<double>& expected, size_t first) {
  for (size_t i = 0; i < sums.size(); ++i) {
    if (fuzz::same(sums[i], expected[first + i])) continue;
    std::fprintf(stderr, "%s: sum %zu is %.17g, expected %.17g\n", isa, first + i, sums[i], expected[first + i]);
    std::abort();
  }
}

template <class T>
void hold_to_walk(const fuzz::OwnTables& tables, const bridge::Forest& forest, fuzz::Bytes& bytes) {
  static constexpr size_t kRows[] = {0, 1, 3, 20, 64, 65, 300};
  const size_t rows = kRows[bytes.upto(std::size(kRows) - 1)], width = fuzz::kWidth + bytes.upto(1);
  const std::vector<T> x = fuzz::draw_rows<T>(bytes, tables, rows * width);
  const std::vector<double> expected = fuzz::walk(tables, x, width, rows, kAllTrees);
  const size_t alone = bytes.upto(static_cast<uint32_t>(rows));  // rows from here on are run by themselves, too
  with_all_kernels([&](const bridge::Kernels& kernels) {
    const bridge::FastForest<T> fast(forest, kernels);
    for (size_t first : {size_t{0}, alone}) {
      const size_t count = rows - first;
      if (count && fast.task_rows(count, 50'000) % bridge::kRowGroup) std::abort();
      std::vector<double> sums(count * forest.outputs);
      fast.run(x.data() + first * width, width, count, sums.data());
      expect_same(kernels.name, sums, expected, first * forest.outputs);
    }
  });
  counts.add(expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Bytes bytes(data, size);
  const fuzz::OwnTables tables = fuzz::draw_tables(bytes);
  bridge::Forest forest;
  try {
    forest = bridge::read_forest(tables.view());
  } catch (const bridge::TableError&) {
    ++counts.refused;
    return 0;
  }
  if (forest.features > fuzz::kWidth) {  // no rows are that wide, but a session packs it
    ++counts.too_narrow;
    with_all_kernels([&](const bridge::Kernels& kernels) {
      bridge::FastForest<float>(forest, kernels);
      bridge::FastForest<double>(forest, kernels);
    });
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
