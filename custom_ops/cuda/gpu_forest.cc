#include "gpu_forest.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>

#include "launch.h"
#include "pack.h"

namespace bridge::gpu {
namespace {

constexpr uint64_t kMostShared = 64 * 1024;  // more would leave a processor too few blocks
constexpr uint64_t kPartsBytes = 8 * 1024 * 1024;  // a stream
constexpr uint64_t kPartsCapacity = kPartsBytes / sizeof(double);

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // it is told here: the next call shall not find it again
  throw CudaError(std::string("bridge::Forest: CUDA cannot ") + what + ": " + cudaGetErrorString(error));
}

// Makes a GPU the current one for a while: another runtime than ours may have chosen another.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    check(cudaGetDevice(&before_), "find a GPU");
    is_changed_ = before_ != device;
    if (is_changed_) check(cudaSetDevice(device), "choose a GPU");
  }
  ~CurrentDevice() {
    if (is_changed_) cudaSetDevice(before_);
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
  bool is_changed_ = false;
};

// Memory of a GPU.
class Memory {
 public:
  explicit Memory(uint64_t bytes) { check(cudaMalloc(&place_, bytes ? bytes : 1), "allocate memory"); }
  // An error would say that the driver has gone already, and the memory with it.
  ~Memory() { cudaFree(place_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* get() const { return static_cast<std::byte*>(place_); }

 private:
  void* place_ = nullptr;
};

}  // namespace

template <class T>
struct GpuForest<T>::OnDevice {
  PackedForest<T> packed;
  Shape shape{};
  std::mutex lock;
  std::unique_ptr<Memory> tables;
  std::map<cudaStream_t, Memory> parts;  // runs on different streams may overlap
  Forest<T> forest{};
  Machine machine{};
  int device = -1;

  // Finds the GPU that holds the sums.
  void find_device(const double* sums) {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, sums), "find a GPU");
    if (attributes.type != cudaMemoryTypeDevice) throw CudaError("bridge::Forest: the output is not on a GPU");
    device = attributes.device;
  }

  void upload(cudaStream_t stream) {
    int processors = 0, shared = 0;
    check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "describe the GPU");
    check(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "describe the GPU");
    machine = {static_cast<uint32_t>(processors), std::clamp(static_cast<uint64_t>(shared), kLeastShared, kMostShared),
               kPartsCapacity};
    auto memory = std::make_unique<Memory>(packed.bytes.size());
    check(cudaMemcpyAsync(memory->get(), packed.bytes.data(), packed.bytes.size(), cudaMemcpyHostToDevice, stream),
          "copy a forest to the GPU");
    check(cudaStreamSynchronize(stream), "copy a forest to the GPU");  // the next run may be on another stream
    forest = packed.at(memory->get());
    tables = std::move(memory);
    packed.bytes = {};
  }
};

template <class T>
GpuForest<T>::GpuForest(const bridge::Forest& forest)
    : features_(forest.features), outputs_(forest.outputs), device_(std::make_unique<OnDevice>()) {
  device_->packed = pack<T>(forest);
  device_->shape = device_->packed.shape();
}

template <class T>
GpuForest<T>::~GpuForest() = default;

template <class T>
void GpuForest<T>::run(const T* x, uint64_t width, uint64_t rows, double* sums, void* stream_handle) {
  if (rows == 0) return;
  OnDevice& own = *device_;
  const auto stream = static_cast<cudaStream_t>(stream_handle);
  const std::lock_guard<std::mutex> guard(own.lock);
  if (own.device < 0) own.find_device(sums);
  const CurrentDevice current(own.device);
  if (!own.tables) own.upload(stream);
  const Launch how = plan(own.shape, rows, own.machine);
  Rows<T> run{x, width, rows, sums, nullptr, how.groups_of_block};
  if (how.is_split) {
    const auto place = own.parts.try_emplace(stream, kPartsBytes).first;
    run.parts = reinterpret_cast<double*>(place->second.get());
  } else if (how.kind == Launch::kRow) {
    run.parts = sums;  // there is one group alone
  }
  check(launch(own.forest, run, own.shape, how, stream), "run a forest");
}

template <class T>
void GpuForest<T>::wait(void* stream) {
  check(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "finish a run");
}

template class GpuForest<float>;
template class GpuForest<double>;

}  // namespace bridge::gpu
