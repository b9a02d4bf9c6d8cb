// A compiled model against the network that it is thought to be made of: weights code for code, what stands beside them
// integer for integer, the scales of blobs.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/wk_match.hpp>
#include <nniesim/precision/group_weights.hpp>
#include <nniesim/precision/mac_stage.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Weight blocks of a layer.
struct wk_block_counts {
  std::size_t equal = 0;       ///< all codes
  std::size_t differing = 0;   ///< in at least one
  std::size_t unreadable = 0;  ///< they do not decode
  /// All blocks.
  [[nodiscard]] std::size_t total() const noexcept { return equal + differing + unreadable; }
};

/// Outputs of a layer whose four integers are compared; a fully connected layer has biases alone. Those of a depthwise
/// layer of its own are not: how its channels share a scale is not known.
struct wk_record_counts {
  std::size_t equal = 0;  ///< in all of them
  std::size_t total = 0;  ///< in blocks that decode
  std::size_t bias = 0,   ///< outputs whose bias differs
      multiplier = 0,     ///< outputs whose multiplier differs
      shift = 0,          ///< outputs whose shift differs
      slope = 0;          ///< outputs whose slope of negative values differs
};

/// One layer of the network against what it was compiled to.
struct wk_layer_comparison {
  std::size_t pair = 0;                  ///< of the matching
  std::optional<int> bits;               ///< in which it multiplies
  wk_block_counts raw;                   ///< against the weights as they are
  wk_block_counts merged;                ///< against weights with BatchNorm merged before; equal to `raw` without one
  wk_record_counts records;              ///< against those of the model's kind, raw or merged
  std::string first_difference{};        ///< the first code that differs from the model's kind; "" for none
  std::optional<wk_scale> input;         ///< which it reads with: its instruction's, else that of who stored the blob
  std::optional<wk_scale> stored_input;  ///< that of who stored the blob, where that is known and stands as codes
  std::optional<wk_scale> multiplier_input;  ///< which its multiplier was made for
};

/// A network against the model that it was compiled to: what compare_wk finds.
struct wk_comparison {
  wk_matching matching;                     ///< which layers are compared
  std::vector<wk_layer_comparison> layers;  ///< one for each pair
  /// Whether BatchNorm was merged into the weights before: what more blocks equal. Nothing where neither does.
  std::optional<bool> is_merged;
};

namespace detail {

/// What the compiler makes of one layer's weights, by group.
template <int Bits>
struct wk_expected_layer {
  wk_geometry geometry;
  std::vector<group_weights<gfpq<Bits>>> encodings;           ///< of each group
  std::vector<std::vector<typename gfpq<Bits>::code>> codes;  ///< outputs x channels x rows x columns of each group

  /// `one_scale`: for all groups together, as a depthwise layer of its own must have it, which has no multipliers.
  explicit wk_expected_layer(const layer& l, bool one_scale = false) : geometry(*wk_geometry::of(l)) {
    const tensor<float>& weights = *wk_weights_of(l)->weights;
    const std::size_t size = weights.size() / geometry.groups;
    const std::span<const float> all(weights.data(), weights.size());
    for (std::size_t g = 0; g < geometry.groups; ++g) {
      const std::span<const float> group = all.subspan(g * size, size);
      const auto& encoding = encodings.emplace_back(group_weights<gfpq<Bits>>::of(one_scale ? all : group));
      auto& coded = codes.emplace_back(size);
      for (std::size_t i = 0; i < size; ++i) coded[place(i)] = encoding.encode(group[i]);
    }
  }

