// The kernel of bridge::Forest for onnxruntime's CPU provider.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <utility>

#include "fast_forest.h"
#include "finish.h"
#include "forest_op.h"
#include "kernels.h"
#include "node_form.h"

namespace bridge {

constexpr double kTaskNs = 50'000;  // less work than this is not worth another thread

template <class T>
class CpuForestKernel {
 public:
  static constexpr const char* kProvider = nullptr;  // the CPU's
  static constexpr OrtMemType kTableMemory = OrtMemTypeDefault;

  CpuForestKernel(const OrtApi& api, const OrtKernelInfo* info)
      : api_(api), kernels_(choose_kernels()), form_(read_form(api, info)) {
    if (const auto tables = constant_tables(api, info, form_.has_base)) {
      model_ = make([&](size_t i) { return Tensor(api, (*tables)[i], i); });
    }
  }

  const OrtApi& api() const { return api_; }

  void compute(OrtKernelContext* context) const {
    const auto input = [&](size_t i) { return input_of(api_, context, i); };
    std::unique_ptr<Model> own;
    if (!model_) own = make(input);
    const Model& model = model_ ? *model_ : *own;
    const Tensor x = input(0);
    expect_columns(x, model.forest.features());
    Job job{model, x.data<T>(), static_cast<size_t>(x.dim(1)), static_cast<size_t>(x.dim(0)),
            outputs_of(context, model, x.dim(0))};
    run(job, context);
  }

 private:
  // What a node keeps from one run to the next.
  struct Model {
    FastForest<T> forest;
    Finish finish;

    // Writes the results of some rows.
    void run(const T* x, size_t width, size_t rows, const Results& results) const {
      forest.run(x, width, rows, finish.place(results, rows));
      finish.finish(results, rows);
    }
  };

  // One run, cut into tasks of so many rows.
  struct Job {
    const Model& model;
    const T* x;
    size_t width;
    size_t rows;
    Results results;
    size_t task_rows = 0;
    const void* caller = nullptr;  // the thread that began
    std::atomic<bool> had_help = false;
    std::atomic<bool> lacks_memory = false;
  };

  template <class Get>
  std::unique_ptr<Model> make(Get&& get) const {
    Forest forest = read_forest(read_tables(get, form_.has_base));
    const Finish finish(form_.settings, forest);
    const Aggregate aggregate = form_.settings.aggregate;
    const Fold fold = aggregate == Aggregate::kMin   ? Fold::kMin
                      : aggregate == Aggregate::kMax ? Fold::kMax
                                                     : Fold::kSum;
    return std::unique_ptr<Model>(new Model{FastForest<T>(std::move(forest), kernels_, fold), finish});
  }

  Results outputs_of(OrtKernelContext* context, const Model& model, int64_t rows) const {
    const auto numbers = [&](size_t output, size_t columns) {
      const int64_t shape[2] = {rows, static_cast<int64_t>(columns)};
      return output_of<double>(api_, context, output, shape, model.finish.squeezes(columns) ? 1 : 2);
    };
    Results results;
    results.y = numbers(0, model.finish.columns());
    if (form_.wants[1]) results.total = numbers(1, model.forest.outputs());
    if (form_.wants[2]) results.label = output_of<int64_t>(api_, context, 2, &rows, 1);
    if (form_.wants[3]) results.log = numbers(3, model.finish.columns());
    return results;
  }

  void run(Job& job, OrtKernelContext* context) const {
    if (job.rows == 0) return;
    const FastForest<T>& forest = job.model.forest;
    if (forest.run_ns(job.rows) < 2 * kTaskNs) {
      job.model.run(job.x, job.width, job.rows, job.results);
      return;
    }
    // Every task goes through all trees. Nothing tells how many threads there are; where one did all tasks of the run
    // before, two tasks suffice to see whether another one comes.
    job.task_rows = had_help_ ? forest.task_rows(job.rows, kTaskNs) : (job.rows + 1) / 2;
    job.caller = this_thread();
    const size_t tasks = (job.rows + job.task_rows - 1) / job.task_rows;
    check(api_.KernelContext_ParallelFor(context, run_task, tasks, 0, &job));
    had_help_ = job.had_help.load();
    if (job.lacks_memory) throw std::bad_alloc();
  }

  // What each thread has another one of.
  static const void* this_thread() {
    static thread_local char mark;
    return &mark;
  }

  // Runs on a thread of onnxruntime, which no exception may reach.
  static void run_task(void* data, size_t task) noexcept {
    Job& job = *static_cast<Job*>(data);
    if (this_thread() != job.caller) job.had_help = true;
    const size_t first = task * job.task_rows;
    const size_t count = std::min(job.task_rows, job.rows - first);
    const Model& model = job.model;
    try {
      model.run(job.x + first * job.width, job.width, count,
                job.results.from(first, model.finish.columns(), model.forest.outputs()));
    } catch (const std::bad_alloc&) {
      job.lacks_memory = true;
    }
  }

  const OrtApi& api_;
  const Kernels& kernels_;
  NodeForm form_;
  std::unique_ptr<Model> model_;
  mutable std::atomic<bool> had_help_ = true;  // in the last run that was cut into tasks
};

}  // namespace bridge
