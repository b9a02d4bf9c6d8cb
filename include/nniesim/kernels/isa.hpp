// Instruction sets: which the kernels exist for, which this processor runs, which one is in use. Chosen at run time;
// NNIESIM_ISA=name in the environment or force_isa() overrides the choice, the macro NNIESIM_ISA at compile time leaves
// only that one (and the scalar kernels) in the program.
#pragma once

#include <array>
#include <atomic>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <nniesim/core/error.hpp>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define NNIESIM_ARCH_X86 1
#include <cpuid.h>
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define NNIESIM_ARCH_ARM 1
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

NNIESIM_BEGIN_NAMESPACE

/// From the plainest to the best of each architecture. All give the same bits.
enum class isa {
  scalar,
  avx2,         ///< AVX2 and FMA
  avx_vnni,     ///< with 256-bit 8-bit dot products
  avx512,       ///< AVX-512 F, BW, DQ and VL
  avx512_vnni,  ///< with 512-bit 8-bit dot products and VBMI
  neon,         ///< AArch64
  neon_dot,     ///< with 8-bit dot products
};

inline constexpr std::array all_isas = {isa::scalar,      isa::avx2, isa::avx_vnni, isa::avx512,
                                        isa::avx512_vnni, isa::neon, isa::neon_dot};

[[nodiscard]] constexpr std::string_view to_string(isa i) noexcept {
  switch (i) {
    case isa::scalar: return "scalar";
    case isa::avx2: return "avx2";
    case isa::avx_vnni: return "avx_vnni";
    case isa::avx512: return "avx512";
    case isa::avx512_vnni: return "avx512_vnni";
    case isa::neon: return "neon";
    case isa::neon_dot: return "neon_dot";
  }
  return "?";
}

namespace detail {

#if defined(NNIESIM_ISA)
#define NNIESIM_STRING_(x) #x
#define NNIESIM_STRING(x) NNIESIM_STRING_(x)
inline constexpr std::string_view only_isa = NNIESIM_STRING(NNIESIM_ISA);
#else
inline constexpr std::string_view only_isa = "";
#endif

/// Whether the library has kernels for it on this architecture, in this program.
[[nodiscard]] constexpr bool is_compiled(isa i) noexcept {
  if (i == isa::scalar) return true;
  if (!only_isa.empty() && only_isa != to_string(i)) return false;
#if defined(NNIESIM_ARCH_X86)
  return i == isa::avx2 || i == isa::avx_vnni || i == isa::avx512 || i == isa::avx512_vnni;
#elif defined(NNIESIM_ARCH_ARM)
  return i == isa::neon || i == isa::neon_dot;
#else
  return false;
#endif
}

#if defined(NNIESIM_ARCH_X86)
/// CPUID leaf 7, subleaf 1, EAX bit 4: not every compiler's __builtin_cpu_supports knows the name.
[[nodiscard]] inline bool has_avx_vnni() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 4U)) != 0;
}
#elif defined(NNIESIM_ARCH_ARM)
/// HWCAP bit 20 (ASIMDDP) of the Linux kernel.
[[nodiscard]] inline bool has_neon_dot() noexcept {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & (1UL << 20U)) != 0;
#elif defined(__ARM_FEATURE_DOTPROD)
  return true;
#else
  return false;
#endif
}
#endif

/// Whether the processor and the operating system run it.
[[nodiscard]] inline bool is_supported(isa i) noexcept {
#if defined(NNIESIM_ARCH_X86)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  switch (i) {
    case isa::scalar: return true;
    case isa::avx2: return avx2;
    case isa::avx_vnni: return avx2 && has_avx_vnni();
    case isa::avx512: return avx512;
    case isa::avx512_vnni:
      return avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
    default: return false;
  }
#elif defined(NNIESIM_ARCH_ARM)
  return i == isa::scalar || i == isa::neon || (i == isa::neon_dot && has_neon_dot());
#else
  return i == isa::scalar;
#endif
}

}  // namespace detail

/// The instruction sets whose kernels run here, plainest first.
[[nodiscard]] inline std::span<const isa> runnable_isas() noexcept {
  static const auto list = [] {
    std::pair<std::array<isa, all_isas.size()>, std::size_t> found{};
    for (const isa i : all_isas) {
      if (detail::is_compiled(i) && detail::is_supported(i)) found.first[found.second++] = i;
    }
    return found;
  }();
  return {list.first.data(), list.second};
}

/// Throws format_error for an unknown name.
[[nodiscard]] inline isa isa_of(std::string_view name) {
  for (const isa i : all_isas) {
    if (to_string(i) == name) return i;
  }
  throw format_error(detail::concat("instruction set '", name,
                                    "', expected one of scalar, avx2, avx_vnni, avx512, avx512_vnni, neon, neon_dot"));
}

namespace detail {

/// Throws format_error unless the kernels are in this program and run on this processor.
inline isa require_runnable(isa i, std::string_view who) {
  std::string list;
  for (const isa r : runnable_isas()) {
    if (r == i) return i;
    list += (list.empty() ? "" : ", ") + std::string(to_string(r));
  }
  throw format_error(concat(who, ": instruction set ", to_string(i), " cannot run here, expected one of: ", list));
}

[[nodiscard]] inline isa default_isa() {
  const char* wanted = std::getenv("NNIESIM_ISA");
  if (wanted != nullptr && *wanted != '\0') return require_runnable(isa_of(wanted), "environment variable NNIESIM_ISA");
  return runnable_isas().back();
}

[[nodiscard]] inline std::atomic<isa>& isa_in_use() {
  static std::atomic<isa> current{default_isa()};
  return current;
}

}  // namespace detail

/// The instruction set that kernels use from here on; the best one that runs unless forced.
/// Throws format_error where NNIESIM_ISA in the environment names one that cannot run.
[[nodiscard]] inline isa active_isa() { return detail::isa_in_use().load(std::memory_order_relaxed); }

/// Makes the given instruction set the active one, for every thread. Throws format_error if it cannot run here.
/// Layers prepared before keep the one they were prepared for.
inline void force_isa(isa i) { detail::isa_in_use().store(detail::require_runnable(i, "force_isa")); }

NNIESIM_END_NAMESPACE
