// Instruction sets: which the kernels exist for, which this processor runs, which one is in use. Chosen at run time;
// NNIESIM_ISA=name in the environment or force_isa() overrides the choice, the macro NNIESIM_ISA at compile time leaves
// only that one (and the scalar kernels) in the program.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
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

// What compilers are told to compile kernels for; isa_table below has the rest.
#define NNIESIM_AVX2_TARGET "avx2,fma"
#define NNIESIM_AVX512_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define NNIESIM_AVX512_VNNI_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"
#if defined(__clang__)
#define NNIESIM_NEON_DOT_TARGET "dotprod"
#else
#define NNIESIM_NEON_DOT_TARGET "arch=armv8.2-a+dotprod"
#endif

/// From the plainest to the best of each architecture. All give the same bits.
enum class isa {
  scalar,
  avx2,         ///< AVX2 and FMA
  avx_vnni,     ///< with 256-bit 8-bit dot products
  avx512,       ///< AVX-512 F, BW, DQ and VL
  avx512_vnni,  ///< with 512-bit 8-bit dot products
  neon,         ///< AArch64
  neon_dot,     ///< with 8-bit dot products
};

namespace detail {

/// Registers in which a processor and its system say what they can.
enum class cpu_register : unsigned {
  leaf1_ecx,   ///< CPUID leaf 1, ECX
  leaf7_ebx,   ///< CPUID leaf 7, subleaf 0, EBX
  leaf7_ecx,   ///< CPUID leaf 7, subleaf 0, ECX
  leaf71_eax,  ///< CPUID leaf 7, subleaf 1, EAX
  xcr0,        ///< which registers the system saves (XGETBV)
  hwcap,       ///< AT_HWCAP of Linux on AArch64
};
/// Their values, 0 for those of another architecture.
using cpu_values = std::array<std::uint32_t, 6>;

/// Everything that is known of an instruction set.
struct isa_facts {
  isa id;
  std::string_view name;
  isa includes;        ///< what it needs besides; scalar includes itself
  cpu_values bits;     ///< that must be set beside the included ones', by cpu_register
  const char* target;  ///< for the compiler; nullptr where nothing is said to it
};

[[nodiscard]] consteval std::uint32_t bits_at(std::initializer_list<unsigned> places) {
  std::uint32_t bits = 0;
  for (const unsigned p : places) bits |= std::uint32_t{1} << p;
  return bits;
}

// Sources: Intel's manual, volume 2, CPUID, and volume 1, 13.3 and 15.2 (XCR0); Linux' arch/arm64 hwcap.h. AVX-VNNI is
// not in its target: its instructions are written in assembly, since not every compiler knows it.
inline constexpr std::array isa_table = {
    isa_facts{isa::scalar, "scalar", isa::scalar, {}, nullptr},
    isa_facts{isa::avx2,
              "avx2",
              isa::scalar,
              {bits_at({12, 27, 28}),  // FMA, OSXSAVE, AVX
               bits_at({5}),           // AVX2
               0, 0, bits_at({1, 2}),  // XMM, YMM
               0},
              NNIESIM_AVX2_TARGET},
    isa_facts{isa::avx_vnni, "avx_vnni", isa::avx2, {0, 0, 0, bits_at({4}), 0, 0}, NNIESIM_AVX2_TARGET},
    isa_facts{isa::avx512,
              "avx512",
              isa::avx2,
              {0, bits_at({16, 17, 30, 31}),  // F, DQ, BW, VL
               0, 0, bits_at({5, 6, 7}),      // masks, upper halves of ZMM0-15, ZMM16-31
               0},
              NNIESIM_AVX512_TARGET},
    isa_facts{isa::avx512_vnni, "avx512_vnni", isa::avx512, {0, 0, bits_at({11}), 0, 0, 0}, NNIESIM_AVX512_VNNI_TARGET},
    isa_facts{isa::neon, "neon", isa::scalar, {0, 0, 0, 0, 0, bits_at({1})}, nullptr},  // ASIMD
    isa_facts{
        isa::neon_dot, "neon_dot", isa::neon, {0, 0, 0, 0, 0, bits_at({20})}, NNIESIM_NEON_DOT_TARGET},  // ASIMDDP
};
static_assert(std::ranges::all_of(isa_table, [](const isa_facts& f) {
  return &f == &isa_table[static_cast<std::size_t>(f.id)] && f.includes <= f.id;
}));

[[nodiscard]] constexpr const isa_facts& facts_of(isa i) noexcept { return isa_table[static_cast<std::size_t>(i)]; }

/// Whether a processor with these values runs it.
[[nodiscard]] constexpr bool is_supported(isa i, const cpu_values& cpu) noexcept {
  for (;; i = facts_of(i).includes) {
    const cpu_values& needed = facts_of(i).bits;
    for (std::size_t r = 0; r < cpu.size(); ++r) {
      if ((cpu[r] & needed[r]) != needed[r]) return false;
    }
    if (i == isa::scalar) return true;
  }
}

}  // namespace detail

inline constexpr auto all_isas = [] {
  std::array<isa, detail::isa_table.size()> all{};
  std::ranges::transform(detail::isa_table, all.begin(), &detail::isa_facts::id);
  return all;
}();

[[nodiscard]] constexpr std::string_view to_string(isa i) noexcept { return detail::facts_of(i).name; }

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
  return is_supported(i, {~0U, ~0U, ~0U, ~0U, ~0U, 0});
#elif defined(NNIESIM_ARCH_ARM)
  return is_supported(i, {0, 0, 0, 0, 0, ~0U});
#else
  return false;
#endif
}

/// This machine's.
[[nodiscard]] inline cpu_values read_cpu() noexcept {
  cpu_values v{};
#if defined(NNIESIM_ARCH_X86)
  unsigned a = 0, b = 0, c = 0, d = 0;
  const auto put = [&](cpu_register r, unsigned value) { v[static_cast<std::size_t>(r)] = value; };
  if (__get_cpuid_count(1, 0, &a, &b, &c, &d) == 0) return v;
  put(cpu_register::leaf1_ecx, c);
  if ((c & bits_at({27})) != 0) {
    unsigned low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    put(cpu_register::xcr0, low);
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return v;
  put(cpu_register::leaf7_ebx, b);
  put(cpu_register::leaf7_ecx, c);
  if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) put(cpu_register::leaf71_eax, a);
#elif defined(NNIESIM_ARCH_ARM)
  auto& hwcap = v[static_cast<std::size_t>(cpu_register::hwcap)];
#if defined(__linux__)
  hwcap = static_cast<std::uint32_t>(getauxval(AT_HWCAP));
#elif defined(__ARM_FEATURE_DOTPROD)
  hwcap = bits_at({20});
#endif
  hwcap |= facts_of(isa::neon).bits[static_cast<std::size_t>(cpu_register::hwcap)];  // every one has it
#endif
  return v;
}

}  // namespace detail

/// The instruction sets whose kernels run here, plainest first.
[[nodiscard]] inline std::span<const isa> runnable_isas() noexcept {
  static const auto list = [] {
    const detail::cpu_values cpu = detail::read_cpu();
    std::pair<std::array<isa, all_isas.size()>, std::size_t> found{};
    for (const isa i : all_isas) {
      if (detail::is_compiled(i) && detail::is_supported(i, cpu)) found.first[found.second++] = i;
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
  std::string names;
  for (const isa i : all_isas) names += (names.empty() ? "" : ", ") + std::string(to_string(i));
  throw format_error(detail::concat("instruction set '", name, "', expected one of ", names));
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
