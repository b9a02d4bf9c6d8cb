// Memory between two pages that may not be touched: reading or writing a byte outside ends the test program.
#pragma once

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

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
    const std::size_t page = bytes_of_a_page();
    const std::size_t inside = std::max<std::size_t>(1, (n * sizeof(T) + page - 1) / page) * page;
    bytes_ = inside + 2 * page;
    base_ = reserve(bytes_);
    if (base_ == nullptr) throw std::runtime_error("no memory for guard pages");
    auto* usable = static_cast<unsigned char*>(base_) + page;
    if (!open(usable, inside)) throw std::runtime_error("no guard pages");
    std::memset(usable, 0xa5, inside);
    data_ = reinterpret_cast<T*>(where == side::at_end ? usable + inside - n * sizeof(T) : usable);
  }
  /// A copy of the given elements.
  guarded(std::span<const T> values, side where) : guarded(values.size(), where) {
    if (!values.empty()) std::memcpy(static_cast<void*>(data_), values.data(), values.size_bytes());
  }
  ~guarded() { release(base_, bytes_); }
  guarded(const guarded&) = delete;
  guarded& operator=(const guarded&) = delete;

  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return n_; }
  [[nodiscard]] std::span<T> span() const noexcept { return {data_, n_}; }

 private:
#if defined(_WIN32)
  static std::size_t bytes_of_a_page() {
    SYSTEM_INFO info{};
    GetSystemInfo(&info);
    return info.dwPageSize;
  }
  static void* reserve(std::size_t bytes) { return VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_NOACCESS); }
  static bool open(void* part, std::size_t bytes) {
    return VirtualAlloc(part, bytes, MEM_COMMIT, PAGE_READWRITE) != nullptr;
  }
  static void release(void* base, std::size_t) { VirtualFree(base, 0, MEM_RELEASE); }
#else
  static std::size_t bytes_of_a_page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
  static void* reserve(std::size_t bytes) {
    void* const base = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? nullptr : base;
  }
  static bool open(void* part, std::size_t bytes) { return mprotect(part, bytes, PROT_READ | PROT_WRITE) == 0; }
  static void release(void* base, std::size_t bytes) { munmap(base, bytes); }
#endif

  void* base_ = nullptr;
  std::size_t bytes_ = 0;
  T* data_ = nullptr;
  std::size_t n_ = 0;
};
