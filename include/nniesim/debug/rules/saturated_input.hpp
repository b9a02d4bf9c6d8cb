// The largest values of the network's input, which a scale that is rounded down cuts: white that is stored as less.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/rules/precision.hpp>
#include <nniesim/debug/rules/rule.hpp>
#include <nniesim/network/blob_storage.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// An input whose values are cut, and what one level more for its range does.
struct saturated_input {
  std::size_t index = 0;      ///< of the network's inputs
  std::size_t reader = 0;     ///< the first layer that reads its codes
  std::string name{};         ///< its layer's
  double largest = 0;         ///< magnitude
  double stored = 0;          ///< what is read back of it
  double share = 0;           ///< of the values that are not zero: cut
  double now = 0, freed = 0;  ///< error of the network's worst row that misses a limit, and with a level more
  std::string row{};          ///< which that is
  std::optional<double> in_more_bits{};  ///< what is read back in the most bits that the reader can have
};

class input_saturation {
 public:
  explicit input_saturation(const case_file& file) : file_(file), lab_(*file.lab()) {}

  /// The first input that is cut, where a level more halves the error of the given rows, which miss a limit: else it is
  /// not why they do.
  [[nodiscard]] std::optional<saturated_input> find(const std::vector<const compared_row*>& rows) const {
    if (lab_.plan.is_float || rows.empty()) return std::nullopt;
    const std::vector<std::size_t> blobs = input_blobs(lab_.net);
    for (std::size_t i = 0; i < std::min(blobs.size(), lab_.inputs.size()); ++i) {
      auto s = look(i, blobs[i]);
      if (s && is_cured(*s, blobs[i], rows)) return s;
    }
    return std::nullopt;
  }

 private:
  /// How the input is stored; nothing where it is not cut.
  [[nodiscard]] std::optional<saturated_input> look(std::size_t index, std::size_t blob) const {
    const auto reader = std::find_if(lab_.net.layers.begin(), lab_.net.layers.end(), [&](const layer& l) {
      return reads_codes(l) && std::find(l.inputs.begin(), l.inputs.end(), blob) != l.inputs.end();
    });
    if (reader == lab_.net.layers.end()) return std::nullopt;
    saturated_input s{.index = index};
    s.reader = static_cast<std::size_t>(reader - lab_.net.layers.begin());
    s.name = range_names(lab_.net)[blob];
    const layer_precision planned = lab_.plan.layers[s.reader];
    if (!planned.encodes_activations()) return std::nullopt;
    const std::span<const float> x = lab_.inputs[index].span();
    for (const float v : x) s.largest = std::max(s.largest, std::fabs(static_cast<double>(v)));
    if (!(s.largest > 0) || !std::isfinite(s.largest)) return std::nullopt;
    s.stored = read_back(planned, range_of(blob, s.largest), s.largest);
    if (!(s.stored < s.largest)) return std::nullopt;
    std::size_t cut = 0, values = 0;
    for (const float v : x) {
      const double m = std::fabs(static_cast<double>(v));
      values += m > 0 ? 1U : 0U;
      cut += m > limit::cut_above * s.stored ? 1U : 0U;
    }
    s.share = static_cast<double>(cut) / static_cast<double>(std::max<std::size_t>(1, values));
    if (s.share < limit::cut_share) return std::nullopt;
    if (const auto finer = finest_precision(lab_.policies, planned)) {
      s.in_more_bits = read_back(*finer, activation_range::of(static_cast<float>(s.largest)), s.largest);
    }
    return s;
  }
  [[nodiscard]] activation_range range_of(std::size_t blob, double largest) const {
    const auto found = lab_.ranges.blobs.find(range_names(lab_.net)[blob]);
    return found != lab_.ranges.blobs.end() ? found->second : activation_range::of(static_cast<float>(largest));
  }
  [[nodiscard]] double read_back(layer_precision p, const activation_range& range, double value) const {
    const float x = static_cast<float>(value);
    float y = 0;
    lab_.policies[p].encode_activations(std::span<const float>(&x, 1), range, std::span<float>(&y, 1));
    return static_cast<double>(y);
  }

  /// What follows was calibrated with values that are too small: it has a level more in all trials, the input in the
  /// last one.
  [[nodiscard]] bool is_cured(saturated_input& s, std::size_t blob,
                              const std::vector<const compared_row*>& rows) const {
    activation_ranges behind = lab_.ranges;
    const std::vector<blob_storage> storage = blob_storage_of(lab_.net, lab_.plan);
    const std::vector<std::string> names = range_names(lab_.net);
    for (const blob_storage& b : storage) {
      const auto found = lab_.ranges.blobs.find(names[b.range]);
      if (b.range == blob || !b.is_codes() || found == lab_.ranges.blobs.end()) continue;
      behind.blobs[found->first] = lab_.policies[b.codes.front()].shifted(found->second, 1);
    }
    activation_ranges freed = behind;
    freed.blobs[s.name] = lab_.policies[lab_.plan.layers[s.reader]].shifted(range_of(blob, s.largest), 1);
    network_runner reference(lab_.net, float_plan(lab_.net), {.keep_all = true, .threads = lab_.threads});
    reference.run(lab_.inputs);
    const auto with = [&](const activation_ranges& ranges) {
      const experiment_context changed{.net = lab_.net,
                                       .inputs = lab_.inputs,
                                       .ranges = ranges,
                                       .plan = lab_.plan,
                                       .threads = lab_.threads,
                                       .policies = lab_.policies};
      return compared_with(changed, reference, lab_.plan);
    };
    const output_comparisons &now = file_.precisions().planned, then = with(freed);
    layer_output worst;
    for (const compared_row* r : rows) {
      if (!r->layer) continue;
      const double error = now.at({*r->layer, r->output}).relative_l2_error;
      if (!(error > s.now)) continue;
      s.now = error;
      s.freed = then.at({*r->layer, r->output}).relative_l2_error;
      s.row = r->shown.name;
      worst = {*r->layer, r->output};
    }
    if (!(s.now > 0 && s.freed <= limit::cured_by_range * s.now)) return false;
    return s.freed <= limit::cured_by_range * with(behind).at(worst).relative_l2_error;
  }

