// bridge::Forest as an onnxruntime custom operator: kernels of one name, for float32 and for float64 input.
#include <exception>
#include <string>

#include "cpu_kernel.h"
#include "forest_op.h"
#include "kernels.h"
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
  ForestOp<float, CpuForestKernel<float>> of_float{api};
  ForestOp<double, CpuForestKernel<double>> of_double{api};
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
