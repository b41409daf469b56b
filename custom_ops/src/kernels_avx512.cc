// Compiled twice, with VBMI and without.
#include "avx512_codes.h"
#include "avx512_loops.h"
#include "avx512_rows.h"

namespace bridge {

#if defined(__AVX512VBMI__)
const Kernels& avx512vbmi_kernels() {
#else
const Kernels& avx512_kernels() {
#endif
  static constexpr Kernels kernels = [] {
    // Walks stay as they are: gathers of nodes take half as long again as plain walks side by side (Zen 5).
    Kernels changed = plain_kernels(kPlanes ? "avx512vbmi" : "avx512");
    changed.code_bytes_f32 = code_512<uint8_t>;
    changed.code_words_f32 = code_512<uint16_t>;
    changed.code_bytes_f64 = code_512<uint8_t>;
    changed.code_words_f64 = code_512<uint16_t>;
    changed.look_up_bytes = look_up_512<uint8_t>;
    changed.look_up_words = look_up_512<uint16_t>;
    changed.evaluate_bytes = evaluate_512<uint8_t>;
    changed.evaluate_words = evaluate_512<uint16_t>;
    changed.code_row = code_row_512;
    changed.find_row_leaves = kFindRowLeaves;
    changed.add_row_scores = kAddRowScores;
    changed.wants_planes = kPlanes;
    changed.most_leaves = 256;
    changed.node_ns = 0.8;
    return changed;
  }();
  return kernels;
}

}  // namespace bridge