 private:
  /// Where weight i of a group goes: deconvolutions have inputs first and are turned.
  [[nodiscard]] std::size_t place(std::size_t i) const noexcept {
    if (geometry.type != wk_type::deconvolution) return i;
    const wk_kernel& k = geometry.kernel;
    const std::size_t area = k.rows * k.columns;
    const std::size_t input = i / area / k.outputs, output = i / area % k.outputs;
    return (output * k.channels + input) * area + (area - 1 - i % area);
  }
};

/// The codes that a block should hold, and where in it they begin.
struct wk_expected_block {
  std::size_t at = 0;
  std::vector<std::uint8_t> codes;
};

/// Those of all blocks of the compiled layers, as many as they have.
template <int Bits>
[[nodiscard]] std::vector<wk_expected_block> expected_blocks(const wk_model& model,
                                                             std::span<const std::size_t> compiled,
                                                             const wk_expected_layer<Bits>& expected) {
  std::vector<wk_expected_block> result;
  const wk_geometry& g = expected.geometry;
  const std::size_t area = g.kernel.rows * g.kernel.columns;
  for (std::size_t i = 0; i < compiled.size(); ++i) {
    const wk_layer& c = model.layers[compiled[i]];
    if (c.type == wk_type::depthwise) {
      if constexpr (Bits == 8) {
        for (std::size_t b = 0; b < c.block_count; ++b) {
          std::vector<gfpq8::code> codes;
          for (std::size_t o = 64 * b; o < std::min(64 * (b + 1), g.groups); ++o) {
            codes.insert(codes.end(), expected.codes[o].begin(), expected.codes[o].end());
          }
          result.push_back({256, wk_depthwise_codes(codes, area)});
        }
      }
      continue;
    }
    std::span<const typename gfpq<Bits>::code> left = expected.codes[i];
    const std::size_t each = g.kernel.channels * area;
    const bool is_fc = c.type == wk_type::fully_connected;
    const std::size_t most = is_fc ? wk_fully_connected_outputs<Bits>(each) : wk_outputs_per_block<Bits>;
    for (std::size_t b = 0; b < c.block_count; ++b) {
      const std::size_t outputs = std::min(most, left.size() / each);
      const auto codes = left.first(outputs * each);
      left = left.subspan(outputs * each);
      if (is_fc) {
        result.push_back({divided_up(4 * outputs, 64) * 64, wk_fully_connected_codes<Bits>(codes, each)});
      } else {
        const wk_kernel kernel{outputs, g.kernel.channels, g.kernel.rows, g.kernel.columns, g.has_merged_rows(c)};
        result.push_back({wk_records_size, wk_block_codes<Bits>(codes, kernel)});
      }
    }
  }
  return result;
}

struct wk_block_comparison {
  wk_block_counts counts;
  std::string first_difference;
};

[[nodiscard]] inline std::span<const std::uint8_t> codes_of(const wk_block& block, std::size_t at) {
  return std::span(block.bytes).subspan(std::min(at, block.bytes.size()));
}

/// Adds a block to the counts.
inline void count_block(const wk_block& block, const wk_expected_block& expected, wk_block_comparison& into) {
  if (!block.problem.empty()) {
    ++into.counts.unreadable;
    return;
  }
  const auto got = codes_of(block, expected.at);
  const auto& want = expected.codes;
  const auto [a, b] = std::mismatch(got.begin(), got.end(), want.begin(), want.end());
  if (a == got.end() && b == want.end()) {
    ++into.counts.equal;
    return;
  }
  ++into.counts.differing;
  if (!into.first_difference.empty()) return;
  if (a == got.end() || b == want.end()) {
    into.first_difference =
        message("the block at byte ", block.at, " has ", got.size(), " bytes of codes, expected ", want.size());
  } else {
    into.first_difference = message("the block at byte ", block.at, " has ", static_cast<int>(*a), " at byte ",
                                    a - got.begin(), " of its codes, expected ", static_cast<int>(*b));
  }
}

/// What one output's record is made of.
struct wk_output_values {
  double bias = 0, factor = 1, shift = 0;
};

class wk_comparer {
 public:
  wk_comparer(const wk_model& model, const network& net)
      : model_(model), net_(net), folded_(fold_batch_norm(net, batch_norm_rule::merged)) {
    for (std::size_t l = 0; l < folded_.layers.size(); ++l) folded_index_.emplace(folded_.layers[l].name, l);
  }

