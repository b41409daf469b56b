// What a compiler makes of the plain loops for its target: the reference for the other kernels.
#include "portable_loops.h"

namespace bridge {

const Kernels& portable_kernels() {
  static constexpr Kernels kernels = plain_kernels("scalar");
  return kernels;
}

}  // namespace bridge
