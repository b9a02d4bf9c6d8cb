// Matchers of tensors for test frameworks; catch2.hpp and gtest.hpp add what each framework needs to print. A matcher
// keeps a copy of its reference, takes tensors of any type, and says in one sentence what it found.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nniesim/metrics/compare.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace matchers {

/// What a check found.
struct finding {
  bool holds = false;    ///< whether the tensor is as it should be
  std::string sentence;  ///< what was found, for the test's output
};

/// An element as a number: floats by the shortest decimals that stand for them alone, 8-bit codes not as characters.
template <class T>
void print_element(std::ostream& out, const T& x) {
  if constexpr (std::floating_point<T>) {
    char text[64];
    out.write(text, std::to_chars(text, text + sizeof text, x).ptr - text);
  } else if constexpr (std::integral<T>) {
    out << +x;
  } else if constexpr (requires { out << x; }) {
    out << x;
  } else {
    out << static_cast<double>(x);
  }
}

/// Tensors, but for lists of values, which frameworks print themselves.
template <class X>
concept printed_here = tensor_like<X> && !value_list<X>;

/// "2x3 {0.5, 1.5, 2.5, ...}": the shape and the first elements in row-major order.
template <tensor_like X>
void print(std::ostream& out, const X& tensor) {
  constexpr std::size_t most = 24;
  const dense<element_t<X>> x(tensor);
  out << x.view().shape() << " {";
  for (std::size_t i = 0; i < x.view().size(); ++i) {
    if (i != 0) out << ", ";
    if (i == most) {
      out << "...";
      break;
    }
    print_element(out, x.view()[i]);
  }
  out << '}';
}

namespace detail {

using nniesim::detail::message;

/// A tensor's copy, shared by the copies that frameworks make of matchers.
template <tensor_like R>
[[nodiscard]] auto keep(const R& reference) {
  using element = element_t<R>;
  const dense<element> r(reference);
  auto copy = make_tensor<element>(r.view().shape());
  std::copy_n(r.view().data(), r.view().size(), copy.data());
  return std::make_shared<const tensor<element>>(std::move(copy));
}

/// Why two shapes cannot be compared; empty where they can.
template <class R, class X>
[[nodiscard]] std::string shapes_differ(const R& reference, const X& actual) {
  const tensor_shape r = shape_of(reference);
  const tensor_shape x = shape_of(actual);
  if (r == x && r.size() != 0) return "";
  return message("shape ", x, ", expected ", r, r.size() == 0 ? " (empty: nothing to compare)" : "");
}

/// A value with what was asked of it, and the worst element.
template <class T>
[[nodiscard]] std::string sentence(std::string_view what, double value, std::string_view asked, double bound,
                                   std::string_view limit, const comparison& c, const T& shape) {
  const std::string measured = message(what, ' ', value, ", ", asked, ' ', bound, ' ', limit);
  if (c.bad_reference + c.bad_other != 0) {
    return message(measured, "; ", c.bad_other, " NaN or infinite elements, ", c.bad_reference, " in the reference");
  }
  if (c.max_abs == 0) return measured + "; all elements equal";
  return message(measured, "; worst element ", coordinates(shape, c.max_index), ": got ", c.max_other, ", expected ",
                 c.max_reference);
}

template <class T>
[[nodiscard]] std::string text_of(const T& x) {
  std::ostringstream out;
  print_element(out, x);
  return out.str();
}

template <class R, class X>
[[nodiscard]] comparison compare_values(const R& reference, const X& actual) {
  static_assert(!nniesim::detail::is_code<element_t<R>> && !nniesim::detail::is_code<element_t<X>>,
                "nniesim: integers of 8 and 16 bits are codes without values: match to_float<FORMAT>(codes, scale), or "
                "match codes by EqualBits and EqualCodesWithin");
  return compare(reference, actual);
}

}  // namespace detail

/// A check of tensors for CHECK_THAT and EXPECT_THAT: `Check` takes any tensor and returns a finding. Composes by &&,
/// || and !, with other matchers of the same framework too.
template <class Check>
class tensor_matcher {
 public:
  using is_gtest_matcher = void;  ///< what GoogleTest knows matchers by

  /// `what` completes "has ...": what is checked.
  tensor_matcher(std::string what, Check check) : what_(std::move(what)), check_(std::move(check)) {}

