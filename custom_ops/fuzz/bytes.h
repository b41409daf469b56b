// Hands a fuzzer's input out, number by number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>

namespace fuzz {

// Zeros follow once the input is used up.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  // 0 to `most`, which is below 2**16.
  uint32_t upto(uint32_t most) {
    if (most == 0) return 0;
    uint32_t number = byte();
    if (most > 255) number = number << 8 | byte();
    return number % (most + 1);
  }

  double number() {
    static constexpr double kSpecial[] = {0.0,    -0.0,         0.1,    -0.1,  1.0 / 3, 1e-45,
                                          5e-324, 3.4028234e38, 3.5e38, 1e300, -1e300};
    const uint32_t kind = byte();
    if (kind < 24) return kSpecial[kind % std::size(kSpecial)];
    if (kind < 28) return std::numeric_limits<double>::infinity();
    if (kind < 32) return -std::numeric_limits<double>::infinity();
    if (kind < 36) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<int8_t>(byte()) / (kind < 140 ? 1.0 : 3.0);
  }

  // A number that no table has room for, or that overflows once it is multiplied.
  int64_t absurd() {
    static constexpr int64_t kNear[] = {-1, 0, 1 << 20, 1 << 24, int64_t{1} << 31, int64_t{1} << 32, int64_t{1} << 62,
                                        std::numeric_limits<int64_t>::min() + 2,
                                        std::numeric_limits<int64_t>::max() - 2};
    // One draw a statement: the order of operands is the compiler's.
    const int64_t near = kNear[upto(std::size(kNear) - 1)];
    return near + (static_cast<int64_t>(upto(4)) - 2);
  }

 private:
  uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }

  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

}  // namespace fuzz
