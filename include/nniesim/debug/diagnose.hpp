// The vendor's procedure as a decision: two runs of a network, and the network itself where it is at hand, to the cause
// of what differs. With the network every layer is judged on the input that it really had.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/ablation.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/postprocess_probe.hpp>
#include <nniesim/debug/preprocess_solver.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline std::string short_number(double v, int digits = 4) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, v);
  return text;
}
[[nodiscard]] inline std::string cosine_text(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5f", v);
  return text;
}
[[nodiscard]] inline std::string percent_text(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.2f %%", share * 100);
  return text;
}

/// What a layer's error consists of, the parts that count.
[[nodiscard]] inline std::string error_parts_text(const layer_evidence& e) {
  const error_parts& p = *e.parts;
  std::string text;
  for (const auto& [name, share] :
       {std::pair("gain", p.gain_share), std::pair("offset", p.offset_share),
        std::pair("saturation", p.saturation_share), std::pair("underflow to zero", p.underflow_share),
        std::pair("rounding and the rest", p.rounding_share)}) {
    if (share >= 0.005) text += concat(text.empty() ? "" : ", ", name, " ", short_number(100 * share, 3), " %");
  }
  text = concat("the square of that error is: ", text);
  if (e.channels > 1) text += concat("; ", e.most_channels, " of ", e.channels, " channels carry 90 % of it");
  return text;
}

class diagnostician {
 public:
  diagnostician(std::span<const named_values> reference, std::span<const named_values> other,
                const diagnose_options& options, const laboratory* lab)
      : o_(options), lab_(lab), runs_(reference, other, options, lab) {}

  [[nodiscard]] diagnosis run() {
    if (runs_.compared() == 0) {
      finding f{fault::inconclusive};
      f.summary = "no layer of one run could be compared with one of the other";
      f.next = "write both runs' layers under the same names, as .npy with their shapes";
      for (const unmatched_layer& u : runs_.matching().only_reference) {
        if (f.evidence.size() == 5) break;
        f.evidence.push_back(u.reason);
      }
      add(std::move(f));
      return finished();
    }
    check_reference();
    check_inputs();
    if (lab_ != nullptr) trials_.emplace(runs_, *lab_);
    else find_entries();
    check_not_a_number();
    check_all_zero();
    check_bits();
    check_suspects();
    add_in_order();
    check_precision();
    check_mapping();
    check_norms();
    return finished();
  }

 private:
  using row = layer_row;

  /// None without a laboratory.
  [[nodiscard]] std::span<const layer_trial> trials() const {
    return trials_ ? std::span(trials_->all()) : std::span<const layer_trial>();
  }

  // ---- steps 1 and 2 ----

  void check_reference() {
    for (const row& r : runs_.rows()) {
      if (!r.shown.result || r.shown.result->bad_reference == 0) continue;
      finding f{fault::not_a_number, r.shown.name};
      f.summary = concat("the reference itself has ", r.shown.result->bad_reference, " NaN or infinity in '",
                         r.shown.name, "'");
      f.evidence.push_back(concat("in the other run that layer has ", r.shown.result->bad_other));
      f.next = "find out why the float network gives NaN; no comparison means anything before that";
      add(std::move(f));
      return;
    }
  }

  void check_inputs() {
    std::size_t number = 0;
    for (const row& r : runs_.rows()) {
      if (!r.is_input) continue;
      const std::size_t index = number++;
      if (!r.other) {
        missing_input_ = r.shown.name;
        continue;
      }
      const bool compared = r.shown.result.has_value();
      const bool is_good = compared && r.shown.result->cosine >= o_.data_cosine &&
                           std::fabs(r.shown.result->relative_l2) <= 0.5 * o_.norm_error &&
                           r.relation == match_relation::same;
      if (is_good || (compared && r.shown.result->bad_reference + r.shown.result->bad_other != 0)) continue;
      if (compared && r.other_is_zero && !r.reference_is_zero) continue;
      const std::vector<float> y = runs_.reference_values(r);
      const std::vector<float> x = runs_.other_values(r);
      const known_preprocessing* known =
          lab_ != nullptr && index < lab_->preprocessing.size() ? &lab_->preprocessing[index] : nullptr;
      const tensor_shape& given = runs_.shape(r);
      const tensor_shape shape = given.size() == y.size() && given.rank() > 0 ? given : tensor_shape{y.size()};
      const preprocess_solution s = solve_preprocessing(y, shape, x, known);
      if (s.verdict == preprocess_verdict::same && r.relation != match_relation::same) continue;
      finding f{s.verdict == preprocess_verdict::other_picture ? fault::other_picture : fault::preprocessing,
                r.shown.name};
      f.summary = s.verdict == preprocess_verdict::same ? "the inputs are made alike, but differ by more than the limit"
                                                        : s.summary;
      if (compared) {
        f.evidence.push_back(concat("the data layer '", r.shown.name, "' has cosine ",
                                    cosine_text(r.shown.result->cosine), " (expected ", o_.data_cosine,
                                    ") and a norm off by ", percent_text(r.shown.result->relative_l2)));
      }
      f.evidence.insert(f.evidence.end(), s.evidence.begin(), s.evidence.end());
      if (runs_.input_is_guessed())
        f.against.push_back("that this layer is the network's input is a guess: it comes first");
      f.change = s.changes;
      if (s.verdict == preprocess_verdict::explained) {
        f.rivals.push_back({fault::other_picture, "one gain and offset per channel explains the difference"});
        f.next = "make the change, then compare again";
      } else if (s.verdict == preprocess_verdict::other_picture) {
        f.rivals.push_back({fault::preprocessing, "no order of channels, gain, offset or layout comes near"});
        f.next =
            "compare the dump of the picture that was compiled last: the compiler dumps the last line of image_list";
      } else {
        f.next =
            "feed both with the same .npy in place of the picture: if they agree then, it is how the picture is "
            "resized, cropped or decoded";
      }
      input_differs_ = true;
      add(std::move(f));
    }
  }

