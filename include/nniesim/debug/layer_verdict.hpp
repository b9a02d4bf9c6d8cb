// What is wrong with one layer that does not give what its definition says: a range that does not fit, too few bits,
// the resolution of Q20.12, or something else.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/precision_runs.hpp>
#include <nniesim/debug/weight_fit.hpp>
#include <nniesim/debug/weight_ranges.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What a layer's error consists of, shares of its square; in words the parts that count.
[[nodiscard]] inline fact error_parts_fact(const split_errors& e) {
  const error_parts& p = e.parts;
  std::vector<fact_field> fields;
  const std::pair<std::string_view, double> parts[] = {{"gain", p.gain_share},
                                                       {"offset", p.offset_share},
                                                       {"saturation", p.saturation_share},
                                                       {"underflow", p.underflow_share},
                                                       {"rounding", p.rounding_share}};
  for (const auto& [name, share] : parts) fields.push_back({name, share});
  if (e.channels > 1) {
    fields.push_back({"most_channels", e.most_channels});
    fields.push_back({"channels", e.channels});
  }
  return {fact_kind::error_parts, std::move(fields)};
}

[[nodiscard]] inline fact bundle_advice(const std::string& layer) {
  return {fact_kind::report_to_vendor, {{"layer", layer}}};
}

/// How layers are given more bits: by marks in compile_mode 2, or, of other policies, by the policy.
[[nodiscard]] inline fact more_bits_for(std::vector<std::string> layers, layer_precision planned,
                                        layer_precision finer) {
  if (!is_marked_width(planned, finer)) {
    return {fact_kind::policy_for,
            {{"policy", std::string(finer.name())}, {"old", std::string(planned.name())}, {"layers", layers}}};
  }
  const bool is_one = layers.size() == 1;
  return {fact_kind::mark_layers, {{"compile_mode", std::size_t{2}}, {"one", is_one}, {"layers", std::move(layers)}}};
}

/// Layers that norms are made of.
[[nodiscard]] inline bool is_chain_layer(const layer& l) {
  return std::holds_alternative<power_params>(l.params) || std::holds_alternative<reduce_mean_params>(l.params) ||
         std::holds_alternative<reduce_sum_params>(l.params);
}

struct layer_verdict {
  finding what;
  std::optional<weight_fit> weights{};  ///< where other parameters were asked for
  bool as_simulated = false;            ///< the run shows what the simulation gives for that input
  /// The blob whose range is wrong, where that is the fault: all who read its codes show it.
  std::optional<std::size_t> blob{};
};

/// Tries out what explains an output that is not what the layer gives in float on the input that it had.
class layer_judge {
 public:
  layer_judge(const run_pair& runs, const experiment_context& lab, const layer_trial& t)
      : runs_(runs), trial_(t), layer_(lab.net.layers[t.layer]), lab_(lab), bench_(runs, lab, t.layer) {}

  [[nodiscard]] layer_verdict judge() {
    f_.layer = layer_.name;
    fact& by_itself = f_.evidence.emplace_back(
        fact_kind::layer_by_itself,
        std::vector<fact_field>{{"cosine", trial_.result.cosine}, {"norm_error", trial_.result.norm_error}});
    if (layer_.outputs.size() > 1) by_itself.add("output", trial_.output);
    bool as_simulated = false;
    if (bench_.planned().encodes()) {
      as_simulated = try_ranges_and_bits();
    } else if (trial_.is_as_planned()) {
      beyond_fixed_point();
      as_simulated = true;
    } else if (const std::vector<tensor<float>> simulated = {bench_.simulated(bench_.prepared(bench_.planned()),
                                                                              true)[trial_.output]};
               !try_weights(simulated, [] { return false; })) {
      something_else(true);
    }
    // What the simulation gives for that input comes from no other.
    if (!trial_.is_input_shown && !as_simulated) doubt_input();
    return {std::move(f_), std::move(weights_), as_simulated, blob_};
  }

