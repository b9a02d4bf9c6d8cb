// Step 2 of the procedure: whether both runs were given the same input, and what explains it where they were not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/input_findings.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/preprocess_solver.hpp>
#include <nniesim/debug/run_pair.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

struct input_facts {
  std::vector<finding> findings{};
  std::vector<std::string> missing{};  ///< names of inputs that the other run does not show
  bool is_raw = false;                 ///< whether the other run's values are words of Q20.12, as integers
  bool are_exchanged = false;          ///< whether inputs have each other's data
};

class input_check {
 public:
  /// `lab` may be nullptr. Both must outlive the object.
  input_check(run_pair& runs, const experiment_context* lab) : runs_(runs), lab_(lab), o_(runs.limits()) { check(); }

  [[nodiscard]] input_facts facts() && { return std::move(facts_); }

 private:
  /// Long: one question after the other; an answer ends it.
  void check() {
    std::set<std::size_t> no_inputs;
    for (const compared_row& r : runs_.rows()) {
      if (!r.is_input) continue;
      if (!r.other) {
        facts_.missing.push_back(r.shown.name);
        continue;
      }
      if (const compared_row* const given = exchanged_with(r)) {
        note_exchange(r, *given);
        continue;
      }
      if (r.is_inexact) continue;  // it was read without sign, and that is told
      const bool compared = r.shown.result.has_value();
      const bool is_good =
          compared && r.shown.result->cosine >= o_.data_cosine &&
          std::fabs(r.shown.result->norm_error) <= limit::share_of_norm_error_for_inputs * o_.norm_error &&
          r.relation == match_relation::same;
      if (is_good || (compared && r.shown.result->bad_reference + r.shown.result->bad_other != 0)) continue;
      const std::vector<float> y = runs_.reference_values(r);
      const std::vector<float> x = runs_.other_values(r);
      const tensor_shape& given = runs_.shape(r);
      const tensor_shape shape = given.size() == y.size() && given.rank() > 0 ? given : tensor_shape{y.size()};
      const known_preprocessing* const known = known_of(r);
      const bool cfg_is_references = known != nullptr && is_told(r, y, x);
      if (auto f = explained_on_bytes(r, y, x, shape)) {
        facts_.findings.push_back(std::move(*f));
        continue;
      }
      if (compared && r.other_is_zero && !r.reference_is_zero) continue;
      preprocess_solution s = solve_preprocessing(y, shape, x, cfg_is_references ? nullptr : known);
      const bool is_explained =
          s.verdict == preprocess_verdict::explained || s.verdict == preprocess_verdict::other_picture;
      // A computed layer that is taken for the input differs in other ways.
      if (runs_.input_is_guessed() && !is_explained) {
        no_inputs.insert(r.reference);
        continue;
      }
      if (s.verdict == preprocess_verdict::same && r.relation != match_relation::same) continue;
      finding f{s.verdict == preprocess_verdict::other_picture ? fault::other_picture : fault::preprocessing,
                r.shown.name};
      if (compared || x.size() == y.size()) {
        const comparison c = compared ? *r.shown.result : compare_values(y, x);
        f.evidence.push_back(data_layer_off(r, c));
      }
      if (is_raw_words(s)) {
        facts_.is_raw = true;
        s.summary = fact_kind::words_as_integers;
        s.changes = {fact_kind::divide_dumps};
      } else if (cfg_is_references && s.verdict == preprocess_verdict::explained && s.fit.layout == data_layout::same) {
        not_by_cfg(s, solve_preprocessing(x, shape, y, known), *known);
      }
      f.summary = s.verdict == preprocess_verdict::same ? fact_kind::inputs_made_alike : s.summary;
      f.evidence.insert(f.evidence.end(), s.evidence.begin(), s.evidence.end());
      if (runs_.input_is_guessed()) {
        f.against.push_back(fact_kind::input_is_guessed);
      }
      f.change = s.changes;
      if (s.verdict == preprocess_verdict::explained) {
        f.rivals.push_back({fault::other_picture, fact_kind::line_explains_it});
        f.next = fact_kind::compare_again;
      } else if (s.verdict == preprocess_verdict::other_picture) {
        f.rivals.push_back({fault::preprocessing, fact_kind::no_line_explains_it});
        f.next = fact_kind::compare_last_picture;
      } else {
        f.next = fact_kind::feed_the_same;
      }
      facts_.findings.push_back(std::move(f));
    }
    if (!no_inputs.empty()) runs_.guess_no_inputs(no_inputs);
  }

