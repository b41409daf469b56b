// What is compiled once for every instruction set, and how one is chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "full_nodes.h"
#include "row_trees.h"
#include "walk_nodes.h"

namespace bridge {

// The innermost loops, for one instruction set. All give the same bits.
struct Kernels {
  const char* name;

  // Walk rows of x, `stride` numbers apart, down one tree; `reached` gets the leaf's node for each of them.
  void (*descend_narrow)(const NarrowNode* nodes, Walk walk, const float* x, size_t stride, size_t rows,
                         uint32_t* reached);
  void (*descend_wide_f32)(const WideNode<float>* nodes, Walk walk, const float* x, size_t stride, size_t rows,
                           uint32_t* reached);
  void (*descend_wide_f64)(const WideNode<double>* nodes, Walk walk, const double* x, size_t stride, size_t rows,
                           uint32_t* reached);

  // Count the cuts below each of `rows` numbers, `stride` apart: the codes of one column.
  void (*code_bytes_f32)(Cuts<float> cuts, const float* x, size_t stride, size_t rows, uint8_t* codes);
  void (*code_words_f32)(Cuts<float> cuts, const float* x, size_t stride, size_t rows, uint16_t* codes);
  void (*code_bytes_f64)(Cuts<double> cuts, const double* x, size_t stride, size_t rows, uint8_t* codes);
  void (*code_words_f64)(Cuts<double> cuts, const double* x, size_t stride, size_t rows, uint16_t* codes);

  // Look up the bit of each category: the codes of a column that asks for a set, 0 or 1.
  void (*look_up_bytes)(const uint64_t* bits, const uint8_t* categories, size_t rows, uint8_t* codes);
  void (*look_up_words)(const uint64_t* bits, const uint8_t* categories, size_t rows, uint16_t* codes);

  // Add the scores of trees first to last - 1, one after another, to the sums of a tile.
  void (*evaluate_bytes)(const FullTrees& trees, size_t first, size_t last, const Tile<uint8_t>& tile);
  void (*evaluate_words)(const FullTrees& trees, size_t first, size_t last, const Tile<uint16_t>& tile);

  // Code one row, a register of 64 columns; null where `code_bytes_f32` is as fast.
  void (*code_row)(const RowCuts& cuts, const float* x, uint8_t* codes);

  // Find the leaf that one row reaches in each tree, counted from the first tree's first on, `RowTrees::size` a tree;
  // or add the scores of these leaves, one tree after another. Null where walks are faster.
  void (*find_row_leaves)(const RowTrees& trees, const uint8_t* codes, uint32_t* leaves);
  double (*add_row_scores)(const RowTrees& trees, const uint8_t* codes, const double* scores, double sum);

  bool wants_planes;   // whether tables of scores are to be cut into bytes
  size_t most_leaves;  // larger trees are faster to walk
  double node_ns;      // about what a node takes for kRowGroup rows of bytes
};

const Kernels& portable_kernels();
#if defined(BRIDGE_X86)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
const Kernels& avx512vbmi_kernels();
#endif

// Returns the best kernels that this machine runs, or those that the environment variable BRIDGE_FOREST_ISA names;
// throws std::runtime_error where it names none, or some that this machine does not run.
const Kernels& choose_kernels();

}  // namespace bridge
