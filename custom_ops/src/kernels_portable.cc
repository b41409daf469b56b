// Kernels in plain C++: the reference for the others, and what a compiler makes of them where there are no others.
#include "kernels.h"

namespace bridge {
namespace {

constexpr size_t kRowsAtOnce = 8;
constexpr uint32_t kLevelsBetweenChecks = 4;

// Eight rows go down side by side: alone, each would wait for memory at every level.
template <size_t kRows, class Tree, class T>
void descend_group(const Tree& tree, const T* x, size_t stride, uint32_t* reached) {
  uint32_t at[kRows] = {};
  for (uint32_t level = 0; level < tree.depth;) {
    const uint32_t end = level + kLevelsBetweenChecks < tree.depth ? level + kLevelsBetweenChecks : tree.depth;
    uint32_t moved = 0;
    for (; level < end; ++level) {
      moved = 0;
      for (size_t j = 0; j < kRows; ++j) {
        const uint32_t next = next_node(tree, at[j], x + j * stride);
        moved |= next ^ at[j];
        at[j] = next;
      }
    }
    if (!moved) break;
  }
  for (size_t j = 0; j < kRows; ++j) reached[j] = at[j];
}

template <class Tree, class T>
void descend(Tree tree, const T* x, size_t stride, size_t rows, uint32_t* reached) {
  size_t row = 0;
  for (; row + kRowsAtOnce <= rows; row += kRowsAtOnce) {
    descend_group<kRowsAtOnce>(tree, x + row * stride, stride, reached + row);
  }
  for (; row < rows; ++row) descend_group<1>(tree, x + row * stride, stride, reached + row);
}

}  // namespace

const Kernels& portable_kernels() {
  static constexpr Kernels kernels{"scalar", descend<NarrowTree, float>, descend<WideTree, float>,
                                   descend<WideTree, double>};
  return kernels;
}

}  // namespace bridge
