// The kernel of bridge::Forest for onnxruntime's CUDA provider: x and the sums are on the GPU, the tables on the host.
#pragma once

#include <memory>

#include "forest_op.h"
#include "gpu_forest.h"
#include "node_form.h"

namespace bridge {

template <class T>
class CudaForestKernel {
 public:
  static constexpr const char* kProvider = "CUDAExecutionProvider";
  static constexpr OrtMemType kTableMemory = OrtMemTypeCPUInput;

  CudaForestKernel(const OrtApi& api, const OrtKernelInfo* info) : api_(api) {
    const NodeForm form = read_form(api, info);
    if (!form.is_plain()) {
      throw TableError(
          "bridge::Forest: the CUDA kernel gives sums alone, and this node asks for more (attributes, a base, or other "
          "outputs). Export with target='cuda', or run on the CPU");
    }
    if (const auto tables = constant_tables(api, info, false)) {
      forest_ = make([&](size_t i) { return on_host(Tensor(api, (*tables)[i], i)); });
    }
  }

  const OrtApi& api() const { return api_; }

  void compute(OrtKernelContext* context) {
    const auto input = [&](size_t i) { return input_of(api_, context, i); };
    std::unique_ptr<gpu::GpuForest<T>> own;
    if (!forest_) own = make([&](size_t i) { return on_host(input(i)); });
    gpu::GpuForest<T>& forest = forest_ ? *forest_ : *own;
    const Tensor x = input(0);
    expect_columns(x, forest.features());
    const int64_t shape[2] = {x.dim(0), static_cast<int64_t>(forest.outputs())};
    auto* sums = output_of<double>(api_, context, 0, shape, 2);
    void* stream = nullptr;
    check(api_.KernelContext_GetGPUComputeStream(context, &stream));
    forest.run(x.data<T>(), static_cast<uint64_t>(x.dim(1)), static_cast<uint64_t>(x.dim(0)), sums, stream);
    // Tables that are read at each run go when it ends.
    if (own) own->wait(stream);
  }

 private:
  Tensor on_host(Tensor table) const {
    if (!table.is_on_host(api_)) throw TableError("bridge::Forest: onnxruntime put a table on the GPU, not on the host");
    return table;
  }

  template <class Get>
  static std::unique_ptr<gpu::GpuForest<T>> make(Get&& get) {
    return std::make_unique<gpu::GpuForest<T>>(read_forest(read_tables(get, false)));
  }

  const OrtApi& api_;
  std::unique_ptr<gpu::GpuForest<T>> forest_;
};

}  // namespace bridge
