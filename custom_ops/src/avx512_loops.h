// The loops for AVX-512 (F, BW, DQ, VL). A file that includes this is compiled for them, and may be for VBMI too.
#pragma once

#include <immintrin.h>

#include "portable_loops.h"

namespace bridge {
namespace {  // NOLINT

// Which of 64 rows have a code above the node's.
inline __mmask64 codes_above(const uint8_t* codes, __m512i code) {
  return _mm512_cmpgt_epu8_mask(_mm512_loadu_si512(codes), code);
}

inline __mmask64 codes_above(const uint16_t* codes, __m512i code) {
  const __mmask32 low = _mm512_cmpgt_epu16_mask(_mm512_loadu_si512(codes), code);
  const __mmask32 high = _mm512_cmpgt_epu16_mask(_mm512_loadu_si512(codes + 32), code);
  return _mm512_kunpackd(high, low);
}

// Finds the leaves of kGroups times 64 rows, from `row` on: three instructions a node and group where codes are bytes.
template <size_t kGroups, class Code>
void find_leaves(const FullNode* nodes, uint32_t count, const Tile<Code>& tile, size_t row, __m512i* leaf) {
  for (size_t g = 0; g < kGroups; ++g) leaf[g] = _mm512_setzero_si512();
  for (uint32_t i = 0; i < count; ++i) {
    const Code* column = tile.codes + nodes[i].column * tile.stride + row;
    const __m512i code = _mm512_set1_epi32(static_cast<int>(nodes[i].code));
    const __m512i first = _mm512_set1_epi32(static_cast<int>(nodes[i].first));
    const __m512i right = _mm512_set1_epi32(static_cast<int>(nodes[i].right));
#pragma GCC unroll 8
    for (size_t g = 0; g < kGroups; ++g) {
      const __mmask64 above = codes_above(column + g * kRowGroup, code);
      leaf[g] = _mm512_mask_mov_epi8(leaf[g], _mm512_mask_cmpeq_epi8_mask(above, leaf[g], first), right);
    }
  }
}

#if defined(__AVX512VBMI__)

// Which row is to stand at each place of the bytes, so that they come out in the order of rows: of the eight results of
// `add_planes`, number k takes places 2k and 2k + 1 of each 16 bytes.
alignas(64) constexpr uint8_t kOrder[64] = {0, 1, 8,  9,  16, 17, 24, 25, 32, 33, 40, 41, 48, 49, 56, 57,
                                            2, 3, 10, 11, 18, 19, 26, 27, 34, 35, 42, 43, 50, 51, 58, 59,
                                            4, 5, 12, 13, 20, 21, 28, 29, 36, 37, 44, 45, 52, 53, 60, 61,
                                            6, 7, 14, 15, 22, 23, 30, 31, 38, 39, 46, 47, 54, 55, 62, 63};

// Looks one byte of the scores up for 64 rows.
template <size_t kSize>
inline __m512i look_up(const unsigned char* plane, __m512i leaf) {
  const __m512i a = _mm512_loadu_si512(plane);
  if constexpr (kSize == 64) return _mm512_permutexvar_epi8(leaf, a);
  const __m512i low = _mm512_permutex2var_epi8(a, leaf, _mm512_loadu_si512(plane + 64));
  if constexpr (kSize == 128) return low;
  const __m512i high = _mm512_permutex2var_epi8(_mm512_loadu_si512(plane + 128), leaf, _mm512_loadu_si512(plane + 192));
  return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(leaf), high);
}

// Adds the scores of 64 rows: each byte of them by a permutation, then the bytes of each row put together.
template <size_t kSize>
inline void add_planes(const unsigned char* table, __m512i leaf, double* sums) {
  leaf = _mm512_permutexvar_epi8(_mm512_load_si512(kOrder), leaf);
  __m512i bytes[8], pairs[8], fours[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) bytes[i] = look_up<kSize>(table + i * kSize, leaf);
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    pairs[i] = _mm512_unpacklo_epi8(bytes[2 * i], bytes[2 * i + 1]);
    pairs[i + 4] = _mm512_unpackhi_epi8(bytes[2 * i], bytes[2 * i + 1]);
  }
#pragma GCC unroll 2
  for (size_t half = 0; half < 8; half += 4) {
    fours[half] = _mm512_unpacklo_epi16(pairs[half], pairs[half + 1]);
    fours[half + 1] = _mm512_unpacklo_epi16(pairs[half + 2], pairs[half + 3]);
    fours[half + 2] = _mm512_unpackhi_epi16(pairs[half], pairs[half + 1]);
    fours[half + 3] = _mm512_unpackhi_epi16(pairs[half + 2], pairs[half + 3]);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    const __m512i low = _mm512_unpacklo_epi32(fours[2 * i], fours[2 * i + 1]);
    const __m512i high = _mm512_unpackhi_epi32(fours[2 * i], fours[2 * i + 1]);
    double* out = sums + 16 * i;
    _mm512_storeu_pd(out, _mm512_add_pd(_mm512_loadu_pd(out), _mm512_castsi512_pd(low)));
    _mm512_storeu_pd(out + 8, _mm512_add_pd(_mm512_loadu_pd(out + 8), _mm512_castsi512_pd(high)));
  }
}

