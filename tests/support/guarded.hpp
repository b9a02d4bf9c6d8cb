// Memory between two pages that may not be touched: reading or writing a byte outside ends the test program.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <type_traits>

/// n elements that end right before an unreadable page, or begin right behind one, filled with a poison pattern.
template <class T>
class guarded {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  enum class side { at_end, at_begin };

  explicit guarded(std::size_t n, side where) : n_(n) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inside = std::max<std::size_t>(1, (n * sizeof(T) + page - 1) / page) * page;
    bytes_ = inside + 2 * page;
    base_ = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) throw std::runtime_error("no memory for guard pages");
    auto* usable = static_cast<unsigned char*>(base_) + page;
    if (mprotect(usable, inside, PROT_READ | PROT_WRITE) != 0) throw std::runtime_error("no guard pages");
    std::memset(usable, 0xa5, inside);
    data_ = reinterpret_cast<T*>(where == side::at_end ? usable + inside - n * sizeof(T) : usable);
  }
  /// A copy of the given elements.
  guarded(std::span<const T> values, side where) : guarded(values.size(), where) {
    if (!values.empty()) std::memcpy(static_cast<void*>(data_), values.data(), values.size_bytes());
  }
  ~guarded() { munmap(base_, bytes_); }
  guarded(const guarded&) = delete;
  guarded& operator=(const guarded&) = delete;

  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return n_; }
  [[nodiscard]] std::span<T> span() const noexcept { return {data_, n_}; }

 private:
  void* base_ = nullptr;
  std::size_t bytes_ = 0;
  T* data_ = nullptr;
  std::size_t n_ = 0;
};