 private:
  [[nodiscard]] std::span<const float> in_float() const { return view_of(bench_.in_float()[trial_.output]).span(); }
  [[nodiscard]] std::span<const float> shown() const { return view_of(*bench_.shown(trial_.output)).span(); }
  [[nodiscard]] double difference(std::span<const float> r, const std::vector<tensor<float>>& x) const {
    return compare_values(r, view_of(x[trial_.output]).span()).relative_l2_error;
  }

  /// Returns whether the run shows what the simulation gives.
  /// Long: trials, each where the one before explains nothing.
  bool try_ranges_and_bits() {
    if (!std::isfinite(trial_.result.relative_l2_error)) {
      f_.evidence.push_back(fact_kind::layer_zero_in_float);
      something_else(false);
      return false;
    }
    const layer_precision p = bench_.planned();
    const single_layer layer = bench_.prepared(p);
    const auto calibrated = bench_.simulated(layer, true);
    const auto own = bench_.simulated(layer, false);
    const std::optional<layer_precision> finer = finest_precision(lab_.policies, p);
    const double seen = trial_.result.relative_l2_error;
    const double from_calibrated = difference(shown(), calibrated);
    const double with_own = difference(in_float(), own);
    const double with_finer =
        finer ? difference(in_float(), bench_.simulated(bench_.prepared(*finer), false)) : with_own;
    fact& errors = f_.evidence.emplace_back(
        fact_kind::layer_errors,
        std::vector<fact_field>{
            {"seen", seen}, {"calibrated", difference(in_float(), calibrated)}, {"own_range", with_own}});
    if (finer) errors.add("in_more_bits", with_finer).add("more_bits", bits_text(*finer));
    f_.evidence.push_back(error_parts_fact(trial_.parts));

    // What leaves so little of the error explains it.
    const double explained = limit::explained_share * std::min(seen, 1.0);
    const bool as_calibrated = from_calibrated <= explained;
    bool as_simulated = as_calibrated || difference(shown(), own) <= explained;
    layer_bench::range_fit fit;
    if (as_calibrated) fit = {bench_.calibrated_shifts(layer), from_calibrated};
    else if (!as_simulated) fit = bench_.fit_ranges(layer, trial_.output);
    const auto farthest =
        std::max_element(fit.shifts.begin(), fit.shifts.end(), [](int a, int b) { return std::abs(a) < std::abs(b); });
    const bool has_other_range =
        farthest != fit.shifts.end() && std::abs(*farthest) >= limit::other_range_octaves * bench_.levels_per_octave();
    // A list of pictures has a larger range than one of them needs.
    const double factor = has_other_range ? std::exp2(static_cast<double>(*farthest) / bench_.levels_per_octave()) : 1;
    const bool is_of_list = factor > 1 && factor <= limit::range_of_list;
    const bool is_range = has_other_range && fit.difference <= std::min(explained, limit::explained_by_range);
    if (is_range && is_of_list && !runs_.is_bad(trial_.result)) {
      f_.cause = fault::none;
      return true;
    }
    if (is_range && !is_of_list && with_own <= limit::cured_by_range * seen) {
      wrong_range(static_cast<std::size_t>(farthest - fit.shifts.begin()), *farthest, fit.difference, with_own,
                  as_calibrated);
      return as_simulated;
    }
    as_simulated = as_simulated ||
                   fit.difference <= std::min(explained, limit::explained_by_range);  // with a range little different
    // Channels that no simulation gives, under the error of few bits.
    std::vector<tensor<float>> nearest = {calibrated[trial_.output], own[trial_.output]};
    if (!fit.shifts.empty() && fit.difference <= explained) {
      nearest.push_back(bench_.simulated(layer, false, fit.shifts)[trial_.output]);
    }
    if (try_weights(nearest, [&] {
          return (!as_simulated || weights_->what != weight_change::none) && try_weight_ranges(fit.shifts);
        }))
      return false;
    if (as_simulated && finer && with_finer <= explained) {
      f_.cause = fault::precision;
      f_.summary = {fact_kind::too_few_bits, {{"bits", bits_text(p)}, {"layer", layer_.name}}};
      f_.evidence.push_back({fact_kind::shown_bits, {{"bits", bits_text(p)}, {"more_bits", bits_text(*finer)}}});
      f_.change.push_back(more_bits(p, *finer));
      f_.rivals.push_back({fault::activation_scale, {fact_kind::own_range_leaves, {{"left", with_own}}}});
      f_.rivals.push_back({fault::suspect_layer, {fact_kind::simulation_gives_that, {{"bits", bits_text(p)}}}});
    } else if (as_simulated && !try_sparse_weights(p, explained)) {
      beyond_fixed_point();
    } else if (!as_simulated) {
      f_.rivals.push_back({fault::precision, {fact_kind::planned_bits_away, {{"away", trial_.from_planned}}}});
      if (!fit.shifts.empty()) {
        f_.rivals.push_back({fault::activation_scale, {fact_kind::best_range_leaves, {{"left", fit.difference}}}});
      }
      if (is_chain_layer(layer_)) f_.rivals.push_back({fault::norm_gain, fact_kind::truncation_is_less});
      something_else(false);
    }
    return as_simulated;
  }

