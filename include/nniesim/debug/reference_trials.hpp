// The reference's layers by themselves, each on the reference's own input: which of them is not what the network gives,
// and what makes it so. A comparison is as good as its reference.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/dump_trials.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/weight_fit.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// One output of one layer in the reference.
struct reference_trial {
  std::size_t layer = 0;
  std::size_t output = 0;
  comparison result{};  ///< what the layer gives in float for the reference's input, against what the reference shows
  bool is_off = false;  ///< it is not what the layer gives
};

/// Values of which a share is zero and the others are multiplied by one factor: dropout as in training.
struct dropout_fit {
  double share = 0;
  double gain = 1;
};
[[nodiscard]] inline std::optional<dropout_fit> fit_dropout(std::span<const float> in_float,
                                                            std::span<const float> shown) {
  double rr = 0, rx = 0, xx = 0;
  std::size_t dropped = 0, some = 0;
  for (std::size_t i = 0; i < in_float.size(); ++i) {
    const auto r = static_cast<double>(in_float[i]), x = static_cast<double>(shown[i]);
    if (r == 0) continue;
    ++some;
    if (x == 0) {
      ++dropped;
      continue;
    }
    rr += r * r;
    rx += r * x;
    xx += x * x;
  }
  const double share = some == 0 ? 0 : static_cast<double>(dropped) / static_cast<double>(some);
  if (share < limit::dropped_share || share > 1 - limit::dropped_share || rr == 0) return std::nullopt;
  const double gain = rx / rr;
  const bool fits = xx - gain * rx <= limit::reference_error * limit::reference_error * xx;
  if (!fits || gain < 1 - limit::told_gain) return std::nullopt;
  return dropout_fit{share, gain};
}

/// All trials of the reference, in order of execution.
class reference_trials {
 public:
  reference_trials(const run_pair& runs, const experiment_context& lab) : runs_(runs), lab_(lab) {
    for (std::size_t l = 0; l < lab.net.layers.size(); ++l) {
      if (!std::holds_alternative<layers::input>(lab.net.layers[l].params)) try_layer(l);
    }
    judge();
  }

  [[nodiscard]] const std::vector<reference_trial>& all() const noexcept { return all_; }
  [[nodiscard]] const reference_trial* of(std::size_t layer, std::size_t output) const {
    const auto found = std::find_if(all_.begin(), all_.end(),
                                    [&](const reference_trial& t) { return t.layer == layer && t.output == output; });
    return found == all_.end() ? nullptr : &*found;
  }
  /// The layers that are off, in order; each once.
  [[nodiscard]] std::vector<std::size_t> off() const {
    std::vector<std::size_t> result;
    for (const reference_trial& t : all_) {
      if (t.is_off && (result.empty() || result.back() != t.layer)) result.push_back(t.layer);
    }
    return result;
  }
  /// The relative error above which a layer is off.
  [[nodiscard]] double limit() const noexcept { return limit_; }
  /// Whether most layers with weights are off, and those without are not.
  [[nodiscard]] bool is_another_model() const {
    std::size_t with = 0, with_off = 0, without = 0, without_off = 0;
    for (const reference_trial& t : all_) {
      const bool has_weights = is_mac_layer(lab_.net.layers[t.layer]);
      (has_weights ? with : without) += 1;
      if (t.is_off) (has_weights ? with_off : without_off) += 1;
    }
    return with_off >= limit::layers_of_model &&
           static_cast<double>(with_off) >= limit::most_layers * static_cast<double>(with) &&
           static_cast<double>(without_off) <
               limit::most_layers * static_cast<double>(std::max<std::size_t>(without, 1));
  }

  /// What is wrong with one layer of the reference.
  [[nodiscard]] finding explain(std::size_t index) const {
    const layer& l = lab_.net.layers[index];
    const reference_trial& t =
        *std::find_if(all_.begin(), all_.end(), [&](const reference_trial& x) { return x.layer == index && x.is_off; });
    finding f{fault::wrong_reference, l.name};
    f.evidence.push_back({fact_kind::reference_by_itself,
                          {{"layer", l.name},
                           {"cosine", t.result.cosine},
                           {"relative_error", t.result.relative_l2_error},
                           {"limit", limit_}}});
    const layer_bench bench(runs_, lab_, index, run_side::reference);
    const auto dropout =
        fit_dropout(view_of(bench.in_float()[t.output]).span(), view_of(*bench.shown(t.output)).span());
    const weight_fit fit = fit_weights(bench, t.output, {});
    if (dropout) {
      f.summary = {fact_kind::reference_has_dropout, {{"layer", l.name}}};
      f.evidence.push_back({fact_kind::values_dropped, {{"share", dropout->share}, {"gain", dropout->gain}}});
      f.change.push_back(fact_kind::run_without_dropout);
    } else if (fit.what != weight_change::none) {
      f.summary = {fact_kind::reference_has_other_weights, {{"layer", l.name}}};
      f.evidence.push_back(weight_fact(fit, l.name));
      f.evidence.push_back(weight_evidence(fit));
      f.change.push_back({fact_kind::remake_reference, {{"layer", l.name}}});
    } else {
      f.summary = {fact_kind::reference_not_of_network, {{"layer", l.name}}};
      f.evidence.push_back(weight_evidence(fit));
      f.change.push_back({fact_kind::dump_reference_again, {{"layer", l.name}, {"behind", false}}});
    }
    f.next = fact_kind::correct_script;
    return f;
  }

