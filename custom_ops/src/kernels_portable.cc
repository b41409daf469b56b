// What a compiler makes of the plain loops for its target: the reference for the other kernels.
#include "portable_loops.h"

namespace bridge {

const Kernels& portable_kernels() {
  static constexpr Kernels kernels{
      .name = "scalar",
      .descend_narrow = descend<NarrowNode, float>,
      .descend_wide_f32 = descend<WideNode<float>, float>,
      .descend_wide_f64 = descend<WideNode<double>, double>,
      .code_bytes_f32 = code<float, uint8_t>,
      .code_words_f32 = code<float, uint16_t>,
      .code_bytes_f64 = code<double, uint8_t>,
      .code_words_f64 = code<double, uint16_t>,
      .look_up_bytes = look_up<uint8_t>,
      .look_up_words = look_up<uint16_t>,
      .evaluate_bytes = evaluate<uint8_t>,
      .evaluate_words = evaluate<uint16_t>,
      .find_row_leaves = nullptr,
      .wants_planes = false,
      .most_leaves = 64,
      .node_ns = 10,
  };
  return kernels;
}

}  // namespace bridge