  [[nodiscard]] wk_comparison compare() {
    result_.matching = match_wk(model_, net_);
    exchange_equal_shapes();
    std::vector<std::array<std::string, 2>> differences;
    std::size_t raw = 0, merged = 0;
    for (std::size_t p = 0; p < result_.matching.pairs.size(); ++p) {
      const wk_pair& pair = result_.matching.pairs[p];
      wk_layer_comparison c;
      c.pair = p;
      const bool has_affine = &merged_layer(pair) != &net_.layers[pair.layer];
      wk_block_comparison as_is = blocks(pair, net_.layers[pair.layer], c.bits);
      wk_block_comparison with = has_affine ? blocks(pair, merged_layer(pair), c.bits) : as_is;
      c.raw = as_is.counts;
      c.merged = with.counts;
      raw += c.raw.equal;
      merged += c.merged.equal;
      differences.push_back({std::move(as_is.first_difference), std::move(with.first_difference)});
      result_.layers.push_back(std::move(c));
    }
    if (raw != merged) result_.is_merged = merged > raw;
    for (std::size_t p = 0; p < result_.layers.size(); ++p) {
      wk_layer_comparison& c = result_.layers[p];
      c.first_difference = differences[p][result_.is_merged.value_or(false) ? 1 : 0];
      find_scales(c);
      if (c.bits == 8) compare_records<8>(c);
      if (c.bits == 16) compare_records<16>(c);
    }
    return std::move(result_);
  }

 private:
  /// The pair's layer with BatchNorm merged; the network's own where there is none.
  [[nodiscard]] const layer& merged_layer(const wk_pair& pair) const {
    const layer& raw = net_.layers[pair.layer];
    const auto found = folded_index_.find(raw.name);
    if (found == folded_index_.end() || folded_.layers[found->second].merged.empty()) return raw;
    return folded_.layers[found->second];
  }

  template <int Bits>
  [[nodiscard]] std::vector<wk_expected_block> expected_as(std::span<const std::size_t> compiled,
                                                           const layer& l) const {
    const bool one_scale = model_.layers[compiled[0]].type == wk_type::depthwise;
    return expected_blocks<Bits>(model_, compiled, wk_expected_layer<Bits>(l, one_scale));
  }
  [[nodiscard]] wk_block_comparison compare(std::span<const std::size_t> compiled,
                                            const std::vector<wk_expected_block>& expected) const {
    wk_block_comparison result;
    std::size_t i = 0;
    for (const std::size_t c : compiled) {
      for (const wk_block& b : model_.blocks_of(model_.layers[c])) count_block(b, expected.at(i++), result);
    }
    return result;
  }

  [[nodiscard]] wk_block_comparison blocks(const wk_pair& pair, const layer& l, std::optional<int>& bits) const {
    const wk_layer& c = model_.layers[pair.compiled[0]];
    bits = c.bits();
    if (c.type == wk_type::depthwise) bits = 8;  // the only width seen
    if (bits == 8) return compare(pair.compiled, expected_as<8>(pair.compiled, l));
    if (bits == 16) return compare(pair.compiled, expected_as<16>(pair.compiled, l));
    // Fully connected layers do not say: the width that more blocks equal.
    auto as_8 = compare(pair.compiled, expected_as<8>(pair.compiled, l));
    auto as_16 = compare(pair.compiled, expected_as<16>(pair.compiled, l));
    if (as_8.counts.equal != as_16.counts.equal) bits = as_8.counts.equal > as_16.counts.equal ? 8 : 16;
    return bits == 16 ? as_16 : as_8;
  }

  /// A convolution or deconvolution that no block of what it was matched with equals.
  struct suspect {
    wk_pair* pair = nullptr;
    std::array<std::vector<wk_expected_block>, 2> expected;  ///< raw and merged
  };
  [[nodiscard]] bool equals_any(const suspect& s, std::span<const std::size_t> compiled) const {
    return std::any_of(s.expected.begin(), s.expected.end(), [&](const std::vector<wk_expected_block>& expected) {
      std::size_t i = 0;
      for (const std::size_t c : compiled) {
        for (const wk_block& b : model_.blocks_of(model_.layers[c])) {
          if (i == expected.size()) return false;
          const auto got = codes_of(b, expected[i].at);
          const auto& want = expected[i++].codes;
          if (b.problem.empty() && std::equal(got.begin(), got.end(), want.begin(), want.end())) return true;
        }
      }
      return false;
    });
  }

