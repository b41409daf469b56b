// A whole run of a packed forest on the host.
#pragma once

#include <limits>
#include <vector>

#include "host_blocks.h"
#include "pack.h"

namespace bridge::gpu {

// Returns the sums, (rows, outputs), of a run that was planned; NaN where none was written.
template <class T>
std::vector<double> run_on_host(const PackedForest<T>& packed, const Launch& how, const T* x, uint64_t width,
                                uint64_t rows) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const Shape shape = packed.shape();
  std::vector<double> sums(rows * shape.outputs, kNan), parts;
  Rows<T> run{x, width, rows, sums.data(), nullptr, how.groups_of_block};
  if (how.is_split) {
    parts.assign(shape.groups * sums.size(), kNan);
    run.parts = parts.data();
  } else if (how.kind == Launch::kRow) {
    run.parts = sums.data();
  }
  const Forest<T> forest = packed.at(packed.bytes.data());
  with_body<T>(shape, how, [&](auto body) { run_grid<decltype(body)>(how, forest, run); });
  if (how.is_split) run_grid<AddBody<T>>(plan_adding(shape, rows), forest, run);
  return sums;
}

}  // namespace bridge::gpu
