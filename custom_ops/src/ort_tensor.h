// What the operator's kernels share: onnxruntime's errors and tensors, and the tables of a node.
#pragma once

#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "forest_tables.h"

namespace bridge {

// The oldest API that has all that is used here, so that newer headers make no library for newer runtimes alone.
constexpr uint32_t kApi = 21;
static_assert(ORT_API_VERSION >= kApi);
constexpr size_t kInputs = 13, kBase = 12;  // the base may be left out
constexpr size_t kOutputs = 4;

using Type = ONNXTensorElementDataType;
constexpr Type kFloat = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, kDouble = ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
               kInt32 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, kInt64 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
               kBool = ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;
constexpr std::array<Type, kInputs> kInputTypes{kFloat, kInt32,  kDouble, kInt32, kInt32, kInt32,
                                                kBool,  kInt32, kDouble, kInt32, kInt64, kInt64, kDouble};
constexpr std::array<Type, kOutputs> kOutputTypes{kDouble, kDouble, kInt64, kDouble};

// An error of onnxruntime's own, on its way through our code.
struct OrtFailure {
  OrtStatus* status;
};

inline void check(OrtStatus* status) {
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
  Tensor(const OrtApi& api, const OrtValue* value, size_t input) : value_(value), input_(input) {
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

  // Whether the host can read it.
  bool is_on_host(const OrtApi& api) const {
    const OrtMemoryInfo* info = nullptr;
    check(api.GetTensorMemoryInfo(value_, &info));
    OrtMemoryInfoDeviceType device = OrtMemoryInfoDeviceType_CPU;
    api.MemoryInfoGetDeviceType(info, &device);
    return device == OrtMemoryInfoDeviceType_CPU;
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
  const OrtValue* value_;
  size_t input_;
  size_t axes_ = 0;
  std::array<int64_t, 2> dims_{0, 0};
  Type type_ = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  void* data_ = nullptr;
};

// Reads the tables, inputs 1 to 11, and the base where there is one, through `get(input)`.
template <class Get>
ForestTables read_tables(Get&& get, bool has_base) {
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
  if (has_base) t.base = get(kBase).template table<double>(kDouble);
  if (has_base && t.base.empty()) throw TableError("bridge::Forest: table 'base' is empty");
  return t;
}

// The tables of a node, inputs 1 to 12.
using TableValues = std::array<const OrtValue*, kInputs>;

// Returns a node's tables; nothing where one is computed, or of the graph around a branch: they are read at each run.
inline std::optional<TableValues> constant_tables(const OrtApi& api, const OrtKernelInfo* info, bool has_base) {
  TableValues tables{};
  for (size_t i = 1; i < (has_base ? kInputs : kBase); ++i) {
    int is_constant = 0;
    check(api.KernelInfoGetConstantInput_tensor(info, i, &is_constant, &tables[i]));
    if (!is_constant || !tables[i]) return std::nullopt;
  }
  return tables;
}

// Throws TableError where x is no matrix, or has fewer columns than a forest asks for.
inline void expect_columns(const Tensor& x, uint64_t features) {
  x.expect_axes(2);
  if (static_cast<uint64_t>(x.dim(1)) < features) {
    throw TableError("bridge::Forest: x has " + std::to_string(x.dim(1)) + " columns, but table 'feature' asks for " +
                     std::to_string(features));
  }
}

// Returns where an output of this shape is to be written.
template <class Number>
Number* output_of(const OrtApi& api, OrtKernelContext* context, size_t output, const int64_t* shape, size_t axes) {
  OrtValue* value = nullptr;
  check(api.KernelContext_GetOutput(context, output, shape, axes, &value));
  void* data = nullptr;
  check(api.GetTensorMutableData(value, &data));
  return static_cast<Number*>(data);
}

// Returns an input of a run.
inline Tensor input_of(const OrtApi& api, const OrtKernelContext* context, size_t input) {
  const OrtValue* value = nullptr;
  check(api.KernelContext_GetInput(context, input, &value));
  return Tensor(api, value, input);
}

}  // namespace bridge
