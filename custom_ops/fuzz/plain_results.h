// What the operator's outputs must be, by their definitions in bridge/passes/keep_forests.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "finish.h"
#include "plain_walk.h"

namespace fuzz {

inline bridge::Settings draw_settings(Bytes& bytes) {
  bridge::Settings settings;
  settings.aggregate = static_cast<bridge::Aggregate>(bytes.upto(1) ? 0 : bytes.upto(3));
  settings.link = static_cast<bridge::Link>(bytes.upto(1) ? 0 : bytes.upto(4));
  settings.label = static_cast<bridge::Label>(bytes.upto(3));
  return settings;
}

// The total of one row's output, whose scores come tree by tree.
inline double total_of(bridge::Aggregate aggregate, const std::vector<double>& scores) {
  double total = aggregate == bridge::Aggregate::kMin || aggregate == bridge::Aggregate::kMax ? scores[0] : 0.0;
  for (const double score : scores) {
    const bool is_nan = std::isnan(total) || std::isnan(score);
    if (aggregate == bridge::Aggregate::kMin) {
      total = is_nan ? std::numeric_limits<double>::quiet_NaN() : std::min(total, score);
    } else if (aggregate == bridge::Aggregate::kMax) {
      total = is_nan ? std::numeric_limits<double>::quiet_NaN() : std::max(total, score);
    } else {
      total += score;
    }
  }
  return aggregate == bridge::Aggregate::kMean ? total / static_cast<double>(scores.size()) : total;
}

inline std::vector<double> y_of(bridge::Link link, const std::vector<double>& totals) {
  const auto sigmoid = [](double total) { return 1.0 / (std::exp(-total) + 1.0); };
  if (link == bridge::Link::kSigmoidBoth) return {1.0 - sigmoid(totals[0]), sigmoid(totals[0])};
  std::vector<double> y = totals;
  if (link == bridge::Link::kSigmoid) std::transform(y.begin(), y.end(), y.begin(), sigmoid);
  if (link == bridge::Link::kNone || link == bridge::Link::kSigmoid) return y;
  const double most = link == bridge::Link::kSoftmax ? *std::max_element(y.begin(), y.end()) : 0.0;
  double sum = 0;
  for (double& number : y) sum += number = std::exp(number - most);
  if (link == bridge::Link::kSoftmax) {
    for (double& number : y) number /= sum;
  }
  return y;
}

inline int64_t label_of(bridge::Label label, const std::vector<double>& totals, const std::vector<double>& y) {
  if (label == bridge::Label::kPositive) return totals[0] > 0;
  if (label == bridge::Label::kNonNegative) return totals[0] >= 0;
  const std::vector<double>& of = label == bridge::Label::kArgmaxTotal ? totals : y;
  return std::max_element(of.begin(), of.end()) - of.begin();
}

// All outputs of some rows, with memory of their own.
struct OwnResults {
  std::vector<double> y, total, log;
  std::vector<int64_t> label;

  bridge::Results view() { return {y.data(), total.data(), label.data(), log.data()}; }
};

inline OwnResults results_of(const OwnTables& t, const std::vector<size_t>& reached, const bridge::Settings& settings) {
  const auto outputs = static_cast<size_t>(t.outputs);
  const size_t trees = t.roots.size();
  OwnResults results;
  for (size_t first = 0; first < reached.size(); first += trees) {
    std::vector<double> totals;
    for (size_t o = 0; o < outputs; ++o) {
      std::vector<double> scores;
      for (size_t tree = 0; tree < trees; ++tree) scores.push_back(t.values[reached[first + tree] * outputs + o]);
      const double total = total_of(settings.aggregate, scores);
      totals.push_back(t.base.empty() ? total : total + t.base[o]);
    }
    const std::vector<double> y = y_of(settings.link, totals);
    results.label.push_back(label_of(settings.label, totals, y));
    results.total.insert(results.total.end(), totals.begin(), totals.end());
    for (const double number : y) {
      results.y.push_back(number);
      results.log.push_back(std::log(number));
    }
  }
  return results;
}

}  // namespace fuzz
