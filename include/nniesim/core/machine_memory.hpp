// How much memory a process may use, and the size of a core's second-level cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <limits>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <unistd.h>
#endif

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The most memory that this process can have, in bytes: the machine's, or the limit on this process or its container
/// (Linux control groups). The largest number where the system does not say.
[[nodiscard]] inline std::size_t machine_memory() {
  static const std::size_t found = [] {
    std::size_t least = std::numeric_limits<std::size_t>::max();
#if defined(__unix__) || defined(__APPLE__)
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0 && static_cast<std::size_t>(pages) <= least / static_cast<std::size_t>(page)) {
      least = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);  // else more than addresses reach
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
      least = std::min(least, static_cast<std::size_t>(limit.rlim_cur));
    }
#endif
#if defined(__linux__)
    std::ifstream group("/sys/fs/cgroup/memory.max");
    if (std::size_t most = 0; group >> most) least = std::min(least, most);  // not where it says "max"
#endif
    return least;
  }();
  return found;
}

/// Bytes of a core's second-level cache; 1 MB where the system does not tell. Only the speed depends on it.
[[nodiscard]] inline std::size_t second_level_cache() noexcept {
  static const std::size_t found = [] {
    constexpr std::size_t usual = std::size_t{1} << 20U, least = usual / 4, most = usual * 4;
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return std::clamp(static_cast<std::size_t>(bytes), least, most);
#endif
    return std::clamp(usual, least, most);
  }();
  return found;
}

NNIESIM_END_NAMESPACE