  /// Without the network: where the error enters, by the differences from row to row.
  void find_entries() {
    double worst_so_far = 0;
    for (std::size_t i = 0; i < runs_.rows().size(); ++i) {
      const row& r = runs_.rows()[i];
      if (!r.shown.result || r.is_input) continue;
      const double e = error_of(*r.shown.result);
      if (e - worst_so_far > worst_jump_) {
        worst_jump_ = e - worst_so_far;
        jump_row_ = i;
      }
      worst_so_far = std::max(worst_so_far, std::isfinite(e) ? e : worst_so_far);
    }
  }
  /// The relative difference that equal norms and this cosine mean.
  [[nodiscard]] static double error_of(const comparison& c) {
    return std::isnan(c.cosine) ? std::numeric_limits<double>::infinity() : std::sqrt(std::max(0.0, 2 - 2 * c.cosine));
  }

  // ---- NaN and zeros ----

  void check_not_a_number() {
    std::string entry;
    std::size_t count = 0, elements = 0;
    if (lab_ != nullptr) {
      for (const layer_trial& j : trials()) {
        if (j.is_input_finite && j.result.bad_other != 0 && entry.empty()) {
          entry = lab_->net.layers[j.layer].name;
          count = j.result.bad_other;
          elements = j.result.count;
        }
      }
    }
    for (const row& r : runs_.rows()) {
      if (!entry.empty()) break;
      if (r.shown.result && r.shown.result->bad_other != 0 && r.shown.result->bad_reference == 0) {
        entry = r.shown.name;
        count = r.shown.result->bad_other;
        elements = r.shown.result->count;
      }
    }
    if (entry.empty()) return;
    finding f{fault::not_a_number, entry};
    f.summary = concat("NaN or infinity enters in '", entry, "'");
    f.evidence.push_back(concat(count, " of ", elements, " values are NaN or infinity; the reference has none"));
    if (lab_ != nullptr) f.evidence.push_back("all inputs of the layer are finite");
    f.against.push_back("Q20.12 holds neither: a file that was damaged or read in another format would look like this");
    f.rivals.push_back({fault::suspect_layer, "a wrong result of the accelerator would be a number"});
    f.next = "dump the layer again; if it is the board's, look at the memory that it is written to";
    f.change.push_back(concat("'", entry, "': write it as 32-bit words of Q20.12 and read it as such"));
    add_at(entry, std::move(f), false);
  }

  void check_all_zero() {
    std::string entry;
    if (lab_ != nullptr) {
      for (const layer_trial& j : trials()) {
        if (j.is_zero && entry.empty()) entry = lab_->net.layers[j.layer].name;
      }
    }
    std::size_t both = 0;
    for (const row& r : runs_.rows()) {
      if (!r.shown.result) continue;
      both += r.other_is_zero && r.reference_is_zero ? 1U : 0U;
      if (entry.empty() && lab_ == nullptr && r.other_is_zero && !r.reference_is_zero) entry = r.shown.name;
      if (entry.empty() && lab_ != nullptr && r.is_input && r.other_is_zero && !r.reference_is_zero)
        entry = r.shown.name;
    }
    if (entry.empty()) return;
    finding f{fault::all_zero, entry};
    f.summary = concat("'", entry, "' is zero everywhere");
    const row* r = runs_.row_named(entry);
    if (r != nullptr && r->shown.result) {
      f.evidence.push_back(concat("its norm in the reference is ", short_number(r->shown.result->l2_reference)));
    }
    if (both != 0) f.evidence.push_back(concat(both, " layers are zero in both runs, which is no fault"));
    const std::optional<std::size_t> l = runs_.layer_named(entry);
    bool as_simulated = false;
    if (l) {
      f.evidence.push_back("in float the layer gives values other than zero from the input that it had");
      if (const auto inputs = runs_.other_inputs(*l); inputs && !lab_->plan.is_float) {
        const auto simulated = trials_->run(*l, *inputs, lab_->plan.layers[*l], &lab_->ranges);
        as_simulated = std::all_of(simulated[0].begin(), simulated[0].end(), [](float v) { return v == 0.0F; });
        f.evidence.push_back(as_simulated ? "the simulation gives zeros too: all its input, or its output, underflows"
                                          : "the simulation does not give zeros");
        if (as_simulated) f.change.push_back(concat("calibrate again: the range of '", entry, "' is far too large"));
      }
    }
    f.rivals.push_back({fault::suspect_layer, "wrong arithmetic would not give zero everywhere"});
    f.next = "see whether the layer was written at all: a buffer that nobody fills is zero as well";
    if (f.change.empty()) f.change.push_back(concat("dump '", entry, "' again, with the mark _report on its name"));
    add_at(entry, std::move(f), as_simulated);
  }

  // ---- bits ----

