// How the operator is told to onnxruntime.
#pragma once

#include <type_traits>

#include "ort_tensor.h"

namespace bridge {

// The description of the operator that onnxruntime calls back, for x of type T and one provider's kernels.
template <class T, class Kernel>
struct ForestOp : OrtCustomOp {
  const OrtApi& api;

  explicit ForestOp(const OrtApi& ort) : OrtCustomOp{}, api(ort) {
    version = kApi;
    GetName = [](const OrtCustomOp*) { return "Forest"; };
    GetExecutionProviderType = [](const OrtCustomOp*) { return Kernel::kProvider; };
    GetInputTypeCount = [](const OrtCustomOp*) { return kInputs; };
    GetInputType = [](const OrtCustomOp*, size_t i) {
      return i == 0 && std::is_same_v<T, double> ? kDouble : kInputTypes[i];
    };
    GetOutputTypeCount = [](const OrtCustomOp*) { return kOutputs; };
    GetOutputType = [](const OrtCustomOp*, size_t i) { return kOutputTypes[i]; };
    GetInputCharacteristic = [](const OrtCustomOp*, size_t i) {
      return i == kBase ? INPUT_OUTPUT_OPTIONAL : INPUT_OUTPUT_REQUIRED;
    };
    GetOutputCharacteristic = [](const OrtCustomOp*, size_t i) {
      return i == 0 ? INPUT_OUTPUT_REQUIRED : INPUT_OUTPUT_OPTIONAL;
    };
    GetInputMemoryType = [](const OrtCustomOp*, size_t i) { return i == 0 ? OrtMemTypeDefault : Kernel::kTableMemory; };
    GetStartVersion = [](const OrtCustomOp*) { return 1; };
    GetEndVersion = [](const OrtCustomOp*) { return 1; };
    CreateKernelV2 = [](const OrtCustomOp* op, const OrtApi*, const OrtKernelInfo* info, void** kernel) {
      const OrtApi& self = static_cast<const ForestOp*>(op)->api;
      return guarded(self, [&] { *kernel = std::make_unique<Kernel>(self, info).release(); });
    };
    KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
      auto* forest = static_cast<Kernel*>(kernel);
      return guarded(forest->api(), [&] { forest->compute(context); });
    };
    KernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  }
};

}  // namespace bridge