  /// Where two layers of one shape stand in exchanged order, their weights tell.
  void exchange_equal_shapes() {
    std::vector<suspect> suspects;
    for (wk_pair& pair : result_.matching.pairs) {
      const auto bits = model_.layers[pair.compiled[0]].bits();
      if (!bits) continue;
      suspect s{&pair, {}};
      const layer *raw = &net_.layers[pair.layer], *merged = &merged_layer(pair);
      const auto expected = [&](const layer& l) {
        return bits == 8 ? expected_as<8>(pair.compiled, l) : expected_as<16>(pair.compiled, l);
      };
      s.expected[0] = expected(*raw);
      if (merged != raw) s.expected[1] = expected(*merged);
      if (!equals_any(s, pair.compiled)) suspects.push_back(std::move(s));
    }
    for (std::size_t i = 0; i < suspects.size(); ++i) {
      for (std::size_t j = i + 1; j < suspects.size(); ++j) {
        wk_pair &a = *suspects[i].pair, &b = *suspects[j].pair;
        if (!fits(a, b.compiled) || !fits(b, a.compiled)) continue;
        if (!equals_any(suspects[i], b.compiled) || !equals_any(suspects[j], a.compiled)) continue;
        std::swap(a.compiled, b.compiled);
        result_.matching.stored[a.blob] = a.compiled[0];
        result_.matching.stored[b.blob] = b.compiled[0];
        break;
      }
    }
  }
  /// Whether a pair could as well have other compiled layers, with the same activation.
  [[nodiscard]] bool fits(const wk_pair& pair, const std::vector<std::size_t>& compiled) const {
    const layer& l = net_.layers[pair.layer];
    const wk_layer &now = model_.layers[pair.compiled[0]], &then = model_.layers[compiled[0]];
    return compiled.size() == pair.compiled.size() && now.bits() == then.bits() &&
           now.store.has_value() == then.store.has_value() &&
           (!now.store || now.store->activation == then.store->activation) &&
           wk_misfit(*wk_geometry::of(l), net_.blobs[l.outputs[0]].shape, then).empty();
  }

  void find_scales(wk_layer_comparison& c) const {
    const wk_pair& pair = result_.matching.pairs[c.pair];
    const wk_layer& compiled = model_.layers[pair.compiled[0]];
    const auto& stored = result_.matching.stored[net_.layers[pair.layer].inputs[0]];
    if (stored && model_.layers[*stored].element_bytes != 4) c.stored_input = model_.layers[*stored].scale;
    c.input = compiled.input_scales.empty() ? c.stored_input : std::optional(compiled.input_scales[0]);
  }

  /// Bias, factor and shift of each output, by the model's kind.
  [[nodiscard]] std::vector<wk_output_values> outputs_of(const wk_pair& pair, std::size_t count) const {
    const bool merged = result_.is_merged.value_or(false);
    const layer& l = merged ? merged_layer(pair) : net_.layers[pair.layer];
    const std::vector<float>& bias = *wk_weights_of(l)->bias;
    std::optional<channel_affine> affine;
    if (!merged) {
      for (const std::size_t a : pair.affine) {
        const auto next = channel_affine_of(net_.layers[a]);
        affine = affine ? chained(*affine, *next) : *next;
      }
    }
    std::vector<wk_output_values> values(count);
    for (std::size_t o = 0; o < count; ++o) {
      if (o < bias.size()) values[o].bias = static_cast<double>(bias[o]);
      if (affine && o < affine->factor.size()) {
        values[o].factor = affine->factor[o];
        values[o].shift = affine->shift[o];
      }
    }
    return values;
  }