  /// Layers that are to have 16 bits and show what 8 give.
  void check_bits() {
    finding f{fault::bits_not_as_planned};
    std::size_t count = 0;
    for (const layer_trial& j : trials()) {
      if (!j.is_other_width()) continue;
      if (lab_->plan.layers[j.layer] == layer_precision::w8a8) {
        ++finer_than_planned_;
        continue;
      }
      const std::string& name = lab_->net.layers[j.layer].name;
      if (++count == 1) f.layer = name;
      if (count > 5) continue;
      f.evidence.push_back(concat("'", name, "' is ", short_number(j.from_expected * 100, 3),
                                  " % away from its simulation in 16 bits and ",
                                  short_number(j.from_other_width * 100, 3), " % from that in 8"));
    }
    if (count == 0) return;
    if (count > 5) f.evidence.push_back(concat("and ", count - 5, " more"));
    f.summary = count == 1 ? concat("'", f.layer, "' is to have 16 bits, but was computed in 8")
                           : concat(count, " layers are to have 16 bits, but were computed in 8");
    f.rivals.push_back({fault::suspect_layer, "the simulation of 8 bits gives what the run shows"});
    f.change.push_back("compile again with the cfg's compile_mode (1, or 2 for the mark _hp)");
    f.change.push_back("put _hp into the prototxt that is compiled: RuyiStudio writes one of its own (mark_prototxt)");
    f.next = "compare the sizes of the compiled models: with 16 bits a layer's weights take twice the room";
    add_at(f.layer, std::move(f), false);
  }

  // ---- suspect layers ----

  void check_suspects() {
    if (lab_ == nullptr) return;
    std::size_t shown = 0;
    std::set<std::size_t> tainted;  // blobs whose dump is not what was computed
    for (const layer_trial& j : trials()) {
      const layer& l = lab_->net.layers[j.layer];
      if (!j.is_input_finite || j.result.bad_other != 0 || j.is_zero || j.is_other_width() || !is_suspect(j)) continue;
      // Fed with a blob that the dump shows wrongly a layer must look wrong too.
      if (std::any_of(l.inputs.begin(), l.inputs.end(), [&](std::size_t b) { return tainted.contains(b); })) continue;
      if (consumers_agree(j.layer)) {
        tainted.insert(l.outputs.begin(), l.outputs.end());
        only_shown_wrongly_.push_back(l.name);
        continue;
      }
      if (++shown <= 5) judge_suspect(j);
    }
  }
  /// Much further from float than the simulation of the layer is: rounding does not look like that.
  [[nodiscard]] bool is_suspect(const layer_trial& j) const {
    if (j.result.l2_reference == 0 && j.result.l2_other == 0) return false;
    const double expected = j.only_relu ? 0 : j.expected.relative_difference;
    const double norm = j.only_relu ? 0 : j.expected.relative_l2;
    if (!j.only_relu && is_as_expected(j))
      return runs_.is_bad(j.result) && input_ranges(lab_->net.layers[j.layer]) != 0;
    return runs_.is_bad(j.result) || j.result.relative_difference > std::max(0.03, 4 * expected) ||
           std::fabs(j.result.relative_l2 - norm) >= o_.norm_error;
  }
  [[nodiscard]] static bool is_as_expected(const layer_trial& j) {
    return j.result.relative_difference <= 1.5 * j.expected.relative_difference;
  }
  /// Whether all layers behind, of which there is at least one, agree with the reference although this one does not.
  [[nodiscard]] bool consumers_agree(std::size_t index) const {
    const row* own = runs_.row_named(lab_->net.layers[index].name);
    if (own == nullptr || !own->shown.result || !runs_.is_bad(*own->shown.result)) return false;
    bool any = false;
    for (const layer& l : lab_->net.layers) {
      for (const std::size_t b : lab_->net.layers[index].outputs) {
        if (std::find(l.inputs.begin(), l.inputs.end(), b) == l.inputs.end()) continue;
        const row* r = runs_.row_named(l.name);
        if (r == nullptr || !r->shown.result || runs_.is_bad(*r->shown.result)) return false;
        any = true;
      }
    }
    return any;
  }

