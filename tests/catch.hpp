// Catch2, whichever of its two generations is installed.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

/// Matches a string, or an exception's message, that has `text` in it.
inline auto contains(const std::string& text) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(text);
#else
  return Catch::Matchers::Contains(text);
#endif
}

/// A number near `value`; tolerances as Catch2's Approx.
inline auto approx(double value) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Approx(value);
#else
  return Approx(value);
#endif
}
