// Starts the CUDA kernels.
#pragma once

#include <cuda_runtime_api.h>

#include "plan.h"

namespace bridge::gpu {

// Starts a run on a stream; all that `forest` and `rows` point to is on the current GPU. Returns what CUDA says.
template <class T>
cudaError_t launch(const Forest<T>& forest, const Rows<T>& rows, const Shape& shape, const Launch& how,
                   cudaStream_t stream);

}  // namespace bridge::gpu
