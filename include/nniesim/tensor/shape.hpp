// The extents of a dense row-major tensor, and the checks that every operator makes on them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Up to eight extents, outermost first. Feature maps are NCHW: batch, channel, row, column.
class tensor_shape {
 public:
  static constexpr std::size_t max_rank = 8;  ///< axes at most

  constexpr tensor_shape() noexcept = default;
  /// As from a span.
  constexpr tensor_shape(std::initializer_list<std::size_t> extents)
      : tensor_shape(std::span<const std::size_t>(extents.begin(), extents.size())) {}
  /// Throws shape_error for more than max_rank extents or an element count beyond std::ptrdiff_t.
  constexpr explicit tensor_shape(std::span<const std::size_t> extents) : rank_(extents.size()) {
    detail::require<shape_error>(rank_ <= max_rank, "shape: rank ", rank_, ", expected at most ", max_rank);
    std::copy(extents.begin(), extents.end(), extents_.begin());
    if (std::find(extents.begin(), extents.end(), std::size_t{0}) != extents.end()) {
      size_ = 0;
      return;
    }
    constexpr auto limit = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
    for (const std::size_t e : extents) {
      detail::require<shape_error>(size_ <= limit / e, "shape: more than ", limit, " elements in ", *this);
      size_ *= e;
    }
  }

  /// Number of axes.
  [[nodiscard]] constexpr std::size_t rank() const noexcept { return rank_; }
  /// Number of elements; 1 for rank 0.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  /// The extent of an axis below rank(); not checked.
  [[nodiscard]] constexpr std::size_t operator[](std::size_t axis) const noexcept { return extents_[axis]; }
  /// The outermost extent.
  [[nodiscard]] constexpr const std::size_t* begin() const noexcept { return extents_.data(); }
  /// Behind the innermost extent.
  [[nodiscard]] constexpr const std::size_t* end() const noexcept { return extents_.data() + rank_; }

  /// Of the same rank and extents.
  friend constexpr bool operator==(const tensor_shape& a, const tensor_shape& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  /// "1x3x224x224"; "scalar" for rank 0.
  friend std::ostream& operator<<(std::ostream& out, const tensor_shape& s) {
    if (s.rank_ == 0) return out << "scalar";
    for (std::size_t i = 0; i < s.rank_; ++i) out << (i == 0 ? "" : "x") << std::to_string(s.extents_[i]);
    return out;
  }

 private:
  std::array<std::size_t, max_rank> extents_{};
  std::size_t rank_ = 0;
  std::size_t size_ = 1;
};

/// "(0, 3, 7, 2)": the coordinates of the element with the given row-major index.
[[nodiscard]] inline std::string coordinates(const tensor_shape& shape, std::size_t index) {
  std::array<std::size_t, tensor_shape::max_rank> at{};
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    const std::size_t extent = std::max<std::size_t>(1, shape[axis]);
    at[axis] = index % extent;
    index /= extent;
  }
  std::string text = "(";
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(at[axis]);
  }
  return text + ")";
}

/// Throws shape_error unless the shape has the given rank and no extent is 0.
inline void require_rank(const tensor_shape& shape, std::size_t rank, std::string_view where,
                         std::string_view expected) {
  detail::require<shape_error>(shape.rank() == rank && shape.size() != 0, where, ": got shape ", shape,
                               ", expected rank ", rank, " (", expected, ") with no empty axis");
}

namespace detail {

/// Throws shape_error unless the tensor given for an operator's result has the inferred shape.
inline void require_output(const tensor_shape& got, const tensor_shape& expected, std::string_view where) {
  require<shape_error>(got == expected, where, ": output tensor has shape ", got, ", expected ", expected);
}

}  // namespace detail

NNIESIM_END_NAMESPACE