  void judge_suspect(const layer_trial& j) {
    const layer& l = lab_->net.layers[j.layer];
    const auto inputs = runs_.other_inputs(j.layer);
    const auto y = runs_.other_value(l.outputs[0]);
    const std::span<const float> given = view_of(*y).span();
    finding f{fault::suspect_layer, l.name};
    f.evidence.push_back(concat("fed with the input that it had, the layer in float gives cosine ",
                                cosine_text(j.result.cosine), " with what the run shows, norm error ",
                                percent_text(j.result.relative_l2)));
    const layer_precision p = lab_->plan.layers[j.layer];
    if (p == layer_precision::float32) {
      f.summary = concat("'", l.name, "' computes something else than its definition, and it runs in float");
      f.next = "compare the layer's parameters and weights in both runs";
      add_bundle(f);
      add_at(l.name, std::move(f), false);
      return;
    }
    const std::vector<tensor<float>> exact = trials_->run(j.layer, *inputs, layer_precision::float32);
    const auto difference = [&](std::span<const float> r, const std::vector<tensor<float>>& x) {
      return compare_values(r, view_of(x[0]).span()).relative_difference;
    };
    const auto simulated = trials_->run(j.layer, *inputs, p, &lab_->ranges);
    const auto own = trials_->run(j.layer, *inputs, p);
    const auto high = trials_->run(j.layer, *inputs, layer_precision::w16a16);
    const std::span<const float> in_float = view_of(exact[0]).span();
    const double seen = j.result.relative_difference;
    const double from_simulated = difference(given, simulated);
    const double with_own = difference(in_float, own);
    const double with_16bit = difference(in_float, high);
    f.evidence.push_back(concat("its error is ", short_number(seen * 100, 3), " % of the norm; the simulation has ",
                                short_number(difference(in_float, simulated) * 100, 3),
                                " % with the calibrated range, ", short_number(with_own * 100, 3),
                                " % with the data's own, ", short_number(with_16bit * 100, 3), " % in 16 bits"));
    if (const row* r = runs_.row_named(l.name); r != nullptr && r->shown.parts) {
      f.evidence.push_back(error_parts_text(r->shown));
    }
    const bool as_simulated = from_simulated <= 0.25 * seen;
    layer_trials::best_scale fit;
    if (input_ranges(l) != 0) fit = trials_->fit_scale(j.layer, *inputs, given);
    const double octave = trials_->levels_per_octave(j.layer);
    if (fit.difference <= 0.25 * seen && std::abs(fit.shift) >= static_cast<int>(octave) / 4 &&
        with_own <= 0.5 * seen) {
      f.cause = fault::activation_scale;
      const auto [above, below] = trials_->outside(j.layer, *inputs, fit.shift);
      const double factor = std::exp2(fit.shift / octave);
      f.summary = concat("'", l.name, "' encodes its input with a range ", short_number(factor, 3),
                         " times what the data need: ", factor < 1 ? "large values saturate" : "small values vanish");
      f.evidence.push_back(concat("a scale z ", fit.shift > 0 ? "+" : "", fit.shift,
                                  " from the data's own explains the output: ", short_number(fit.difference * 100, 3),
                                  " % are left"));
      f.evidence.push_back(concat(short_number(above * 100, 3), " % of its input lies above that range, ",
                                  short_number(below * 100, 3), " % below it"));
      f.change.push_back(as_simulated ? concat("calibrate again with pictures like this one: the calibrated range of '",
                                               l.name, "' does not fit")
                                      : concat("compile again with pictures like this one in image_list: '", l.name,
                                               "' was compiled with another range than calibration gives here"));
      f.rivals.push_back({fault::precision, concat("with a range that fits, the same bits leave ",
                                                   short_number(with_own * 100, 3), " %")});
      f.rivals.push_back({fault::suspect_layer, "a wrong range explains the output"});
    } else if (as_simulated && p == layer_precision::w8a8 && with_16bit <= 0.25 * seen) {
      f.cause = fault::precision;
      f.summary = concat("8 bits are not enough for '", l.name, "'");
      f.evidence.push_back("the run shows what the simulation of 8 bits gives; 16 bits would be enough");
      f.change.push_back(concat("compile_mode 2 and the name '", l.name, "_hp'"));
      f.rivals.push_back({fault::activation_scale, "no other range is better"});
      f.rivals.push_back({fault::suspect_layer, "the simulation of 8 bits gives the same output"});
    } else if (as_simulated) {
      f.cause = fault::precision;
      f.summary = concat("the values of '", l.name, "' are too small for Q20.12, whatever its bits");
      f.change.push_back(concat("scale the weights of '", l.name, "' up by a power of two, and those behind it down"));
      f.rivals.push_back({fault::suspect_layer, "the simulation gives the same output"});
    } else {
      const bool gain =
          j.result.cosine >= o_.layer_cosine && std::fabs(j.result.relative_l2) >= 0.5 * j.result.relative_difference;
      f.summary = gain
                      ? concat("'", l.name, "' is off by a constant factor of ", short_number(1 + j.result.relative_l2),
                               ": its weights or its scale differ from the caffemodel's")
                      : concat("'", l.name, "' computes something else than its definition, and not for want of bits");
      f.rivals.push_back({fault::precision, concat("16 bits or not, the run is ", short_number(from_simulated * 100, 3),
                                                   " % away from the simulation")});
      if (input_ranges(l) != 0) {
        f.rivals.push_back({fault::activation_scale, concat("the range that explains most leaves ",
                                                            short_number(fit.difference * 100, 3), " %")});
      }
      if (is_chain_layer(j.layer)) f.rivals.push_back({fault::norm_gain, "truncation in Q20.12 is less than that"});
      f.next = "compare its weights and parameters in the compiled model with the caffemodel's";
      add_bundle(f);
    }
    add_at(l.name, std::move(f), as_simulated);
  }
  void add_bundle(finding& f) const {
    f.change.push_back(concat("report it to the vendor: nnie-debug bundle --layer '", f.layer, "' ..."));
  }

  void check_precision() {
    const auto rows = runs_.judged_rows();
    std::size_t bad = 0;
    const row* first_bad = nullptr;
    for (const row* r : rows) {
      if (!runs_.is_bad(*r->shown.result)) continue;
      if (is_tainted(r->shown.name)) continue;
      ++bad;
      if (first_bad == nullptr) first_bad = r;
    }
    if (bad == 0) return;
    // A fault further up explains what is bad behind it.
    if (has(fault::preprocessing) || has(fault::other_picture) || has(fault::not_a_number) || has(fault::all_zero) ||
        has(fault::bits_not_as_planned) || has(fault::activation_scale) || has(fault::suspect_layer) ||
        has(fault::precision)) {
      return;
    }
    if (lab_ != nullptr) check_precision_in_laboratory(rows, bad, *first_bad);
    else check_precision_by_pattern(rows, bad, *first_bad);
  }

