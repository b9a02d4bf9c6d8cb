// Zeros around a feature map.
#pragma once

#include <cstddef>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How many on each side.
struct padding {
  std::size_t top = 0;     ///< rows above the map
  std::size_t left = 0;    ///< columns left of the map
  std::size_t bottom = 0;  ///< rows below the map
  std::size_t right = 0;   ///< columns right of the map

  constexpr padding() noexcept = default;
  /// As many rows above as below, as many columns left as right.
  constexpr padding(std::size_t rows, std::size_t columns) noexcept
      : top(rows), left(columns), bottom(rows), right(columns) {}
  /// Top, left, bottom, right.
  constexpr padding(std::size_t t, std::size_t l, std::size_t b, std::size_t r) noexcept
      : top(t), left(l), bottom(b), right(r) {}
};

NNIESIM_END_NAMESPACE
