#include "drawn_tables.h"

#include <algorithm>
#include <limits>

namespace fuzz {
namespace {

constexpr int32_t kLargest = std::numeric_limits<int32_t>::max();

uint32_t small(size_t number) { return static_cast<uint32_t>(number); }

// Within a table of this size, or just outside.
int32_t any_index(Bytes& bytes, size_t size) { return static_cast<int32_t>(bytes.upto(small(size) + 1)) - 1; }

void draw_values(Bytes& bytes, OwnTables& t) {
  t.outputs = 1 + bytes.upto(bytes.upto(15) ? 2 : 70);
  t.value_rows = 1 + bytes.upto(40);
  for (int64_t i = 0; i < t.value_rows * t.outputs; ++i) t.values.push_back(bytes.upto(9) ? bytes.number() : 0);
  for (int64_t o = bytes.upto(2) ? t.outputs : 0; o; --o) t.base.push_back(bytes.number());
}

void draw_sets(Bytes& bytes, OwnTables& t) {
  const size_t sets = bytes.upto(1) ? bytes.upto(4) : 0;
  t.set_starts.push_back(0);
  for (size_t s = 0; s < sets; ++s) {
    for (uint32_t n = bytes.upto(5); n; --n) {
      t.set_members.push_back(bytes.upto(7) ? bytes.upto(12) : bytes.upto(65535) * 300);
    }
    t.set_starts.push_back(static_cast<int64_t>(t.set_members.size()));
  }
}

// What the nodes of a forest ask for. Few features of many thresholds need codes of more than a byte.
struct Questions {
  uint32_t features;
  uint32_t fine;  // where not zero, thresholds are made of it, and take no bytes
};

// A threshold of 2**16, the same for the same node.
double fine_threshold(uint32_t fine, size_t node) {
  return static_cast<int16_t>((fine + small(node)) * 0x9e3779b1u >> 16) / 96.0;
}

void add_node(Bytes& bytes, OwnTables& t, const Questions& questions) {
  const size_t sets = t.set_starts.size() - 1;
  t.feature.push_back(static_cast<int32_t>(bytes.upto(questions.features - 1)));
  t.threshold.push_back(questions.fine ? fine_threshold(questions.fine, t.feature.size()) : bytes.number());
  t.left.push_back(-1);
  t.right.push_back(-1);
  t.leaf.push_back(static_cast<int32_t>(bytes.upto(static_cast<uint32_t>(t.value_rows) - 1)));
  t.missing_left.push_back(static_cast<uint8_t>(bytes.upto(3)));
  const bool asks = sets && bytes.upto(3) == 0;
  t.category.push_back(asks ? static_cast<int32_t>(bytes.upto(small(sets) - 1)) : -1);
}

void add_tree(Bytes& bytes, OwnTables& t, const Questions& questions, size_t splits, bool is_list) {
  const size_t root = t.feature.size();
  t.roots.push_back(static_cast<int32_t>(root));
  add_node(bytes, t, questions);
  for (size_t split = 0; split < splits; ++split) {
    size_t node = t.feature.size() - 1;
    if (!is_list) {
      node = root + bytes.upto(small(t.feature.size() - root) - 1);
      for (uint32_t way = bytes.upto(255) | 256; t.left[node] >= 0; way = way > 1 ? way / 2 : 341) {
        node = static_cast<size_t>(way % 2 ? t.left[node] : t.right[node]);
      }
    }
    t.left[node] = static_cast<int32_t>(t.feature.size());
    t.right[node] = t.left[node] + 1;
    add_node(bytes, t, questions);
    add_node(bytes, t, questions);
  }
}

void damage(Bytes& bytes, OwnTables& t) {
  const size_t nodes = t.feature.size();
  const size_t at = bytes.upto(small(nodes) - 1);
  const auto extreme = static_cast<int32_t>(kLargest - bytes.upto(2));
  switch (bytes.upto(16)) {
    case 0:
      t.left[at] = any_index(bytes, nodes);
      break;
    case 1:
      t.right[at] = any_index(bytes, nodes);
      break;
    case 2:
      t.leaf[at] = any_index(bytes, static_cast<size_t>(std::clamp<int64_t>(t.value_rows, 0, 1000)));
      break;
    case 3:
      t.feature[at] = any_index(bytes, kWidth);
      break;
    case 4:
      t.category[at] = any_index(bytes, t.set_starts.size() - 1);
      break;
    case 5:
      t.roots[at % t.roots.size()] = any_index(bytes, nodes);
      break;
    case 6:
      t.set_starts[at % t.set_starts.size()] = any_index(bytes, t.set_members.size());
      break;
    case 7:
      t.threshold.resize(at);
      break;
    case 8:
      t.values.resize(std::max<size_t>(1, at % t.values.size()));
      t.value_rows = static_cast<int64_t>(t.values.size()) / std::max<int64_t>(t.outputs, 1);
      break;
    case 9:
      t.left[at] = extreme;
      break;
    case 10:
      t.feature[at] = extreme;  // that many columns x may have
      break;
    case 11:
      t.category[at] = extreme;
      break;
    case 12:
      t.outputs = bytes.absurd();
      break;
    case 13:
      t.value_rows = bytes.absurd();
      break;
    case 14:
      t.set_starts[at % t.set_starts.size()] = bytes.absurd();
      break;
    case 15:
      t.base.resize(bytes.upto(4));
      break;
    default:
      if (!t.set_members.empty()) t.set_members[at % t.set_members.size()] = bytes.absurd();
  }
}

}  // namespace

OwnTables draw_tables(Bytes& bytes) {
  OwnTables t;
  draw_values(bytes, t);
  draw_sets(bytes, t);
  const bool is_damaged = bytes.upto(1);
  const Questions questions{1 + bytes.upto(bytes.upto(1) * (kWidth - 1)), bytes.upto(3) ? 0 : bytes.upto(65535)};
  // Most trees are small; some have more leaves than a byte can count. Many are of more groups than one.
  const bool are_many = bytes.upto(7) == 0;
  for (uint32_t trees = 1 + bytes.upto(are_many ? 99 : 6); trees; --trees) {
    const uint32_t most = bytes.upto(7) ? 40 : 400;
    const bool is_list = !are_many && bytes.upto(7) == 0;
    add_tree(bytes, t, questions, bytes.upto(are_many ? 8 : most), is_list);
  }
  for (uint32_t changes = is_damaged ? bytes.upto(6) : 0; changes; --changes) damage(bytes, t);
  return t;
}

}  // namespace fuzz
