// Tensors as the operators take them, xtensor or Eigen expressions that are seen as dense row-major memory, and the
// owning type that they return.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// xtensor 0.26 moved its headers into folders. Where both layouts are found, a new copy before the system's old one,
// the new one is taken, unless the program has included the old one already.
#if __has_include(<xtensor/containers/xarray.hpp>) && \
    !(defined(XTENSOR_VERSION_MAJOR) && XTENSOR_VERSION_MAJOR == 0 && XTENSOR_VERSION_MINOR < 26)
#include <xtensor/containers/xarray.hpp>
#if XTENSOR_VERSION_MAJOR == 0 && XTENSOR_VERSION_MINOR < 26
#error "nniesim: headers of two versions of xtensor are mixed: put one alone on the include path"
#endif
#else
#include <xtensor/xarray.hpp>
#endif

#include <nniesim/core/error.hpp>
#include <nniesim/formats/integer_code.hpp>
#include <nniesim/tensor/shape.hpp>
#include <nniesim/tensor/view.hpp>

namespace Eigen {
template <class Derived>
struct EigenBase;  // who hands over Eigen's expressions has included its headers
}

NNIESIM_BEGIN_NAMESPACE

/// What operators return: dense, row-major, owning.
template <class T>
using tensor = xt::xarray<T, xt::layout_type::row_major>;

template <class E>
concept xtensor_expression = xt::is_xexpression<std::remove_cvref_t<E>>::value;

template <class E>
concept eigen_expression = std::derived_from<std::remove_cvref_t<E>, Eigen::EigenBase<std::remove_cvref_t<E>>>;

/// Values one behind the other in memory, taken as a tensor of rank 1: std::vector, std::array, std::span, ... of
/// numbers or codes. Strings and lists of tensors are not tensor-like.
template <class E>
concept value_list =
    !xtensor_expression<E> && !eigen_expression<E> && std::ranges::contiguous_range<E> && std::ranges::sized_range<E> &&
    std::is_trivially_copyable_v<std::ranges::range_value_t<E>> && !std::ranges::range<std::ranges::range_value_t<E>> &&
    !is_tensor_view<std::ranges::range_value_t<E>>::value && !std::is_pointer_v<std::ranges::range_value_t<E>> &&
    !std::same_as<std::ranges::range_value_t<E>, char>;

/// Whatever an operator takes as a tensor: an xtensor expression, a dense Eigen expression (rank 2), a tensor_view, or
/// a list of values (rank 1).
template <class E>
concept tensor_like =
    xtensor_expression<E> || eigen_expression<E> || is_tensor_view<std::remove_cvref_t<E>>::value || value_list<E>;

namespace detail {

template <class E>
struct element;
template <xtensor_expression E>
struct element<E> {
  using type = std::remove_cv_t<typename E::value_type>;
};
template <eigen_expression E>
struct element<E> {
  using type = typename E::Scalar;
};
template <class T>
struct element<tensor_view<T>> {
  using type = std::remove_cv_t<T>;
};
template <value_list E>
struct element<E> {
  using type = std::ranges::range_value_t<E>;
};

}  // namespace detail

/// The element type of a tensor-like argument.
template <tensor_like E>
using element_t = typename detail::element<std::remove_cvref_t<E>>::type;

/// The shape of a tensor-like argument: of an Eigen matrix rows x columns, of a list its length. Throws shape_error for
/// more than tensor_shape::max_rank axes.
template <class Expression>
[[nodiscard]] tensor_shape shape_of(const Expression& e) {
  if constexpr (xtensor_expression<Expression>) {
    std::array<std::size_t, tensor_shape::max_rank> extents{};
    const std::size_t rank = e.dimension();
    detail::require<shape_error>(rank <= tensor_shape::max_rank, "tensor: rank ", rank, ", expected at most ",
                                 tensor_shape::max_rank);
    for (std::size_t i = 0; i < rank; ++i) extents[i] = static_cast<std::size_t>(e.shape()[i]);
    return tensor_shape(std::span<const std::size_t>(extents.data(), rank));
  } else if constexpr (eigen_expression<Expression>) {
    return {static_cast<std::size_t>(e.rows()), static_cast<std::size_t>(e.cols())};
  } else if constexpr (value_list<Expression>) {
    return {std::ranges::size(e)};
  } else {
    return e.shape();
  }
}

