// Turns bytes into the tables and attributes of a forest and into rows, and holds the kernels of every instruction set to
// a plain walk through the tables, bit for bit. Damaged tables must be refused, and not be read beyond their ends.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "counts.h"
#include "fast_forest.h"
#include "plain_results.h"

namespace {

constexpr const char* kIsas[] = {"scalar", "avx2", "avx512", "avx512vbmi"};
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

template <class Number>
void expect_same(const char* what, const std::vector<Number>& found, const Number* expected) {
  for (size_t i = 0; i < found.size(); ++i) {
    const auto number = static_cast<double>(found[i]), right = static_cast<double>(expected[i]);
    if (fuzz::same(number, right)) continue;
    std::fprintf(stderr, "%s: number %zu is %.17g, expected %.17g\n", what, i, number, right);
    std::abort();
  }
}

bridge::Fold fold_of(bridge::Aggregate aggregate) {
  if (aggregate == bridge::Aggregate::kMin) return bridge::Fold::kMin;
  return aggregate == bridge::Aggregate::kMax ? bridge::Fold::kMax : bridge::Fold::kSum;
}

template <class T>
void hold_to_walk(const fuzz::OwnTables& tables, const bridge::Forest& forest, fuzz::Bytes& bytes) {
  static constexpr size_t kRows[] = {0, 1, 3, 20, 64, 65, 300};
  const bridge::Settings settings = fuzz::draw_settings(bytes);
  const bridge::Finish finish(settings, forest);
  const bool wants_total = bytes.upto(1), wants_others = bytes.upto(1);
  const size_t rows = kRows[bytes.upto(std::size(kRows) - 1)], width = forest.features + bytes.upto(1);
  const std::vector<T> x = fuzz::draw_rows<T>(bytes, tables, rows * width);
  const std::vector<size_t> reached = fuzz::walk(tables, x, width, rows);
  const fuzz::OwnResults expected = fuzz::results_of(tables, reached, settings);
  const size_t alone = bytes.upto(static_cast<uint32_t>(rows));  // rows from here on are run by themselves, too
  const size_t columns = finish.columns(), outputs = forest.outputs;
  with_all_kernels([&](const bridge::Kernels& kernels) {
    const bridge::FastForest<T> fast(forest, kernels, fold_of(settings.aggregate));
    for (size_t first : {size_t{0}, alone}) {
      const size_t count = rows - first;
      if (count && fast.task_rows(count, 50'000) % bridge::kRowGroup) std::abort();
      fuzz::OwnResults found;
      found.y.resize(count * columns);
      if (wants_total) found.total.resize(count * outputs);
      if (wants_others) {
        found.log.resize(count * columns);
        found.label.resize(count);
      }
      const bridge::Results results = found.view();
      fast.run(x.data() + first * width, width, count, finish.place(results, count));
      finish.finish(results, count);
      expect_same(kernels.name, found.y, expected.y.data() + first * columns);
      expect_same(kernels.name, found.total, expected.total.data() + first * outputs);
      expect_same(kernels.name, found.label, expected.label.data() + first);
      expect_same(kernels.name, found.log, expected.log.data() + first * columns);
    }
  });
  counts.add(expected.total);
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
  try {
    if (bytes.upto(1)) {
      hold_to_walk<float>(tables, forest, bytes);
    } else {
      hold_to_walk<double>(tables, forest, bytes);
    }
    ++counts.ran;
  } catch (const bridge::TableError&) {  // attributes that do not fit the outputs
    ++counts.refused;
  }
  return 0;
}