  /// For Catch2.
  template <tensor_like X>
  [[nodiscard]] bool match(const X& actual) const {
    finding f = check_(actual);
    sentence_ = std::move(f.sentence);
    return f.holds;
  }
  /// For Catch2: what the last match found, else what is checked.
  [[nodiscard]] std::string describe() const { return sentence_.empty() ? what_ : sentence_; }
  /// For Catch2's older matchers: describe().
  [[nodiscard]] std::string toString() const { return describe(); }

  /// For GoogleTest.
  template <tensor_like X>
  bool MatchAndExplain(const X& actual, std::ostream* out) const {
    const finding f = check_(actual);
    if (out != nullptr) *out << f.sentence;
    return f.holds;
  }
  /// For GoogleTest.
  void DescribeTo(std::ostream* out) const { *out << "has " << what_; }
  /// For GoogleTest.
  void DescribeNegationTo(std::ostream* out) const { *out << "does not have " << what_; }

  /// What is checked.
  [[nodiscard]] const std::string& what() const noexcept { return what_; }
  /// The finding for a tensor.
  template <tensor_like X>
  [[nodiscard]] finding operator()(const X& actual) const {
    return check_(actual);
  }

 private:
  std::string what_;
  Check check_;
  mutable std::string sentence_;  // of the last match
};

template <class M>
inline constexpr bool is_tensor_matcher = false;
template <class Check>
inline constexpr bool is_tensor_matcher<tensor_matcher<Check>> = true;

/// A matcher of this library.
template <class M>
concept own_matcher = is_tensor_matcher<std::remove_cvref_t<M>>;

/// One of this library or of Catch2.
template <class M>
concept any_matcher = own_matcher<M> || requires(const std::remove_cvref_t<M>& m) {
  { m.toString() } -> std::convertible_to<std::string>;
};

namespace detail {

template <class M, class X>
[[nodiscard]] finding ask(const M& matcher, const X& actual) {
  if constexpr (own_matcher<M>) {
    return matcher(actual);
  } else {
    const bool holds = matcher.match(actual);
    return {holds, matcher.toString()};
  }
}
template <class M>
[[nodiscard]] std::string what(const M& matcher) {
  if constexpr (own_matcher<M>) return matcher.what();
  else return matcher.toString();
}

}  // namespace detail

/// Both hold; the sentence is that of the parts that do not, or of both.
template <any_matcher A, any_matcher B>
requires(own_matcher<A> || own_matcher<B>) [[nodiscard]] auto operator&&(const A& a, const B& b) {
  return tensor_matcher(detail::what(a) + " and " + detail::what(b), [a, b](const auto& x) -> finding {
    finding f = detail::ask(a, x), g = detail::ask(b, x);
    if (f.holds && !g.holds) return g;
    if (!f.holds && g.holds) return f;
    return {f.holds, f.sentence + " and " + g.sentence};
  });
}

/// One at least holds.
template <any_matcher A, any_matcher B>
requires(own_matcher<A> || own_matcher<B>) [[nodiscard]] auto operator||(const A& a, const B& b) {
  return tensor_matcher(detail::what(a) + " or " + detail::what(b), [a, b](const auto& x) -> finding {
    finding f = detail::ask(a, x), g = detail::ask(b, x);
    return {f.holds || g.holds, f.sentence + " or " + g.sentence};
  });
}

/// It does not hold.
template <own_matcher A>
[[nodiscard]] auto operator!(const A& a) {
  return tensor_matcher("not " + a.what(), [a](const auto& x) -> finding {
    finding f = a(x);
    return {!f.holds, "not expected: " + f.sentence};
  });
}

namespace detail {

/// A matcher that judges the comparison with a reference: judge(comparison, shape).
template <tensor_like R, class Judge>
[[nodiscard]] auto compared(const R& reference, std::string what, Judge judge) {
  return tensor_matcher(std::move(what), [r = keep(reference), judge](const tensor_like auto& x) -> finding {
    if (auto why = shapes_differ(*r, x); !why.empty()) return {false, why};
    return judge(compare_values(*r, x), shape_of(x));
  });
}

}  // namespace detail

}  // namespace matchers

