// A layer that both runs have in different sizes: what is behind it was computed from something else, whatever cosines
// and norms say. Pooling that rounds up in one and down in the other comes first, because the accelerator has one way.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/rules/rule.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

class size_judge {
 public:
  size_judge(const case_file& file, const size_mismatch& m)
      : file_(file), runs_(file.runs()), m_(m), row_(file.runs().rows()[m.row]) {}

  [[nodiscard]] finding judge() const {
    const std::string& name = row_.shown.name;
    finding f{fault::other_size, name};
    f.evidence.push_back(sizes());
    if (m_.common) f.evidence.push_back({fact_kind::agrees_in_common, {{"cosine", *m_.common}}});
    const std::optional<bool> reference_fits = reference_fits_network();
    if (reference_fits) f.evidence.push_back({fact_kind::size_of_network, {{"of_reference", *reference_fits}}});
    const std::size_t behind = runs_.size_mismatches().size() - 1;
    if (behind != 0) f.evidence.push_back({fact_kind::more_sizes_differ, {{"count", behind}}});
    if (row_.is_input) {
      f.summary = {fact_kind::input_sizes, {{"layer", name}}};
      f.change.push_back(fact_kind::same_picture_size);
      f.rivals.push_back({fault::suspect_layer, fact_kind::size_follows});
      return f;
    }
    if (differ_by_one() && (is_pooling() || (file_.lab() == nullptr && agrees_in_common()))) {
      judge_pooling(f);
      return f;
    }
    f.summary = {fact_kind::other_size, {{"layer", name}}};
    fact change(reference_fits ? fact_kind::make_from_prototxt : fact_kind::compare_geometry, {{"layer", name}});
    f.change.push_back(reference_fits ? change.add("of_reference", !*reference_fits) : change);
    f.next = fact_kind::run_from_same;
    return f;
  }

 private:
  void judge_pooling(finding& f) const {
    const bool reference_is_larger = m_.in_reference[2] > m_.in_other[2] || m_.in_reference[3] > m_.in_other[3];
    f.summary = {fact_kind::pooling_rounds, {{"layer", row_.shown.name}, {"reference_down", !reference_is_larger}}};
    if (is_replayed(!reference_is_larger)) {
      f.evidence.push_back({fact_kind::pooling_replayed, {{"down", !reference_is_larger}}});
    }
    f.rivals.push_back({fault::norm_gain, fact_kind::maps_of_other_size});
    f.rivals.push_back({fault::suspect_layer, fact_kind::all_round_up});
    f.change.push_back({reference_is_larger ? fact_kind::compile_rounding_up : fact_kind::script_rounding_up,
                        {{"layer", row_.shown.name}}});
    f.change.push_back(fact_kind::pad_or_crop);
    f.next = fact_kind::judge_behind;
  }

  [[nodiscard]] fact sizes() const {
    fact f(fact_kind::sizes, {{"layer", row_.shown.name}});
    if (m_.has_shapes) {
      const auto shape = [](const auto& d) { return std::vector<std::size_t>{d[1], d[2], d[3]}; };
      f.add("reference_shape", shape(m_.in_reference)).add("other_shape", shape(m_.in_other));
    } else {
      f.add("reference_values", m_.values_in_reference).add("other_values", m_.values_in_other);
    }
    const std::string& partner = runs_.other_name(m_.other);
    return partner == row_.shown.name ? f : f.add("partner", partner);
  }
  [[nodiscard]] bool agrees_in_common() const { return m_.common && *m_.common >= limit::layer_cosine; }
  /// Whether rows and columns differ by one at most, and not in opposite ways.
  [[nodiscard]] bool differ_by_one() const {
    if (!m_.has_shapes || m_.in_reference[0] != m_.in_other[0] || m_.in_reference[1] != m_.in_other[1]) return false;
    std::set<int> steps;
    for (const std::size_t axis : {2U, 3U}) {
      const std::size_t a = m_.in_reference[axis], b = m_.in_other[axis];
      if (a > b + 1 || b > a + 1) return false;
      if (a != b) steps.insert(a > b ? 1 : -1);
    }
    return steps.size() == 1;
  }
  [[nodiscard]] const layer* own() const {
    return file_.lab() != nullptr && row_.layer ? &file_.lab()->net.layers[*row_.layer] : nullptr;
  }
  [[nodiscard]] bool is_pooling() const {
    return own() != nullptr && std::holds_alternative<pooling_params>(own()->params);
  }
  [[nodiscard]] std::optional<bool> reference_fits_network() const {
    if (own() == nullptr) return std::nullopt;
    const std::size_t size = file_.lab()->net.blobs[own()->outputs[row_.output]].shape.size();
    if (size == m_.values_in_reference) return true;
    return size == m_.values_in_other ? std::optional(false) : std::nullopt;
  }
  /// Whether the network's pooling, made to round the given way, gives the reference's values from its own input.
  [[nodiscard]] bool is_replayed(bool rounds_down) const {
    if (!is_pooling() || own()->inputs.size() != 1) return false;
    const auto input = runs_.reference_value(own()->inputs[0]);
    if (!input) return false;
    network changed = file_.lab()->net;
    layer& l = changed.layers[*row_.layer];
    std::get<pooling_params>(l.params).size = rounds_down ? pooling_size::floor : pooling_size::ceil;
    const std::array<tensor_shape, 1> shapes = {changed.blobs[l.inputs[0]].shape};
    changed.blobs[l.outputs[0]].shape = infer_shapes(l, shapes)[0];
    const std::vector<tensor<float>> inputs = {*input};
    const std::vector<tensor<float>> y =
        single_layer(changed, *row_.layer, layer_precision::float32, file_.lab()->threads, file_.lab()->policies)
            .run(inputs);
    const std::vector<float> shown = runs_.reference_values(row_);
    return y[0].size() == shown.size() &&
           compare_values(view_of(y[0]).span(), shown).relative_l2_error <= limit::same_as_simulated;
  }

  const case_file& file_;
  const run_pair& runs_;
  const size_mismatch& m_;
  const compared_row& row_;
};

/// The first layer of another size; those behind it follow from it.
[[nodiscard]] inline std::vector<found> find_other_size(const case_file& file, const findings_so_far&) {
  const std::vector<size_mismatch>& all = file.runs().size_mismatches();
  if (all.empty()) return {};
  const size_mismatch* first = &all.front();
  // Where the order is not known, what has most values in common comes first in a network.
  if (file.lab() == nullptr && file.options().ordered == 0) {
    for (const size_mismatch& m : all) {
      if (m.common && (!first->common || *m.common > *first->common)) first = &m;
    }
  }
  found f{.what = size_judge(file, *first).judge()};
  f.position = file.position_of(file.runs().rows()[first->row]);
  return {std::move(f)};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