  /// Whether the weights that the cfg's sparse_rate sets to zero explain the error.
  bool try_sparse_weights(layer_precision p, double explained) {
    const auto* fc = std::get_if<layers::fully_connected>(&layer_.params);
    if (fc == nullptr || fc->sparse_rate == 0.0F) return false;
    network all_weights = lab_.net;
    std::get<layers::fully_connected>(all_weights.layers[trial_.layer].params).sparse_rate = 0.0F;
    const single_layer whole(all_weights, trial_.layer, p, lab_.threads, lab_.policies, &lab_.plan);
    const double left = difference(in_float(), bench_.simulated(whole, true));
    if (left > explained) return false;
    f_.cause = fault::other_weights;
    f_.summary = {fact_kind::sparse_rate_too_large,
                  {{"share", static_cast<double>(fc->sparse_rate)}, {"layer", layer_.name}}};
    f_.evidence.push_back({fact_kind::all_weights_leave, {{"left", left}}});
    f_.change.push_back(fact_kind::smaller_sparse_rate);
    f_.rivals.push_back({fault::suspect_layer, fact_kind::simulation_gives_that});
    return true;
  }

  /// How to give what the layer reads more bits: by its own, or, where it reads no codes, by those for which its inputs
  /// are stored as codes.
  [[nodiscard]] fact more_bits(layer_precision planned, layer_precision finer) const {
    const std::vector<blob_storage> storage = blob_storage_of(lab_.net, lab_.plan);
    std::vector<std::string> names;
    for (const layer& l : lab_.net.layers) {
      const bool is_reader = reads_codes(l) && std::any_of(l.inputs.begin(), l.inputs.end(), [&](std::size_t b) {
                               return std::any_of(layer_.inputs.begin(), layer_.inputs.end(), [&](std::size_t own) {
                                 return storage[own].source == storage[b].source;
                               });
                             });
      if (reads_codes(layer_) ? &l == &layer_ : is_reader) names.push_back(l.name);
    }
    return more_bits_for(std::move(names), planned, finer);
  }

