// Compiled twice, with VBMI and without.
#include "avx512_codes.h"
#include "avx512_loops.h"

namespace bridge {

#if defined(__AVX512VBMI__)
const Kernels& avx512vbmi_kernels() {
#else
const Kernels& avx512_kernels() {
#endif
  static constexpr Kernels kernels{
      .name = kPlanes ? "avx512vbmi" : "avx512",
      // Gathers of nodes take half as long again as plain walks side by side (Zen 5).
      .descend_narrow = descend<NarrowNode, float>,
      .descend_wide_f32 = descend<WideNode<float>, float>,
      .descend_wide_f64 = descend<WideNode<double>, double>,
      .code_bytes_f32 = code_512<uint8_t>,
      .code_words_f32 = code_512<uint16_t>,
      .code_bytes_f64 = code_512<uint8_t>,
      .code_words_f64 = code_512<uint16_t>,
      .look_up_bytes = look_up_512<uint8_t>,
      .look_up_words = look_up_512<uint16_t>,
      .evaluate_bytes = evaluate_512<uint8_t>,
      .evaluate_words = evaluate_512<uint16_t>,
      .find_row_leaves = kFindRowLeaves,
      .wants_planes = kPlanes,
      .most_leaves = 256,
      .node_ns = 0.8,
  };
  return kernels;
}

}  // namespace bridge
