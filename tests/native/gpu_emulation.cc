// Runs the blocks of the CUDA kernels on the host, thread after thread, and compares every sum, bit for bit, with a
// plain walk over the same checked forest. Prints how many runs of which kind agreed; the first that does not is told.
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "host_runs.h"
#include "plan_rules.h"

namespace {

using namespace bridge;
constexpr uint32_t kWidth = 5;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Made {
  uint32_t trees = 1, least_leaves = 1, most_leaves = 30, outputs = 1;
  uint32_t most_depth = 8;
  bool is_list = false, has_sets = false, has_missing = false;
  uint32_t thresholds = 0;  // so many different ones, else any
  uint32_t features = kWidth;
};

// The tables of a random forest, which own what ForestTables points to.
struct Tables {
  std::vector<int32_t> feature, left, right, leaf, roots, category;
  std::vector<double> threshold, values;
  std::vector<uint8_t> missing_left;
  std::vector<int64_t> set_starts{0}, set_members;
  int64_t value_rows = 0, outputs = 1;

  ForestTables spans() const {
    return {feature, threshold, left,     right,    leaf,       missing_left, roots,
            values,  value_rows, outputs, category, set_starts, set_members};
  }
};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t count) { return random_() % count; }
  double normal() { return std::normal_distribution<double>()(random_); }

  Tables make(const Made& made) {
    Tables t;
    t.outputs = made.outputs;
    for (uint32_t i = 0; i < made.trees; ++i) {
      add_tree(t, made, made.least_leaves + static_cast<uint32_t>(below(made.most_leaves - made.least_leaves + 1)));
    }
    return t;
  }

 private:
  void add_tree(Tables& t, const Made& made, uint32_t leaves) {
    std::vector<std::pair<size_t, uint32_t>> open{{t.feature.size(), 0}}, done;
    t.roots.push_back(static_cast<int32_t>(open[0].first));
    add_node(t);
    for (uint32_t i = 1; i < leaves && !open.empty(); ++i) {
      const size_t pick = made.is_list ? open.size() - 1 : below(open.size());
      const auto [node, depth] = open[pick];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(pick));
      ask(t, made, node);
      t.left[node] = static_cast<int32_t>(t.feature.size());
      t.right[node] = t.left[node] + 1;
      for (int side = 0; side < 2; ++side) {
        (depth + 1 < made.most_depth ? open : done).push_back({t.feature.size(), depth + 1});
        add_node(t);
      }
    }
    open.insert(open.end(), done.begin(), done.end());
    for (const auto& [node, depth] : open) {
      t.leaf[node] = static_cast<int32_t>(t.value_rows++);
      for (int64_t o = 0; o < t.outputs; ++o) t.values.push_back(normal() * std::pow(10, int(below(9)) - 4));
    }
  }

  static void add_node(Tables& t) {
    t.feature.push_back(0);
    t.threshold.push_back(0);
    t.left.push_back(-1);
    t.right.push_back(-1);
    t.leaf.push_back(-1);
    t.missing_left.push_back(0);
    t.category.push_back(-1);
  }

  void ask(Tables& t, const Made& made, size_t node) {
    t.feature[node] = static_cast<int32_t>(below(made.features));
    t.missing_left[node] = made.has_missing && below(2);
    const double special[] = {0.0, -0.0, kInfinity, -kInfinity, 1e300, -1e300, 5e-324, 1.0 / 3, kNan};
    t.threshold[node] = made.thresholds ? double(below(made.thresholds)) / 7 - 5 : normal();
    if (below(8) == 0) t.threshold[node] = special[below(made.has_missing ? 9 : 8)];
    if (made.has_sets && below(3) == 0) {
      t.category[node] = static_cast<int32_t>(t.set_starts.size() - 1);
      for (int64_t member : {0, 1, 3, 7, 255, 256, 300, 70'000}) {
        if (below(2)) t.set_members.push_back(member);
      }
      t.set_starts.push_back(static_cast<int64_t>(t.set_members.size()));
    }
  }

  std::mt19937_64 random_;
};

