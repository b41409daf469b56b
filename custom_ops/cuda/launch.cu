// The CUDA kernels. C++17 alone, which is what CMake 3.25 knows nvcc to take.
#include "launch.h"

#include "dispatch.h"

namespace bridge::gpu {
namespace {

constexpr int kBlocks = 4;  // that a processor has registers for, at least: 64 a thread, with which no kernel spills

struct Warp {
  uint32_t index;

  __device__ bool is_leader() const { return threadIdx.x % kLanes == 0; }
  template <class F>
  __device__ uint32_t ballot(const F& f) const {
    return __ballot_sync(0xFFFFFFFF, f(threadIdx.x % kLanes));
  }
};

struct Block {
  uint32_t x, y, threads;
  std::byte* shared;

  template <class F>
  __device__ void each(const F& f) const {
    f(threadIdx.x);
    __syncthreads();
  }
  template <class F>
  __device__ void each_warp(const F& f) const {
    f(Warp{threadIdx.x / kLanes});
    __syncthreads();
  }
};

template <class Body, class T>
__global__ void __launch_bounds__(kMostThreads, kBlocks) forest_kernel(const Forest<T> forest, const Rows<T> rows) {
  extern __shared__ uint4 shared[];
  Body::run(forest, rows, Block{blockIdx.x, blockIdx.y, blockDim.x, reinterpret_cast<std::byte*>(shared)});
}

template <class Body, class T>
cudaError_t start(const Forest<T>& forest, const Rows<T>& rows, const Launch& how, cudaStream_t stream) {
  const auto kernel = forest_kernel<Body, T>;
  if (how.shared_bytes > kLeastShared) {
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(how.shared_bytes));
    if (error != cudaSuccess) return error;
  }
  kernel<<<dim3(how.tiles, how.parts), how.threads, how.shared_bytes, stream>>>(forest, rows);
  return cudaGetLastError();
}

}  // namespace

template <class T>
cudaError_t launch(const Forest<T>& forest, const Rows<T>& rows, const Shape& shape, const Launch& how,
                   cudaStream_t stream) {
  cudaError_t error = cudaErrorInvalidValue;
  with_body<T>(shape, how, [&](auto body) { error = start<decltype(body)>(forest, rows, how, stream); });
  if (error != cudaSuccess || !how.is_split) return error;
  return start<AddBody<T>>(forest, rows, plan_adding(shape, rows.rows), stream);
}

template cudaError_t launch(const Forest<float>&, const Rows<float>&, const Shape&, const Launch&, cudaStream_t);
template cudaError_t launch(const Forest<double>&, const Rows<double>&, const Shape&, const Launch&, cudaStream_t);

}  // namespace bridge::gpu
