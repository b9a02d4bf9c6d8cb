// How far two outputs agree, as a number that the limits of cosines can be applied to: of few values a cosine says
// little, their relative error takes its place.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/fact.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The relative L2 error that equal norms and this cosine mean.
[[nodiscard]] inline double error_of(double cosine) {
  return std::isnan(cosine) ? std::numeric_limits<double>::infinity() : std::sqrt(std::max(0.0, 2 - 2 * cosine));
}

/// Whether an output has so few values that their direction is right whatever happens: two logits have one angle. Of a
/// single value, as inside of a norm, only the norm can be judged.
[[nodiscard]] constexpr bool has_few_values(std::size_t count) noexcept {
  return count > 1 && count < limit::few_values;
}

}  // namespace detail

/// The cosine; of few values (limit::few_values) no more than the cosine which, for equal norms, means their relative
/// L2 error e: 1 - e^2 / 2, at least -1. A limit of 0.99 then is one of 14.1 % for their error. NaN as the cosine.
[[nodiscard]] inline double agreement(const comparison& c) noexcept {
  if (!detail::has_few_values(c.count) || std::isnan(c.cosine)) return c.cosine;
  return std::min(c.cosine, std::max(-1.0, 1 - c.relative_l2_error * c.relative_l2_error / 2));
}

namespace detail {

/// The fact with `cosine`, or, of few values, `relative_error`.
[[nodiscard]] inline fact with_agreement(fact f, const comparison& c) {
  return has_few_values(c.count) ? f.add("relative_error", c.relative_l2_error) : f.add("cosine", c.cosine);
}

/// What of few values is judged, with the values themselves: whether an error matters depends on how large they are.
[[nodiscard]] inline fact few_values_fact(std::string_view name, const comparison& c, std::span<const float> reference,
                                          std::span<const float> other) {
  std::vector<fact_field> fields = {{"layer", std::string(name)},
                                    {"count", c.count},
                                    {"cosine", c.cosine},
                                    {"relative_error", c.relative_l2_error},
                                    {"reference", std::vector<double>(reference.begin(), reference.end())},
                                    {"other", std::vector<double>(other.begin(), other.end())}};
  const auto largest = [](std::span<const float> values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
  };
  if (!reference.empty() && !other.empty() && largest(reference) != largest(other)) {
    fields.push_back({"largest_of_reference", largest(reference)});
    fields.push_back({"largest_of_other", largest(other)});
  }
  return {fact_kind::few_values, std::move(fields)};
}

}  // namespace detail

NNIESIM_END_NAMESPACE
