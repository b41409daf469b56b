// What a fuzzer did, printed at its end. The digest of all sums is the same on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace fuzz {

struct Counts {
  size_t refused = 0, ran = 0, too_narrow = 0;
  uint64_t digest = 14695981039346656037u;  // FNV-1a, by words of 64 bits

  void add(const std::vector<double>& sums) {
    for (const double sum : sums) {
      uint64_t bits = 0x7ff8u;  // of NaN, whose payload is the processor's
      if (!std::isnan(sum)) std::memcpy(&bits, &sum, sizeof bits);
      digest = (digest ^ bits) * 1099511628211u;
    }
  }

  ~Counts() {
    std::fprintf(stderr, "refused %zu, ran %zu, of more columns %zu, digest %016llx\n", refused, ran, too_narrow,
                 static_cast<unsigned long long>(digest));
  }
};

}  // namespace fuzz
