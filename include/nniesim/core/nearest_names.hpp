// Known names that resemble an unknown one, for error messages about mistyped names.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/config.hpp>
#include <nniesim/core/excerpt.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// How many letters must be added, taken away or replaced to make b of a; upper and lower case are the same. Of long
/// names the first 64 bytes count.
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, 64);
  b = b.substr(0, 64);
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

/// "; nearest: 'conv1', 'conv2'": the names that are most like `name`, three at most; empty where no name resembles it.
/// Names that resemble it equally keep the order of `names`.
[[nodiscard]] inline std::string nearest_names(std::string_view name, const std::vector<std::string_view>& names) {
  std::vector<std::pair<std::size_t, std::string_view>> found;
  for (const std::string_view n : names) {
    const std::size_t d = edit_distance(name, n);
    const bool is_new = std::none_of(found.begin(), found.end(), [&](const auto& f) { return f.second == n; });
    if (is_new && d < std::max(name.size(), n.size())) found.emplace_back(d, n);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, found.size()); ++i) {
    text += (i == 0 ? "; nearest: " : ", ") + excerpt(found[i].second);
  }
  return text;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
