// A forest on a GPU. No header of CUDA or onnxruntime is needed to use it.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>

#include "forest_tables.h"

namespace bridge::gpu {

// Says what CUDA refused.
class CudaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// T is the dtype of x, float or double.
template <class T>
class GpuForest {
 public:
  // Packs on the host. The first run copies the tables to its GPU: no driver is needed until then.
  explicit GpuForest(const bridge::Forest& forest);
  ~GpuForest();
  GpuForest(const GpuForest&) = delete;
  GpuForest& operator=(const GpuForest&) = delete;

  uint64_t features() const { return features_; }
  uint64_t outputs() const { return outputs_; }

  // Writes the sums, (rows, outputs), of rows that are `width` numbers wide; all pointers are of one GPU.
  // Returns at once: the work is done in the order of `stream`. Allocates on its first run and on the first run on each
  // stream, never again. Throws CudaError.
  void run(const T* x, uint64_t width, uint64_t rows, double* sums, void* stream);

  // Waits for a stream.
  static void wait(void* stream);

 private:
  struct OnDevice;
  uint64_t features_;
  uint64_t outputs_;
  std::unique_ptr<OnDevice> device_;
};

}  // namespace bridge::gpu
