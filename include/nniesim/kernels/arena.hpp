// Aligned pieces of memory that the caller provides: operators allocate nothing themselves.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Hands out pieces of a workspace, one behind the other.
class arena {
 public:
  static constexpr std::size_t alignment = 64;  ///< of every piece, in bytes
  /// `bytes` rounded up to a multiple of the alignment.
  [[nodiscard]] static constexpr std::size_t rounded(std::size_t bytes) noexcept {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  /// Hands out pieces of `memory`, which must outlive them.
  explicit arena(std::span<std::byte> memory) noexcept : memory_(memory) {}
  /// Throws shape_error where the memory is used up.
  template <class T>
  [[nodiscard]] T* take(std::size_t n, std::string_view where) {
    void* at = memory_.data();
    std::size_t room = memory_.size();
    const bool fits = n <= room / sizeof(T) && std::align(alignment, n * sizeof(T), at, room) != nullptr;
    detail::require<shape_error>(fits, where, ": workspace of ", memory_.size(), " bytes left, needs ", n,
                                 " values of ", sizeof(T), " bytes more; ask workspace_bytes()");
    memory_ = memory_.subspan(static_cast<std::size_t>(static_cast<std::byte*>(at) - memory_.data()) + n * sizeof(T));
    return static_cast<T*>(at);
  }
  /// What has not been taken.
  [[nodiscard]] std::span<std::byte> rest() const noexcept { return memory_; }

 private:
  std::span<std::byte> memory_;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