  template <int Bits>
  void compare_records(wk_layer_comparison& c) {
    using F = gfpq<Bits>;
    const wk_pair& pair = result_.matching.pairs[c.pair];
    const layer& l = result_.is_merged.value_or(false) ? merged_layer(pair) : net_.layers[pair.layer];
    const wk_expected_layer<Bits> expected(l);
    const wk_kernel& kernel = expected.geometry.kernel;
    const std::vector<wk_output_values> values = outputs_of(pair, kernel.outputs * expected.geometry.groups);
    const auto z = c.input ? c.input->z(Bits) : std::nullopt;
    if (!z || *z < F::scale::min_z || *z > F::scale::max_z) return;
    for (std::size_t g = 0; g < pair.compiled.size(); ++g) {
      const wk_layer& compiled = model_.layers[pair.compiled[g]];
      const group_weights<F>& encoding = expected.encodings[g];
      const double unit = F::unit(encoding.scale) * F::unit(typename F::scale(*z)) * encoding.magnitude;
      if (compiled.type == wk_type::fully_connected) compare_biases<Bits>(compiled, values, kernel.channels, unit, c);
      if (compiled.type != wk_type::convolution && compiled.type != wk_type::deconvolution) return;
      if (!compiled.descriptor) continue;
      if (!c.multiplier_input) c.multiplier_input = input_of_multiplier<Bits>(*compiled.descriptor, unit, *c.input);
      const auto blocks = model_.blocks_of(compiled);
      for (std::size_t o = 0; o < kernel.outputs; ++o) {
        const std::size_t block = o / wk_outputs_per_block<Bits>;
        if (block >= blocks.size() || blocks[block].bytes.size() < wk_records_size) continue;
        const bool coarse = compiled.descriptor->coarse;
        const mac_stage got = wk_stage(blocks[block], o % wk_outputs_per_block<Bits>, coarse);
        const std::size_t output = g * kernel.outputs + o;
        const wk_output_values& v = values[output];
        mac_stage want = mac_stage::of(v.bias, v.factor, v.shift, unit, coarse);
        const std::size_t slope = pair.slopes.size() == 1 ? 0 : output;
        want.slope = slope < pair.slopes.size() ? slope_steps(pair.slopes[slope]) : 0;
        ++c.records.total;
        if (got == want) ++c.records.equal;
        if (got.bias != want.bias) ++c.records.bias;
        if (got.multiplier != want.multiplier) ++c.records.multiplier;
        if (got.shift != want.shift) ++c.records.shift;
        if (got.slope != want.slope) ++c.records.slope;
      }
    }
  }

  /// Of a fully connected layer, whose blocks begin with them.
  template <int Bits>
  void compare_biases(const wk_layer& compiled, std::span<const wk_output_values> values, std::size_t inputs,
                      double unit, wk_layer_comparison& c) const {
    const std::size_t most = wk_fully_connected_outputs<Bits>(inputs);
    for (const wk_block& block : model_.blocks_of(compiled)) {
      const std::size_t outputs = std::min(most, values.size());
      for (std::size_t o = 0; o < outputs && 4 * o + 4 <= block.bytes.size(); ++o) {
        const bool is_equal = wk_int32(block.bytes, 4 * o) == mac_stage::of(values[o].bias, 1, 0, unit, false).bias;
        ++c.records.total;
        ++(is_equal ? c.records.equal : c.records.bias);
      }
      values = values.subspan(outputs);
    }
  }

  /// The input's scale for which a layer's own multiplier, that without a factor, was made; `unit` is that of the scale
  /// `read` with. Nothing where the multiplier is too small to tell.
  template <int Bits>
  [[nodiscard]] static std::optional<wk_scale> input_of_multiplier(const wk_descriptor& d, double unit, wk_scale read) {
    if (d.multiplier < 1024 || !(unit > 0)) return std::nullopt;
    const double made_for = static_cast<double>(d.multiplier) * (d.coarse ? 0x1p-31 : 0x1p-42);
    const double steps = std::nearbyint(gfpq<Bits>::levels * std::log2(made_for / unit));
    return wk_scale{read.steps + static_cast<std::int32_t>(steps) * (Bits == 8 ? 8 : 1)};
  }

  const wk_model& model_;
  const network& net_;
  network folded_;
  std::map<std::string, std::size_t> folded_index_;  ///< layers by name
  wk_comparison result_;
};

}  // namespace detail

/// Compares all layers with weights. `net` is the network of the files, not folded. Throws as match_wk.
[[nodiscard]] inline wk_comparison compare_wk(const wk_model& model, const network& net) {
  return detail::wk_comparer(model, net).compare();
}

NNIESIM_END_NAMESPACE
