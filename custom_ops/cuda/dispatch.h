// Which instance of the block code a launch runs.
#pragma once

#include "blocks.h"
#include "plan.h"

namespace bridge::gpu {

// The body of a block, by a type of its own, so that kernels and tests name it alike.
template <class Kind, class T, int kRows, bool kVector, bool kDirect>
struct TileBody {
  template <class Block>
  BRIDGE_BOTH static void run(const Forest<T>& forest, const Rows<T>& rows, const Block& block) {
    walk_tile<Kind, T, kRows, kVector, kDirect>(forest, rows, block);
  }
};

template <class Kind, class T>
struct RowBody {
  template <class Block>
  BRIDGE_BOTH static void run(const Forest<T>& forest, const Rows<T>& rows, const Block& block) {
    walk_row<Kind>(forest, rows, block);
  }
};

template <class T>
struct AddBody {
  template <class Block>
  BRIDGE_BOTH static void run(const Forest<T>& forest, const Rows<T>& rows, const Block& block) {
    add_parts(forest, rows, block);
  }
};

// Calls `take` with the body, of empty type, that a launch runs; does not where there is none.
template <class Kind, class T, class Take>
void with_body_of(bool is_vector, const Launch& launch, const Take& take) {
  if (launch.kind == Launch::kRow) return take(RowBody<Kind, T>{});
  if (launch.kind == Launch::kDirect) {
    // Forests are coded where a tile of their codes fits any GPU: then there is no such launch, and nothing to take.
    if constexpr (!Kind::kIsCoded) {
      is_vector ? take(TileBody<Kind, T, 1, true, true>{}) : take(TileBody<Kind, T, 1, false, true>{});
    }
    return;
  }
  if (is_vector) return take(TileBody<Kind, T, 1, true, false>{});
  if (launch.rows_of_thread == 1) return take(TileBody<Kind, T, 1, false, false>{});
  take(TileBody<Kind, T, kRowsOfThread, false, false>{});
}

template <class T, class Take>
void with_body(const Shape& shape, const Launch& launch, const Take& take) {
  const bool is_vector = shape.outputs > 1;
  switch (shape.format) {
    case Format::kCoded8: return with_body_of<Coded<T, uint8_t>, T>(is_vector, launch, take);
    case Format::kCoded16: return with_body_of<Coded<T, uint16_t>, T>(is_vector, launch, take);
    case Format::kNarrow:
      // Of float32 alone.
      if constexpr (sizeof(T) == sizeof(float)) with_body_of<Linked<T, NarrowNode>, T>(is_vector, launch, take);
      return;
    case Format::kWide: return with_body_of<Linked<T, WideNode>, T>(is_vector, launch, take);
  }
}

}  // namespace bridge::gpu
