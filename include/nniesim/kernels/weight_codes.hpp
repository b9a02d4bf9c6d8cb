// Weights of a group to codes, with the vector kernels where a format has them: the same codes as
// group_weights::encode.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nniesim/kernels/quantize.hpp>
#include <nniesim/precision/group_weights.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Memory for weights: aligned to whole cache lines, and left as it is by resize(), for all of it is written next.
template <class T>
struct weight_allocator {
  using value_type = T;                             ///< of a weight
  static constexpr std::align_val_t alignment{64};  ///< of the memory, in bytes

  weight_allocator() = default;
  /// From the allocator of another type; there is nothing to copy.
  template <class U>
  weight_allocator(const weight_allocator<U>&) noexcept {}
  /// Memory for n weights. Throws std::bad_array_new_length or std::bad_alloc.
  [[nodiscard]] T* allocate(std::size_t n) {
    if (n > SIZE_MAX / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(::operator new(n * sizeof(T), alignment));
  }
  /// Frees memory of allocate().
  void deallocate(T* p, std::size_t) noexcept { ::operator delete(p, alignment); }
  /// Leaves the memory as it is.
  template <class U>
  void construct(U*) noexcept {
    static_assert(std::is_trivially_copyable_v<U>);  // there as soon as its memory is
  }
  /// Constructs a weight from the arguments.
  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
  /// All allocators are equal: each frees what another one allocated.
  friend bool operator==(const weight_allocator&, const weight_allocator&) noexcept { return true; }
};
template <class T>
using weight_vector = std::vector<T, weight_allocator<T>>;

/// The threads, where n weights are worth waking them.
[[nodiscard]] inline executor shared(const executor& threads, std::size_t n) noexcept {
  return n < std::size_t{1} << 16U ? executor{} : threads;
}

/// Makes `most` as large as x, whatever other threads do.
inline void raise_to(std::atomic<std::uint32_t>& most, std::uint32_t x) noexcept {
  for (std::uint32_t known = most.load(); known < x && !most.compare_exchange_weak(known, x);) {
  }
}

/// The bits of the largest |w|: with a NaN among them more than infinity's. 0 of no weights.
[[nodiscard]] inline std::uint32_t largest_magnitude_bits(std::span<const float> w, const executor& threads = {}) {
  std::atomic<std::uint32_t> most{0};
  nniesim::detail::for_pieces(
      w.size(), shared(threads, w.size()), [&, use = active_isa()](std::size_t at, std::size_t n) {
        const std::uint32_t bits =
            select(use, [&](auto set) { return decltype(set)::magnitude_bits(w.data() + at, nullptr, n); });
        raise_to(most, bits);
      });
  return most;
}

/// group_weights<F>::of finite weights whose largest_magnitude_bits() are known, without its search for the least
/// magnitude where two weights show that they differ.
template <quantized_format F>
[[nodiscard]] group_weights<F> encoding_of(std::span<const float> w, std::uint32_t largest_bits) {
  if constexpr (is_log_format<F>) {
    const float most = std::bit_cast<float>(largest_bits);
    const bool differ = std::any_of(
        w.begin(), w.end(), [most](float v) { return !(most - std::abs(v) < group_weights<F>::constant_spread); });
    if (!differ) return group_weights<F>::of(w);
    return {F::scale_of_max(most), 1.0, false};
  } else if constexpr (requires { F::scale_of_max(1.0F); }) {
    return {F::scale_of_max(std::bit_cast<float>(largest_bits)), 1.0, false};
  } else {
    return group_weights<F>::of(w);
  }
}
template <quantized_format F>
[[nodiscard]] group_weights<F> encoding_of(std::span<const float> w) {
  return encoding_of<F>(w, largest_magnitude_bits(w));
}

/// codes[i] = group.encode(w[i]).
template <quantized_format F>
void encode_weights(const group_weights<F>& group, std::span<const float> w, std::span<typename F::code> codes) {
  if (group.is_constant) {
    std::transform(w.begin(), w.end(), codes.begin(), [&](float v) { return group.encode(v); });
  } else {
    encode<F>(w, codes, group.scale);
  }
}

/// Rows of n elements as columns: element t of row r to to[t * to_step + r]. `from` is read to whole vectors of
/// elements.
template <class T>
void transpose_rows(isa i, const T* from, std::size_t from_step, std::size_t rows, std::size_t n, T* to,
                    std::size_t to_step) {
  if constexpr (sizeof(T) == 4) {
    const bool done = select(i, [&](auto set) {
      using Set = decltype(set);
      if (rows % Set::square != 0) return false;
      for (std::size_t r = 0; r < rows; r += Set::square) {
        Set::transpose_rows(from + r * from_step, from_step, n, to + r, to_step);
      }
      return true;
    });
    if (done) return;
  }
  for (std::size_t t = 0; t < n; ++t) {
    for (std::size_t r = 0; r < rows; ++r) to[t * to_step + r] = from[r * from_step + t];
  }
}

}  // namespace kernels

namespace detail {

/// The encoding of each group, whose weights lie one behind the other, as many in each: the given ones, one for each or
/// one for all, or, where none are given, derived ones, from the bits of each group's largest magnitude. Throws
/// shape_error for another number.
template <quantized_format F>
[[nodiscard]] std::vector<group_weights<F>> encodings(std::vector<group_weights<F>> given, std::span<const float> w,
                                                      std::span<const std::uint32_t> largest_bits,
                                                      std::string_view where) {
  const std::size_t groups = largest_bits.size();
  require<shape_error>(given.size() <= 1 || given.size() == groups, where, ": ", given.size(),
                       " encodings of weights for ", groups, " groups, expected one for each or one for all");
  if (given.size() == 1) given.resize(groups, given[0]);
  const std::size_t each = w.size() / groups;
  given.reserve(groups);
  for (std::size_t g = given.size(); g < groups; ++g) {
    given.push_back(kernels::encoding_of<F>(w.subspan(g * each, each), largest_bits[g]));
  }
  return given;
}

/// The bits of the largest magnitude of each of `groups` groups.
[[nodiscard]] inline std::vector<std::uint32_t> largest_bits_of(std::span<const float> w, std::size_t groups,
                                                                const executor& threads = {}) {
  std::vector<std::uint32_t> bits(groups);
  const std::size_t each = w.size() / groups;
  for (std::size_t g = 0; g < groups; ++g) {
    bits[g] = kernels::largest_magnitude_bits(w.subspan(g * each, each), threads);
  }
  return bits;
}
template <quantized_format F>
[[nodiscard]] std::vector<group_weights<F>> encodings(std::vector<group_weights<F>> given, std::span<const float> w,
                                                      std::size_t groups, std::string_view where) {
  return encodings<F>(std::move(given), w, largest_bits_of(w, groups), where);
}

}  // namespace detail

NNIESIM_END_NAMESPACE
