// Whole tensors to codes and back, with the vector kernels where a format has them and its own one-value functions
// where not. The results are the same. Each function takes spans to write into, or a tensor of floats (a container, an
// expression, a view: what operators take) and returns a tensor of its shape:
//
//   const auto s = scale_of<gfpq8>(x);
//   const auto codes = encode<gfpq8>(x, s);
//   const auto y = decode<gfpq8>(codes, s);  // the same as fake_quantize<gfpq8>(x, s) and fake_quantize<gfpq8>(x)
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include <nniesim/kernels/executor.hpp>
#include <nniesim/kernels/kernels.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Throws shape_error unless both spans have one length.
inline void require_same_length(std::size_t in, std::size_t out, std::string_view where) {
  require<shape_error>(in == out, where, ": ", in, " elements in, ", out, " out, expected equally many");
}

template <class F>
inline constexpr bool is_gfpq = std::same_as<F, gfpq8> || std::same_as<F, gfpq16>;

/// Cuts n elements into pieces and runs f(begin, count) on them.
template <class F>
void for_pieces(std::size_t n, const executor& threads, F&& f) {
  constexpr std::size_t piece = std::size_t{1} << 15U;
  if (threads.max_workers < 2) return f(std::size_t{0}, n);
  threads((n + piece - 1) / piece, [&](std::size_t i) { f(i * piece, std::min(piece, n - i * piece)); });
}

}  // namespace detail

/// Tensors of floats. Doubles are rounded by name first (to_float): the vendor's formats take floats.
template <class E>
concept float_tensor = tensor_like<E> && std::same_as < element_t<E>,
float > ;

/// out[i] = decode(encode(in[i])). The spans may be the same memory, but not overlap otherwise.
template <quantized_format F>
void fake_quantize(std::span<const float> in, std::span<float> out, const typename F::scale& s,
                   const executor& threads = {}) {
  detail::require_same_length(in.size(), out.size(), "fake_quantize");
  detail::for_pieces(in.size(), threads, [&, use = active_isa()](std::size_t at, std::size_t n) {
    if constexpr (detail::is_gfpq<F>) {
      kernels::select(
          use, [&](auto set) { decltype(set)::template fake_quantize<F>(in.data() + at, out.data() + at, n, s); });
    } else {
      for (std::size_t i = at; i < at + n; ++i) out[i] = F::decode(F::encode(in[i], s), s);
    }
  });
}

/// The same, telling `counts` of every event; one value at a time.
template <quantized_format F>
void fake_quantize(std::span<const float> in, std::span<float> out, const typename F::scale& s, event_counts& counts) {
  detail::require_same_length(in.size(), out.size(), "fake_quantize");
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = F::decode(F::encode(in[i], s, counts), s);
}

/// out[i] = encode(in[i]).
template <quantized_format F>
void encode(std::span<const float> in, std::span<typename F::code> out, const typename F::scale& s,
            const executor& threads = {}) {
  detail::require_same_length(in.size(), out.size(), "encode");
  detail::for_pieces(in.size(), threads, [&, use = active_isa()](std::size_t at, std::size_t n) {
    if constexpr (detail::is_gfpq<F>) {
      kernels::select(use, [&](auto set) { decltype(set)::template encode<F>(in.data() + at, out.data() + at, n, s); });
    } else if constexpr (std::same_as<F, q20_12>) {
      kernels::select(use, [&](auto set) { decltype(set)::to_q20_12(in.data() + at, out.data() + at, n); });
    } else {
      for (std::size_t i = at; i < at + n; ++i) out[i] = F::encode(in[i], s);
    }
  });
}

/// out[i] = decode(in[i]); codes are taken as valid (gfpq16 has patterns that are none: see is_code).
template <quantized_format F>
void decode(std::span<const typename F::code> in, std::span<float> out, const typename F::scale& s,
            const executor& threads = {}) {
  detail::require_same_length(in.size(), out.size(), "decode");
  detail::for_pieces(in.size(), threads, [&, use = active_isa()](std::size_t at, std::size_t n) {
    if constexpr (detail::is_gfpq<F>) {
      kernels::select(use, [&](auto set) { decltype(set)::template decode<F>(in.data() + at, out.data() + at, n, s); });
    } else if constexpr (std::same_as<F, q20_12>) {
      kernels::select(use, [&](auto set) { decltype(set)::from_q20_12(in.data() + at, out.data() + at, n); });
    } else {
      for (std::size_t i = at; i < at + n; ++i) out[i] = F::decode(in[i], s);
    }
  });
}

