// Formats: scale_of, encode, decode, fake_quantize of whole arrays.
#include <nanobind/stl/string.h>

#include <nniesim/kernels/quantize.hpp>

#include "arrays.hpp"
#include "module.hpp"

namespace nniesim_python {
namespace {

template <class F>
inline constexpr bool is_gfpq = std::is_same_v<F, gfpq8> || std::is_same_v<F, gfpq16>;

/// What codes are in Python's arrays: of q20_12 the int32 in units of 1/4096.
template <class F>
using code_integer =
    std::conditional_t<std::is_same_v<F, q20_12>, std::int32_t, nniesim::detail::integer_of_t<typename F::code>>;

/// As the package calls it.
template <class F>
inline constexpr std::string_view format_name = std::is_same_v<F, q20_12> ? std::string_view("q20_12") : F::name;

template <class F>
[[nodiscard]] std::string where(std::string_view function) {
  return nniesim::detail::message(format_name<F>, ".", function);
}

/// Scales as Python has them: the integer z of log codes, the step of uniform integers, None of fixed point.
template <class F>
[[nodiscard]] nb::object scale_object(const typename F::scale& s) {
  if constexpr (is_gfpq<F>) return nb::int_(s.z());
  else if constexpr (std::is_same_v<typename F::scale, no_scale>) return nb::none();
  else return nb::float_(static_cast<double>(s.step));
}

template <class F>
[[nodiscard]] typename F::scale scale_argument(nb::handle scale, std::string_view function) {
  const auto refuse = [&](std::string_view expected) {
    throw nb::type_error(nniesim::detail::message(where<F>(function), ": scale is of type ", type_name_of(scale),
                                                  ", expected ", expected)
                             .c_str());
  };
  if constexpr (is_gfpq<F>) {
    using scale_type = typename F::scale;
    if (scale.is_none()) refuse("an int, z");
    return scale_type(static_cast<int>(
        integer_argument(scale, where<F>(function) + ": scale, z,", scale_type::min_z, scale_type::max_z)));
  } else if constexpr (std::is_same_v<typename F::scale, no_scale>) {
    if (!scale.is_none()) refuse("None: its values need no scale");
    return {};
  } else {
    if (PyBool_Check(scale.ptr()) || PyNumber_Check(scale.ptr()) == 0) refuse("a float, the step");
    const double step = PyFloat_AsDouble(scale.ptr());
    if (step == -1.0 && PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      refuse("a float, the step");
    }
    return typename F::scale(static_cast<float>(step));
  }
}

/// The scale that is given, or, for None, the data's own.
template <class F>
[[nodiscard]] typename F::scale scale_or_own(nb::handle scale, std::span<const float> data, std::string_view function) {
  if (!scale.is_none()) return scale_argument<F>(scale, function);
  const nb::gil_scoped_release released;
  return nniesim::scale_of<F>(data);
}

template <class F>
void add_format(nb::module_& m) {
  using code = code_integer<F>;
  static_assert(sizeof(code) == sizeof(typename F::code) && std::is_trivially_copyable_v<typename F::code>);
  nb::module_ f = m.def_submodule(std::string(format_name<F>).c_str());
  f.attr("bits") = 8 * static_cast<int>(sizeof(code));
  f.attr("code_dtype") = numpy_name<code>();

  f.def(
      "scale_of",
      [](nb::handle x) {
        const array_argument<float> in(x, where<F>("scale_of") + ": x");
        return scale_object<F>(scale_or_own<F>(nb::none(), in.span(), "scale_of"));
      },
      nb::arg("x").none());
  f.def(
      "largest", [](nb::handle scale) { return static_cast<double>(F::largest(scale_argument<F>(scale, "largest"))); },
      nb::arg("scale").none());
  f.def(
      "encode",
      [](nb::handle x, nb::handle scale, nb::handle out, nb::handle threads) {
        const std::size_t count = threads_argument(threads);
        const array_argument<float> in(x, where<F>("encode") + ": x");
        const auto s = scale_argument<F>(scale, "encode");
        const array_result<code> codes(out, where<F>("encode"), in.shape());
        codes.require_apart(in.span(), where<F>("encode"), false);
        {
          const nb::gil_scoped_release released;
          const call_threads pool(count);
          const std::span<code> to = codes.span();
          nniesim::encode<F>(in.span(), {reinterpret_cast<typename F::code*>(to.data()), to.size()}, s, pool.handle());
        }
        return codes.object();
      },
      nb::arg("x").none(), nb::arg("scale").none(), nb::arg("out").none(), nb::arg("threads"));
  f.def(
      "decode",
      [](nb::handle codes, nb::handle scale, nb::handle out, nb::handle threads) {
        const std::size_t count = threads_argument(threads);
        const array_argument<code> in(codes, where<F>("decode") + ": codes");
        const auto s = scale_argument<F>(scale, "decode");
        const array_result<float> values(out, where<F>("decode"), in.shape());
        values.require_apart(in.span(), where<F>("decode"), false);
        {
          const nb::gil_scoped_release released;
          const call_threads pool(count);
          const std::span<const code> from = in.span();
          if constexpr (std::is_same_v<F, gfpq16>) {
            for (std::size_t i = 0; i < from.size(); ++i) {
              nniesim::detail::require<format_error>(
                  F::is_code(static_cast<typename F::code>(from[i])), where<F>("decode"), ": ", from[i], " at element ",
                  i, " is no code, expected a sign in bit 15 and a magnitude of at most ", F::max_magnitude);
            }
          }
          nniesim::decode<F>({reinterpret_cast<const typename F::code*>(from.data()), from.size()}, values.span(), s,
                             pool.handle());
        }
        return values.object();
      },
      nb::arg("codes").none(), nb::arg("scale").none(), nb::arg("out").none(), nb::arg("threads"));
  f.def(
      "fake_quantize",
      [](nb::handle x, nb::handle scale, nb::handle out, nb::handle threads) {
        const std::size_t count = threads_argument(threads);
        const array_argument<float> in(x, where<F>("fake_quantize") + ": x");
        const array_result<float> y(out, where<F>("fake_quantize"), in.shape());
        y.require_apart(in.span(), where<F>("fake_quantize"), true);
        const auto s = scale_or_own<F>(scale, in.span(), "fake_quantize");
        {
          const nb::gil_scoped_release released;
          const call_threads pool(count);
          nniesim::fake_quantize<F>(in.span(), y.span(), s, pool.handle());
        }
        return y.object();
      },
      nb::arg("x").none(), nb::arg("scale").none(), nb::arg("out").none(), nb::arg("threads"));
  f.def(
      "events",
      [](nb::handle x, nb::handle scale) {
        const array_argument<float> in(x, where<F>("events") + ": x");
        const auto s = scale_or_own<F>(scale, in.span(), "events");
        event_counts counts;
        {
          const nb::gil_scoped_release released;
          for (const float v : in.span()) (void)F::encode(v, s, counts);
        }
        nb::dict d;
        d["saturated"] = counts.saturated;
        d["clipped"] = counts.clipped;
        d["flushed"] = counts.flushed;
        d["nan"] = counts.nan;
        d["infinite"] = counts.infinite;
        return d;
      },
      nb::arg("x").none(), nb::arg("scale").none());
}

}  // namespace

void add_formats(nb::module_& m) {
  add_format<gfpq8>(m);
  add_format<gfpq16>(m);
  add_format<q20_12>(m);
  add_format<uniform8>(m);
  add_format<uniform16>(m);
  add_format<uniform8_pow2>(m);
  add_format<uniform16_pow2>(m);
}

}  // namespace nniesim_python