  void check_precision_in_laboratory(const std::vector<const row*>& rows, std::size_t bad, const row& first_bad) {
    precision_plan high = lab_->plan;
    bool has_8bit = false;
    for (std::size_t l = 0; l < high.layers.size(); ++l) {
      if (high.layers[l] != layer_precision::w8a8) continue;
      has_8bit = has_8bit || input_ranges(lab_->net.layers[l]) != 0;
      high.layers[l] = layer_precision::w16a16;
    }
    std::map<std::string, double> in_16bit;
    double worst = 1;
    {
      network_runner reference(lab_->net, float_plan(lab_->net), {.keep_all = true, .threads = lab_->threads});
      reference.run(lab_->inputs);
      network_runner quantized(lab_->net, high, {.keep_all = true, .threads = lab_->threads});
      quantized.use(lab_->ranges);
      quantized.run(lab_->inputs);
      for (const layer& l : lab_->net.layers) {
        const auto r = reference.value(l.outputs[0]);
        const auto x = quantized.value(l.outputs[0]);
        const double cosine = compare(r, x).cosine;
        in_16bit[layer_key(l.name)] = cosine;
        worst = std::min(worst, cosine);
      }
    }
    for (row& r : runs_.rows()) {
      if (const auto found = in_16bit.find(layer_key(r.shown.name)); found != in_16bit.end()) {
        r.shown.in_16bit = found->second;
      }
    }
    std::size_t judged = 0;
    double worst_local = 1;
    for (const layer_trial& j : trials()) {
      if (!j.is_input_finite || j.result.bad_other != 0) continue;
      ++judged;
      worst_local = std::min(worst_local, j.result.cosine);
    }
    finding f{fault::precision, first_bad.shown.name};
    f.evidence.push_back(concat(bad, " of ", rows.size(), " layers miss cosine ", o_.layer_cosine, ", the first is '",
                                first_bad.shown.name, "' (", cosine_text(first_bad.shown.result->cosine),
                                "), the last layer has ", cosine_text(rows.back()->shown.result->cosine)));
    f.evidence.push_back(concat("each of ", judged,
                                " layers by itself is right for the input that it had: the lowest cosine is ",
                                cosine_text(worst_local)));
    f.evidence.push_back(concat("with all layers in 16 bits the lowest cosine is ", cosine_text(worst)));
    f.rivals.push_back({fault::suspect_layer, "no layer is wrong by itself"});
    if (has_8bit && worst >= o_.layer_cosine) {
      f.summary = "8 bits are not enough for this network: small errors of many layers add up";
      f.change.push_back("compile_mode 2, with _hp on the layers that 'nnie-debug search' names");
      f.change.push_back("or compile_mode 1: all 16 bits, at half the speed");
      f.next = "nnie-debug search";
    } else {
      f.cause = fault::inconclusive;
      f.summary = has_8bit ? "the layers lose accuracy together, and 16 bits do not cure it"
                           : "the layers lose accuracy together, in 16 bits already";
      f.against.push_back("quantization is the nearest case, but more bits do not bring the layers back");
      f.next =
          "run the float network on inputs disturbed by 0.1 %: if its outputs move as much, the network itself is "
          "sensitive and must be retrained with the quantizer in the loop";
    }
    add(std::move(f));
  }

  /// The vendor's table, from cosines alone.
  void check_precision_by_pattern(const std::vector<const row*>& rows, std::size_t bad, const row& first_bad) {
    const double first = rows.front()->shown.result->cosine;
    const double last = rows.back()->shown.result->cosine;
    double lowest = 1;
    const row* dip = nullptr;
    for (const row* r : rows) {
      if (r->shown.result->cosine < lowest) {
        lowest = r->shown.result->cosine;
        dip = r;
      }
    }
    const std::string counts = concat(
        bad, " of ", rows.size(), " layers miss cosine ", o_.layer_cosine, ", the first is '", first_bad.shown.name,
        "' (", cosine_text(first_bad.shown.result->cosine), "), the last layer has ", cosine_text(last));
    const row& jump = runs_.rows()[jump_row_];
    const double total = error_of(*dip->shown.result);
    const bool sharp = worst_jump_ > 0.5 * total && worst_jump_ > 0.2;  // at once from 1 to 0.98 or lower
    if (last >= o_.layer_cosine) {
      finding f{lowest < o_.dip_cosine ? fault::layer_mapping : fault::inconclusive, dip->shown.name};
      f.summary =
          concat("'", dip->shown.name, "' dips to cosine ", cosine_text(lowest), ", but the last layer is right");
      f.evidence.push_back(counts);
      f.evidence.push_back("what is computed from it agrees, so that the dump rather than the layer is wrong");
      f.against.push_back("a later layer may hide the error: a ReLU, a pooling, or a branch that matters little");
      f.rivals.push_back({fault::suspect_layer, "its error would reach the last layer"});
      f.change.push_back(
          concat("make '", dip->shown.name, "' and the layer behind it non-in-place, then compare again"));
      f.next = "look up in cnn_net_tree.dot what the compiler made of that layer";
      add(std::move(f));
    } else if (sharp) {
      finding f{fault::suspect_layer, jump.shown.name};
      f.summary = concat("similarity drops sharply at '", jump.shown.name, "'");
      f.evidence.push_back(counts);
      f.evidence.push_back(concat("the error rises by ", short_number(worst_jump_ * 100, 3),
                                  " % of the norm there, to ", short_number(total * 100, 3), " % at most"));
      f.against.push_back("from cosines alone a layer that needs 16 bits looks the same");
      f.rivals.push_back({fault::precision, "it would fall layer by layer"});
      f.next = concat("compile with compile_mode 1: if the layer recovers, mark it '", jump.shown.name,
                      "_hp'; give the network to the diagnosis to decide it at once");
      add_bundle(f);
      add(std::move(f));
    } else if (first >= o_.layer_cosine && last < o_.last_cosine) {
      finding f{fault::precision, first_bad.shown.name};
      f.summary = "similarity falls layer by layer: quantization error";
      f.evidence.push_back(counts);
      f.against.push_back("not confirmed: no run in 16 bits was seen");
      f.rivals.push_back({fault::suspect_layer, "no single layer brings most of the error"});
      f.change.push_back("compile_mode 1; or compile_mode 2 with _hp on the first layers");
      f.next = "compile with compile_mode 1: it is quantization if all layers reach 0.99 then";
      add(std::move(f));
    } else {
      finding f{fault::inconclusive, first_bad.shown.name};
      f.summary = first < o_.layer_cosine ? concat("the first layer already has cosine ", cosine_text(first),
                                                   " although the input is right")
                                          : concat("the last layer's cosine ", cosine_text(last), " lies between ",
                                                   o_.last_cosine, " and ", o_.layer_cosine);
      f.evidence.push_back(counts);
      f.against.push_back("quantization error is the nearest case of the procedure");
      f.next = "compile with compile_mode 1: it is quantization if all layers reach 0.99 then";
      add(std::move(f));
    }
  }

