#include <cstdlib>
#include <stdexcept>
#include <string>

#include "kernels.h"

namespace bridge {

const Kernels& choose_kernels() {
  const char* asked = std::getenv("BRIDGE_FOREST_ISA");
  if (asked && *asked && std::string(asked) != "scalar") {
    throw std::runtime_error(std::string("BRIDGE_FOREST_ISA is '") + asked + "'; this machine runs scalar");
  }
  return portable_kernels();
}

}  // namespace bridge
