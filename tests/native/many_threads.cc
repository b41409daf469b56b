// One forest, run by many threads at once while others make forests of their own: each must give what one thread gives
// alone. Compiled for the sanitizer of threads, which finds what two of them share.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "fast_forest.h"
#include "plain_walk.h"

namespace {

using namespace bridge;
constexpr size_t kThreads = 6, kForests = 40;
constexpr size_t kRows[] = {1, 700, 64, 3};

template <class T>
std::vector<double> run(const FastForest<T>& forest, const std::vector<T>& x, size_t first, size_t rows) {
  std::vector<double> sums(rows * forest.outputs());
  forest.run(x.data() + first * fuzz::kWidth, fuzz::kWidth, rows, sums.data());
  return sums;
}

// Equal as bits, but for those of NaN.
bool are_same(const std::vector<double>& a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!fuzz::same(a[i], b[i])) return false;
  }
  return true;
}

template <class T>
void share(const fuzz::OwnTables& tables, const Forest& forest, fuzz::Bytes& bytes) {
  const std::vector<T> x = fuzz::draw_rows<T>(bytes, tables, 2000 * fuzz::kWidth);
  const FastForest<T> shared(forest, choose_kernels());
  std::vector<std::vector<double>> expected;
  for (const size_t rows : kRows) expected.push_back(run(shared, x, rows, rows));
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = 0; i < 8; ++i) {
        const size_t which = (i + thread) % std::size(kRows);
        std::vector<double> sums;
        if (i == thread) {
          sums = run(FastForest<T>(read_forest(tables.view()), choose_kernels()), x, kRows[which], kRows[which]);
        } else {
          sums = run(shared, x, kRows[which], kRows[which]);
        }
        if (!are_same(sums, expected[which])) {
          std::printf("thread %zu gives other sums\n", thread);
          std::abort();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main() {
  std::mt19937 random(0);
  size_t shared = 0;
  while (shared < kForests) {
    std::vector<uint8_t> data(random() % 8192);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(random());
    fuzz::Bytes bytes(data.data(), data.size());
    const fuzz::OwnTables tables = fuzz::draw_tables(bytes);
    Forest forest;
    try {
      forest = read_forest(tables.view());
    } catch (const TableError&) {
      continue;
    }
    if (forest.features > fuzz::kWidth) continue;
    ++shared % 2 ? share<float>(tables, forest, bytes) : share<double>(tables, forest, bytes);
  }
  std::printf("%zu forests were shared\n", shared);
}
