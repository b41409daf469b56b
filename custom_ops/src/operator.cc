// bridge::Forest as an onnxruntime custom operator: kernels of one name, for float32 and for float64 input.
#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "fast_forest.h"
#include "forest_op.h"
#if defined(BRIDGE_CUDA)
#include "cuda_kernel.h"
#endif

#if defined(_WIN32)
#define BRIDGE_EXPORT extern "C" __declspec(dllexport)
#else
#define BRIDGE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace bridge {
namespace {

constexpr double kTaskNs = 50'000;  // less work than this is not worth another thread

// What a node keeps from one run to the next.
template <class T>
class ForestKernel {
 public:
  static constexpr const char* kProvider = nullptr;  // the CPU's
  static constexpr OrtMemType kTableMemory = OrtMemTypeDefault;

  ForestKernel(const OrtApi& api, const OrtKernelInfo* info) : api_(api), kernels_(choose_kernels()) {
    if (const auto tables = constant_tables(api, info)) {
      forest_ = make([&](size_t i) { return Tensor(api, (*tables)[i], i); });
    }
  }

  const OrtApi& api() const { return api_; }

  void compute(OrtKernelContext* context) const {
    const auto input = [&](size_t i) { return input_of(api_, context, i); };
    std::unique_ptr<FastForest<T>> own;
    if (!forest_) own = make(input);
    const FastForest<T>& forest = forest_ ? *forest_ : *own;
    const Tensor x = input(0);
    expect_columns(x, forest.features());
    Job job{forest, x.data<T>(), static_cast<size_t>(x.dim(1)), static_cast<size_t>(x.dim(0)),
            output_of(api_, context, x.dim(0), forest.outputs())};
    run(job, context);
  }

 private:
  // One run, cut into tasks of so many rows.
  struct Job {
    const FastForest<T>& forest;
    const T* x;
    size_t width;
    size_t rows;
    double* sums;
    size_t task_rows = 0;
    std::atomic<bool> lacks_memory = false;
  };

  template <class Get>
  std::unique_ptr<FastForest<T>> make(Get&& get) const {
    return std::make_unique<FastForest<T>>(read_forest(read_tables(get)), kernels_);
  }

  void run(Job& job, OrtKernelContext* context) const {
    if (job.rows == 0) return;
    if (job.forest.run_ns(job.rows) < 2 * kTaskNs) {
      job.forest.run(job.x, job.width, job.rows, job.sums);
      return;
    }
    job.task_rows = job.forest.task_rows(job.rows, kTaskNs);
    const size_t tasks = (job.rows + job.task_rows - 1) / job.task_rows;
    check(api_.KernelContext_ParallelFor(context, run_task, tasks, 0, &job));
    if (job.lacks_memory) throw std::bad_alloc();
  }

  // Runs on a thread of onnxruntime, which no exception may reach.
  static void run_task(void* data, size_t task) noexcept {
    Job& job = *static_cast<Job*>(data);
    const size_t first = task * job.task_rows;
    const size_t count = std::min(job.task_rows, job.rows - first);
    try {
      job.forest.run(job.x + first * job.width, job.width, count, job.sums + first * job.forest.outputs());
    } catch (const std::bad_alloc&) {
      job.lacks_memory = true;
    }
  }

  const OrtApi& api_;
  const Kernels& kernels_;
  std::unique_ptr<FastForest<T>> forest_;
};

// The domain `bridge` with its operators.
struct Domain {
  explicit Domain(const OrtApi& ort) : api(ort) {
    check(api.CreateCustomOpDomain("bridge", &domain));
    check(api.CustomOpDomain_Add(domain, &of_float));
    check(api.CustomOpDomain_Add(domain, &of_double));
#if defined(BRIDGE_CUDA)
    check(api.CustomOpDomain_Add(domain, &cuda_of_float));
    check(api.CustomOpDomain_Add(domain, &cuda_of_double));
#endif
  }
  ~Domain() { api.ReleaseCustomOpDomain(domain); }
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;

  const OrtApi& api;
  ForestOp<float, ForestKernel<float>> of_float{api};
  ForestOp<double, ForestKernel<double>> of_double{api};
#if defined(BRIDGE_CUDA)
  ForestOp<float, CudaForestKernel<float>> cuda_of_float{api};
  ForestOp<double, CudaForestKernel<double>> cuda_of_double{api};
#endif
  OrtCustomOpDomain* domain = nullptr;
};

}  // namespace
}  // namespace bridge

// What onnxruntime calls when the library is registered with a session's options.
BRIDGE_EXPORT OrtStatus* ORT_API_CALL RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  const OrtApi* api = base->GetApi(bridge::kApi);
  if (!api) {
    const std::string text = std::string("bridge's operators need an onnxruntime of API ") +
                             std::to_string(bridge::kApi) + " or newer; this is " + base->GetVersionString();
    // The function that makes a status has kept its place since the first API.
    return base->GetApi(1)->CreateStatus(ORT_FAIL, text.c_str());
  }
  return bridge::guarded(*api, [&] {
    static const bridge::Domain domain(*api);  // one for all sessions, which it must outlive
    bridge::check(api->AddCustomOpDomain(options, domain.domain));
  });
}

// The kernels that this machine takes, or null where the setting BRIDGE_FOREST_ISA cannot be kept.
BRIDGE_EXPORT const char* BridgeForestKernels() {
  try {
    return bridge::choose_kernels().name;
  } catch (const std::exception&) {
    return nullptr;
  }
}

// Whether the library has kernels for CUDA.
BRIDGE_EXPORT int BridgeForestHasCuda() {
#if defined(BRIDGE_CUDA)
  return 1;
#else
  return 0;
#endif
}