  const case_file& file_;
  const experiment_context& lab_;
};

/// A step of data_scale near the one in use with which the largest value loses less.
struct fitting_scale {
  double scale = 1;
  double lost = 0;  ///< share of the largest value
};

/// The nearest within a factor of two, among those that lose least; none where the present one loses as little.
/// data_scale is stored in steps of 1/4096.
[[nodiscard]] inline std::optional<fitting_scale> find_fitting_scale(const saturated_input& s, double scale,
                                                                     const network_policy& policy) {
  std::optional<fitting_scale> best;
  const double present = 1 - s.stored / s.largest;
  const auto from = static_cast<long>(std::ceil(scale * 2048)), to = static_cast<long>(std::floor(scale * 8192));
  const long most = std::min(to, from + limit::scales_tried);
  for (long step = std::max(1L, from); step <= most; ++step) {
    const double tried = static_cast<double>(step) / 4096, value = s.largest * tried / scale;
    const float x = static_cast<float>(value);
    float y = 0;
    policy.encode_activations(std::span<const float>(&x, 1), activation_range::of(x), std::span<float>(&y, 1));
    const double lost = std::fabs(1 - static_cast<double>(y) / value);
    const bool is_nearer = best && lost == best->lost && std::fabs(tried - scale) < std::fabs(best->scale - scale);
    if (!best || lost < best->lost || is_nearer) best = fitting_scale{tried, lost};
  }
  if (!best || best->lost > limit::less_cut * present) return std::nullopt;
  return best;
}

[[nodiscard]] inline std::vector<found> find_saturated_input(const case_file& file, const findings_so_far& so_far) {
  const experiment_context& lab = *file.lab();
  std::vector<const compared_row*> rows = unexplained_rows(file, so_far);
  std::erase_if(rows, [&](const compared_row* r) {
    return !file.runs().is_bad(*r->shown.result) && !file.runs().is_gain(*r->shown.result);
  });
  if (rows.empty()) return {};
  const auto s = input_saturation(file).find(rows);
  if (!s) return {};
  const layer& reader = lab.net.layers[s->reader];
  const layer_precision planned = lab.plan.layers[s->reader];
  finding f{fault::activation_scale, reader.name};
  const bool has_preprocessing = s->index < lab.preprocessing.size();
  const known_preprocessing how = has_preprocessing ? lab.preprocessing[s->index] : known_preprocessing();
  const bool is_white = has_preprocessing && how.mean.empty() && how.scale > 0;
  f.summary = {fact_kind::range_cuts, {{"layer", s->name}, {"largest", s->largest}, {"stored", s->stored}}};
  if (is_white) f.summary.add("white", s->stored / how.scale);
  f.evidence.push_back({fact_kind::input_cut, {{"layer", s->name}, {"share", s->share}}});
  f.evidence.push_back({fact_kind::level_more, {{"layer", s->row}, {"error", s->now}, {"error_then", s->freed}}});
  if (has_preprocessing && uses_data_scale(how.norm_type)) {
    if (const auto fits = find_fitting_scale(*s, how.scale, lab.policies[planned])) {
      f.change.push_back({fact_kind::set_cfg,
                          {{"key", "data_scale"},
                           {"value", number_text(fits->scale, 9)},
                           {"old", number_text(how.scale, 9)},
                           {"layer", reader.name},
                           {"weights_times", how.scale / fits->scale},
                           {"lost", fits->lost},
                           {"lost_now", 1 - s->stored / s->largest}}});
    }
  }
  const auto finer = finest_precision(lab.policies, planned);
  if (finer && is_marked_width(planned, *finer) && s->in_more_bits) {
    fact marks = more_bits_for({reader.name}, planned, *finer);
    marks.add("more_bits", bits_text(*finer)).add("stored", *s->in_more_bits);
    if (!f.change.empty()) marks.add("or", true);
    f.change.push_back(std::move(marks));
  }
  if (f.change.empty()) {
    f.change.push_back({fact_kind::divide_input, {{"divisor", s->largest / s->stored}, {"layer", reader.name}}});
  }
  f.rivals.push_back({fault::precision, fact_kind::level_leaves_half});
  f.rivals.push_back({fault::suspect_layer, fact_kind::simulation_cuts});
  return {{.what = std::move(f), .position = s->reader, .as_simulated = true}};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