  // ---- step 4 ----

  [[nodiscard]] bool is_tainted(std::string_view name) const {
    return std::any_of(only_shown_wrongly_.begin(), only_shown_wrongly_.end(),
                       [&](const std::string& n) { return layer_key(n) == layer_key(name); });
  }

  void check_mapping() {
    std::vector<const row*> moved;
    for (const row& r : runs_.rows()) {
      if (!r.other || r.is_input) continue;
      // Other gains come from an input with other ones.
      if (input_differs_ && r.relation == match_relation::affine) continue;
      const bool by_content = r.relation != match_relation::same && r.relation != match_relation::differs &&
                              r.relation != match_relation::unverifiable;
      const layer_match* m = nullptr;
      for (const layer_match& pair : runs_.matching().pairs) {
        if (pair.reference == r.reference) m = &pair;
      }
      if (by_content || (m != nullptr && m->namesake)) moved.push_back(&r);
    }
    if (moved.empty() && only_shown_wrongly_.empty()) return;
    finding f{fault::layer_mapping, moved.empty() ? only_shown_wrongly_.front() : moved.front()->shown.name};
    for (const row* r : moved) {
      if (f.evidence.size() == 5) {
        f.evidence.push_back(concat("and ", moved.size() - 5, " more"));
        break;
      }
      f.evidence.push_back(concat("'", r->shown.name, "' is '", r->shown.partner, "': ", r->shown.relation));
    }
    for (const std::string& name : only_shown_wrongly_) {
      f.evidence.push_back(concat("'", name, "' is not what its input makes of it, but all layers that read it agree"));
    }
    f.summary =
        moved.size() + only_shown_wrongly_.size() == 1
            ? concat("under the name '", f.layer, "' the two runs show different blobs")
            : concat("under ", moved.size() + only_shown_wrongly_.size(), " names the two runs show different blobs");
    f.change.push_back(concat("compare as paired in the table; or make '", f.layer,
                              "' and the layer behind it non-in-place, or compare with the permuted blob"));
    f.rivals.push_back({fault::suspect_layer, "what corresponds by content agrees"});
    add(std::move(f));
  }

  // ---- norms ----

  [[nodiscard]] bool is_chain_layer(std::size_t l) const {
    const layer_params& p = lab_->net.layers[l].params;
    return std::holds_alternative<power_params>(p) || std::holds_alternative<reduce_mean_params>(p) ||
           std::holds_alternative<reduce_sum_params>(p);
  }

  /// Whether a layer that is no part of a chain reads what one gives.
  [[nodiscard]] bool ends_chain(std::string_view name) const {
    const auto l = runs_.layer_named(name);
    if (!l || is_chain_layer(*l)) return false;
    const std::vector<std::size_t>& inputs = lab_->net.layers[*l].inputs;
    for (std::size_t i = 0; i < lab_->net.layers.size(); ++i) {
      const std::size_t b = lab_->net.layers[i].outputs[0];
      if (is_chain_layer(i) && std::find(inputs.begin(), inputs.end(), b) != inputs.end()) return true;
    }
    return false;
  }

