// What a node says beside its tables: attributes, whether it has a base, and which outputs are wanted of it.
#pragma once

#include <array>
#include <string>

#include "finish.h"
#include "ort_tensor.h"

namespace bridge {

struct NodeForm {
  Settings settings;
  bool has_base = false;
  std::array<bool, kOutputs> wants{true, false, false, false};

  // Whether all that is asked for are the sums.
  bool is_plain() const { return settings.are_plain() && !has_base && !wants[1] && !wants[2] && !wants[3]; }
};

// Whether a call of onnxruntime's succeeds.
inline bool succeeds(const OrtApi& api, OrtStatus* status) {
  if (status) api.ReleaseStatus(status);
  return !status;
}

// Throws TableError where a node has an attribute of this name, which is then of another type than `expected`.
inline void expect_absent(const OrtApi& api, const OrtKernelInfo* info, const char* name, const char* expected) {
  int64_t integer = 0;
  float number = 0;
  size_t size = 0;
  if (succeeds(api, api.KernelInfoGetAttribute_int64(info, name, &integer)) ||
      succeeds(api, api.KernelInfoGetAttribute_float(info, name, &number)) ||
      succeeds(api, api.KernelInfoGetAttribute_string(info, name, nullptr, &size)) ||
      succeeds(api, api.KernelInfoGetAttributeArray_int64(info, name, nullptr, &size)) ||
      succeeds(api, api.KernelInfoGetAttributeArray_float(info, name, nullptr, &size))) {
    throw TableError("bridge::Forest: attribute '" + std::string(name) + "' is not " + expected);
  }
}

// Returns a text, the first one where the node has none.
inline std::string text_of(const OrtApi& api, const OrtKernelInfo* info, const char* name, const char* otherwise) {
  size_t size = 0;
  if (!succeeds(api, api.KernelInfoGetAttribute_string(info, name, nullptr, &size))) {
    expect_absent(api, info, name, "a string");
    return otherwise;
  }
  std::string text(size, '\0');
  check(api.KernelInfoGetAttribute_string(info, name, text.data(), &size));
  return text.substr(0, text.find('\0'));
}

inline bool flag_of(const OrtApi& api, const OrtKernelInfo* info, const char* name) {
  int64_t flag = 0;
  if (!succeeds(api, api.KernelInfoGetAttribute_int64(info, name, &flag))) {
    expect_absent(api, info, name, "an integer");
    return false;
  }
  if (flag != 0 && flag != 1) {
    throw TableError("bridge::Forest: attribute '" + std::string(name) + "' is " + std::to_string(flag) +
                     ", expected 0 or 1");
  }
  return flag == 1;
}

// An input or output whose name is empty was left out.
template <class Get>
bool has_name(const OrtApi& api, const OrtKernelInfo* info, Get get, size_t index) {
  size_t size = 0;
  return succeeds(api, get(info, index, nullptr, &size)) && size > 1;
}

inline NodeForm read_form(const OrtApi& api, const OrtKernelInfo* info) {
  NodeForm form;
  form.settings.aggregate = aggregate_of(text_of(api, info, "aggregate", "sum"));
  form.settings.link = link_of(text_of(api, info, "link", "none"));
  form.settings.label = label_of(text_of(api, info, "label", "argmax"));
  form.settings.squeeze = flag_of(api, info, "squeeze");
  size_t inputs = 0, outputs = 0;
  check(api.KernelInfo_GetInputCount(info, &inputs));
  check(api.KernelInfo_GetOutputCount(info, &outputs));
  form.has_base = inputs > kBase && has_name(api, info, api.KernelInfo_GetInputName, kBase);
  for (size_t i = 1; i < std::min(outputs, kOutputs); ++i) {
    form.wants[i] = has_name(api, info, api.KernelInfo_GetOutputName, i);
  }
  return form;
}

}  // namespace bridge
