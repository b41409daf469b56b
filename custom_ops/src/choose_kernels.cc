#include <cstdlib>
#include <stdexcept>
#include <string>

#include "kernels.h"

namespace bridge {
namespace {

struct Choice {
  bool runs;
  const Kernels& (*kernels)();
};

}  // namespace

const Kernels& choose_kernels() {
#if defined(BRIDGE_X86)
  // The compiler's own test asks the system too, which must save the wide registers.
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2");
  const bool has_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool has_vbmi = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi") &&
                        __builtin_cpu_supports("bmi2");
  const Choice choices[] = {
      {has_512 && has_vbmi, avx512vbmi_kernels},
      {has_512, avx512_kernels},
      {has_avx2, avx2_kernels},
      {true, portable_kernels}};
#else
  const Choice choices[] = {{true, portable_kernels}};
#endif
  const char* setting = std::getenv("BRIDGE_FOREST_ISA");
  const std::string asked = setting ? setting : "";
  std::string names;
  for (const Choice& choice : choices) {
    if (!choice.runs) continue;
    const Kernels& kernels = choice.kernels();
    if (asked.empty() || asked == kernels.name) return kernels;
    names += (names.empty() ? "" : ", ") + std::string(kernels.name);
  }
  throw std::runtime_error("BRIDGE_FOREST_ISA is '" + asked + "'; this machine runs " + names);
}

}  // namespace bridge
