// The vendor's procedure as a decision: two runs of a network, and the network itself where it is at hand, to the cause
// of what differs. With the network every layer is judged on the input that it really had.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/ablation.hpp>
#include <nniesim/debug/cosine_pattern.hpp>
#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/input_check.hpp>
#include <nniesim/debug/layer_trials.hpp>
#include <nniesim/debug/layer_verdict.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/norm_check.hpp>
#include <nniesim/debug/postprocess_probe.hpp>
#include <nniesim/debug/run_pair.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

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
        if (f.evidence.size() == 3) break;
        f.evidence.push_back(concat("'", runs_.reference_name(u.index), "': ", u.reason));
      }
      f.evidence.push_back(concat(runs_.matching().only_reference.size(), " layers of one run, ",
                                  runs_.matching().only_other.size(), " of the other"));
      add(std::move(f));
      return finished();
    }
    if (is_all_zero()) {
      finding f{fault::inconclusive};
      f.summary = "everything is zero in both runs: from nothing nothing can be told";
      f.next = "give both runs a picture";
      add(std::move(f));
      return finished();
    }
    check_reference();
    input_check inputs(runs_, lab_);
    input_differs_ = !inputs.findings().empty();
    missing_inputs_ = inputs.missing();
    for (finding& f : inputs.findings()) add(std::move(f));
    inputs_are_exchanged_ = inputs.are_exchanged();
    if (inputs.is_raw()) return finished();  // all layers are, and nothing else can be told
    if (lab_ != nullptr) trials_.emplace(runs_, *lab_);
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
  /// None without a laboratory.
  [[nodiscard]] std::span<const layer_trial> trials() const {
    return trials_ ? std::span(trials_->all()) : std::span<const layer_trial>();
  }
  [[nodiscard]] const layer_trial* trial_of(const compared_row& r) const {
    return trials_ && r.layer ? trials_->of(*r.layer, r.output) : nullptr;
  }

  // ---- step 1 ----

  void check_reference() {
    for (const compared_row& r : runs_.rows()) {
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

  // ---- NaN and zeros ----

  void check_not_a_number() {
    const auto report = [&](const std::string& entry, std::size_t position, const comparison& c, bool has_trial) {
      finding f{fault::not_a_number, entry};
      f.summary = concat("NaN or infinity enters in '", entry, "'");
      f.evidence.push_back(concat(c.bad_other, " of ", c.count, " values are NaN or infinity; the reference has none"));
      if (has_trial) f.evidence.push_back("all inputs of the layer are finite");
      f.against.push_back(
          "Q20.12 holds neither: a file that was damaged or read in another format would look like this");
      f.rivals.push_back({fault::suspect_layer, "a wrong result of the accelerator would be a number"});
      f.next = "dump the layer again; if it is the board's, look at the memory that it is written to";
      f.change.push_back(concat("'", entry, "': write it as 32-bit words of Q20.12 and read it as such"));
      add_at(position, std::move(f), false);
    };
    for (const layer_trial& j : trials()) {
      if (!j.is_input_finite || j.result.bad_other == 0 || j.result.bad_reference != 0) continue;
      return report(output_name(lab_->net.layers[j.layer], j.output), j.layer, j.result, true);
    }
    for (const compared_row& r : runs_.rows()) {
      if (!r.shown.result || r.shown.result->bad_other == 0 || r.shown.result->bad_reference != 0) continue;
      return report(r.shown.name, position_of(r), *r.shown.result, false);
    }
  }

  [[nodiscard]] bool is_all_zero() const {
    return std::all_of(runs_.rows().begin(), runs_.rows().end(), [](const compared_row& r) {
      return !r.shown.result || (r.reference_is_zero && r.other_is_zero);
    });
  }
  void check_all_zero() {
    std::size_t both = 0;
    for (const compared_row& r : runs_.rows()) both += r.other_is_zero && r.reference_is_zero ? 1U : 0U;
    constexpr std::size_t most = 3;  // findings
    std::size_t found = 0;
    for (const layer_trial& j : trials()) {
      if (!j.is_zero || !j.is_input_finite || ++found > most) continue;
      const layer& l = lab_->net.layers[j.layer];
      finding f = zero_finding(output_name(l, j.output), runs_.row_of(j.layer, j.output), both);
      f.evidence.push_back("in float the layer gives values other than zero from the input that it had");
      const bool as_simulated = j.from_planned == 0;
      if (!as_simulated) {
        f.evidence.push_back("the simulation does not give zeros");
      } else if (const layer_bench bench(runs_, *lab_, j.layer);
                 bench.ranges() != 0 &&
                 !is_zero(view_of(bench.simulated(bench.prepared(bench.planned()), false)[j.output]).span())) {
        f.evidence.push_back("the simulation gives zeros too: all its input underflows");
        f.change.push_back(concat("calibrate again: the range of '", l.name, "' is far too large"));
      } else {
        f.evidence.push_back("the simulation gives zeros too");
        below_step(f);
      }
      add_zero(std::move(f), j.layer, as_simulated);
    }
    // Without the network the first row counts, the others may follow from it; with it the first that has no trial.
    for (const compared_row& r : runs_.rows()) {
      if (!r.other_is_zero || r.reference_is_zero || trial_of(r) != nullptr) continue;
      finding f = zero_finding(r.shown.name, &r, both);
      const std::vector<float> y = runs_.reference_values(r);
      if (std::all_of(y.begin(), y.end(), [](float v) { return std::fabs(v) < 1.0F / 4096; })) {
        below_step(f);
      } else if (r.layer && !r.is_input) {
        f.against.push_back("its inputs are not among the dumps: whether the zeros begin here is not known");
      }
      add_zero(std::move(f), position_of(r), false);
      break;
    }
  }
  [[nodiscard]] static finding zero_finding(const std::string& name, const compared_row* r, std::size_t both) {
    finding f{fault::all_zero, name};
    f.summary = concat("'", name, "' is zero everywhere");
    if (r != nullptr && r->shown.result) {
      f.evidence.push_back(concat("its norm in the reference is ", number_text(r->shown.result->l2_reference, 4)));
    }
    if (both != 0) f.evidence.push_back(concat(both, " layers are zero in both runs, which is no fault"));
    return f;
  }
  static void below_step(finding& f) {
    f.cause = fault::fixed_point_range;
    f.evidence.push_back("its values are less than 1/4096, the step of Q20.12");
    f.change.push_back(concat("scale what '", f.layer, "' gives up by a power of two, and what follows down"));
  }
  void add_zero(finding f, std::size_t position, bool as_simulated) {
    f.rivals.push_back({fault::suspect_layer, "wrong arithmetic would not give zero everywhere"});
    f.next = "see whether the layer was written at all: a buffer that nobody fills is zero as well";
    if (f.change.empty()) f.change.push_back(concat("dump '", f.layer, "' again, with the mark _report on its name"));
    add_at(position, std::move(f), as_simulated);
  }

  // ---- bits ----

  /// Layers that show what fewer bits give than they are to have.
  void check_bits() {
    finding f{fault::bits_not_as_planned};
    std::size_t count = 0, position = 0;
    std::string bits;
    bool is_vendors = false;
    for (const layer_trial& j : trials()) {
      if (!j.is_other_width() || j.output != 0) continue;
      const layer_precision planned = lab_->plan.layers[j.layer];
      if (is_finer(j.other_width, planned)) {
        if (++finer_than_planned_ == 1) planned_bits_ = bits_text(planned);
        continue;
      }
      const std::string& name = lab_->net.layers[j.layer].name;
      if (++count == 1) {
        f.layer = name;
        position = j.layer;
        bits = concat("to have ", bits_text(planned), ", but ", "was computed in ", bits_text(j.other_width));
        is_vendors = is_marked_width(j.other_width, planned);
      }
      if (count > 5) continue;
      f.evidence.push_back(concat("'", name, "' is ", percent(j.from_planned), " away from its simulation in ",
                                  bits_text(planned), " and ", percent(j.from_other_width), " from that in ",
                                  bits_text(j.other_width)));
    }
    if (count == 0) return;
    if (count > 5) f.evidence.push_back(concat("and ", count - 5, " more"));
    f.summary = count == 1 ? concat("'", f.layer, "' is ", bits)
                           : concat(count, " layers have fewer bits than planned, '", f.layer, "' is ", bits);
    f.rivals.push_back({fault::suspect_layer, "the simulation of those bits gives what the run shows"});
    if (is_vendors) {
      f.change.push_back("compile again with the cfg's compile_mode (1, or 2 for the mark _hp)");
      f.change.push_back(
          "put _hp into the prototxt that is compiled: RuyiStudio writes one of its own (mark_prototxt)");
    } else {
      f.change.push_back(concat("compile '", f.layer, "' again with the planned precision"));
    }
    f.next = "compare the sizes of the compiled models: with more bits a layer's weights take more room";
    add_at(position, std::move(f), false);
  }

  // ---- suspect layers ----

  void check_suspects() {
    if (lab_ == nullptr) return;
    std::vector<const layer_trial*> off, as_planned;
    std::set<std::size_t> only_shown;  // blobs whose dump is not what was computed
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      const bool is_input = std::holds_alternative<layers::input>(lab_->net.layers[l].params);
      for (std::size_t o = 0; o < lab_->net.layers[l].outputs.size(); ++o) {
        const compared_row* const r = runs_.row_of(l, o);
        const bool is_zero_alone = r != nullptr && r->other_is_zero && !r->reference_is_zero;
        if (!(is_input || is_zero_alone) || !is_only_shown_wrongly(l, o)) continue;
        only_shown.insert(lab_->net.layers[l].outputs[o]);
        if (!is_zero_alone) take_back_input(*r, l, o);
      }
    }
    for (const layer_trial& j : trials()) {
      const layer& l = lab_->net.layers[j.layer];
      const bool is_number = j.is_input_finite && j.result.bad_other + j.result.bad_reference == 0;
      if (!is_number || j.is_zero || j.is_other_width() || !is_suspect(j)) continue;
      // Fed with a blob that the dump shows wrongly a layer must look wrong too.
      if (std::any_of(l.inputs.begin(), l.inputs.end(), [&](std::size_t b) { return only_shown.contains(b); }))
        continue;
      if (is_only_shown_wrongly(j.layer, j.output)) {
        only_shown.insert(l.outputs[j.output]);
        only_shown_wrongly_.insert({j.layer, j.output});
        continue;
      }
      (j.is_as_planned() ? as_planned : off).push_back(&j);
    }
    // Each takes many runs of the layer; what does something else than the simulation comes first.
    constexpr std::size_t most = 5;
    std::size_t judged = 0;
    std::map<std::size_t, std::size_t> first_of_blob;  // findings, by the blob whose range is wrong
    for (const auto* list : {&off, &as_planned}) {
      for (const layer_trial* j : *list) {
        if (judged == most) break;
        layer_verdict v = layer_judge(runs_, *lab_, *j).judge();
        if (++judged == most && off.size() + as_planned.size() > most) {
          v.what.evidence.push_back(
              concat(off.size() + as_planned.size() - most, " more layers are off by themselves and were not tried"));
        }
        suspects_.insert(j->layer);
        // One range that is wrong shows in all readers of the blob.
        if (v.blob) {
          const auto [known, is_new] = first_of_blob.try_emplace(*v.blob, local_findings_.size());
          if (!is_new) {
            local_findings_[known->second].what.evidence.push_back(
                concat("'", v.what.layer, "' reads the same blob and shows the same"));
            continue;
          }
        }
        // With ranges between the two, as another network's calibration may find them, the simulation errs as much.
        add_at(j->layer, std::move(v.what), v.as_simulated || j->result.relative_l2_error <= j->loosest);
      }
    }
  }
  /// An input whose dump alone is wrong was no other input.
  void take_back_input(const compared_row& r, std::size_t layer_index, std::size_t output) {
    only_shown_wrongly_.insert({layer_index, output});
    std::erase_if(findings_, [&](const finding& f) { return f.layer == r.shown.name && is_input_fault(f); });
    input_differs_ = std::any_of(findings_.begin(), findings_.end(), is_input_fault);
  }
  [[nodiscard]] static bool is_input_fault(const finding& f) {
    return f.cause == fault::preprocessing || f.cause == fault::other_picture;
  }
  /// Much further from float than the simulation of the layer is: rounding does not look like that. Or as far as that,
  /// and too far.
  [[nodiscard]] bool is_suspect(const layer_trial& j) const {
    if (j.result.l2_reference == 0 && j.result.l2_other == 0) return false;
    if (j.is_as_planned()) return runs_.is_bad(j.result);
    return runs_.is_bad(j.result) || j.result.relative_l2_error > std::max(0.03, 4 * j.expected.relative_l2_error) ||
           std::fabs(j.result.norm_error - j.expected.norm_error) >= o_.norm_error;
  }
  /// Whether the layers that read an output, of which there is at least one, agree with the reference although it does
  /// not, and do not follow from what is shown of it: they read something else.
  [[nodiscard]] bool is_only_shown_wrongly(std::size_t layer_index, std::size_t output) const {
    const compared_row* const own = runs_.row_of(layer_index, output);
    const auto is_off = [&](const comparison& c) { return runs_.is_bad(c) || runs_.is_gain(c); };
    if (own == nullptr || !own->shown.result || !is_off(*own->shown.result)) return false;
    const std::size_t blob = lab_->net.layers[layer_index].outputs[output];
    bool any = false;
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      const layer& reader = lab_->net.layers[l];
      if (std::find(reader.inputs.begin(), reader.inputs.end(), blob) == reader.inputs.end()) continue;
      for (std::size_t o = 0; o < reader.outputs.size(); ++o) {
        const compared_row* const r = runs_.row_of(l, o);
        const layer_trial* const trial = trials_->of(l, o);
        if (r == nullptr || !r->shown.result || is_off(*r->shown.result)) return false;
        if (trial != nullptr && !is_suspect(*trial)) return false;
        any = true;
      }
    }
    return any;
  }

  // ---- step 3 ----

  void check_precision() {
    if (has(fault::preprocessing) || has(fault::other_picture) || has(fault::not_a_number)) return;
    // A fault further up explains what is bad behind it.
    auto rows = runs_.judged_rows();
    std::erase_if(rows, [&](const compared_row* r) { return is_only_shown_wrongly(*r) || is_behind_a_fault(*r); });
    const auto is_bad = [&](const compared_row* r) { return runs_.is_bad(*r->shown.result); };
    const auto first_bad = std::find_if(rows.begin(), rows.end(), is_bad);
    if (first_bad == rows.end()) return;
    const auto bad = static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), is_bad));
    if (lab_ != nullptr) check_precision_in_laboratory(rows, bad, **first_bad);
    else add(cosine_pattern(runs_).judge());
  }
  [[nodiscard]] bool is_only_shown_wrongly(const compared_row& r) const {
    return r.layer && only_shown_wrongly_.contains({*r.layer, r.output});
  }

  /// Whether what was found before may explain a row: it depends on a layer with a fault, or, where the network does
  /// not tell, there is one.
  [[nodiscard]] bool is_behind_a_fault(const compared_row& r) const {
    if (lab_ == nullptr || !r.layer) return !findings_.empty();
    const std::set<std::size_t> sources = sources_of(lab_->net, *r.layer);
    return std::any_of(local_findings_.begin(), local_findings_.end(),
                       [&](const local_finding& l) { return sources.contains(l.position); });
  }

  using output_cosines = std::map<layer_output, double>;

  /// Of a plan's run against the float one.
  [[nodiscard]] output_cosines cosines_of(const network_runner& reference, const precision_plan& plan) const {
    network_runner quantized(lab_->net, plan, {.keep_all = true, .threads = lab_->threads, .policies = lab_->policies});
    // Ranges that are given for the planned formats alone say nothing of others: those then come from the picture.
    const bool fits = std::all_of(plan.layers.begin(), plan.layers.end(), [&](layer_precision p) {
      return !p.encodes() || have_scales(lab_->ranges, lab_->policies[p]);
    });
    if (!plan.is_float && (fits || plan.layers == lab_->plan.layers)) quantized.use(lab_->ranges);
    quantized.run(lab_->inputs);
    output_cosines cosines;
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      const std::vector<std::size_t>& outputs = lab_->net.layers[l].outputs;
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        quantized.visit(outputs[o], [&](auto x) {
          reference.visit(outputs[o], [&](auto r) { cosines[{l, o}] = compare(r, x).cosine; });
        });
      }
    }
    return cosines;
  }

  void check_precision_in_laboratory(const std::vector<const compared_row*>& rows, std::size_t bad,
                                     const compared_row& first_bad) {
    // Every layer in the most bits that can be had.
    precision_plan high = lab_->plan;
    std::set<std::string> coarse, fine;  // what they have, and would have
    bool is_vendors = true;
    for (std::size_t l = 0; l < high.layers.size(); ++l) {
      const layer_precision planned = high.layers[l];
      const bool counts = planned.encodes() && reads_codes(lab_->net.layers[l]);
      const std::optional<layer_precision> finer = finest_precision(lab_->policies, planned);
      if (counts) fine.insert(bits_text(finer.value_or(planned)));
      if (!finer) continue;
      high.layers[l] = *finer;
      if (!counts) continue;
      coarse.insert(bits_text(planned));
      is_vendors = is_vendors && is_marked_width(planned, *finer);
    }
    const std::string planned_bits = coarse.size() == 1 ? *coarse.begin() : "the planned bits";
    const std::string more_bits = fine.size() == 1 ? *fine.begin() : "the most bits that can be had";
    network_runner reference(lab_->net, float_plan(lab_->net), {.keep_all = true, .threads = lab_->threads});
    reference.run(lab_->inputs);
    const output_cosines planned = cosines_of(reference, lab_->plan);
    const output_cosines in_most_bits = cosines_of(reference, high);
    double worst_in_most_bits = 1;
    for (const auto& [where, cosine] : in_most_bits) {
      if (cosine < worst_in_most_bits) worst_in_most_bits = cosine;
    }
    for (compared_row& r : runs_.rows()) {
      if (r.layer) r.shown.in_16bit = in_most_bits.at({*r.layer, r.output});
    }
    std::size_t judged = 0;
    double worst_local = 1;
    for (const layer_trial& j : trials()) {
      const bool is_left_out = only_shown_wrongly_.contains({j.layer, j.output});
      if (!j.is_input_finite || j.result.bad_other != 0 || is_left_out || suspects_.contains(j.layer)) continue;
      ++judged;
      worst_local = std::min(worst_local, j.result.cosine);
    }
    finding f{fault::precision, first_bad.shown.name};
    f.evidence.push_back(concat(bad, " of ", rows.size(), " layers miss cosine ", o_.layer_cosine, ", the first is '",
                                first_bad.shown.name, "' (", cosine_text(first_bad.shown.result->cosine),
                                "), the last layer has ", cosine_text(rows.back()->shown.result->cosine)));
    const std::size_t all = number_of_outputs();
    if (judged != 0) {
      f.evidence.push_back(concat(judged, " of ", all,
                                  " layers could be tried and are not at fault; each by itself for ",
                                  "the input that it had has at least cosine ", cosine_text(worst_local)));
    }
    // The first that the planned bits do not explain, if any.
    const auto simulated = [&](const compared_row& r) { return r.layer ? planned.at({*r.layer, r.output}) : 1; };
    const auto worse = std::find_if(rows.begin(), rows.end(), [&](const compared_row* r) {
      return runs_.is_bad(*r->shown.result) && error_of(r->shown.result->cosine) > 2 * error_of(simulated(*r));
    });
    const compared_row& told = worse != rows.end() ? **worse : first_bad;
    f.evidence.push_back(concat("simulated as planned '", told.shown.name, "' has cosine ",
                                cosine_text(simulated(told)), ", seen it has ", cosine_text(told.shown.result->cosine),
                                "; with all layers in ", more_bits, " the lowest cosine is ",
                                cosine_text(worst_in_most_bits)));
    if (worse != rows.end()) {
      f.cause = fault::inconclusive;
      f.layer = told.shown.name;
      f.summary = concat("'", told.shown.name, "' is worse than the planned bits make it, but where that begins ",
                         "the dumps do not show");
      f.rivals.push_back({fault::precision, "the simulation of the planned bits does not lose that much"});
      f.next = concat("dump every layer of the other run (_report): ", all - std::min(all, judged), " of ", all,
                      " could not be tried, for want of their inputs or outputs");
    } else if (!missing_inputs_.empty() && judged != all) {
      f.cause = fault::inconclusive;
      f.summary = concat(bad, " layers are bad, and whether the network's input is right is not known");
      f.rivals.push_back({fault::preprocessing, "the input '" + missing_inputs_.front() + "' was not compared"});
      f.next = concat("dump the data layer '", missing_inputs_.front(), "' of the other run, too");
    } else if (!coarse.empty() && worst_in_most_bits >= o_.layer_cosine) {
      f.summary = planned_bits + " are not enough for this network: small errors of many layers add up";
      if (judged == all) f.rivals.push_back({fault::suspect_layer, "no layer is at fault by itself"});
      if (is_vendors) {
        const bool has_marks = std::find(lab_->plan.layers.begin(), lab_->plan.layers.end(), layer_precision::w16a16) !=
                               lab_->plan.layers.end();
        f.change.push_back(has_marks ? "_hp on more layers: those that 'nnie-debug search' names"
                                     : "compile_mode 2, with _hp on the layers that 'nnie-debug search' names");
        f.change.push_back("or compile_mode 1: all 16 bits, at half the speed");
        f.next = "nnie-debug search";
      } else {
        f.change.push_back(concat("more layers in ", more_bits));
        f.next = "raise layers one by one: which of them bring the outputs back?";
      }
    } else {
      f.cause = fault::inconclusive;
      f.summary =
          concat("the layers lose accuracy together, ",
                 coarse.empty() ? concat("in ", more_bits, " already") : concat("and ", more_bits, " do not cure it"));
      f.against.push_back("quantization is the nearest case, but more bits do not bring the layers back");
      f.next =
          "run the float network on inputs disturbed by 0.1 %: if its outputs move as much, the network itself is "
          "sensitive and must be retrained with the quantizer in the loop";
    }
    add(std::move(f));
  }
  /// Of the layers that compute.
  [[nodiscard]] std::size_t number_of_outputs() const {
    std::size_t n = 0;
    for (const layer& l : lab_->net.layers) {
      if (!std::holds_alternative<layers::input>(l.params)) n += l.outputs.size();
    }
    return n;
  }

  // ---- step 4 ----

  /// A layer that only the pattern of cosines makes suspect.
  [[nodiscard]] bool is_pattern_suspect(const compared_row& r) const {
    return lab_ == nullptr && std::any_of(findings_.begin(), findings_.end(), [&](const finding& f) {
             return f.cause == fault::suspect_layer && f.layer == r.shown.name;
           });
  }
  void check_mapping() {
    if (inputs_are_exchanged_) return;  // and so is all that follows
    std::vector<const compared_row*> moved;
    for (const compared_row& r : runs_.rows()) {
      if (!r.other || r.is_input || (r.layer && suspects_.contains(*r.layer)) || is_pattern_suspect(r)) {
        continue;
      }
      // Other gains come from an input, or a layer, with other ones.
      if (r.relation == match_relation::affine && (input_differs_ || is_behind_a_fault(r))) continue;
      const bool by_content = r.relation != match_relation::same && r.relation != match_relation::differs &&
                              r.relation != match_relation::unverifiable;
      const auto m = std::find_if(runs_.matching().pairs.begin(), runs_.matching().pairs.end(),
                                  [&](const layer_match& pair) { return pair.reference == r.reference; });
      if (by_content || (m != runs_.matching().pairs.end() && m->namesake)) moved.push_back(&r);
    }
    std::vector<std::string> shown_wrongly;
    double factor = 1;  // of one dump that is wrong by nothing else
    for (const auto& [l, o] : only_shown_wrongly_) {
      shown_wrongly.push_back(output_name(lab_->net.layers[l], o));
      const compared_row* const r = runs_.row_of(l, o);
      if (r != nullptr && runs_.is_gain(*r->shown.result)) factor = 1 + r->shown.result->norm_error;
    }
    if (moved.empty() && shown_wrongly.empty()) return;
    finding f{fault::layer_mapping, moved.empty() ? shown_wrongly.front() : moved.front()->shown.name};
    for (const compared_row* r : moved) {
      if (f.evidence.size() == 5) {
        f.evidence.push_back(concat("and ", moved.size() - 5, " more"));
        break;
      }
      f.evidence.push_back(concat("'", r->shown.name, "' is '", r->shown.partner, "': ", r->shown.relation));
    }
    for (const std::string& name : shown_wrongly) {
      f.evidence.push_back(concat("'", name, "' is not what its input makes of it, and what reads it agrees with the ",
                                  "reference and does not follow from what is shown"));
    }
    if (shown_wrongly.empty() &&
        std::all_of(moved.begin(), moved.end(), [&](const auto* r) { return is_undecided(*r); })) {
      f.cause = fault::inconclusive;
      f.summary = concat("'", f.layer, "' has another gain and offset in every channel, and nothing behind it tells ",
                         "whether that is a fault");
      f.rivals.push_back({fault::layer_mapping, "a BatchNorm or Scale that is folded into it looks the same"});
      f.rivals.push_back({fault::suspect_layer, "and so does a wrong bias"});
      f.next = concat("compare the bias of '", f.layer, "' in both, or give the network to the diagnosis");
      return add(std::move(f));
    }
    f.summary = moved.size() + shown_wrongly.size() == 1
                    ? concat("under the name '", f.layer, "' the two runs show different blobs")
                    : concat("under ", moved.size() + shown_wrongly.size(), " names the two runs show different blobs");
    if (moved.empty() && shown_wrongly.size() == 1 && factor != 1) {
      f.evidence.push_back(concat("its values are ", number_text(factor, 4), " times the reference's"));
      f.change.push_back(std::fabs(factor / 4096 - 1) < 0.01
                             ? "divide that dump by 4096: it holds words of Q20.12 as integers"
                             : "read that dump in the format in which it was written");
    } else {
      f.change.push_back(concat("compare as paired in the table; or ", mapping_advice(moved, f.layer)));
    }
    f.rivals.push_back({fault::suspect_layer, "what corresponds by content agrees but for the error in the table"});
    add(std::move(f));
  }

  /// A layer that has its partner's name and other gains and offsets, which have no cosine, where no layer behind it
  /// has one and no network tells.
  [[nodiscard]] bool is_undecided(const compared_row& r) const {
    if (lab_ != nullptr || r.relation != match_relation::affine || !r.is_namesake) return false;
    const auto& rows = runs_.rows();
    return std::none_of(rows.begin() + (&r - rows.data()), rows.end(),
                        [](const compared_row& behind) { return behind.shown.result.has_value(); });
  }
  [[nodiscard]] static std::string mapping_advice(const std::vector<const compared_row*>& moved,
                                                  const std::string& layer) {
    switch (moved.empty() ? match_relation::differs : moved.front()->relation) {
      case match_relation::channels_padded:
      case match_relation::rows_padded: return "cut off the padding of the dumps";
      case match_relation::channels_last:
      case match_relation::channels_first:
      case match_relation::transposed: return concat("compare '", layer, "' with the permuted blob");
      case match_relation::affine: return concat("compare '", layer, "' with the BatchNorm or Scale behind it");
      case match_relation::same:
        return concat("where '", layer,
                      "' is an input, give each input its own data, else make it and the layer behind ",
                      "it non-in-place");
      default: return concat("make '", layer, "' and the layer behind it non-in-place");
    }
  }

  // ---- norms ----

  void check_norms() {
    if (input_differs_ || has(fault::not_a_number) || has(fault::all_zero) || has(fault::bits_not_as_planned) ||
        has(fault::activation_scale) || has(fault::fixed_point_range) || has(fault::suspect_layer)) {
      return;
    }
    const bool is_explained = has(fault::precision) || has(fault::inconclusive);
    auto rows = runs_.judged_rows();
    std::erase_if(rows, [&](const compared_row* r) { return is_only_shown_wrongly(*r); });
    if (auto f = norm_check(runs_, lab_, trials()).find(rows, is_explained)) add(*std::move(f));
  }

  // ---- the end ----

  void add(finding f) { findings_.push_back(std::move(f)); }
  /// Of faults that enter in layers the first in execution comes first, whatever it is.
  void add_at(std::size_t position, finding f, bool as_simulated) {
    local_findings_.push_back({position, as_simulated, std::move(f)});
  }
  /// A layer's place among the network's, or, without it, a row's among the rows.
  [[nodiscard]] std::size_t position_of(const compared_row& r) const {
    if (r.layer) return *r.layer;
    return lab_ != nullptr ? lab_->net.layers.size() : static_cast<std::size_t>(&r - runs_.rows().data());
  }
  /// A layer that does what the simulation does is at fault only if it does not depend on another one that is: with the
  /// input that it got from that one, or a wrong one of the network, nothing else can be expected.
  void add_in_order() {
    std::stable_sort(local_findings_.begin(), local_findings_.end(),
                     [](const local_finding& a, const local_finding& b) { return a.position < b.position; });
    std::vector<std::size_t> faulty;
    for (const local_finding& l : local_findings_) {
      const bool follows = input_differs_ || std::any_of(faulty.begin(), faulty.end(), [&](std::size_t before) {
                             return lab_ == nullptr || l.position >= lab_->net.layers.size() ||
                                    sources_of(lab_->net, l.position).contains(before);
                           });
      if (!follows || !l.as_simulated) add(l.what);
      faulty.push_back(l.position);
    }
  }
  [[nodiscard]] bool has(fault cause) const {
    return std::any_of(findings_.begin(), findings_.end(), [&](const finding& f) { return f.cause == cause; });
  }

  /// Outputs of the network that could not be compared; without the network, the last layer.
  [[nodiscard]] std::vector<std::string> unseen_outputs() const {
    std::vector<std::string> names;
    if (lab_ == nullptr) {
      const compared_row* const last = runs_.last_row();
      if (last != nullptr && !last->shown.result) names.push_back(last->shown.name);
      return names;
    }
    for (const auto& [l, o] : network_outputs(lab_->net)) {
      const compared_row* const r = runs_.row_of(l, o);
      if ((r == nullptr || !r->shown.result) && trials_->of(l, o) == nullptr) {
        names.push_back(output_name(lab_->net.layers[l], o));
      }
    }
    return names;
  }

  [[nodiscard]] diagnosis finished() {
    diagnosis d;
    if (findings_.empty()) {
      const std::vector<std::string> unseen = unseen_outputs();
      const auto unreadable =
          std::find_if(runs_.matching().only_reference.begin(), runs_.matching().only_reference.end(),
                       [](const unmatched_layer& u) { return u.is_unreadable; });
      const bool is_damaged = unreadable != runs_.matching().only_reference.end();
      const std::size_t unmatched = runs_.matching().only_reference.size();
      const bool are_few = lab_ == nullptr && o_.ordered == 0 && unmatched > runs_.compared();
      finding f{unseen.empty() && !is_damaged && !are_few ? fault::none : fault::inconclusive};
      double lowest = 1;
      std::string at;
      for (const compared_row& r : runs_.rows()) {
        if (!r.shown.result || !(r.shown.result->cosine <= lowest)) continue;
        lowest = r.shown.result->cosine;
        at = r.shown.name;
      }
      if (is_damaged) {
        f.layer = runs_.reference_name(unreadable->index);
        f.summary = concat("what could be read agrees, but '", f.layer, "' could not be");
        f.next = concat("dump '", f.layer, "' again");
      } else if (are_few) {
        f.summary = concat("what could be compared agrees, but ", unmatched, " of ", runs_.rows().size(),
                           " layers could not be, and which is the output is not known");
        f.next = "dump all layers of both runs, or give the network to the diagnosis";
      } else if (unseen.empty()) {
        f.summary = "the runs agree but for what the format costs";
        f.next = "where results are wrong nevertheless it is the post-processing: give it to the diagnosis";
      } else {
        f.layer = unseen.front();
        f.summary = concat("what could be compared agrees, but the output '", f.layer, "' could not be");
        f.next = concat("dump '", f.layer, "' of both runs, in the same shape");
      }
      f.evidence.push_back(concat("the lowest cosine of ", runs_.compared(),
                                  runs_.compared() == 1 ? " layer" : " layers", " is ", cosine_text(lowest), " ('", at,
                                  "')"));
      for (const compared_row* r : runs_.judged_rows()) {
        const comparison& c = *r->shown.result;
        if (c.count < 2 || !(std::fabs(c.norm_error) >= o_.norm_error)) continue;
        f.against.push_back(concat("the norm of '", r->shown.name, "' is off by ", percent_with_sign(c.norm_error, 2),
                                   ", which is not most of its error"));
        break;
      }
      findings_.push_back(std::move(f));
    }
    std::vector<std::string>& against = findings_.front().against;
    const auto& unmatched = runs_.matching().only_reference;
    for (std::size_t i = 0; i < unmatched.size(); ++i) {
      if (i == 3) {
        against.push_back(concat("nor were ", unmatched.size() - 3, " more layers of the reference"));
        break;
      }
      against.push_back(concat("'", runs_.reference_name(unmatched[i].index),
                               "' has no partner and was not judged: ", unmatched[i].reason));
    }
    if (finer_than_planned_ != 0) {
      against.push_back(concat(finer_than_planned_, " of ", trials().size(), " layers err less than ", planned_bits_,
                               " can: does the other run really have no more?"));
    }
    for (const std::string& name : missing_inputs_) {
      against.push_back(concat("the input '", name, "' is not in the other run: not compared"));
    }
    for (compared_row& r : runs_.rows()) d.layers.push_back(std::move(r.shown));
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
  std::optional<layer_trials> trials_;         ///< with a laboratory
  std::set<layer_output> only_shown_wrongly_;  ///< whose dump is not what was computed
  std::set<std::size_t> suspects_;             ///< layers
  std::vector<finding> findings_;
  std::vector<local_finding> local_findings_;
  std::vector<std::string> missing_inputs_;
  std::size_t finer_than_planned_ = 0;  ///< layers that show more bits than planned
  std::string planned_bits_;            ///< of the first of them
  bool input_differs_ = false, inputs_are_exchanged_ = false;
};

}  // namespace detail

