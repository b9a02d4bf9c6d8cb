// Where blobs lie in one block of memory: each from the layer that writes it to the last that reads it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Something that needs `bytes` from step `first` to step `last`, both included.
struct memory_request {
  std::size_t bytes = 0;  ///< 0 takes no memory, at offset 0
  std::size_t first = 0;  ///< the first step that needs them
  std::size_t last = 0;   ///< the last one, not before `first`
};

/// Where requests lie in one block of memory.
struct memory_plan {
  std::size_t bytes = 0;               ///< of the whole block
  std::vector<std::size_t> offsets{};  ///< one per request, multiples of `alignment`

  static constexpr std::size_t alignment = 64;  ///< bytes
};

namespace detail {

/// A set of bytes, as ranges that neither overlap nor touch, in order.
class byte_ranges {
 public:
  void add(std::size_t begin, std::size_t end) {
    auto first = first_behind(begin == 0 ? 0 : begin - 1);  // one that ends at `begin` is continued
    auto last = first;
    for (; last != ranges_.end() && last->begin <= end; ++last) {
      begin = std::min(begin, last->begin);
      end = std::max(end, last->end);
    }
    if (first == last) {
      ranges_.insert(first, {begin, end});
    } else {
      *first = {begin, end};
      ranges_.erase(first + 1, last);
    }
  }
  /// The first offset from `at` on behind which `bytes` bytes are not in the set.
  [[nodiscard]] std::size_t free_from(std::size_t at, std::size_t bytes) const {
    for (auto next = first_behind(at); next != ranges_.end() && next->begin < at + bytes; ++next) at = next->end;
    return at;
  }

 private:
  struct range {
    std::size_t begin, end;
  };
  template <class Self>
  static auto find(Self& ranges, std::size_t at) {
    return std::upper_bound(ranges.begin(), ranges.end(), at, [](std::size_t x, const range& r) { return x < r.end; });
  }
  [[nodiscard]] std::vector<range>::iterator first_behind(std::size_t at) { return find(ranges_, at); }
  [[nodiscard]] std::vector<range>::const_iterator first_behind(std::size_t at) const { return find(ranges_, at); }

  std::vector<range> ranges_;
};

/// Which bytes are taken when: a binary tree of times. A request's bytes stand in the few nodes whose times it lives
/// through (`through`), and in all above and below that have one of its times (`any`), so that a look-up asks few
/// nodes.
class taken_bytes {
 public:
  explicit taken_bytes(std::size_t times) : leaves_(std::bit_ceil(std::max<std::size_t>(times, 1))) {
    nodes_.resize(2 * leaves_);
  }
  void add(std::size_t first, std::size_t last, std::size_t begin, std::size_t end) {
    for_whole_nodes(first, last, [&](node& n) {
      n.through.add(begin, end);
      n.any.add(begin, end);
    });
    for_nodes_above(first, last, [&](node& n) { n.any.add(begin, end); });
  }
  /// The lowest offset at which `bytes` bytes are free from time `first` to `last`.
  [[nodiscard]] std::size_t lowest_free(std::size_t first, std::size_t last, std::size_t bytes) {
    std::size_t at = 0;
    for (std::size_t before = 1; before != at;) {
      before = at;
      for_whole_nodes(first, last, [&](const node& n) { at = n.any.free_from(at, bytes); });
      for_nodes_above(first, last, [&](const node& n) { at = n.through.free_from(at, bytes); });
    }
    return at;
  }

 private:
  struct node {
    byte_ranges any, through;
  };
  /// The nodes that together have just the times first .. last.
  template <class F>
  void for_whole_nodes(std::size_t first, std::size_t last, F f) {
    for (std::size_t l = first + leaves_, r = last + leaves_ + 1; l < r; l /= 2, r /= 2) {
      if (l % 2 != 0) f(nodes_[l++]);
      if (r % 2 != 0) f(nodes_[--r]);
    }
  }
  /// All nodes that have the first or the last time.
  template <class F>
  void for_nodes_above(std::size_t first, std::size_t last, F f) {
    for (std::size_t l = first + leaves_, r = last + leaves_; l != 0; l /= 2, r /= 2) {
      f(nodes_[l]);
      if (l != r) f(nodes_[r]);
    }
  }

  std::size_t leaves_;
  std::vector<node> nodes_;
};

}  // namespace detail

/// Requests that live at the same time do not overlap. The largest are placed first, each at the lowest offset that is
/// free for as long as it lives.
[[nodiscard]] inline memory_plan plan_memory(std::span<const memory_request> requests) {
  memory_plan plan{0, std::vector<std::size_t>(requests.size())};
  std::vector<std::size_t> order, times;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].bytes == 0) continue;
    order.push_back(i);
    times.push_back(requests[i].first);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return requests[a].bytes > requests[b].bytes; });
  // Of two that live at the same time one does when the other begins: no other times count.
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  const auto count_up_to = [&](std::size_t time) {
    return static_cast<std::size_t>(std::upper_bound(times.begin(), times.end(), time) - times.begin());
  };
  detail::taken_bytes taken(times.size());
  for (const std::size_t i : order) {
    const std::size_t first = count_up_to(requests[i].first) - 1, last = count_up_to(requests[i].last) - 1;
    const std::size_t bytes =
        (requests[i].bytes + memory_plan::alignment - 1) / memory_plan::alignment * memory_plan::alignment;
    const std::size_t at = taken.lowest_free(first, last, bytes);
    taken.add(first, last, at, at + bytes);
    plan.offsets[i] = at;
    plan.bytes = std::max(plan.bytes, at + bytes);
  }
  return plan;
}

NNIESIM_END_NAMESPACE
