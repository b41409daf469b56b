// Codes by AVX-512. The upper levels of a search tree stay in registers, where a permutation looks a cut up.
#pragma once

#include <immintrin.h>

#include "portable_loops.h"

namespace bridge {
namespace {  // NOLINT

constexpr size_t kFewCodes = 8;

// The cuts of levels 0 to kLevels - 1, for 16 numbers of float32 at once. A permutation of two registers reads the low
// five bits of a place: levels 0 to 4 share the first two, level 5 has two of its own, 6 four and 7 eight.
template <uint32_t kLevels>
struct TopLevels {
  static constexpr size_t kRegisters = size_t{1} << (kLevels - 4);
  __m512 cuts[kRegisters];

  explicit TopLevels(const float* tree) {
    for (size_t i = 0; i < kRegisters; ++i) cuts[i] = _mm512_loadu_ps(tree + 16 * i);
  }

  __m512i step(__m512i at, __m512 x, __m512 cut) const {
    const __m512i twice = _mm512_add_epi32(at, at);
    return _mm512_mask_add_epi32(twice, _mm512_cmp_ps_mask(x, cut, _CMP_GT_OQ), twice, _mm512_set1_epi32(1));
  }

  __m512 pick(size_t first, __m512i at) const { return _mm512_permutex2var_ps(cuts[first], at, cuts[first + 1]); }

  __m512 pick_of_four(size_t first, __m512i at) const {
    return _mm512_mask_mov_ps(pick(first, at), _mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), pick(first + 2, at));
  }

  __m512i search(__m512 x) const {
    __m512i at = _mm512_set1_epi32(1);
#pragma GCC unroll 5
    for (int level = 0; level < 5; ++level) at = step(at, x, pick(0, at));
    if constexpr (kLevels > 5) at = step(at, x, pick(2, at));
    if constexpr (kLevels > 6) at = step(at, x, pick_of_four(4, at));
    if constexpr (kLevels > 7) {
      const __mmask16 upper = _mm512_test_epi32_mask(at, _mm512_set1_epi32(64));
      at = step(at, x, _mm512_mask_mov_ps(pick_of_four(8, at), upper, pick_of_four(12, at)));
    }
    return at;
  }
};

inline void store_codes(__m512i codes, uint8_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(codes));
}

inline void store_codes(__m512i codes, uint16_t* out) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(codes));
}

template <uint32_t kLevels, class Code>
void code_floats(const Cuts<float>& cuts, const float* x, size_t stride, size_t rows, Code* codes) {
  const TopLevels<kLevels> top(cuts.tree);
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i places = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(stride)));
  const __m512i base = _mm512_set1_epi32(static_cast<int>(1u << cuts.bits));
  const __m512i missing = _mm512_set1_epi32(static_cast<int>(cuts.missing));
  for (size_t row = 0; row < rows; row += 16) {
    const auto real = static_cast<__mmask16>(rows - row < 16 ? (1u << (rows - row)) - 1 : 0xffff);
    const __m512 number = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), real, places, x + row * stride, 4);
    __m512i at = top.search(number);
    for (uint32_t level = kLevels; level < cuts.bits; ++level) {
      at = top.step(at, number, _mm512_i32gather_ps(at, cuts.tree, 4));
    }
    const __mmask16 is_nan = _mm512_cmp_ps_mask(number, number, _CMP_UNORD_Q);
    // The codes of a column have room for whole groups of rows.
    store_codes(_mm512_mask_mov_epi32(_mm512_sub_epi32(at, base), is_nan, missing), codes + row);
  }
}

template <class Code>
void code_512(Cuts<float> cuts, const float* x, size_t stride, size_t rows, Code* codes) {
  // A few rows do not repay the loading of the cuts; and places have 32 bits.
  if (rows < kFewCodes || stride >= (size_t{1} << 24)) return code<float>(cuts, x, stride, rows, codes);
  switch (cuts.bits) {
    case 5:
      return code_floats<5>(cuts, x, stride, rows, codes);
    case 6:
      return code_floats<6>(cuts, x, stride, rows, codes);
    case 7:
      return code_floats<7>(cuts, x, stride, rows, codes);
    default:
      return code_floats<8>(cuts, x, stride, rows, codes);
  }
}

inline void store_eight(__m512i codes, uint8_t* out) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm512_cvtepi64_epi8(codes));
}

inline void store_eight(__m512i codes, uint16_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi64_epi16(codes));
}

// As above for float64: eight numbers at once, levels 0 to 3 from two registers, level 4 from two more.
template <class Code>
void code_512(Cuts<double> cuts, const double* x, size_t stride, size_t rows, Code* codes) {
  if (rows < kFewCodes) return code<double>(cuts, x, stride, rows, codes);
  const __m512i places =
      _mm512_mullo_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), _mm512_set1_epi64(static_cast<long long>(stride)));
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i base = _mm512_set1_epi64(static_cast<long long>(1ull << cuts.bits));
  const __m512i missing = _mm512_set1_epi64(static_cast<long long>(cuts.missing));
  const __m512d a = _mm512_loadu_pd(cuts.tree), b = _mm512_loadu_pd(cuts.tree + 8);
  const __m512d c = _mm512_loadu_pd(cuts.tree + 16), d = _mm512_loadu_pd(cuts.tree + 24);
  const auto step = [one](__m512i at, __m512d number, __m512d cut) {
    const __m512i twice = _mm512_add_epi64(at, at);
    return _mm512_mask_add_epi64(twice, _mm512_cmp_pd_mask(number, cut, _CMP_GT_OQ), twice, one);
  };
  for (size_t row = 0; row < rows; row += 8) {
    const auto real = static_cast<__mmask8>(rows - row < 8 ? (1u << (rows - row)) - 1 : 0xff);
    const __m512d number = _mm512_mask_i64gather_pd(_mm512_setzero_pd(), real, places, x + row * stride, 8);
    __m512i at = one;
#pragma GCC unroll 4
    for (int level = 0; level < 4; ++level) at = step(at, number, _mm512_permutex2var_pd(a, at, b));
    at = step(at, number, _mm512_permutex2var_pd(c, at, d));
    for (uint32_t level = 5; level < cuts.bits; ++level) {
      at = step(at, number, _mm512_i64gather_pd(at, cuts.tree, 8));
    }
    const __mmask8 is_nan = _mm512_cmp_pd_mask(number, number, _CMP_UNORD_Q);
    store_eight(_mm512_mask_mov_epi64(_mm512_sub_epi64(at, base), is_nan, missing), codes + row);
  }
}

}  // namespace
}  // namespace bridge
