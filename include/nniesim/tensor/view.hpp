// Views of dense row-major memory that somebody else owns: what the kernels and run() of layers take. Needs neither
// xtensor nor Eigen.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <type_traits>

#include <nniesim/core/error.hpp>
#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A dense row-major tensor in memory that somebody else owns.
template <class T>
class tensor_view {
 public:
  constexpr tensor_view() noexcept = default;
  /// Throws shape_error unless `data` has exactly as many elements as the shape.
  constexpr tensor_view(std::span<T> data, const tensor_shape& shape) : data_(data.data()), shape_(shape) {
    detail::require<shape_error>(data.size() == shape.size(), "tensor_view: ", data.size(), " elements for shape ",
                                 shape);
  }
  /// A read-only view of what a mutable view shows.
  template <class U>
  requires(std::is_const_v<T>&& std::same_as<U, std::remove_const_t<T>>) constexpr tensor_view(
      const tensor_view<U>& other) noexcept
      : data_(other.data()), shape_(other.shape()) {}

  /// The first element.
  [[nodiscard]] constexpr T* data() const noexcept { return data_; }
  /// Its extents.
  [[nodiscard]] constexpr const tensor_shape& shape() const noexcept { return shape_; }
  /// Number of elements.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return shape_.size(); }
  /// All elements, row-major.
  [[nodiscard]] constexpr std::span<T> span() const noexcept { return {data_, size()}; }
  /// An element by its place in memory, below size(); not checked.
  [[nodiscard]] constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T* data_ = nullptr;
  tensor_shape shape_{0};
};

/// Whether E is a tensor_view.
template <class E>
struct is_tensor_view : std::false_type {};
template <class T>
struct is_tensor_view<tensor_view<T>> : std::true_type {};

/// A view of as many elements as the shape has, from `data` on.
template <class T>
[[nodiscard]] tensor_view<T> view_of(T* data, const tensor_shape& shape) {
  return {std::span<T>(data, shape.size()), shape};
}
/// A view of a vector's, an array's or a span's elements. Throws shape_error unless the shape has as many.
template <std::ranges::contiguous_range R>
requires(std::is_lvalue_reference_v<R> || std::ranges::borrowed_range<R>)
    [[nodiscard]] auto view_of(R&& data, const tensor_shape& shape) {
  using element = std::remove_reference_t<std::ranges::range_reference_t<R>>;
  return tensor_view<element>(std::span<element>(std::ranges::data(data), std::ranges::size(data)), shape);
}
template <std::ranges::contiguous_range R>
requires(!std::is_lvalue_reference_v<R> && !std::ranges::borrowed_range<R>)  //
    tensor_view<const std::ranges::range_value_t<R>> view_of(R&& data, const tensor_shape& shape)
= delete;

NNIESIM_END_NAMESPACE
