// Most layers with weights differ, those without do not: another caffemodel, not one layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <nniesim/debug/rules/rule.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::vector<found> find_other_model(const case_file& file, const findings_so_far&) {
  const experiment_context& lab = *file.lab();
  found result{.what = finding{fault::other_weights}};
  std::size_t with = 0, with_off = 0, without = 0, without_off = 0;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const layer_trial& t : file.trials()) {
    const bool is_number = t.is_input_finite && t.result.bad_other + t.result.bad_reference == 0;
    if (!is_number || (t.result.l2_reference == 0 && t.result.l2_other == 0)) continue;
    const bool has_weights = is_mac_layer(lab.net.layers[t.layer]);
    const bool is_off = t.is_unplanned() && !t.is_other_width() && !t.is_zero;
    (has_weights ? with : without) += 1;
    if (!is_off) continue;
    (has_weights ? with_off : without_off) += 1;
    if (!has_weights) continue;
    result.also_accused.insert(t.layer);
    least = std::min(least, t.result.relative_l2_error);
    most = std::max(most, t.result.relative_l2_error);
  }
  const auto share = [](std::size_t n, std::size_t of) {
    return static_cast<double>(n) / static_cast<double>(std::max<std::size_t>(of, 1));
  };
  if (with_off < limit::layers_of_model || share(with_off, with) <= limit::most_layers ||
      share(without_off, without) >= limit::most_layers) {
    return {};
  }
  // Ranges of other pictures would show in as many: those that were tried must have none that explains them.
  std::size_t of_weights = 0, of_others = 0;
  for (const auto& [trial, verdict] : file.judged()) {
    const bool is_weights = verdict.what.cause == fault::other_weights || verdict.what.cause == fault::suspect_layer ||
                            verdict.what.cause == fault::inconclusive;
    (is_weights ? of_weights : of_others) += 1;
  }
  if (of_weights == 0 || of_weights < of_others) return {};
  result.position = *result.also_accused.begin();
  finding& f = result.what;
  f.summary = fact_kind::other_caffemodel;
  f.evidence.push_back(
      {fact_kind::layers_with_weights_off,
       {{"count", with_off}, {"of", with}, {"of_reference", false}, {"least", least}, {"most", most}}});
  f.evidence.push_back({fact_kind::layers_without_weights_right, {{"count", without - without_off}, {"of", without}}});
  f.rivals.push_back({fault::activation_scale, fact_kind::no_range_explains_layers});
  f.rivals.push_back({fault::suspect_layer, fact_kind::would_spare_none});
  f.change.push_back(fact_kind::recompile_or_remake);
  f.next = fact_kind::compare_caffemodels;
  return {std::move(result)};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