/// Layer values in the format Output as codes of F hold them: encoded, decoded and written again. The spans may be the
/// same memory, but not overlap otherwise.
template <quantized_format F, quantized_format Output>
void requantize(std::span<const typename Output::code> in, std::span<typename Output::code> out,
                const typename F::scale& s) {
  detail::require_same_length(in.size(), out.size(), "requantize");
  if constexpr (detail::is_gfpq<F> && std::same_as<Output, q20_12>) {
    kernels::select(active_isa(),
                    [&](auto set) { decltype(set)::template requantize<F>(in.data(), out.data(), in.size(), s); });
  } else if constexpr (std::same_as<F, binary32> && std::same_as<Output, binary32>) {
    if (in.data() != out.data()) std::copy(in.begin(), in.end(), out.begin());
  } else {
    constexpr std::size_t piece = 1024;
    float values[piece];
    for (std::size_t at = 0; at < in.size(); at += piece) {
      const std::size_t n = std::min(piece, in.size() - at);
      const std::span<float> part(values, n);
      decode<Output>(in.subspan(at, n), part, {});
      fake_quantize<F>(part, part, s);
      encode<Output>(part, out.subspan(at, n), {});
    }
  }
}

/// Layer values as a layer stores them as codes of stage.z, after the stage's ReLU.
template <quantized_format F>
requires detail::is_gfpq<F>
void encode_values(std::span<const q20_12> in, std::span<typename F::code> out, const kernels::output_stage& stage) {
  detail::require_same_length(in.size(), out.size(), "encode_values");
  kernels::select(active_isa(),
                  [&](auto set) { decltype(set)::template encode_values<F>(in.data(), out.data(), in.size(), stage); });
}
/// Stored codes as the layer values that they stand for.
template <quantized_format F>
requires detail::is_gfpq<F>
void decode_values(std::span<const typename F::code> in, std::span<q20_12> out, const typename F::scale& s) {
  detail::require_same_length(in.size(), out.size(), "decode_values");
  kernels::select(active_isa(),
                  [&](auto set) { decltype(set)::template decode_values<F>(in.data(), out.data(), in.size(), s); });
}

/// A format whose codes are integers: buffers of these (std::uint8_t, ...) are taken for codes.
template <class F>
concept integer_coded = quantized_format<F> && !std::same_as<typename F::code, detail::integer_of_t<typename F::code>>;

/// encode into integers.
template <integer_coded F>
void encode(std::span<const float> in, std::span<detail::integer_of_t<typename F::code>> out,
            const typename F::scale& s, const executor& threads = {}) {
  encode<F>(in, {reinterpret_cast<typename F::code*>(out.data()), out.size()}, s, threads);
}

/// decode from integers.
template <integer_coded F>
void decode(std::span<const detail::integer_of_t<typename F::code>> in, std::span<float> out,
            const typename F::scale& s, const executor& threads = {}) {
  decode<F>({reinterpret_cast<const typename F::code*>(in.data()), in.size()}, out, s, threads);
}

/// The format's scale for the data, as F::scale_of, found by the vector kernels where only the largest magnitude
/// counts.
template <quantized_format F>
[[nodiscard]] typename F::scale scale_of(std::span<const float> data) {
  if constexpr (requires { F::scale_of_max(1.0F); }) {
    return F::scale_of_max(kernels::select(
        active_isa(), [&](auto set) { return decltype(set)::max_magnitude(data.data(), data.size()); }));
  } else {
    return F::scale_of(data);
  }
}

namespace detail {

/// A new tensor of x's shape, written by write(values of x, values of the result).
template <class T, tensor_like X, class Write>
[[nodiscard]] tensor<T> mapped(const X& x, Write write) {
  const dense<element_t<X>> in(x);
  auto y = make_tensor<T>(in.view().shape());
  write(in.view().span(), std::span<T>(y.data(), y.size()));
  return y;
}

}  // namespace detail

/// The format's scale for all of x.
template <quantized_format F, float_tensor X>
[[nodiscard]] typename F::scale scale_of(const X& x) {
  return scale_of<F>(dense<float>(x).view().span());
}

/// The codes of x, in its shape.
template <quantized_format F, float_tensor X>
[[nodiscard]] tensor<typename F::code> encode(const X& x, const typename F::scale& s, const executor& threads = {}) {
  return detail::mapped<typename F::code>(x, [&](auto in, auto out) { encode<F>(in, out, s, threads); });
}

/// The values of codes, or of the integers that they are, in their shape.
template <quantized_format F, tensor_like C>
requires detail::code_of<element_t<C>, F>
[[nodiscard]] tensor<float> decode(const C& codes, const typename F::scale& s, const executor& threads = {}) {
  return detail::mapped<float>(codes, [&](auto in, auto out) { decode<F>(in, out, s, threads); });
}

/// x as the format holds it, with the given scale.
template <quantized_format F, float_tensor X>
[[nodiscard]] tensor<float> fake_quantize(const X& x, const typename F::scale& s, const executor& threads = {}) {
  return detail::mapped<float>(x, [&](auto in, auto out) { fake_quantize<F>(in, out, s, threads); });
}
/// The same, telling `counts` of every event.
template <quantized_format F, float_tensor X>
[[nodiscard]] tensor<float> fake_quantize(const X& x, const typename F::scale& s, event_counts& counts) {
  return detail::mapped<float>(x, [&](auto in, auto out) { fake_quantize<F>(in, out, s, counts); });
}
/// The same with the scale of x itself.
template <quantized_format F, float_tensor X>
[[nodiscard]] tensor<float> fake_quantize(const X& x) {
  return fake_quantize<F>(x, scale_of<F>(x));
}

NNIESIM_END_NAMESPACE
