// One row by itself, by AVX-512; with VBMI, small trees of which all nodes are asked at once.
#pragma once

#include <immintrin.h>

#include "portable_loops.h"

namespace bridge {
namespace {  // NOLINT

// Goes down the cuts of 16 columns at a time, a column a lane.
inline void code_row_512(const RowCuts& row, const float* x, uint8_t* codes) {
  const __m512i one = _mm512_set1_epi32(1);
  for (size_t column = 0; column < row.n_columns; column += 16) {
    const __m512i places = _mm512_loadu_si512(row.places + column), bits = _mm512_loadu_si512(row.bits + column);
    const __m512 number = _mm512_i32gather_ps(_mm512_loadu_si512(row.features + column), x, 4);
    __m512i at = one;
    __mmask16 goes_on = _mm512_test_epi32_mask(bits, bits);
    for (int level = 1; goes_on; ++level) {
      const __m512 cut =
          _mm512_mask_i32gather_ps(_mm512_setzero_ps(), goes_on, _mm512_add_epi32(places, at), row.cuts, 4);
      const __mmask16 is_above = _mm512_mask_cmp_ps_mask(goes_on, number, cut, _CMP_GT_OQ);
      at = _mm512_mask_add_epi32(at, goes_on, at, at);
      at = _mm512_mask_add_epi32(at, is_above, at, one);
      goes_on = _mm512_cmpgt_epi32_mask(bits, _mm512_set1_epi32(level));
    }
    at = _mm512_sub_epi32(at, _mm512_sllv_epi32(one, bits));
    at = _mm512_mask_loadu_epi32(at, _mm512_cmp_ps_mask(number, number, _CMP_UNORD_Q), row.missing + column);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + column), _mm512_cvtepi32_epi8(at));
  }
}

#if defined(__AVX512VBMI__)

// Which of 64 nodes send the row right: a permutation finds the code that each one asks for.
inline uint64_t rights(const RowTrees& trees, size_t first, __m512i row) {
  const __m512i number = _mm512_permutexvar_epi8(_mm512_loadu_si512(trees.columns + first), row);
  return _mm512_cmpgt_epu8_mask(number, _mm512_loadu_si512(trees.codes + first));
}

// The leaf that a row reaches in a heap of three levels, by the answers of its seven nodes.
struct HeapLeaves {
  uint8_t leaf[128];
};
constexpr HeapLeaves kHeapLeaves = [] {
  HeapLeaves table{};
  for (uint32_t answers = 0; answers < 128; ++answers) {
    uint32_t at = 1;
    for (int level = 0; level < 3; ++level) at = 2 * at + (answers >> (at - 1) & 1);
    table.leaf[answers] = static_cast<uint8_t>(at - 8);
  }
  return table;
}();

template <class Reach>
inline void go_down_8(const RowTrees& trees, __m512i row, Reach&& reach) {
  for (size_t tree = 0; tree < trees.n_trees; tree += 8) {
    uint64_t right = rights(trees, 8 * tree, row);
    const size_t count = trees.n_trees - tree < 8 ? trees.n_trees - tree : 8;
    for (size_t j = 0; j < count; ++j, right >>= 8) reach(tree + j, 8 * (tree + j) + kHeapLeaves.leaf[right & 127]);
  }
}

template <class Reach>
inline void go_down_64(const RowTrees& trees, __m512i row, Reach&& reach) {
  for (size_t tree = 0; tree < trees.n_trees; ++tree) {
    const uint64_t right = rights(trees, 64 * tree, row);
    const size_t heap = kHeapLeaves.leaf[right & 127];
    reach(tree, 64 * tree + 8 * heap + kHeapLeaves.leaf[right >> (7 * heap + 7) & 127]);
  }
}

