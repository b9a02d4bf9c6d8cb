// Concat.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Its inputs are not encoded one by one: members stand as int32, or have one scale (20 members of 7 concats of
/// compiled models).
template <>
struct layer_kind<concat_params> : basic_kind {
  static constexpr bool reads_stored_codes = true,  ///< its run reads blobs that stand as codes
      writes_stored_codes = true,                   ///< its run writes codes
      moves_values = true;                          ///< its elements are only moved
  /// A network that was compiled has one there.
  static constexpr bool is_allowed_behind_fully_connected = true;

  /// Forbids the batch axis, and more than 32 inputs.
  static void check_rules(const layer_facts& l, const concat_params& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
    rules.require(l.inputs.size() <= 32, "at most 32 inputs of a concat",
                  "inferred from how a team of users stages its concats", l.inputs.size(), " inputs");
  }
  /// What infer_shape() gives for all inputs.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const concat_params& p) {
    return l.all(infer_shape(p, l.inputs));
  }
  /// Moves the inputs one behind the other along the axis.
  template <precision_policy P>
  static void run(const concat_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    std::size_t outer = 1;
    for (std::size_t i = 0; i < p.axis; ++i) outer *= r.y().shape()[i];
    const std::size_t row = r.y().size() / outer;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < r.inputs.size(); ++i) {
      const std::size_t length = r.inputs[i].size() / outer;
      for (std::size_t o = 0; o < outer; ++o) {
        detail::share(length, 1, r.threads,
                      [&](std::size_t at, std::size_t n) { r.move(i, o * length + at, o * row + begin + at, n); });
      }
      begin += length;
    }
  }
};

NNIESIM_END_NAMESPACE
