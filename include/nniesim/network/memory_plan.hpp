// Where blobs lie in one block of memory: each from the layer that writes it to the last that reads it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Something that needs `bytes` from step `first` to step `last`, both included.
struct memory_request {
  std::size_t bytes = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

struct memory_plan {
  std::size_t bytes = 0;               ///< of the whole block
  std::vector<std::size_t> offsets{};  ///< one per request, multiples of `alignment`

  static constexpr std::size_t alignment = 64;
};

/// Requests that live at the same time do not overlap. The largest are placed first, each at the lowest offset that is
/// free for as long as it lives.
[[nodiscard]] inline memory_plan plan_memory(std::span<const memory_request> requests) {
  memory_plan plan{0, std::vector<std::size_t>(requests.size())};
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].bytes != 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return requests[a].bytes > requests[b].bytes; });
  const auto rounded = [](std::size_t bytes) {
    return (bytes + memory_plan::alignment - 1) / memory_plan::alignment * memory_plan::alignment;
  };
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    std::size_t at = 0;
    for (const std::size_t other : placed) {
      const bool together = requests[i].first <= requests[other].last && requests[other].first <= requests[i].last;
      if (!together) continue;
      if (plan.offsets[other] >= at + rounded(requests[i].bytes)) break;
      at = std::max(at, plan.offsets[other] + rounded(requests[other].bytes));
    }
    plan.offsets[i] = at;
    plan.bytes = std::max(plan.bytes, at + rounded(requests[i].bytes));
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
  return plan;
}

NNIESIM_END_NAMESPACE