/// Cosine similarity with the reference of at least `bound`. As all matchers here it takes any tensor of the
/// reference's shape: floats, values of layers, views, expressions; codes as to_float<F>(codes, scale). Another shape,
/// an empty tensor, NaN and infinities never match.
template <tensor_like R>
[[nodiscard]] auto CosineAtLeast(const R& reference, double bound) {
  return matchers::detail::compared(
      reference, detail::message("cosine of ", bound, " at least"),
      [bound](const comparison& c, const auto& shape) -> matchers::finding {
        return {c.cosine >= bound,
                matchers::detail::sentence("cosine", c.cosine, "expected", bound, "at least", c, shape)};
      });
}

/// A difference from the reference whose norm is at most `bound` times the reference's norm.
template <tensor_like R>
[[nodiscard]] auto RelativeL2Within(const R& reference, double bound) {
  return matchers::detail::compared(reference, detail::message("relative L2 error of ", bound, " at most"),
                                    [bound](const comparison& c, const auto& shape) -> matchers::finding {
                                      return {c.relative_l2_error <= bound,
                                              matchers::detail::sentence("relative L2 error", c.relative_l2_error,
                                                                         "allowed", bound, "at most", c, shape)};
                                    });
}

/// A norm that differs from the reference's by at most `bound` times that, on either side.
template <tensor_like R>
[[nodiscard]] auto NormErrorWithin(const R& reference, double bound) {
  return matchers::detail::compared(
      reference, detail::message("norm error of ", bound, " at most"),
      [bound](const comparison& c, const auto& shape) -> matchers::finding {
        return {std::fabs(c.norm_error) <= bound,
                matchers::detail::sentence("norm_error", c.norm_error, "allowed", bound, "at most", c, shape)};
      });
}

/// The same bits in every element, both being of one type: -0 differs from +0, and NaN equals the same NaN.
template <tensor_like R>
[[nodiscard]] auto EqualBits(const R& reference) {
  return matchers::tensor_matcher(
      "equal bits", [r = matchers::detail::keep(reference)](const tensor_like auto& actual) -> matchers::finding {
        using element = element_t<std::remove_cvref_t<decltype(actual)>>;
        static_assert(std::same_as<element, element_t<R>>, "nniesim: EqualBits takes elements of the reference's type");
        if (auto why = matchers::detail::shapes_differ(*r, actual); !why.empty()) return {false, why};
        const dense<element> x(actual);
        std::size_t first = 0, differ = 0;
        for (std::size_t i = x.view().size(); i-- > 0;) {
          if (std::memcmp(&x.view()[i], r->data() + i, sizeof(element)) == 0) continue;
          first = i;
          ++differ;
        }
        if (differ == 0) return {true, "bits are equal"};
        return {false, detail::message("bits differ in ", differ, " of ", x.view().size(),
                                       " elements, expected equal "
                                       "ones; the first ",
                                       coordinates(x.view().shape(), first), ": got ",
                                       matchers::detail::text_of(x.view()[first]), ", expected ",
                                       matchers::detail::text_of(r->data()[first]))};
      });
}

/// Codes of format F, each at most `bound` codes from the reference's in the order of their values.
template <class F, tensor_like R>
[[nodiscard]] auto EqualCodesWithin(const R& reference, long long bound) {
  return matchers::tensor_matcher(
      detail::message("codes within ", bound),
      [r = matchers::detail::keep(reference), bound](const tensor_like auto& actual) -> matchers::finding {
        using element = element_t<std::remove_cvref_t<decltype(actual)>>;
        static_assert(nniesim::detail::code_of<element_t<R>, F> && nniesim::detail::code_of<element, F>,
                      "nniesim: EqualCodesWithin takes tensors of the format's codes");
        if (auto why = matchers::detail::shapes_differ(*r, actual); !why.empty()) return {false, why};
        const dense<element> x(actual);
        std::size_t worst = 0;
        long long most = 0;
        for (std::size_t i = 0; i < x.view().size(); ++i) {
          const auto distance = static_cast<long long>(F::code_distance(r->data()[i], x.view()[i]));
          if (distance <= most) continue;
          most = distance;
          worst = i;
        }
        std::string text = detail::message(F::name, " codes up to ", most, " apart, allowed ", bound, " at most");
        if (most > 0) {
          text += detail::message("; worst element ", coordinates(x.view().shape(), worst), ": got ",
                                  matchers::detail::text_of(x.view()[worst]), ", expected ",
                                  matchers::detail::text_of(r->data()[worst]));
        }
        return {most <= bound, text};
      });
}

NNIESIM_END_NAMESPACE