  void check_norms() {
    if (input_differs_ || has(fault::not_a_number) || has(fault::all_zero) || has(fault::bits_not_as_planned) ||
        has(fault::activation_scale) || has(fault::suspect_layer)) {
      return;
    }
    std::vector<const row*> off;
    for (const row* r : runs_.judged_rows()) {
      if (r->shown.result->count < 16 || !runs_.is_gain(*r->shown.result)) continue;
      const auto l = runs_.layer_named(r->shown.name);
      if (l && is_chain_layer(*l)) continue;  // what is inside a norm; its result counts
      off.push_back(r);
    }
    if (off.empty()) return;
    // The end of a chain, where there is one: what stands before it only disturbs it.
    const auto end = std::find_if(off.begin(), off.end(), [&](const row* r) { return ends_chain(r->shown.name); });
    finding f{fault::norm_gain, (end != off.end() ? *end : off.front())->shown.name};
    for (const row* r : off) {
      if (f.evidence.size() == 6) {
        f.evidence.push_back(concat("and ", off.size() - 6, " more"));
        break;
      }
      f.evidence.push_back(concat("'", r->shown.name, "': norm off by ", percent_text(r->shown.result->relative_l2),
                                  " with cosine ", cosine_text(r->shown.result->cosine)));
    }
    // Where the gain enters: the first layers whose norm is off for the input that they had.
    std::vector<std::string> sources;
    bool chain = false;
    for (const layer_trial& j : trials()) {
      if (!j.is_input_finite || j.result.bad_other != 0 || j.result.l2_reference == 0) continue;
      if (std::fabs(j.result.relative_l2) < 0.25 * o_.norm_error) continue;
      if (std::fabs(j.result.relative_l2) < 0.5 * j.result.relative_difference) continue;
      chain = chain || is_chain_layer(j.layer);
      sources.push_back(
          concat("'", lab_->net.layers[j.layer].name, "' by itself: norm off by ", percent_text(j.result.relative_l2)));
    }
    if (lab_ == nullptr) {
      f.summary = concat("norms are off by up to ", percent_text(largest(off)), " while the cosines are intact");
      f.next = "give the network to the diagnosis: it finds where the gain enters";
      f.change.push_back("look for a Power / ReduceMean chain in front of that layer: nnie-debug compensate");
    } else if (chain) {
      f.summary = concat("norms are off by up to ", percent_text(largest(off)),
                         " while the cosines are intact: a Power / ReduceMean chain truncates");
      for (std::size_t i = 0; i < std::min<std::size_t>(sources.size(), 6); ++i) f.evidence.push_back(sources[i]);
      f.change.push_back("add more than the norm's constant: nnie-debug compensate gives each and writes the prototxt");
      f.rivals.push_back({fault::precision, "cosines are intact, and the truncation of Q20.12 is the same in 16 bits"});
    } else {
      f.summary = concat("norms are off by up to ", percent_text(largest(off)),
                         " while the cosines are intact; no single layer brings it");
      for (std::size_t i = 0; i < std::min<std::size_t>(sources.size(), 6); ++i) f.evidence.push_back(sources[i]);
      f.change.push_back(
          "16 bits for the layers in front of the first one named: nnie-debug search --target norm-error");
    }
    if ((has(fault::precision) || has(fault::inconclusive)) && !chain) return;  // what was found explains it
    add(std::move(f));
  }
  [[nodiscard]] static double largest(const std::vector<const row*>& rows) {
    double most = 0;
    for (const row* r : rows) {
      if (std::fabs(r->shown.result->relative_l2) > std::fabs(most)) most = r->shown.result->relative_l2;
    }
    return most;
  }

  // ---- the end ----

  void add(finding f) { findings_.push_back(std::move(f)); }
  /// Of faults that enter in layers the first in execution comes first, whatever it is.
  void add_at(std::string_view layer_name, finding f, bool as_simulated) {
    std::size_t position = 0;
    if (const auto l = runs_.layer_named(layer_name)) {
      position = *l;
    } else {
      while (position < runs_.rows().size() && runs_.rows()[position].shown.name != layer_name) ++position;
    }
    local_findings_.push_back({position, as_simulated, std::move(f)});
  }
  /// A layer that does what the simulation does is at fault only if no other one stands before it: with the input that
  /// it got from that one nothing else can be expected.
  void add_in_order() {
    std::stable_sort(local_findings_.begin(), local_findings_.end(),
                     [](const local_finding& a, const local_finding& b) { return a.position < b.position; });
    for (local_finding& l : local_findings_) {
      if (&l == &local_findings_.front() || !l.as_simulated) add(std::move(l.what));
    }
  }
  [[nodiscard]] bool has(fault cause) const {
    return std::any_of(findings_.begin(), findings_.end(), [&](const finding& f) { return f.cause == cause; });
  }

  [[nodiscard]] diagnosis finished() {
    diagnosis d;
    for (row& r : runs_.rows()) d.layers.push_back(std::move(r.shown));
    if (findings_.empty()) {
      finding f{fault::none};
      double lowest = 1, norm = 0;
      std::string at;
      for (const layer_evidence& l : d.layers) {
        if (!l.result) continue;
        if (l.result->cosine <= lowest) {
          lowest = l.result->cosine;
          at = l.name;
        }
        norm = std::max(norm, std::fabs(l.result->relative_l2));
      }
      f.summary = "the runs agree but for what the format costs";
      f.evidence.push_back(
          concat("the lowest cosine of ", runs_.compared(), " layers is ", cosine_text(lowest), " ('", at, "')"));
      f.next = "where results are wrong nevertheless it is the post-processing: give it to the diagnosis";
      findings_.push_back(std::move(f));
    }
    const std::size_t unmatched = runs_.matching().only_reference.size();
    if (unmatched != 0) {
      findings_.front().against.push_back(
          concat(unmatched, " layers of the reference have no partner and were not judged"));
    }
    if (finer_than_planned_ != 0) {
      findings_.front().against.push_back(
          concat(finer_than_planned_, " of ", trials().size(),
                 " layers err less than 8 bits can: is the other run really one in 8?"));
    }
    if (!missing_input_.empty()) {
      findings_.front().against.push_back(
          concat("the input '", missing_input_, "' is not in the other run: not compared"));
    }
    d.verdict = std::move(findings_.front());
    d.also.assign(std::make_move_iterator(findings_.begin() + 1), std::make_move_iterator(findings_.end()));
    return d;
  }

