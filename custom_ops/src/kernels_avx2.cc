// Kernels for AVX2: 32 rows in a register.
#include <immintrin.h>

#include "portable_loops.h"

namespace bridge {
namespace {

// Which of 32 rows have a code above the node's: AVX2 compares signed numbers alone, but finds the larger of unsigned
// ones. All bits of those that are not above.
inline __m256i not_above(const uint8_t* codes, __m256i code) {
  const __m256i rows = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  return _mm256_cmpeq_epi8(_mm256_max_epu8(rows, code), code);
}

inline __m256i not_above(const uint16_t* codes, __m256i code) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + 16));
  const __m256i packed = _mm256_packs_epi16(_mm256_cmpeq_epi16(_mm256_max_epu16(low, code), code),
                                            _mm256_cmpeq_epi16(_mm256_max_epu16(high, code), code));
  return packed;  // rows 0-7, 16-23, 8-15, 24-31: `store_leaves` puts them in order
}

inline void store_leaves(const uint8_t*, __m256i leaf, uint8_t* out) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out), leaf);
}

inline void store_leaves(const uint16_t*, __m256i leaf, uint8_t* out) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(leaf, 0xd8));
}

template <size_t kGroups, class Code>
void evaluate_rows(const FullTrees& trees, const FullTree& tree, const Tile<Code>& tile, size_t row) {
  constexpr size_t kRegisters = 2 * kGroups;
  __m256i leaf[kRegisters];
  for (size_t r = 0; r < kRegisters; ++r) leaf[r] = _mm256_setzero_si256();
  const FullNode* nodes = trees.nodes + tree.first_node;
  for (uint32_t i = 0; i < tree.n_nodes; ++i) {
    const Code* column = tile.codes + nodes[i].column * tile.stride + row;
    const __m256i code = _mm256_set1_epi32(static_cast<int>(nodes[i].code));
    const __m256i first = _mm256_set1_epi32(static_cast<int>(nodes[i].first));
    const __m256i right = _mm256_set1_epi32(static_cast<int>(nodes[i].right));
#pragma GCC unroll 8
    for (size_t r = 0; r < kRegisters; ++r) {
      const __m256i stays = not_above(column + 32 * r, code);
      const __m256i moves = _mm256_andnot_si256(stays, _mm256_cmpeq_epi8(leaf[r], first));
      leaf[r] = _mm256_blendv_epi8(leaf[r], right, moves);
    }
  }
  alignas(32) uint8_t leaves[32 * kRegisters];
  for (size_t r = 0; r < kRegisters; ++r) store_leaves(tile.codes, leaf[r], leaves + 32 * r);
  for (size_t g = 0; g < kGroups; ++g) {
    add_scores(trees, tree, leaves + g * kRowGroup, tile.sums + row + g * kRowGroup, tile.stride);
  }
}

template <class Code>
void evaluate_256(const FullTrees& trees, size_t first, size_t last, const Tile<Code>& tile) {
  for (size_t t = first; t < last; ++t) {
    const FullTree& tree = trees.trees[t];
    size_t row = 0;
    for (; row + 4 * kRowGroup <= tile.rows; row += 4 * kRowGroup) evaluate_rows<4>(trees, tree, tile, row);
    for (; row < tile.rows; row += kRowGroup) evaluate_rows<1>(trees, tree, tile, row);
  }
}

}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kernels = [] {
    Kernels changed = plain_kernels("avx2");
    changed.evaluate_bytes = evaluate_256<uint8_t>;
    changed.evaluate_words = evaluate_256<uint16_t>;
    changed.most_leaves = 256;
    changed.node_ns = 2.5;
    return changed;
  }();
  return kernels;
}

}  // namespace bridge