  /// Which of the network's inputs a row is.
  [[nodiscard]] std::size_t index_of(const compared_row& r) const {
    std::size_t index = 0;
    for (std::size_t l = 0; l < *r.layer; ++l) {
      index += std::holds_alternative<layers::input>(lab_->net.layers[l].params) ? 1U : 0U;
    }
    return index;
  }
  /// What the cfg says of an input; nullptr where nothing does.
  [[nodiscard]] const known_preprocessing* known_of(const compared_row& r) const {
    if (lab_ == nullptr || !r.layer) return nullptr;
    const std::size_t index = index_of(r);
    return index < lab_->preprocessing.size() ? &lab_->preprocessing[index] : nullptr;
  }
  /// Whether the reference's input, rather than the other run's, is what the cfg makes of the picture.
  [[nodiscard]] bool is_told(const compared_row& r, std::span<const float> y, std::span<const float> x) const {
    const std::size_t index = index_of(r);
    if (index >= lab_->inputs.size() || lab_->inputs[index].size() != y.size()) return false;
    const std::span<const float> told = lab_->inputs[index].span();
    const double from_reference = compare_values(told, y).relative_l2_error;
    if (!(from_reference < limit::told_input)) return false;
    return x.size() != y.size() || from_reference < compare_values(told, x).relative_l2_error;
  }

  /// The scene of an input: its picture by the cfg, where that makes what the runs are said to have been given; else
  /// what the reference shows, of which mean and scale are not known.
  struct known_scene {
    input_scene scene;
    bool knows_cfg = false;
  };
  [[nodiscard]] known_scene scene_of_row(const compared_row& r, std::span<const float> y,
                                         const tensor_shape& shape) const {
    const known_preprocessing* const known = known_of(r);
    if (known != nullptr) {
      const std::size_t index = index_of(r);
      const std::span<const float> told =
          index < lab_->inputs.size() ? lab_->inputs[index].span() : std::span<const float>();
      if (told.size() == y.size()) {
        if (shape.rank() == 4 && shape[0] == 1 && (shape[1] == 1 || shape[1] == 3) && lab_->pictures.read) {
          if (const auto picture = lab_->pictures.read(index, lab_->pictures.chosen)) {
            input_scene s = scene_of(*picture, *known, shape);
            const auto made = changed_input({}, s);
            if (made && compare_values(told, *made).relative_l2_error < limit::same_input) return {std::move(s), true};
          }
        }
        return {scene_of(told, *known, shape), true};
      }
    }
    return {scene_of(y, known_preprocessing{}, shape), false};
  }
  /// What was done to the bytes of one side's input, where the lines of each channel alone do not explain it.
  [[nodiscard]] std::optional<finding> explained_on_bytes(const compared_row& r, std::span<const float> y,
                                                          std::span<const float> x, const tensor_shape& shape) {
    if (x.size() != y.size() || shape.rank() < 3 || runs_.input_is_guessed()) return std::nullopt;
    const auto [scene, knows_cfg] = scene_of_row(r, y, shape);
    if (scene.plane() < limit::least_plane) return std::nullopt;
    input_side side = input_side::other;
    std::span<const float> odd = x;
    if (knows_cfg) {
      const auto told = changed_input({}, scene);
      if (!told || told->size() != y.size()) return std::nullopt;
      if (compare_values(*told, x).relative_l2_error < compare_values(*told, y).relative_l2_error) {
        side = input_side::reference;
        odd = y;
      }
    }
    const input_explanation e = explain_input(scene, odd, knows_cfg);
    if (!e.holds || e.change.bytes == byte_change::none || e.change.bytes == byte_change::reordered) {
      return std::nullopt;
    }
    const bool is_permuted = r.relation == match_relation::channels_last ||
                             r.relation == match_relation::channels_first || r.relation == match_relation::transposed;
    // Where only the dump is laid out otherwise, it is no fault of the input.
    if (is_permuted && !settle_layout(r, x) && side == input_side::other) return std::nullopt;
    finding f = input_finding(r.shown.name, e, scene, side);
    if (r.shown.result) f.evidence.insert(f.evidence.begin(), data_layer_off(r, *r.shown.result));
    return f;
  }
  [[nodiscard]] fact data_layer_off(const compared_row& r, const comparison& c) const {
    return {fact_kind::data_layer_off,
            {{"layer", r.shown.name}, {"cosine", c.cosine}, {"limit", o_.data_cosine}, {"norm_error", c.norm_error}}};
  }

