// Eltwise: the sum, product or maximum of its inputs, element by element.
#pragma once

#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

template <>
struct layer_kind<eltwise_params> : basic_kind {
  [[nodiscard]] static bool works_in_place(const eltwise_params&) noexcept { return true; }
  [[nodiscard]] static bool reads_codes(const eltwise_params&) noexcept { return true; }
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const eltwise_params& p) {
    return l.all(infer_shape(p, l.inputs));
  }
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const eltwise_params&, std::size_t workers) {
    return {0, 0, detail::product_of(l.inputs.size(), std::min(piece, l.inputs[0].size()), sizeof(float), workers)};
  }
  template <precision_policy P>
  static void run(const eltwise_params& p, const detail::nothing_prepared&, const kind_run<P>& r) {
    using const_view = tensor_view<const value_t<P>>;
    detail::share(r.y().size(), 1, r.threads, [&](std::size_t begin, std::size_t count) {
      std::vector<value_t<P>> encoded(r.inputs.size() * std::min(piece, count));
      std::vector<const_view> parts(r.inputs.size());
      for (std::size_t at = begin; at < begin + count; at += piece) {
        const std::size_t n = std::min(piece, begin + count - at);
        for (std::size_t i = 0; i < r.inputs.size(); ++i) {
          if (r.is_encoded(i)) {
            parts[i] = detail::part(r.inputs[i], at, n);
            continue;
          }
          const std::span<value_t<P>> to = std::span(encoded).subspan(i * n, n);
          detail::requantize<P>(r.inputs[i].span().subspan(at, n), r.scales[i], to);
          parts[i] = const_view(to, {n});
        }
        eltwise_into<P>(parts, p, detail::part(r.y(), at, n));
      }
    });
  }

 private:
  static constexpr std::size_t piece = 4096;  // of each input, encoded: small enough for the cache
};

NNIESIM_END_NAMESPACE