  struct local_finding {
    std::size_t position;
    bool as_simulated;
    finding what;
  };
  const diagnose_options& o_;
  const laboratory* lab_;
  run_pair runs_;
  std::optional<layer_trials> trials_;  ///< with a laboratory
  std::vector<std::string> only_shown_wrongly_;
  std::vector<finding> findings_;
  std::vector<local_finding> local_findings_;
  std::string missing_input_;
  std::size_t jump_row_ = 0;
  double worst_jump_ = 0;
  std::size_t finer_than_planned_ = 0;  ///< layers that show 16 bits in place of 8
  bool input_differs_ = false;
};

}  // namespace detail

/// Compares two runs of a network on one picture and names the cause of what differs. The lists are in execution order.
/// The findings come in this order, each with its evidence: NaN in the reference, the network's input (step 2); by
/// their place in the network NaN, a layer of zeros and layers that are wrong for the input that they had (a wrong
/// activation range, too few bits, or something else: step 6), the want of bits in general (step 3), layers that do not
/// correspond (step 4), norms; the first is the verdict. What a fault brings about further down is not reported as
/// another one. Without a laboratory the vendor's table decides, and says what would confirm it.
///
/// Throws format_error for empty lists and for data_layers that are not there; as match_layers.
[[nodiscard]] inline diagnosis diagnose(std::span<const named_values> reference, std::span<const named_values> other,
                                        const diagnose_options& options = {}, const laboratory* lab = nullptr) {
  return detail::diagnostician(reference, other, options, lab).run();
}

/// Adds what weight-only and activation-only runs of the laboratory's network show, to the layers and to a verdict of
/// too few bits. Throws as ablate.
inline void add_ablation(diagnosis& d, const laboratory& lab) {
  double weights = 1, activations = 1;
  for (const layer_ablation& a : ablate(lab.net, lab.plan, lab.ranges, lab.inputs, lab.threads)) {
    weights = std::min(weights, a.weights_only.cosine);
    activations = std::min(activations, a.activations_only.cosine);
    const std::string& layer_name = lab.net.layers[a.layer].name;
    const std::string key = detail::layer_key(a.output == 0 ? layer_name : detail::concat(layer_name, ":", a.output));
    for (layer_evidence& e : d.layers) {
      if (detail::layer_key(e.name) != key) continue;
      e.weights_only = a.weights_only.cosine;
      e.activations_only = a.activations_only.cosine;
    }
  }
  if (d.verdict.cause != fault::precision) return;
  d.verdict.evidence.push_back(detail::concat("with only the weights encoded the lowest cosine is ",
                                              detail::cosine_text(weights), ", with only the activations ",
                                              detail::cosine_text(activations)));
}

/// Step 5: takes what a probe of the post-processing `name` found into a diagnosis. Where the data had no fault, a
/// decision that their small errors flip, or one of the board's that is not that of the other run's data, becomes the
/// verdict; else it is a further finding.
inline void add_postprocessing(diagnosis& d, const probe_result& p, std::string_view name,
                               const std::optional<std::string>& board_decision = {}) {
  finding f{fault::post_processing};
  f.evidence.push_back(detail::concat(name, " decides ", detail::excerpt(p.reference_decision),
                                      " on the reference and ", detail::excerpt(p.other_decision),
                                      " on the other run's data"));
  if (p.margin) {
    f.evidence.push_back(detail::concat("the reference is ", detail::short_number(*p.margin, 3),
                                        " standard deviations of the error away from another decision"));
  }
  f.evidence.push_back(detail::concat(detail::short_number(p.flip_rate * 100, 3), " % of ", p.trials,
                                      " trials with errors of that size decide otherwise"));
  const bool board_differs = board_decision && *board_decision != p.other_decision;
  if (board_differs) {
    f.evidence.push_back(detail::concat("the board decided ", detail::excerpt(*board_decision)));
  }
  if (p.verdict == probe_verdict::data_fault || (p.verdict == probe_verdict::board_side && !board_differs)) {
    d.verdict.evidence.insert(d.verdict.evidence.end(), f.evidence.begin(), f.evidence.end());
    if (d.verdict.cause == fault::none) {
      d.verdict.next =
          "where the board decides otherwise on these data, the fault is in its code of the post-processing";
    }
    return;
  }
  if (p.verdict == probe_verdict::sensitive) {
    f.summary = "the data agree, but the post-processing is sensitive: errors of that size change its decision";
    f.change.push_back("widen the margin: a softer threshold, hysteresis, or more bits for the last layers (_hp)");
    f.rivals.push_back({fault::suspect_layer, "the outputs agree to what the format costs"});
    f.next = "count the flips over many pictures: how often is the margin that small?";
  } else {
    f.summary = "the data and the post-processing are right: the board's own code decides otherwise on the same data";
    f.change.push_back("run the board's post-processing on the dumped outputs and compare it with the reference's");
    f.rivals.push_back({fault::precision, "the decision is the same on both data, and stable"});
    f.next = "dump what the board's post-processing reads: stride, order of channels, the factor 4096 of Q20.12";
  }
  if (d.verdict.cause == fault::none) {
    f.against = std::move(d.verdict.against);
    d.verdict = std::move(f);
  } else {
    d.also.push_back(std::move(f));
  }
}

NNIESIM_END_NAMESPACE