  /// Whether an input that matching took for a permuted one is what the network was fed with as it stands, so that it
  /// is the input and not its dump that is laid out otherwise: what reads it tells. Where nothing does, it is.
  [[nodiscard]] bool settle_layout(const compared_row& r, std::span<const float> x) {
    if (lab_ == nullptr || !r.layer) return true;
    const std::size_t blob = lab_->net.layers[*r.layer].outputs[r.output];
    const auto aligned = runs_.other_value(blob);
    if (!aligned) return true;
    tensor<float> unmoved = make_tensor<float>(lab_->net.blobs[blob].shape);
    if (unmoved.size() != x.size()) return true;
    std::copy(x.begin(), x.end(), unmoved.begin());
    for (std::size_t l = 0; l < lab_->net.layers.size(); ++l) {
      const layer& reader = lab_->net.layers[l];
      if (reader.inputs.size() != 1 || reader.inputs[0] != blob) continue;
      const auto shown = runs_.other_value(reader.outputs[0]);
      if (!shown) continue;
      const single_layer tried(lab_->net, l, layer_precision::float32, lab_->threads, lab_->policies);
      const auto from = [&](const tensor<float>& input) {
        std::vector<tensor<float>> inputs;
        inputs.push_back(input);
        const auto out = tried.run(inputs);
        return compare_values(view_of(*shown).span(), view_of(out[0]).span()).relative_l2_error;
      };
      if (!(from(unmoved) < from(*aligned))) return false;
      break;
    }
    runs_.take_as_it_is(r.reference);
    return true;
  }

  /// The input under whose name the other run has the content of this one; nullptr for none.
  [[nodiscard]] const compared_row* exchanged_with(const compared_row& r) const {
    if (r.relation != match_relation::same || r.is_namesake || !r.shown.result) return nullptr;
    const std::string partner = match_key(r.shown.partner);
    const auto found = std::find_if(runs_.rows().begin(), runs_.rows().end(), [&](const compared_row& x) {
      return x.is_input && x.reference != r.reference && match_key(x.shown.name) == partner;
    });
    return found == runs_.rows().end() ? nullptr : &*found;
  }
  void note_exchange(const compared_row& r, const compared_row& given) {
    fact line(fact_kind::input_exchanged,
              {{"layer", r.shown.name}, {"given", given.shown.name}, {"cosine", r.shown.result->cosine}});
    if (facts_.are_exchanged) return facts_.findings.front().evidence.push_back(std::move(line));
    facts_.are_exchanged = true;
    finding f{fault::preprocessing, r.shown.name};
    f.summary = fact_kind::inputs_exchanged;
    f.evidence.push_back(std::move(line));
    f.change.push_back(fact_kind::give_inputs_own_data);
    f.rivals.push_back({fault::layer_mapping, fact_kind::names_look_like_that});
    f.next = fact_kind::compare_again;
    facts_.findings.insert(facts_.findings.begin(), std::move(f));
  }

  /// Whether an input is the reference's times 4096, in every channel.
  [[nodiscard]] static bool is_raw_words(const preprocess_solution& s) {
    if (s.verdict != preprocess_verdict::explained || s.fit.gain.empty()) return false;
    return std::all_of(s.fit.gain.begin(), s.fit.gain.end(),
                       [](double g) { return std::fabs(g * 4096 - 1) < limit::raw_words_of_input; });
  }
  /// The reference was made by the cfg, the other run's input was not: what it was made with, from `made`, which
  /// explains it by the cfg's.
  static void not_by_cfg(preprocess_solution& s, const preprocess_solution& made, const known_preprocessing& cfg) {
    const bool is_swapped = !std::is_sorted(s.fit.order.begin(), s.fit.order.end());
    s.summary = {fact_kind::not_made_by_cfg, {{"reordered", is_swapped}}};
    if (made.verdict == preprocess_verdict::explained) {
      std::vector<double> mean = made.mean;
      for (double& m : mean) m = std::fabs(m) < limit::no_mean ? 0 : m;
      fact with(fact_kind::made_with, {{"mean", mean}, {"scale", made.scale}, {"cfg_scale", cfg.scale}});
      if (cfg.mean.size() != mean.size()) with.add("mean_image", !cfg.mean.empty());
      else with.add("cfg_mean", std::vector<double>(cfg.mean.begin(), cfg.mean.end()));
      s.evidence.push_back(with);
    }
    fact run(fact_kind::run_with_cfg,
             {{"norm_type", static_cast<std::size_t>(cfg.norm_type)}, {"mean_file", !cfg.mean.empty()}});
    if (is_swapped) run.add("order", cfg.order == channel_order::rgb ? "RGB" : "BGR");
    if (cfg.scale != 1) run.add("scale", cfg.scale);
    s.changes = {run, fact_kind::give_that_cfg};
  }

  run_pair& runs_;
  const experiment_context* lab_;
  const diagnose_options& o_;
  input_facts facts_;
};

/// Takes back what was guessed to be an input and is none. `lab` may be nullptr.
[[nodiscard]] inline input_facts check_inputs(run_pair& runs, const experiment_context* lab) {
  return input_check(runs, lab).facts();
}

}  // namespace detail

NNIESIM_END_NAMESPACE