template <class T>
std::vector<T> make_rows(Maker& maker, const Tables& t, size_t rows, size_t width) {
  const double special[] = {0.0, -0.0, kNan, kInfinity, -kInfinity, 1e-45, 3e38, -0.5, 0, 1, 3, 7, 255, 256, 300, 70'000,
                            2.5, 1 << 24};
  std::vector<T> x(rows * width);
  for (T& number : x) {
    if (maker.below(3) == 0) {
      number = static_cast<T>(special[maker.below(std::size(special))]);
      continue;
    }
    const double near = t.threshold[maker.below(t.threshold.size())];
    number = std::abs(near) < 1e38 || !std::is_same_v<T, float> ? static_cast<T>(near) : T{0};
    const auto side = static_cast<T>(maker.below(2) ? kInfinity : -kInfinity);
    if (maker.below(3)) number = std::nextafter(number, side);
  }
  return x;
}

// The leaf's row of values that a row reaches, one node after another.
template <class T>
uint32_t walk(const Forest& forest, size_t tree, const T* x) {
  const Node* nodes = &forest.nodes[forest.tree_starts[tree]];
  uint32_t at = 0;
  while (!nodes[at].is_leaf()) {
    const Node& node = nodes[at];
    const double value = x[node.feature];
    bool left = value <= node.threshold;
    if (node.set >= 0) left = forest.is_member(node.set, value);
    if (value != value) left = node.missing_left;
    at = left ? at + 1 : node.right;
  }
  return nodes[at].leaf_row;
}

template <class T>
std::vector<double> reference(const Forest& forest, const std::vector<T>& x, size_t rows, size_t width) {
  std::vector<double> sums(rows * forest.outputs);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t first = 0; first < forest.n_trees(); first += gpu::kGroupTrees) {
      std::vector<double> part(forest.outputs);
      for (size_t tree = first; tree < std::min(forest.n_trees(), first + gpu::kGroupTrees); ++tree) {
        const double* values = &forest.values[walk(forest, tree, &x[row * width]) * forest.outputs];
        for (size_t o = 0; o < forest.outputs; ++o) part[o] += values[o];
      }
      for (size_t o = 0; o < forest.outputs; ++o) sums[row * forest.outputs + o] += part[o];
    }
  }
  return sums;
}

std::string name_of(const gpu::Shape& shape, const gpu::Launch& how) {
  const char* const formats[] = {"coded8", "coded16", "narrow", "wide"};
  const char* const kinds[] = {"tile", "direct", "row"};
  return std::string(formats[static_cast<uint32_t>(shape.format)]) + " float" + std::to_string(8 * shape.number_bytes) +
         " " + kinds[how.kind] + " x" + std::to_string(how.rows_of_thread) + (shape.outputs > 1 ? " vector" : "") +
         (how.is_split ? " split" : "");
}

std::map<std::string, int> agreed;

template <class T>
void compare(const std::string& what, const gpu::PackedForest<T>& packed, const std::vector<T>& x, size_t rows,
             size_t width, const gpu::Machine& machine, const std::vector<double>& expected) {
  const gpu::Shape shape = packed.shape();
  const gpu::Launch how = gpu::plan(shape, rows, machine);
  const std::string name = name_of(shape, how);
  const auto fail = [&](const std::string& why) {
    std::printf("%s: %s, %zu rows: %s\n", what.c_str(), name.c_str(), rows, why.c_str());
    std::exit(1);
  };
  if (const char* rule = gpu::broken_rule(shape, rows, machine, how)) fail(std::string("the plan ") + rule);
  const std::vector<double> sums = gpu::run_on_host(packed, how, x.data(), width, rows);
  for (size_t i = 0; i < sums.size(); ++i) {
    if (std::bit_cast<uint64_t>(sums[i]) != std::bit_cast<uint64_t>(expected[i])) {
      fail("number " + std::to_string(i) + " is " + std::to_string(sums[i]) + ", expected " +
           std::to_string(expected[i]));
    }
  }
  ++agreed[name];
}

