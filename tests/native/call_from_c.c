/* Runs a model of one bridge::Forest by onnxruntime's C API, several times from load to unload:
 *
 *     call_from_c ONNXRUNTIME OPERATORS MODEL ROWS COLUMNS CYCLES OUTPUT < float32 numbers > float64 sums of the last cycle
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <onnxruntime_c_api.h>

static const OrtApi* api;

static void check(OrtStatus* status) {
  if (!status) return;
  fprintf(stderr, "%s\n", api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  exit(1);
}

static void run(OrtEnv* env, const char** arguments, float* x, int64_t rows, int64_t columns, int is_last) {
  OrtSessionOptions* options = NULL;
  check(api->CreateSessionOptions(&options));
  check(api->SetIntraOpNumThreads(options, 2));
  check(api->RegisterCustomOpsLibrary_V2(options, arguments[2]));
  OrtSession* session = NULL;
  check(api->CreateSession(env, arguments[3], options, &session));
  api->ReleaseSessionOptions(options);

  OrtMemoryInfo* memory = NULL;
  check(api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory));
  const int64_t shape[2] = {rows, columns};
  OrtValue *input = NULL, *output = NULL;
  const size_t bytes = (size_t)(rows * columns) * sizeof(float);
  check(api->CreateTensorWithDataAsOrtValue(memory, x, bytes, shape, 2, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
  const char *in = "X", *out = arguments[7];
  check(api->Run(session, NULL, &in, (const OrtValue* const*)&input, 1, &out, 1, &output));
  if (is_last) {
    OrtTensorTypeAndShapeInfo* info = NULL;
    size_t count = 0;
    void* sums = NULL;
    check(api->GetTensorTypeAndShape(output, &info));
    check(api->GetTensorShapeElementCount(info, &count));
    check(api->GetTensorMutableData(output, &sums));
    fwrite(sums, sizeof(double), count, stdout);
    api->ReleaseTensorTypeAndShapeInfo(info);
  }
  api->ReleaseValue(output);
  api->ReleaseValue(input);
  api->ReleaseMemoryInfo(memory);
  api->ReleaseSession(session);
}

int main(int count, char** arguments) {
  if (count != 8) return 2;
  void* runtime = dlopen(arguments[1], RTLD_NOW);
  if (!runtime) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  const OrtApiBase* (*get_base)(void) = NULL;
  *(void**)&get_base = dlsym(runtime, "OrtGetApiBase");
  api = get_base()->GetApi(21);
  const int64_t rows = atoll(arguments[4]), columns = atoll(arguments[5]), cycles = atoll(arguments[6]);
  const size_t numbers = (size_t)(rows * columns);
  float* x = malloc(numbers * sizeof(float));
  if (fread(x, sizeof(float), numbers, stdin) != numbers) return 2;
  OrtEnv* env = NULL;
  check(api->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "call_from_c", &env));
  for (int64_t i = 0; i < cycles; ++i) run(env, (const char**)arguments, x, rows, columns, i + 1 == cycles);
  api->ReleaseEnv(env);
  free(x);
  return 0;
}
