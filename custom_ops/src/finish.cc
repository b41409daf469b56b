#include "finish.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bridge {
namespace {

template <class Choice, size_t kCount>
Choice choice_of(const char* attribute, const std::string& text,
                 const std::pair<const char*, Choice> (&choices)[kCount]) {
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (text == name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw TableError("bridge::Forest: attribute '" + std::string(attribute) + "' is '" + text.substr(0, 40) +
                   "', expected one of " + names);
}

[[noreturn]] void refuse_outputs(const char* what, size_t outputs) {
  throw TableError("bridge::Forest: " + std::string(what) + " is for forests of one output, and table 'values' has " +
                   std::to_string(outputs));
}

double sigmoid(double total) { return 1.0 / (std::exp(-total) + 1.0); }

void apply_softmax(const double* totals, size_t columns, double* y) {
  const double most = *std::max_element(totals, totals + columns);
  double sum = 0;
  for (size_t i = 0; i < columns; ++i) sum += y[i] = std::exp(totals[i] - most);
  for (size_t i = 0; i < columns; ++i) y[i] /= sum;
}

// The first of the largest numbers of each row.
void find_largest(const double* numbers, size_t rows, size_t columns, int64_t* label) {
  for (size_t row = 0; row < rows; ++row, numbers += columns) {
    size_t best = 0;
    for (size_t i = 1; i < columns; ++i) best = numbers[i] > numbers[best] ? i : best;
    label[row] = static_cast<int64_t>(best);
  }
}

}  // namespace

Aggregate aggregate_of(const std::string& text) {
  return choice_of<Aggregate>(
      "aggregate", text,
      {{"sum", Aggregate::kSum}, {"mean", Aggregate::kMean}, {"min", Aggregate::kMin}, {"max", Aggregate::kMax}});
}

Link link_of(const std::string& text) {
  return choice_of<Link>("link", text,
                         {{"none", Link::kNone},
                          {"sigmoid", Link::kSigmoid},
                          {"sigmoid_both", Link::kSigmoidBoth},
                          {"softmax", Link::kSoftmax},
                          {"exp", Link::kExp}});
}

Label label_of(const std::string& text) {
  return choice_of<Label>("label", text,
                          {{"argmax", Label::kArgmax},
                           {"argmax_total", Label::kArgmaxTotal},
                           {"positive", Label::kPositive},
                           {"nonnegative", Label::kNonNegative}});
}

Finish::Finish(const Settings& settings, const Forest& forest)
    : settings_(settings),
      outputs_(forest.outputs),
      columns_(settings.link == Link::kSigmoidBoth ? 2 : forest.outputs),
      n_trees_(static_cast<double>(forest.n_trees())),
      base_(forest.base) {
  if (outputs_ == 1) return;
  if (settings.link == Link::kSigmoidBoth) refuse_outputs("link 'sigmoid_both'", outputs_);
  if (settings.label == Label::kPositive) refuse_outputs("label 'positive'", outputs_);
  if (settings.label == Label::kNonNegative) refuse_outputs("label 'nonnegative'", outputs_);
}

double* Finish::place(const Results& results, size_t rows) const {
  if (results.total) return results.total;
  // Of two columns made from one: the second half. Row i is read there, at rows + i, before 2i and 2i + 1 are written.
  return settings_.link == Link::kSigmoidBoth ? results.y + rows : results.y;
}

void Finish::finish(const Results& results, size_t rows) const {
  double* totals = place(results, rows);
  if (settings_.aggregate == Aggregate::kMean) {
    for (size_t i = 0; i < rows * outputs_; ++i) totals[i] /= n_trees_;
  }
  if (!base_.empty()) add_base(totals, rows);
  if (results.label) {
    switch (settings_.label) {
      case Label::kPositive:
        for (size_t row = 0; row < rows; ++row) results.label[row] = totals[row] > 0;
        break;
      case Label::kNonNegative:
        for (size_t row = 0; row < rows; ++row) results.label[row] = totals[row] >= 0;
        break;
      case Label::kArgmaxTotal:
        find_largest(totals, rows, outputs_, results.label);
        break;
      case Label::kArgmax:
        break;  // below: y is not there yet
    }
  }
  apply_link(totals, rows, results.y);
  if (results.label && settings_.label == Label::kArgmax) find_largest(results.y, rows, columns_, results.label);
  if (results.log) {
    for (size_t i = 0; i < rows * columns_; ++i) results.log[i] = std::log(results.y[i]);
  }
}

void Finish::add_base(double* totals, size_t rows) const {
  for (size_t row = 0; row < rows; ++row, totals += outputs_) {
    for (size_t o = 0; o < outputs_; ++o) totals[o] += base_[o];
  }
}

void Finish::apply_link(const double* totals, size_t rows, double* y) const {
  const size_t count = rows * outputs_;
  switch (settings_.link) {
    case Link::kNone:
      if (totals != y) std::copy(totals, totals + count, y);
      break;
    case Link::kSigmoid:
      for (size_t i = 0; i < count; ++i) y[i] = sigmoid(totals[i]);
      break;
    case Link::kSigmoidBoth:
      for (size_t row = 0; row < rows; ++row) {
        const double p = sigmoid(totals[row]);
        y[2 * row] = 1.0 - p;
        y[2 * row + 1] = p;
      }
      break;
    case Link::kSoftmax:
      for (size_t row = 0; row < rows; ++row) apply_softmax(totals + row * outputs_, outputs_, y + row * outputs_);
      break;
    case Link::kExp:
      for (size_t i = 0; i < count; ++i) y[i] = std::exp(totals[i]);
      break;
  }
}

}  // namespace bridge
