// How operators take their tensors: as what the preceding layer would have written under the same policy.
#pragma once

#include <algorithm>
#include <concepts>
#include <string_view>
#include <vector>

#include <nniesim/kernels/layerwise.hpp>
#include <nniesim/precision/policy.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A value as double, whatever tensor it stands in.
template <class T>
[[nodiscard]] constexpr double as_double(const T& x) noexcept {
  return static_cast<double>(x);
}

/// Calls run(kernel_set) with the vector kernels for a policy's layer values. False where the policy or the active
/// instruction set has none: the specification's loop then does the work.
template <precision_policy P, class Run>
[[nodiscard]] bool run_layerwise(Run run) {
  if constexpr (std::same_as<typename P::output, binary32> || std::same_as<typename P::output, q20_12>) {
    return kernels::layerwise::run(run);
  } else {
    return false;
  }
}

/// Whether floats hold a NaN, found by the vector kernels; true where there are none of these.
[[nodiscard]] inline bool may_have_nan(const float* x, std::size_t n) {
  bool found = true;
  return !kernels::layerwise::run([&](auto k) { found = k.has_nan(x, n); }) || found;
}

/// Throws format_error where a tensor holds NaN, with the first one's place.
template <std::floating_point T>
void refuse_nan(tensor_view<const T> x, std::string_view where) {
  if constexpr (std::same_as<T, float>) {
    if (!may_have_nan(x.data(), x.size())) return;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == x[i]) continue;  // the sentence is made only where it is needed
    require<format_error>(false, where, ": NaN at ", coordinates(x.shape(), i), " of shape ", x.shape(),
                          ", expected numbers");
  }
}

/// An operator's input: a view of the argument where its elements are of the policy's value type already, else a copy
/// written in the policy's output format, as the layer before would have written it. NaN is refused.
template <precision_policy P, tensor_like E>
class op_input {
  using value = value_t<P>;

 public:
  op_input(const E& e, std::string_view where) : source_(e) {
    const auto& x = source_.view();
    if constexpr (std::same_as<element_t<E>, value>) {
      if constexpr (std::floating_point<value>) refuse_nan(x, where);
      view_ = x;
    } else {
      converted_.reserve(x.size());
      // In pieces that stay in the cache between the search for NaN and the conversion.
      constexpr std::size_t piece = 4096;
      for (std::size_t at = 0; at < x.size(); at += piece) {
        append({x.data() + at, std::min(piece, x.size() - at)}, x, where);
      }
      view_ = {std::span<const value>(converted_), x.shape()};
    }
  }

  [[nodiscard]] const tensor_view<const value>& view() const noexcept { return view_; }
  [[nodiscard]] const tensor_shape& shape() const noexcept { return view_.shape(); }

 private:
  void append(std::span<const element_t<E>> part, const tensor_view<const element_t<E>>& whole,
              std::string_view where) {
    if constexpr (std::same_as<element_t<E>, float> && std::same_as<typename P::output, q20_12>) {
      const std::size_t at = converted_.size();
      const bool done = run_layerwise<P>([&](auto k) {
        if (k.has_nan(part.data(), part.size())) return;
        converted_.resize(at + part.size());
        k.convert(part.data(), converted_.data() + at, part.size());
      });
      if (done && converted_.size() != at) return;
    }
    for (const auto& v : part) {
      if constexpr (std::floating_point<element_t<E>>) {
        if (v != v) refuse_nan(whole, where);
      }
      converted_.push_back(P::output::from(as_double(v)));
    }
  }

  dense<element_t<E>> source_;
  std::vector<value> converted_;
  tensor_view<const value> view_;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