// What is left of the leaves of two trees of 32: the lower halves of the quarters 0 and 2.
inline __m512i kept_of_two(const uint32_t* keeps, uint64_t right) {
  const __m512i all = _mm512_set1_epi32(-1);
  const auto masked = [&](size_t i) {
    return _mm512_mask_mov_epi32(all, static_cast<__mmask16>(right >> (16 * i)), _mm512_loadu_si512(keeps + 16 * i));
  };
  const __m512i a = _mm512_and_si512(masked(0), masked(1)), b = _mm512_and_si512(masked(2), masked(3));
  __m512i kept = _mm512_and_si512(_mm512_shuffle_i64x2(a, b, 0x44), _mm512_shuffle_i64x2(a, b, 0xee));
  kept = _mm512_and_si512(kept, _mm512_shuffle_i64x2(kept, kept, 0xb1));
  kept = _mm512_and_si512(kept, _mm512_shuffle_epi32(kept, _MM_PERM_BADC));
  return _mm512_and_si512(kept, _mm512_srli_epi64(kept, 32));
}

inline uint32_t lowest(__m128i kept) { return _tzcnt_u32(static_cast<uint32_t>(_mm_cvtsi128_si32(kept))); }

template <class Reach>
inline void take_leaves_away_32(const RowTrees& trees, __m512i row, Reach&& reach) {
  const auto* keeps = static_cast<const uint32_t*>(trees.keeps);
  for (size_t tree = 0; tree < trees.n_trees; tree += 2) {
    const __m512i kept = kept_of_two(keeps + 32 * tree, rights(trees, 32 * tree, row));
    reach(tree, 32 * tree + lowest(_mm512_castsi512_si128(kept)));
    if (tree + 1 < trees.n_trees) reach(tree + 1, 32 * tree + 32 + lowest(_mm512_extracti32x4_epi32(kept, 2)));
  }
}

template <class Reach>
inline void take_leaves_away_64(const RowTrees& trees, __m512i row, Reach&& reach) {
  const auto* keeps = static_cast<const uint64_t*>(trees.keeps);
  for (size_t tree = 0; tree < trees.n_trees; ++tree, keeps += 64) {
    const uint64_t right = rights(trees, 64 * tree, row);
    __m512i kept[2] = {_mm512_set1_epi64(-1), _mm512_set1_epi64(-1)};
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      kept[i % 2] = _mm512_mask_and_epi64(kept[i % 2], static_cast<__mmask8>(right >> (8 * i)), kept[i % 2],
                                          _mm512_loadu_si512(keeps + 8 * i));
    }
    const auto left = static_cast<uint64_t>(_mm512_reduce_and_epi64(_mm512_and_si512(kept[0], kept[1])));
    reach(tree, 64 * tree + static_cast<size_t>(_tzcnt_u64(left)));
  }
}

// Calls `reach(tree, leaf)` tree after tree.
template <class Reach>
inline void find_all(const RowTrees& trees, const uint8_t* codes, Reach&& reach) {
  const __m512i row = _mm512_loadu_si512(codes);
  if (trees.is_heap) return trees.size == 8 ? go_down_8(trees, row, reach) : go_down_64(trees, row, reach);
  trees.size == 32 ? take_leaves_away_32(trees, row, reach) : take_leaves_away_64(trees, row, reach);
}

inline void find_row_leaves_512(const RowTrees& trees, const uint8_t* codes, uint32_t* leaves) {
  find_all(trees, codes, [&](size_t tree, size_t leaf) { leaves[tree] = static_cast<uint32_t>(leaf); });
}

inline double add_row_scores_512(const RowTrees& trees, const uint8_t* codes, const double* scores, double sum) {
  find_all(trees, codes, [&](size_t, size_t leaf) { sum += scores[leaf]; });
  return sum;
}

constexpr auto kFindRowLeaves = find_row_leaves_512;
constexpr auto kAddRowScores = add_row_scores_512;

#else

constexpr void (*kFindRowLeaves)(const RowTrees&, const uint8_t*, uint32_t*) = nullptr;
constexpr double (*kAddRowScores)(const RowTrees&, const uint8_t*, const double*, double) = nullptr;

#endif

}  // namespace
}  // namespace bridge
