// Stands in for cuda/launch.cu where "device" memory is the host's, as it is on the stand-ins for CUDA.
#include "host_blocks.h"
#include "launch.h"

namespace bridge::gpu {

template <class T>
cudaError_t launch(const Forest<T>& forest, const Rows<T>& rows, const Shape& shape, const Launch& how, cudaStream_t) {
  with_body<T>(shape, how, [&](auto body) { run_grid<decltype(body)>(how, forest, rows); });
  if (how.is_split) run_grid<AddBody<T>>(plan_adding(shape, rows.rows), forest, rows);
  return cudaSuccess;
}

template cudaError_t launch(const Forest<float>&, const Rows<float>&, const Shape&, const Launch&, cudaStream_t);
template cudaError_t launch(const Forest<double>&, const Rows<double>&, const Shape&, const Launch&, cudaStream_t);

}  // namespace bridge::gpu