  /// Whether other ranges of the weights explain the output, of each group or one for all.
  bool try_weight_ranges(std::span<const int> input_shifts) {
    if (!is_mac_layer(layer_)) return false;
    const auto fit = weight_range_search(bench_, trial_.output).find(input_shifts);
    if (!fit) return false;
    f_.cause = fault::other_weights;
    f_.summary = {fact_kind::weight_ranges_off, {{"layer", layer_.name}, {"one_for_all", fit->is_one_for_all}}};
    if (fit->shifts.size() == 1) {
      f_.summary.add("saturate", !fit->cut.empty());
    } else {
      if (!fit->cut.empty()) f_.summary.add("saturating_groups", fit->cut);
      if (!fit->lost.empty()) f_.summary.add("vanishing_groups", fit->lost);
    }
    f_.evidence.push_back({fact_kind::weight_ranges_left, {{"left", fit->left}}});
    f_.rivals.push_back({fault::activation_scale, fact_kind::no_range_explains_it});
    f_.rivals.push_back({fault::suspect_layer, fact_kind::weight_ranges_explain_it});
    f_.change.push_back(fit->is_one_for_all ? fact(fact_kind::one_scale_per_group, {{"layer", layer_.name}})
                                            : fact_kind::recompile_weights);
    f_.next = {fact_kind::see_weight_scales, {{"layer", layer_.name}}};
    return true;
  }
  /// Whether other parameters explain the output. Where that takes weights of which nothing is known, `try_ranges`
  /// is asked first.
  template <class F>
  bool try_weights(std::span<const tensor<float>> simulated, const F& try_ranges) {
    weights_ = fit_weights(bench_, trial_.output, simulated);
    const bool are_any = weights_->what == weight_change::none || weights_->what == weight_change::some_channels ||
                         weights_->what == weight_change::other_weights || weights_->what == weight_change::untested;
    if (are_any && try_ranges()) {
      weights_.reset();
      return true;
    }
    if (weights_->what == weight_change::none) return false;
    f_.cause = fault::other_weights;
    f_.summary = weight_fact(*weights_, layer_.name);
    f_.evidence.push_back(weight_evidence(*weights_));
    f_.rivals.push_back({fault::activation_scale, fact_kind::no_range_explains_it});
    f_.rivals.push_back({fault::suspect_layer, weights_->what == weight_change::untested
                                                   ? fact_kind::weights_likelier
                                                   : fact_kind::parameters_explain_it});
    advise_weights();
    return true;
  }
  void advise_weights() {
    f_.next = {fact_kind::compare_weights, {{"layer", layer_.name}}};
    f_.change.push_back(fact_kind::recompile_weights);
  }

  void wrong_range(std::size_t range, int shift, double left, double with_own, bool is_calibrated) {
    f_.cause = fault::activation_scale;
    const auto [above, below] = bench_.outside(range, shift);
    // What a layer gives for zeros explains as much as that range: then its input counts for nothing.
    const bool is_bias = below > limit::all_underflow || difference(shown(), bench_.of_zeros()) <= left;
    if (is_bias && !is_calibrated) return bias_alone();
    const double factor = std::exp2(static_cast<double>(shift) / bench_.levels_per_octave());
    // The writer of the blob stores it, for all its readers.
    blob_ = blob_storage_of(lab_.net, lab_.plan)[layer_.inputs[range]].range;
    const std::string writer = range_names(lab_.net)[*blob_];
    f_.summary = {fact_kind::blob_range_off,
                  {{"layer", layer_.name}, {"blob", writer}, {"factor", factor}, {"saturate", factor < 1}}};
    f_.evidence.push_back(
        {fact_kind::range_explains,
         {{"levels", static_cast<double>(shift)}, {"blob", writer}, {"factor", factor}, {"left", left}}});
    f_.evidence.push_back({fact_kind::outside_range, {{"above", above}, {"below", below}}});
    if (const std::vector<std::size_t> cut = bench_.channels_outside(range, shift); !cut.empty()) {
      const std::size_t all = nchw_of(shape_of(bench_.inputs()[range]), bench_.inputs()[range].size())[1];
      f_.evidence.push_back({fact_kind::channels_outside,
                             {{"count", cut.size()}, {"of", all}, {"saturate", factor < 1}, {"channels", cut}}});
    }
    f_.change.push_back({is_calibrated ? fact_kind::recalibrate : fact_kind::recompile, {{"layer", writer}}});
    f_.rivals.push_back({fault::precision, {fact_kind::bits_leave, {{"left", with_own}}}});
    f_.rivals.push_back({fault::suspect_layer, fact_kind::range_explains_it});
  }

