// What is compiled once for every instruction set, and how one is chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "walk_nodes.h"

namespace bridge {

// The innermost loops, for one instruction set. All give the same bits.
struct Kernels {
  const char* name;

  // Walk rows of x, `stride` numbers apart, down one tree; `reached` gets the leaf's node for each of them.
  void (*descend_narrow)(NarrowTree tree, const float* x, size_t stride, size_t rows, uint32_t* reached);
  void (*descend_wide_f32)(WideTree tree, const float* x, size_t stride, size_t rows, uint32_t* reached);
  void (*descend_wide_f64)(WideTree tree, const double* x, size_t stride, size_t rows, uint32_t* reached);
};

const Kernels& portable_kernels();

// Returns the best kernels that this machine runs, or those that the environment variable BRIDGE_FOREST_ISA names;
// throws std::runtime_error where it names none, or some that this machine does not run.
const Kernels& choose_kernels();

}  // namespace bridge