/// Compares two runs of a network on one picture and names the cause of what differs. The lists are in execution order.
/// The findings come in this order, each with its evidence: NaN in the reference, the network's input (step 2); by
/// their place in the network NaN, a layer of zeros and layers that are wrong for the input that they had (a wrong
/// activation range, too few bits, or something else: step 6), the want of bits in general (step 3), layers that do not
/// correspond (step 4), norms; the first is the verdict. What a fault brings about further down is not reported as
/// another one. Without a laboratory the vendor's table decides, and says what would confirm it.
///
/// Throws format_error for empty lists and for data_layers that are not there; as match_layers; with a laboratory also
/// as network_runner and calibration's use().
[[nodiscard]] inline diagnosis diagnose(std::span<const named_values> reference, std::span<const named_values> other,
                                        const diagnose_options& options = {}, const laboratory* lab = nullptr) {
  return detail::diagnostician(reference, other, options, lab).run();
}

/// Adds what weight-only and activation-only runs of the laboratory's network show, to the layers and to a verdict of
/// too few bits. Throws as ablate.
inline void add_ablation(diagnosis& d, const laboratory& lab) {
  std::map<std::string, layer_evidence*> rows;
  for (layer_evidence& e : d.layers) rows.emplace(detail::layer_key(e.name), &e);
  double weights = 1, activations = 1;
  for (const layer_ablation& a : ablate(lab.net, lab.plan, lab.ranges, lab.inputs, lab.threads, lab.policies)) {
    weights = std::min(weights, a.weights_only.cosine);
    activations = std::min(activations, a.activations_only.cosine);
    const auto row = rows.find(detail::layer_key(output_name(lab.net.layers[a.layer], a.output)));
    if (row == rows.end()) continue;
    row->second->weights_only = a.weights_only.cosine;
    row->second->activations_only = a.activations_only.cosine;
  }
  if (d.verdict.cause != fault::precision) return;
  d.verdict.evidence.push_back(detail::concat("with only the weights encoded the lowest cosine is ",
                                              detail::fixed_text(weights, 5), ", with only the activations ",
                                              detail::fixed_text(activations, 5)));
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
    const bool is_uneven = *p.margin > 3 && p.flip_rate > 0.05;
    f.evidence.push_back(detail::concat("the reference is ", detail::number_text(*p.margin, 3),
                                        " standard deviations of the error away from another decision",
                                        is_uneven ? ", but the errors are larger where it is made" : ""));
  }
  f.evidence.push_back(detail::concat(detail::number_text(p.flip_rate * 100, 3), " % of ", p.trials,
                                      " trials with errors of that size decide otherwise"));
  const bool board_differs = board_decision && *board_decision != p.other_decision;
  if (board_differs) {
    f.evidence.push_back(detail::concat("the board decided ", detail::excerpt(*board_decision)));
  }
  const auto add_evidence = [&](finding& to) {
    to.evidence.insert(to.evidence.end(), f.evidence.begin(), f.evidence.end());
  };
  if (p.verdict == probe_verdict::data_fault && d.verdict.cause == fault::none) {
    d.verdict.cause = fault::inconclusive;
    d.verdict.summary = "no layer misses a limit, but the outputs are too far apart to judge the post-processing";
    d.verdict.next = "compare the outputs themselves, norms too, and lower the limits of the diagnosis";
  }
  if (p.verdict == probe_verdict::data_fault || (p.verdict == probe_verdict::board_side && !board_differs)) {
    if (d.verdict.cause == fault::none) {
      d.verdict.next =
          "where the board decides otherwise on these data, the fault is in its code of the post-processing";
    }
    return add_evidence(d.verdict);
  }
  if (p.verdict == probe_verdict::sensitive) {
    f.summary = "the data agree, but the post-processing is sensitive: errors of that size change its decision";
    f.change.push_back("widen the margin: a softer threshold, hysteresis, or more bits for the last layers (_hp)");
    f.rivals.push_back({fault::suspect_layer, "the outputs agree to what the format costs"});
    f.next = "count the flips over many pictures: how often is the margin that small?";
    if (board_differs && std::find(p.decisions.begin(), p.decisions.end(), *board_decision) == p.decisions.end()) {
      f.against.push_back(
          detail::concat("none of the trials decides as the board did: its own code may be wrong, too"));
    }
  } else {
    f.summary = "the data and the post-processing are right: the board's own code decides otherwise on the same data";
    f.change.push_back("run the board's post-processing on the dumped outputs and compare it with the reference's");
    f.rivals.push_back({fault::precision, "the decision is the same on both data, and stable"});
    f.next = "dump what the board's post-processing reads: stride, order of channels, the factor 4096 of Q20.12";
  }
  if (d.verdict.cause == fault::none) {
    f.against.insert(f.against.end(), d.verdict.against.begin(), d.verdict.against.end());
    d.verdict = std::move(f);
  } else {
    d.also.push_back(std::move(f));
  }
}

NNIESIM_END_NAMESPACE
