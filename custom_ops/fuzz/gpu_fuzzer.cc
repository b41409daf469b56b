// Turns bytes into the tables of a forest, packs it as the CUDA kernels read it, plans runs on some GPU, and holds the
// kernels' blocks, run on the host, to a plain walk through the tables, bit for bit.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "counts.h"
#include "host_runs.h"
#include "plain_walk.h"
#include "plan_rules.h"

namespace {

using namespace bridge;
fuzz::Counts counts;

gpu::Machine draw_machine(fuzz::Bytes& bytes) {
  static constexpr uint64_t kCapacities[] = {0, 1, 100, 1 << 20};
  return {1 + bytes.upto(300), gpu::kLeastShared + bytes.upto(2) * 8192, kCapacities[bytes.upto(3)]};
}

gpu::Launch plan_by_rules(const gpu::Shape& shape, uint64_t rows, const gpu::Machine& machine) {
  const gpu::Launch how = gpu::plan(shape, rows, machine);
  if (const char* rule = gpu::broken_rule(shape, rows, machine, how)) {
    std::fprintf(stderr, "a plan of %llu rows %s\n", static_cast<unsigned long long>(rows), rule);
    std::abort();
  }
  return how;
}

// Plans of any shape that a checked forest may have, for as many rows as memory has addresses for.
void plan_absurd(fuzz::Bytes& bytes) {
  const auto draw = [&](uint32_t bits) {
    const uint64_t power = uint64_t{1} << bytes.upto(bits);
    return power + bytes.upto(40);
  };
  const auto format = static_cast<gpu::Format>(bytes.upto(3));
  const uint64_t number_bytes = format != gpu::Format::kNarrow && bytes.upto(1) ? 8 : 4;
  const gpu::Shape shape{draw(31), draw(27), bytes.upto(1) ? draw(20) : 1, format, number_bytes};
  const bool is_coded = format <= gpu::Format::kCoded16;
  const gpu::Shape vectors{shape.columns, 1, 2, format, number_bytes};
  if (is_coded && gpu::shared_bytes(vectors, gpu::Launch::kTile, gpu::kLeastThreads, 1) > gpu::kLeastShared) return;
  const uint64_t rows = draw(36);
  plan_by_rules(shape, rows, draw_machine(bytes));
}

template <class T>
void hold_to_walk(const fuzz::OwnTables& tables, const Forest& forest, fuzz::Bytes& bytes) {
  static constexpr uint64_t kRows[] = {1, 2, 31, 33, 65, 300};
  const auto packed = gpu::pack<T>(forest, static_cast<gpu::Format>(bytes.upto(1) ? 0 : bytes.upto(3)));
  gpu::Machine machine = draw_machine(bytes);
  // Rows that are too wide for a tile, as if they were of 1,000 columns.
  if (packed.offsets.format >= gpu::Format::kNarrow && bytes.upto(1)) machine.shared_bytes = 512u << bytes.upto(4);
  if (packed.offsets.outputs > 1) machine.shared_bytes = std::max<uint64_t>(machine.shared_bytes, 8192);
  const uint64_t rows = kRows[bytes.upto(std::size(kRows) - 1)];
  const gpu::Launch how = plan_by_rules(packed.shape(), rows, machine);
  if (forest.features > fuzz::kWidth) {  // no rows are that wide
    ++counts.too_narrow;
    return;
  }
  ++counts.ran;
  const uint64_t width = forest.features + bytes.upto(1);
  const std::vector<T> x = fuzz::draw_rows<T>(bytes, tables, rows * width);
  const std::vector<double> expected = fuzz::add_up(tables, fuzz::walk(tables, x, width, rows), gpu::kGroupTrees);
  gpu::is_backwards = bytes.upto(1);
  const std::vector<double> sums = gpu::run_on_host(packed, how, x.data(), width, rows);
  for (size_t i = 0; i < sums.size(); ++i) {
    if (fuzz::same(sums[i], expected[i])) continue;
    std::fprintf(stderr, "sum %zu is %.17g, expected %.17g\n", i, sums[i], expected[i]);
    std::abort();
  }
  counts.add(sums);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Bytes bytes(data, size);
  const fuzz::OwnTables tables = fuzz::draw_tables(bytes);
  plan_absurd(bytes);
  Forest forest;
  try {
    forest = read_forest(tables.view());
  } catch (const TableError&) {
    ++counts.refused;
    return 0;
  }
  if (bytes.upto(1)) {
    hold_to_walk<float>(tables, forest, bytes);
  } else {
    hold_to_walk<double>(tables, forest, bytes);
  }
  return 0;
}