template <class T>
void compare_all(const std::string& what, const Made& made, uint64_t seed, const std::vector<size_t>& sizes) {
  Maker maker(seed);
  const Tables tables = maker.make(made);
  const Forest forest = read_forest(tables.spans());
  const size_t width = made.features + seed % 2;
  for (size_t rows : sizes) {
    const std::vector<T> x = make_rows<T>(maker, tables, rows, width);
    const std::vector<double> expected = reference(forest, x, rows, width);
    for (gpu::Format narrowest : {gpu::Format::kCoded8, gpu::Format::kCoded16, gpu::Format::kNarrow, gpu::Format::kWide}) {
      const gpu::PackedForest<T> packed = gpu::pack<T>(forest, narrowest);
      for (uint32_t processors : {1u, 16u, 132u}) {
        for (uint64_t shared : {uint64_t{8192}, gpu::kLeastShared, uint64_t{65536}}) {
          if (shared < gpu::kLeastShared && packed.offsets.format < gpu::Format::kNarrow) continue;
          for (uint64_t capacity : {uint64_t{0}, uint64_t{1} << 20}) {
            compare(what, packed, x, rows, width, {processors, shared, capacity}, expected);
            gpu::is_backwards = !gpu::is_backwards;
          }
        }
      }
    }
  }
}

// Plans that are too large to run: of any shape, on any GPU.
void check_plans() {
  Maker maker(0);
  const auto up_to = [&](double most) { return static_cast<uint64_t>(std::pow(most, double(maker.below(1001)) / 1000)); };
  for (int i = 0; i < 200'000; ++i) {
    const auto format = static_cast<gpu::Format>(maker.below(4));
    const gpu::Shape shape{up_to(20'000), up_to(100'000), maker.below(2) ? 1 : up_to(1'000'000), format,
                           format != gpu::Format::kNarrow && maker.below(2) ? 8u : 4u};
    const bool is_coded = format <= gpu::Format::kCoded16;
    const uint64_t rows = up_to(1e8);
    const gpu::Machine machine{static_cast<uint32_t>(up_to(300)), gpu::kLeastShared + maker.below(2) * 16'384, 1 << 20};
    const uint64_t least = gpu::shared_bytes(shape, gpu::Launch::kTile, gpu::kLeastThreads, 1);
    if (is_coded && least > gpu::kLeastShared) continue;  // is not coded
    const gpu::Launch how = gpu::plan(shape, rows, machine);
    if (const char* rule = gpu::broken_rule(shape, rows, machine, how)) {
      std::printf("a plan %s\n", rule);
      std::exit(1);
    }
  }
}

void compare_both(const std::string& what, const Made& made, const std::vector<size_t>& sizes) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    compare_all<float>(what, made, seed, sizes);
    compare_all<double>(what, made, seed, sizes);
  }
}

}  // namespace

int main(int count, char** arguments) {
  check_plans();
  const std::vector<size_t> few{1, 2, 31, 33, 100, 300}, many{10'000};
  compare_both("lone leaves", {.trees = 40, .most_leaves = 1}, few);
  compare_both("small trees", {.trees = 50, .thresholds = 40}, few);
  compare_both("one tree", {.trees = 1, .least_leaves = 8}, few);
  compare_both("missing values", {.trees = 35, .has_missing = true, .thresholds = 20}, few);
  compare_both("sets", {.trees = 20, .has_sets = true}, few);
  compare_both("sets and missing values", {.trees = 33, .has_sets = true, .has_missing = true}, few);
  compare_both("five outputs", {.trees = 33, .outputs = 5, .has_sets = true, .has_missing = true}, few);
  compare_both("two outputs", {.trees = 60, .outputs = 2, .thresholds = 30}, few);
  compare_both("full trees", {.trees = 40, .least_leaves = 200, .most_leaves = 256, .has_missing = true}, {1, 65});
  compare_both("a list", {.trees = 3, .least_leaves = 150, .most_leaves = 200, .most_depth = 300, .is_list = true},
               {1, 65});
  compare_both("large trees",
               {.trees = 20, .least_leaves = 500, .most_leaves = 3'000, .most_depth = 40, .has_missing = true},
               {1, 300});
  compare_both("wide", {.trees = 40, .most_leaves = 9, .outputs = 2, .features = 700}, {1, 65, 300});
  compare_both("wide, one output", {.trees = 80, .most_leaves = 30, .features = 700}, {1, 65, 300});
  if (count < 2 || std::string(arguments[1]) != "--quick") {
    compare_all<float>("many rows", {.trees = 40, .has_missing = true}, 0, many);
    compare_all<double>("many rows, large trees",
                        {.trees = 20, .least_leaves = 300, .most_leaves = 400, .most_depth = 30}, 1, many);
    compare_all<float>("many rows, outputs", {.trees = 33, .outputs = 3, .has_sets = true}, 2, many);
  }
  for (const auto& [name, runs] : agreed) std::printf("%s: %d\n", name.c_str(), runs);
}
