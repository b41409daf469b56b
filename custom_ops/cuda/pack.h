// Brings a checked forest into the form that the CUDA kernels read.
#pragma once

#include <cstddef>
#include <vector>

#include "forest_tables.h"
#include "plain_forest.h"
#include "plan.h"

namespace bridge::gpu {

// T is the dtype of x, float or double.
template <class T>
struct PackedForest {
  std::vector<std::byte> bytes;  // all tables
  Forest<T> offsets{};           // its pointers count from null

  // Returns the forest whose tables were copied to `base`, which is aligned to 256 bytes.
  Forest<T> at(const std::byte* base) const;

  Shape shape() const {
    return {offsets.n_columns, offsets.groups(), offsets.outputs, offsets.format, sizeof(T)};
  }
};

// Returns the forest in the narrowest format, from `narrowest` on, that holds it.
template <class T>
PackedForest<T> pack(const bridge::Forest& forest, Format narrowest = Format::kCoded8);

}  // namespace bridge::gpu