/// A tensor-like argument as dense row-major memory: a view of it where it is that already, else of a copy held here.
/// The argument must outlive the object.
template <class T>
class dense {
 public:
  /// Looks at `e`, or copies it where it is not dense and row-major.
  template <tensor_like E>
  requires std::same_as<element_t<E>, T>
  explicit dense(const E& e) {
    const tensor_shape shape = shape_of(e);
    if constexpr (is_tensor_view<E>::value) {
      view_ = e;
    } else if constexpr (value_list<E>) {
      view_ = {std::span<const T>(std::ranges::data(e), std::ranges::size(e)), shape};
    } else if constexpr (eigen_expression<E>) {
      copy_.reserve(shape.size());
      const auto& values = evaluated(e);
      using index = decltype(e.rows());
      for (index row = 0; row < e.rows(); ++row) {
        for (index column = 0; column < e.cols(); ++column) copy_.push_back(values.coeff(row, column));
      }
      view_ = {std::span<const T>(copy_), shape};
    } else {
      if constexpr (requires {
                      { e.data() } -> std::convertible_to<const T*>;
                      requires E::static_layout == xt::layout_type::row_major;
                    }) {
        view_ = {std::span<const T>(e.data() + e.data_offset(), shape.size()), shape};
      } else {
        copy_.assign(e.template begin<xt::layout_type::row_major>(), e.template end<xt::layout_type::row_major>());
        view_ = {std::span<const T>(copy_), shape};
      }
    }
  }
  dense(const dense&) = delete;
  dense& operator=(const dense&) = delete;

  /// The elements, row-major.
  [[nodiscard]] const tensor_view<const T>& view() const noexcept { return view_; }

 private:
  /// An Eigen expression's coefficients: products and the like are computed once, triangles and diagonals filled.
  template <eigen_expression E>
  [[nodiscard]] static decltype(auto) evaluated(const E& e) {
    if constexpr (requires { e.eval(); }) return e.eval();
    else return e.toDenseMatrix();
  }

  std::vector<T> copy_;
  tensor_view<const T> view_;
};

/// A new tensor of the given shape; its elements are uninitialised where T allows that.
template <class T>
[[nodiscard]] tensor<T> make_tensor(const tensor_shape& shape) {
  return tensor<T>(typename tensor<T>::shape_type(shape.begin(), shape.end()));
}

/// A mutable view of a whole tensor.
template <class T>
[[nodiscard]] tensor_view<T> view_of(tensor<T>& t) {
  return {std::span<T>(t.data(), t.size()), shape_of(t)};
}
/// A read-only view of a whole tensor.
template <class T>
[[nodiscard]] tensor_view<const T> view_of(const tensor<T>& t) {
  return {std::span<const T>(t.data(), t.size()), shape_of(t)};
}
/// A view of a temporary would outlive what it shows: keep the tensor in a variable.
template <class T>
tensor_view<const T> view_of(const tensor<T>&& t) = delete;

namespace detail {

/// Integers of 8 and 16 bits: codes, whose values take a format and a scale.
template <class T>
inline constexpr bool is_code = std::integral<integer_of_t<T>> && !std::same_as<T, bool> && sizeof(T) <= 2;

/// The float nearest to a number; of a format's own type of codes, which converts to double exactly, by that.
template <class T>
[[nodiscard]] float nearest_float(const T& x) {
  if constexpr (requires { static_cast<float>(x); }) return static_cast<float>(x);
  else return static_cast<float>(static_cast<double>(x));
}

template <tensor_like X, class F>
[[nodiscard]] tensor<float> floats_of(const X& x, F&& value) {
  const dense<element_t<X>> d(x);
  auto y = make_tensor<float>(d.view().shape());
  std::transform(d.view().data(), d.view().data() + d.view().size(), y.data(), value);
  return y;
}

}  // namespace detail

/// A tensor's values as floats, each the nearest one: of what layers write, or of any other numbers.
template <tensor_like X>
[[nodiscard]] tensor<float> to_float(const X& x) {
  static_assert(!detail::is_code<element_t<X>>,
                "nniesim: integers of 8 and 16 bits are codes: to_float<FORMAT>(codes, scale) gives their values");
  return detail::floats_of(x, [](const element_t<X>& v) { return detail::nearest_float(v); });
}
/// The values of codes of the format F under a scale: to_float<gfpq8>(codes, scale).
template <class F, tensor_like X>
[[nodiscard]] tensor<float> to_float(const X& codes, const typename F::scale& scale) {
  static_assert(detail::code_of<element_t<X>, F>, "nniesim: to_float takes a tensor of the format's codes");
  return detail::floats_of(codes, [&scale](typename F::code c) { return F::decode(c, scale); });
}

NNIESIM_END_NAMESPACE
