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
#include <nniesim/debug/markup.hpp>
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

/// "3, 7, 12 and 4 more".
[[nodiscard]] inline std::string list_text(std::span<const std::size_t> numbers) {
  std::string text;
  for (std::size_t i = 0; i < std::min(numbers.size(), limit::channels_told); ++i) {
    text += concat(i == 0 ? "" : ", ", numbers[i]);
  }
  if (numbers.size() > limit::channels_told) text += concat(" and ", numbers.size() - limit::channels_told, " more");
  return text;
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
  layer_judge(const run_pair& runs, const laboratory& lab, const layer_trial& t)
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
      something_else("; it runs in float");
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
  bool try_ranges_and_bits() {
    if (!std::isfinite(trial_.result.relative_l2_error)) {
      f_.evidence.push_back("in float it is zero everywhere");
      something_else(", and not for want of bits");
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
      f_.summary = concat(bits_text(p), " are not enough for '", layer_.name, "'");
      f_.evidence.push_back({fact_kind::shown_bits, {{"bits", bits_text(p)}, {"more_bits", bits_text(*finer)}}});
      f_.change.push_back(more_bits(p, *finer));
      f_.rivals.push_back({fault::activation_scale, {fact_kind::own_range_leaves, {{"left", with_own}}}});
      f_.rivals.push_back({fault::suspect_layer, concat("the simulation of ", bits_text(p), " gives the same output")});
    } else if (as_simulated && !try_sparse_weights(p, explained)) {
      beyond_fixed_point();
    } else if (!as_simulated) {
      f_.rivals.push_back({fault::precision, {fact_kind::planned_bits_away, {{"away", trial_.from_planned}}}});
      if (!fit.shifts.empty()) {
        f_.rivals.push_back({fault::activation_scale, {fact_kind::best_range_leaves, {{"left", fit.difference}}}});
      }
      if (is_chain_layer(layer_)) f_.rivals.push_back({fault::norm_gain, "truncation in Q20.12 is less than that"});
      something_else(", and not for want of bits");
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
    f_.summary = concat("sparse_rate sets ", percent(static_cast<double>(fc->sparse_rate)), " of the weights of '",
                        layer_.name, "' to zero, more than it bears");
    f_.evidence.push_back(concat("with all weights the same bits leave ", percent(left)));
    f_.change.push_back("a smaller [sparse_rate], or 0; else train with these weights at zero");
    f_.rivals.push_back({fault::suspect_layer, "the simulation gives the same output"});
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
    const auto groups = [](const std::vector<std::size_t>& list, std::string_view what) {
      if (list.empty()) return std::string();
      return concat(what, " in ", list.size() == 1 ? "group " : "groups ", list_text(list));
    };
    const std::string how =
        concat(groups(fit->cut, "large weights saturate"), fit->cut.empty() || fit->lost.empty() ? "" : ", ",
               groups(fit->lost, "small weights vanish"));
    f_.summary =
        fit->shifts.size() == 1
            ? concat("the weights of '", layer_.name, "' were encoded with another range than they ask for: ",
                     fit->cut.empty() ? "small weights vanish" : "large weights saturate")
        : fit->is_one_for_all
            ? concat("the weights of '", layer_.name,
                     "' were encoded with one range for all groups, in place of one for each: ", how)
            : concat("the weights of '", layer_.name, "' were encoded with other ranges than they ask for: ", how);
    fact& ranges =
        f_.evidence.emplace_back(fact_kind::weight_ranges_left, std::vector<fact_field>{{"left", fit->left}});
    ranges.add("one_for_all", fit->is_one_for_all)
        .add("saturating_groups", fit->cut)
        .add("vanishing_groups", fit->lost);
    f_.rivals.push_back({fault::activation_scale, "no range of its input explains the output"});
    f_.rivals.push_back({fault::suspect_layer, "with weights in these ranges the layer gives what is shown"});
    f_.change.push_back(fit->is_one_for_all
                            ? fact(concat("compile '", layer_.name, "' with one scale of its weights for each group"))
                            : fact(fact_kind::recompile_weights, {}));
    f_.next = concat("nnie-debug wk shows the scales of the weights of '", layer_.name, "' in the compiled model");
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
    f_.summary = concat("'", layer_.name, "' ", weight_text(*weights_));
    f_.evidence.push_back(weight_evidence(*weights_));
    f_.rivals.push_back({fault::activation_scale, "no range of its input explains the output"});
    f_.rivals.push_back({fault::suspect_layer, weights_->what == weight_change::untested
                                                   ? "other weights are far likelier than wrong arithmetic"
                                                   : "with these parameters the layer gives what is shown"});
    advise_weights();
    return true;
  }
  void advise_weights() {
    f_.next = concat("compare the weights of '", layer_.name,
                     "' in the compiled model with the caffemodel's: nnie-debug wk, or compile the caffemodel again");
    f_.change.push_back({fact_kind::recompile_weights, {}});
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
    f_.summary = concat("'", layer_.name, "' reads what '", writer, "' stores with a range ", number_text(factor, 3),
                        " times what the data need: ", factor < 1 ? "large values saturate" : "small values vanish");
    f_.evidence.push_back(
        {fact_kind::range_explains,
         {{"levels_text", concat(shift > 0 ? "+" : "", shift)}, {"blob", writer}, {"factor", factor}, {"left", left}}});
    f_.evidence.push_back({fact_kind::outside_range, {{"above", above}, {"below", below}}});
    if (const std::vector<std::size_t> cut = bench_.channels_outside(range, shift); !cut.empty()) {
      const std::size_t all = nchw_of(shape_of(bench_.inputs()[range]), bench_.inputs()[range].size())[1];
      f_.evidence.push_back({fact_kind::channels_outside,
                             {{"count", cut.size()}, {"of", all}, {"saturate", factor < 1}, {"channels", cut}}});
    }
    f_.change.push_back({is_calibrated ? fact_kind::recalibrate : fact_kind::recompile, {{"layer", writer}}});
    f_.rivals.push_back({fault::precision, {fact_kind::bits_leave, {{"left", with_own}}}});
    f_.rivals.push_back({fault::suspect_layer, "a wrong range explains the output"});
  }

  /// All that comes from the input is missing.
  void bias_alone() {
    f_.cause = fault::inconclusive;
    f_.summary = concat("'", layer_.name, "' gives nothing but its bias");
    f_.rivals.push_back({fault::suspect_layer, "weights that are missing in the compiled model look like that"});
    f_.rivals.push_back({fault::activation_scale, "and so does a range so far off that nothing is left of its input"});
    f_.change.push_back(
        concat("compile again, with pictures like this one in image_list, and look at '", layer_.name, "' first"));
    f_.next = concat("compare the weights of '", layer_.name, "' and the range of its input in the compiled model");
  }

  /// As simulated, and no range and no bits would help.
  void beyond_fixed_point() {
    const auto x = shown();
    const auto at_limit =
        std::count_if(x.begin(), x.end(), [](float v) { return std::fabs(v) >= limit::largest_q20_12; });
    f_.cause = fault::fixed_point_range;
    if (at_limit != 0) {
      f_.summary = concat("the values of '", layer_.name, "' are too large for Q20.12, whatever its bits");
      f_.evidence.push_back(
          {fact_kind::at_fixed_point_limit, {{"count", static_cast<std::size_t>(at_limit)}, {"of", x.size()}}});
      f_.change.push_back({fact_kind::scale_weights, {{"layer", layer_.name}, {"whole", false}, {"up", false}}});
    } else {
      f_.summary = concat("the values of '", layer_.name, "' are too small for Q20.12, whatever its bits");
      f_.change.push_back({fact_kind::scale_weights, {{"layer", layer_.name}, {"whole", false}, {"up", true}}});
    }
    f_.rivals.push_back({fault::suspect_layer, "the simulation gives the same output"});
  }

  void something_else(std::string_view how) {
    const comparison& c = trial_.result;
    const bool is_gain = c.l2_other > 0 && c.cosine >= runs_.limits().layer_cosine &&
                         std::fabs(c.norm_error) >= limit::gain_share * c.relative_l2_error;
    const std::string factor =
        concat("'", layer_.name, "' is off by a constant factor of ", number_text(1 + c.norm_error, 4));
    if (is_gain && is_mac_layer(layer_)) {  // mostly: arithmetic does not go wrong that way, weights and scales do
      f_.cause = fault::other_weights;
      f_.summary = concat(factor, ": its weights or its scale differ from the caffemodel's");
      return advise_weights();
    }
    if (!has_learned_values(layer_)) {
      f_.rivals.push_back({fault::other_weights, "it has none"});
    } else if (weights_) {
      f_.rivals.push_back({fault::other_weights, weight_evidence(*weights_)});
    }
    f_.summary = is_gain ? factor : concat("'", layer_.name, "' computes something else than its definition", how);
    f_.next =
        is_chain_layer(layer_)
            ? "was its constant changed, as compensate does? Then give the diagnosis the prototxt that was compiled"
        : is_mac_layer(layer_) ? "compare its weights and parameters in the compiled model with the caffemodel's"
                               : "compare its parameters in the compiled model with the prototxt's";
    f_.change.push_back(bundle_advice(layer_.name));
  }

  /// The input is not among the dumps: it may be what differs.
  void doubt_input() {
    f_.cause = fault::inconclusive;
    f_.summary = concat("'", layer_.name, "' does not follow from the picture that the run is said to have had");
    f_.against.push_back("the network's input is not among the dumps: another picture or preprocessing looks the same");
    f_.rivals.clear();
    f_.change.clear();
    f_.next = "dump the data layer of the other run, too";
  }

  const run_pair& runs_;
  const layer_trial& trial_;
  const layer& layer_;
  const laboratory& lab_;
  layer_bench bench_;
  finding f_{fault::suspect_layer};
  std::optional<weight_fit> weights_{};
  std::optional<std::size_t> blob_{};
};

}  // namespace detail

NNIESIM_END_NAMESPACE
