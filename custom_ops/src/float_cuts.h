// Thresholds in float32.
#pragma once

#include <cmath>
#include <limits>

namespace bridge {

// Returns the largest float32 that is not above `value`, which is not NaN: for a float32 x, `x <= value` in float64 and
// `x <= floor_float(value)` in float32 decide the same way, because no float32 lies between the two.
inline float floor_float(double value) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kLargest = std::numeric_limits<float>::max();
  // The cast of a number that float32 cannot hold is undefined.
  if (value > kLargest) return value == std::numeric_limits<double>::infinity() ? kInfinity : kLargest;
  if (value < -kLargest) return -kInfinity;
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, -kInfinity) : rounded;
}

}  // namespace bridge
