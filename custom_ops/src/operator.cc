// bridge::Forest as an onnxruntime custom operator: two kernels of one name, for float32 and for float64 input.
#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "fast_forest.h"

#if defined(_WIN32)
#define BRIDGE_EXPORT extern "C" __declspec(dllexport)
#else
#define BRIDGE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace bridge {
namespace {

constexpr uint32_t kApi = ORT_API_VERSION;
constexpr size_t kInputs = 12;
constexpr double kTaskNs = 50'000;  // less work than this is not worth another thread

using Type = ONNXTensorElementDataType;
constexpr Type kFloat = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, kDouble = ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
               kInt32 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, kInt64 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
               kBool = ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;
constexpr std::array<Type, kInputs> kInputTypes{kFloat, kInt32,  kDouble, kInt32, kInt32, kInt32,
                                                kBool,  kInt32, kDouble, kInt32, kInt64, kInt64};

// An error of onnxruntime's own, on its way through our code.
struct OrtFailure {
  OrtStatus* status;
};

void check(OrtStatus* status) {
  if (status) throw OrtFailure{status};
}

// Calls `body`; returns null, or a status that says what it threw. Nothing may leave through the C API.
template <class Body>
OrtStatus* guarded(const OrtApi& api, Body&& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const OrtFailure& failure) {
    return failure.status;
  } catch (const TableError& error) {
    return api.CreateStatus(ORT_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return api.CreateStatus(ORT_FAIL, "bridge::Forest: there is not enough memory for this forest");
  } catch (const std::exception& error) {
    return api.CreateStatus(ORT_FAIL, error.what());
  }
}

// A tensor of an input: its data and its shape.
class Tensor {
 public:
  Tensor(const OrtApi& api, const OrtValue* value, size_t input) : input_(input) {
    if (!value) throw TableError("bridge::Forest: input " + std::to_string(input) + " is absent");
    OrtTensorTypeAndShapeInfo* info = nullptr;
    check(api.GetTensorTypeAndShape(value, &info));
    OrtStatus* status = api.GetDimensionsCount(info, &axes_);
    if (!status) status = api.GetDimensions(info, dims_.data(), std::min(axes_, dims_.size()));
    if (!status) status = api.GetTensorElementType(info, &type_);
    api.ReleaseTensorTypeAndShapeInfo(info);
    check(status);
    // The function that makes no copy has no const form.
    check(api.GetTensorMutableData(const_cast<OrtValue*>(value), &data_));
  }

  int64_t dim(size_t axis) const { return dims_[axis]; }

  void expect_axes(size_t axes) const {
    if (axes_ != axes) {
      throw TableError("bridge::Forest: input " + std::to_string(input_) + " has " + std::to_string(axes_) +
                       " axes, expected " + std::to_string(axes));
    }
  }

  template <class T>
  const T* data() const {
    return static_cast<const T*>(data_);
  }

  template <class T>
  std::span<const T> table(Type type, size_t axes = 1) const {
    expect_axes(axes);
    if (type_ != type) throw TableError("bridge::Forest: input " + std::to_string(input_) + " is of another type");
    return {data<T>(), static_cast<size_t>(axes == 2 ? dims_[0] * dims_[1] : dims_[0])};
  }

 private:
  size_t input_;
  size_t axes_ = 0;
  std::array<int64_t, 2> dims_{0, 0};
  Type type_ = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  void* data_ = nullptr;
};

// Reads the tables, inputs 1 to 11, through `get(input)`.
template <class Get>
ForestTables read_tables(Get&& get) {
  ForestTables t;
  t.feature = get(1).template table<int32_t>(kInt32);
  t.threshold = get(2).template table<double>(kDouble);
  t.left = get(3).template table<int32_t>(kInt32);
  t.right = get(4).template table<int32_t>(kInt32);
  t.leaf = get(5).template table<int32_t>(kInt32);
  t.missing_left = get(6).template table<uint8_t>(kBool);
  t.roots = get(7).template table<int32_t>(kInt32);
  const Tensor values = get(8);
  t.values = values.template table<double>(kDouble, 2);
  t.value_rows = values.dim(0);
  t.outputs = values.dim(1);
  t.category = get(9).template table<int32_t>(kInt32);
  t.set_starts = get(10).template table<int64_t>(kInt64);
  t.set_members = get(11).template table<int64_t>(kInt64);
  return t;
}

// What a node keeps from one run to the next.
template <class T>
class ForestKernel {
 public:
  ForestKernel(const OrtApi& api, const OrtKernelInfo* info) : api_(api), kernels_(choose_kernels()) {
    std::array<const OrtValue*, kInputs> tables{};
    for (size_t i = 1; i < kInputs; ++i) {
      int is_constant = 0;
      check(api.KernelInfoGetConstantInput_tensor(info, i, &is_constant, &tables[i]));
      // Computed tables, and those of the graph around a branch, are read at each run.
      if (!is_constant || !tables[i]) return;
    }
    forest_ = make([&](size_t i) { return Tensor(api, tables[i], i); });
  }