inline void add_table(const unsigned char* table, uint32_t leaves, __m512i leaf, double* sums) {
  switch (plane_size(leaves)) {
    case 64:
      return add_planes<64>(table, leaf, sums);
    case 128:
      return add_planes<128>(table, leaf, sums);
    default:
      return add_planes<256>(table, leaf, sums);
  }
}

inline void store_bits(__mmask64 bits, uint8_t* codes) { _mm512_storeu_si512(codes, _mm512_maskz_set1_epi8(bits, 1)); }

inline void store_bits(__mmask64 bits, uint16_t* codes) {
  _mm512_storeu_si512(codes, _mm512_maskz_set1_epi16(static_cast<__mmask32>(bits), 1));
  _mm512_storeu_si512(codes + 32, _mm512_maskz_set1_epi16(static_cast<__mmask32>(bits >> 32), 1));
}

// Looks 64 categories up at a time: the byte of the table that holds the bit, then the bit. Columns have room for whole
// groups of rows.
template <class Code>
void look_up_512(const uint64_t* bits, const uint8_t* categories, size_t rows, Code* codes) {
  const __m512i table = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits)));
  const __m512i powers = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201));
  for (size_t row = 0; row < rows; row += kRowGroup) {
    const __m512i category = _mm512_loadu_si512(categories + row);
    const __m512i place = _mm512_and_si512(_mm512_srli_epi16(category, 3), _mm512_set1_epi8(31));
    const __m512i bit = _mm512_shuffle_epi8(powers, _mm512_and_si512(category, _mm512_set1_epi8(7)));
    store_bits(_mm512_test_epi8_mask(_mm512_permutexvar_epi8(place, table), bit), codes + row);
  }
}

constexpr bool kPlanes = true;

#else

template <class Code>
void look_up_512(const uint64_t* bits, const uint8_t* categories, size_t rows, Code* codes) {
  look_up(bits, categories, rows, codes);
}

inline void add_table(const unsigned char* table, uint32_t, __m512i leaf, double* sums) {
  alignas(64) uint8_t leaves[kRowGroup];
  _mm512_store_si512(leaves, leaf);
  for (size_t row = 0; row < kRowGroup; row += 8) {
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(leaves + row));
    const __m512d scores = _mm512_i32gather_pd(_mm256_cvtepu8_epi32(eight), table, 8);
    _mm512_storeu_pd(sums + row, _mm512_add_pd(_mm512_loadu_pd(sums + row), scores));
  }
}

constexpr bool kPlanes = false;

#endif

template <size_t kGroups, class Code>
void evaluate_groups(const FullTrees& trees, const FullTree& tree, const Tile<Code>& tile, size_t row) {
  __m512i leaf[kGroups];
  find_leaves<kGroups>(trees.nodes + tree.first_node, tree.n_nodes, tile, row, leaf);
  for (uint32_t s = 0; s < tree.n_scores; ++s) {
    const LeafScores& scores = trees.scores[tree.first_scores + s];
    double* sums = tile.sums + scores.output * tile.stride + row;
    const unsigned char* table = trees.tables + scores.place;
    for (size_t g = 0; g < kGroups; ++g) add_table(table, tree.n_leaves, leaf[g], sums + g * kRowGroup);
  }
}

template <class Code>
void evaluate_512(const FullTrees& trees, size_t first, size_t last, const Tile<Code>& tile) {
  for (size_t t = first; t < last; ++t) {
    const FullTree& tree = trees.trees[t];
    size_t row = 0;
    for (; row + 4 * kRowGroup <= tile.rows; row += 4 * kRowGroup) evaluate_groups<4>(trees, tree, tile, row);
    for (; row + 2 * kRowGroup <= tile.rows; row += 2 * kRowGroup) evaluate_groups<2>(trees, tree, tile, row);
    for (; row < tile.rows; row += kRowGroup) evaluate_groups<1>(trees, tree, tile, row);
  }
}

}  // namespace
}  // namespace bridge