  /// All that comes from the input is missing.
  void bias_alone() {
    f_.cause = fault::inconclusive;
    f_.summary = {fact_kind::nothing_but_bias, {{"layer", layer_.name}}};
    f_.rivals.push_back({fault::suspect_layer, fact_kind::lost_weights_look_like_that});
    f_.rivals.push_back({fault::activation_scale, fact_kind::lost_input_looks_like_that});
    f_.change.push_back({fact_kind::recompile_and_look, {{"layer", layer_.name}}});
    f_.next = {fact_kind::compare_weights_and_range, {{"layer", layer_.name}}};
  }

  /// As simulated, and no range and no bits would help.
  void beyond_fixed_point() {
    const auto x = shown();
    const auto at_limit =
        std::count_if(x.begin(), x.end(), [](float v) { return std::fabs(v) >= limit::largest_q20_12; });
    f_.cause = fault::fixed_point_range;
    f_.summary = {fact_kind::beyond_q20_12, {{"layer", layer_.name}, {"large", at_limit != 0}}};
    if (at_limit != 0) {
      f_.evidence.push_back(
          {fact_kind::at_fixed_point_limit, {{"count", static_cast<std::size_t>(at_limit)}, {"of", x.size()}}});
    }
    f_.change.push_back({fact_kind::scale_weights, {{"layer", layer_.name}, {"whole", false}, {"up", at_limit == 0}}});
    f_.rivals.push_back({fault::suspect_layer, fact_kind::simulation_gives_that});
  }

  void something_else(bool in_float) {
    const comparison& c = trial_.result;
    const bool is_gain = c.l2_other > 0 && c.cosine >= runs_.limits().layer_cosine &&
                         std::fabs(c.norm_error) >= limit::gain_share * c.relative_l2_error;
    f_.summary =
        is_gain ? fact(fact_kind::constant_factor,
                       {{"layer", layer_.name}, {"factor", 1 + c.norm_error}, {"of_weights", is_mac_layer(layer_)}})
                : fact(fact_kind::computes_something_else, {{"layer", layer_.name}, {"in_float", in_float}});
    if (is_gain && is_mac_layer(layer_)) {  // mostly: arithmetic does not go wrong that way, weights and scales do
      f_.cause = fault::other_weights;
      return advise_weights();
    }
    if (!has_learned_values(layer_)) {
      f_.rivals.push_back({fault::other_weights, fact_kind::has_no_weights});
    } else if (weights_) {
      f_.rivals.push_back({fault::other_weights, weight_evidence(*weights_)});
    }
    f_.next = is_chain_layer(layer_) ? fact_kind::was_constant_changed
                                     : fact(fact_kind::compare_parameters, {{"with_weights", is_mac_layer(layer_)}});
    f_.change.push_back(bundle_advice(layer_.name));
  }

  /// The input is not among the dumps: it may be what differs.
  void doubt_input() {
    f_.cause = fault::inconclusive;
    f_.summary = {fact_kind::not_of_that_picture, {{"layer", layer_.name}}};
    f_.against.push_back(fact_kind::input_not_dumped);
    f_.rivals.clear();
    f_.change.clear();
    f_.next = {fact_kind::dump_data_layer, {{"both", false}}};
  }

  const run_pair& runs_;
  const layer_trial& trial_;
  const layer& layer_;
  const experiment_context& lab_;
  layer_bench bench_;
  finding f_{fault::suspect_layer};
  std::optional<weight_fit> weights_{};
  std::optional<std::size_t> blob_{};
};

}  // namespace detail

NNIESIM_END_NAMESPACE