  /// A dump of the reference that is not what it computed.
  [[nodiscard]] finding explain_dump(std::size_t index, const wrong_dump& dump) const {
    const std::string& name = lab_.net.layers[index].name;
    finding f{fault::wrong_reference, name};
    f.summary = {fact_kind::reference_dump_wrong, {{"layer", name}, {"is_input", dump.is_input}}};
    f.evidence.push_back({fact_kind::reader_follows,
                          {{"reader", dump.reader},
                           {"layer", name},
                           {"with_computed", dump.with_computed},
                           {"with_shown", dump.with_shown}}});
    f.rivals.push_back({fault::suspect_layer, fact_kind::reference_shows_wrongly});
    f.change.push_back({fact_kind::dump_reference_again, {{"layer", name}, {"behind", true}}});
    f.next = fact_kind::correct_script;
    return f;
  }

  /// What is wrong with the reference as a whole.
  [[nodiscard]] finding explain_model() const {
    finding f{fault::wrong_reference};
    std::size_t with = 0, with_off = 0, without = 0, without_off = 0;
    double least = std::numeric_limits<double>::infinity(), most = 0;
    for (const reference_trial& t : all_) {
      if (!is_mac_layer(lab_.net.layers[t.layer])) {
        ++without;
        without_off += t.is_off ? 1U : 0U;
        continue;
      }
      ++with;
      if (!t.is_off) continue;
      ++with_off;
      least = std::min(least, t.result.relative_l2_error);
      most = std::max(most, t.result.relative_l2_error);
    }
    f.summary = fact_kind::reference_of_other_caffemodel;
    f.evidence.push_back(
        {fact_kind::layers_with_weights_off,
         {{"count", with_off}, {"of", with}, {"of_reference", true}, {"least", least}, {"most", most}}});
    f.evidence.push_back(
        {fact_kind::layers_without_weights_right, {{"count", without - without_off}, {"of", without}}});
    f.change.push_back(fact_kind::remake_reference);
    f.next = fact_kind::compare_caffemodels;
    return f;
  }

 private:
  void try_layer(std::size_t index) {
    const layer& l = lab_.net.layers[index];
    const layer_bench bench(runs_, lab_, index, run_side::reference);
    if (!bench.has_inputs() || !bench.is_input_finite()) return;
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      if (!bench.shown(o)) continue;
      const tensor<float>&r = bench.in_float()[o], &x = *bench.shown(o);
      reference_trial t{index, o, compare_values(view_of(r).span(), view_of(x).span())};
      if (t.result.bad_reference + t.result.bad_other != 0) continue;
      // A channel of its own, where the layer is as good as can be.
      const std::vector<channel_fit> channels = fit_channels(r, x, {});
      t.is_off = std::any_of(channels.begin(), channels.end(), [](const channel_fit& c) { return c.is_off; });
      all_.push_back(t);
    }
  }
  void judge() {
    std::vector<double> errors;
    for (const reference_trial& t : all_) {
      errors.push_back(std::isfinite(t.result.relative_l2_error) ? t.result.relative_l2_error : 1);
    }
    if (errors.empty()) return;
    const auto quarter = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 4);
    std::nth_element(errors.begin(), quarter, errors.end());
    limit_ = std::clamp(limit::reference_over_usual * *quarter, limit::reference_error, limit::reference_most_error);
    for (reference_trial& t : all_) {
      // Channels are judged where the reference is one in float.
      const bool is_float = limit_ == limit::reference_error;
      t.is_off = (t.is_off && is_float) || !(t.result.relative_l2_error <= limit_);
      if (t.result.l2_reference == 0 && t.result.l2_other == 0) t.is_off = false;
    }
  }

  const run_pair& runs_;
  const experiment_context& lab_;
  std::vector<reference_trial> all_;
  double limit_ = 0;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