  const OrtApi& api() const { return api_; }

  void compute(OrtKernelContext* context) const {
    const auto input = [&](size_t i) {
      const OrtValue* value = nullptr;
      check(api_.KernelContext_GetInput(context, i, &value));
      return Tensor(api_, value, i);
    };
    std::unique_ptr<FastForest<T>> own;
    if (!forest_) own = make(input);
    const FastForest<T>& forest = forest_ ? *forest_ : *own;
    const Tensor x = input(0);
    x.expect_axes(2);
    if (static_cast<uint64_t>(x.dim(1)) < forest.features()) {
      throw TableError("bridge::Forest: x has " + std::to_string(x.dim(1)) + " columns, but table 'feature' asks for " +
                       std::to_string(forest.features()));
    }
    const int64_t shape[2] = {x.dim(0), static_cast<int64_t>(forest.outputs())};
    OrtValue* output = nullptr;
    check(api_.KernelContext_GetOutput(context, 0, shape, 2, &output));
    void* sums = nullptr;
    check(api_.GetTensorMutableData(output, &sums));
    Job job{forest, x.data<T>(), static_cast<size_t>(x.dim(1)), static_cast<size_t>(x.dim(0)),
            static_cast<double*>(sums)};
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
  }

  static void run_task(void* data, size_t task) {
    const Job& job = *static_cast<const Job*>(data);
    const size_t first = task * job.task_rows;
    const size_t count = std::min(job.task_rows, job.rows - first);
    job.forest.run(job.x + first * job.width, job.width, count, job.sums + first * job.forest.outputs());
  }

  const OrtApi& api_;
  const Kernels& kernels_;
  std::unique_ptr<FastForest<T>> forest_;
};

// The description of the operator that onnxruntime calls back, for x of type T.
template <class T>
struct ForestOp : OrtCustomOp {
  const OrtApi& api;

  explicit ForestOp(const OrtApi& ort) : OrtCustomOp{}, api(ort) {
    version = kApi;
    GetName = [](const OrtCustomOp*) { return "Forest"; };
    GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
    GetInputTypeCount = [](const OrtCustomOp*) { return kInputs; };
    GetInputType = [](const OrtCustomOp*, size_t i) {
      return i == 0 && std::is_same_v<T, double> ? kDouble : kInputTypes[i];
    };
    GetOutputTypeCount = [](const OrtCustomOp*) { return size_t{1}; };
    GetOutputType = [](const OrtCustomOp*, size_t) { return kDouble; };
    GetInputCharacteristic = [](const OrtCustomOp*, size_t) { return INPUT_OUTPUT_REQUIRED; };
    GetOutputCharacteristic = [](const OrtCustomOp*, size_t) { return INPUT_OUTPUT_REQUIRED; };
    GetInputMemoryType = [](const OrtCustomOp*, size_t) { return OrtMemTypeDefault; };
    GetStartVersion = [](const OrtCustomOp*) { return 1; };
    GetEndVersion = [](const OrtCustomOp*) { return 1; };
    CreateKernelV2 = [](const OrtCustomOp* op, const OrtApi*, const OrtKernelInfo* info, void** kernel) {
      const OrtApi& self = static_cast<const ForestOp*>(op)->api;
      return guarded(self, [&] { *kernel = std::make_unique<ForestKernel<T>>(self, info).release(); });
    };
    KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
      const auto* forest = static_cast<const ForestKernel<T>*>(kernel);
      return guarded(forest->api(), [&] { forest->compute(context); });
    };
    KernelDestroy = [](void* kernel) { delete static_cast<ForestKernel<T>*>(kernel); };
  }
};

// The domain `bridge` with its operators.
struct Domain {
  explicit Domain(const OrtApi& ort) : of_float(ort), of_double(ort), api(ort) {
    check(api.CreateCustomOpDomain("bridge", &domain));
    check(api.CustomOpDomain_Add(domain, &of_float));
    check(api.CustomOpDomain_Add(domain, &of_double));
  }
  ~Domain() { api.ReleaseCustomOpDomain(domain); }
  Domain(const Domain&) = delete;
  Domain& operator=(const Domain&) = delete;

  ForestOp<float> of_float;
  ForestOp<double> of_double;
  const OrtApi& api;
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
