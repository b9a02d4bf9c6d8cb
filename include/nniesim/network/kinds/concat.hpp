// Concat.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Its inputs are not encoded one by one: members stand as int32, or have one scale (20 members of 7 concats of
/// compiled models).
template <>
struct layer_kind<concat_params> : basic_kind {
  /// A network that was compiled has one there.
  static constexpr bool is_allowed_behind_fully_connected = true;

  static void check_rules(const layer_facts& l, const concat_params& p, detail::hardware_rules& rules) {
    rules.not_batch(p.axis);
    rules.require(l.inputs.size() <= 32, "at most 32 inputs of a concat",
                  "inferred from how a team of users stages its concats", l.inputs.size(), " inputs");
  }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const concat_params& p) {
    return l.all(infer_shape(p, l.inputs));
  }
  template <precision_policy P>
  static void run(const concat_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    std::size_t outer = 1;
    for (std::size_t i = 0; i < p.axis; ++i) outer *= r.y().shape()[i];
    const std::size_t row = r.y().size() / outer;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < r.inputs.size(); ++i) {
      const std::size_t length = r.inputs[i].size() / outer;
      for (std::size_t o = 0; o < outer; ++o) {
        detail::share(length, 1, r.threads, [&](std::size_t at, std::size_t n) {
          std::copy_n(r.inputs[i].data() + o * length + at, n, r.y().data() + o * row + begin + at);
        });
      }
      begin += length;
    }
  }
};

NNIESIM_END_NAMESPACE
