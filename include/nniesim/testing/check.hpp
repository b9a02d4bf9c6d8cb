// What the matchers for test frameworks share: each check answers with an empty text, or with why it failed.
#pragma once

#include <cmath>
#include <cstring>
#include <string>

#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace testing {

namespace detail {

/// Two tensors as doubles with their shapes, or why they cannot be compared.
template <class R, class X>
[[nodiscard]] std::string shapes_differ(const R& reference, const X& actual) {
  const tensor_shape r = shape_of(reference);
  const tensor_shape x = shape_of(actual);
  if (r == x && r.size() != 0) return "";
  return nniesim::detail::concat("shape ", x, ", expected ", r, r.size() == 0 ? " (empty: nothing to compare)" : "");
}

[[nodiscard]] inline std::string worst(const comparison& c, const tensor_shape& shape) {
  if (c.bad_reference + c.bad_other != 0) {
    return nniesim::detail::concat("; ", c.bad_other, " NaN or infinite elements, ", c.bad_reference,
                                   " in the reference");
  }
  return nniesim::detail::concat("; largest error ", c.max_abs, " at ", coordinates(shape, c.max_index), ": ",
                                 c.max_other, ", expected ", c.max_reference);
}

}  // namespace detail

/// Cosine similarity with the reference is at least `bound`.
template <tensor_like R, tensor_like X>
[[nodiscard]] std::string cosine_at_least(const R& reference, const X& actual, double bound) {
  if (auto why = detail::shapes_differ(reference, actual); !why.empty()) return why;
  const comparison c = compare(reference, actual);
  if (c.cosine >= bound) return "";
  return nniesim::detail::concat("cosine ", c.cosine, ", expected at least ", bound,
                                 detail::worst(c, shape_of(actual)));
}

/// The norm is within `bound` of the reference's, relatively, on either side.
template <tensor_like R, tensor_like X>
[[nodiscard]] std::string relative_l2_within(const R& reference, const X& actual, double bound) {
  if (auto why = detail::shapes_differ(reference, actual); !why.empty()) return why;
  const comparison c = compare(reference, actual);
  if (std::fabs(c.relative_l2) <= bound) return "";
  return nniesim::detail::concat("relative L2 error of the norms ", c.relative_l2, ", expected within ", bound,
                                 detail::worst(c, shape_of(actual)));
}

/// The norm of the difference is at most `bound` times the reference's norm.
template <tensor_like R, tensor_like X>
[[nodiscard]] std::string difference_within(const R& reference, const X& actual, double bound) {
  if (auto why = detail::shapes_differ(reference, actual); !why.empty()) return why;
  const comparison c = compare(reference, actual);
  if (c.relative_difference <= bound) return "";
  return nniesim::detail::concat("relative difference ", c.relative_difference, ", expected within ", bound,
                                 detail::worst(c, shape_of(actual)));
}

/// Every element has the same bits: -0 differs from +0, and NaN equals the same NaN.
template <tensor_like R, tensor_like X>
requires std::same_as<element_t<R>, element_t<X>>
[[nodiscard]] std::string equal_bits(const R& reference, const X& actual) {
  if (auto why = detail::shapes_differ(reference, actual); !why.empty()) return why;
  const dense<element_t<R>> r(reference);
  const dense<element_t<X>> x(actual);
  for (std::size_t i = 0; i < r.view().size(); ++i) {
    if (std::memcmp(&r.view()[i], &x.view()[i], sizeof(element_t<R>)) != 0) {
      return nniesim::detail::concat("bits differ at ", coordinates(r.view().shape(), i), ": ",
                                     static_cast<double>(x.view()[i]), ", expected ", static_cast<double>(r.view()[i]));
    }
  }
  return "";
}

/// Every code of format F is at most `bound` codes from the reference's, in the order of their values.
template <class F, tensor_like R, tensor_like X>
[[nodiscard]] std::string equal_codes_within(const R& reference, const X& actual, long long bound) {
  if (auto why = detail::shapes_differ(reference, actual); !why.empty()) return why;
  const dense<element_t<R>> r(reference);
  const dense<element_t<X>> x(actual);
  for (std::size_t i = 0; i < r.view().size(); ++i) {
    const auto distance = static_cast<long long>(F::code_distance(r.view()[i], x.view()[i]));
    if (distance > bound) {
      return nniesim::detail::concat(F::name, " codes ", distance, " apart at ", coordinates(r.view().shape(), i),
                                     ", expected within ", bound);
    }
  }
  return "";
}

}  // namespace testing

NNIESIM_END_NAMESPACE
