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

// GCC does not align the stack of Windows programs for registers of more than 16 bytes, and stores these there as if it
// did (GCC bug 54412): such programs have the scalar kernels only, unless their vector moves are made such that need no
// alignment, by the option -Wa,-muse-unaligned-vector-move, and NNIESIM_UNALIGNED_VECTOR_MOVES says so.
#if defined(_WIN32) && defined(__GNUC__) && !defined(__clang__) && !defined(NNIESIM_UNALIGNED_VECTOR_MOVES)
#define NNIESIM_NO_VECTOR_KERNELS
#endif

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(NNIESIM_NO_VECTOR_KERNELS)
#define NNIESIM_ARCH_X86 1
#include <cpuid.h>
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define NNIESIM_ARCH_ARM 1
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

NNIESIM_BEGIN_NAMESPACE

// The instruction sets that have kernels, a row each, from the plainest to the best of each architecture: its name,
// which is that of its namespace of kernels and of its file, too; what it needs besides; the bits that must be set
// beside that one's. Sources: Intel's manual, volume 2, CPUID, and volume 1, 13.3 and 15.2 (XCR0); Linux' arch/arm64
// hwcap.h.
// clang-format off
#define NNIESIM_X86_ISAS(row)                                                                                      \
  row(avx2, scalar, {leaf1_ecx, 12, 27, 28}, {leaf7_ebx, 5}, {xcr0, 1, 2}) /* FMA, OSXSAVE, AVX; AVX2; XMM, YMM */ \
  row(avx_vnni, avx2, {leaf71_eax, 4})                                     /* 8-bit dot products of 256 bits */    \
  row(avx512, avx2, {leaf7_ebx, 16, 17, 30, 31}, {xcr0, 5, 6, 7})          /* F, DQ, BW, VL; masks, ZMM */         \
  row(avx512_vnni, avx512, {leaf7_ecx, 11})                                /* 8-bit dot products of 512 bits */
#define NNIESIM_ARM_ISAS(row)                                                                                      \
  row(neon, scalar, {hwcap, 1})                                            /* ASIMD */                             \
  row(neon_dot, neon, {hwcap, 20})                                         /* ASIMDDP: 8-bit dot products */       \
  row(neon_i8mm, neon_dot, {hwcap2, 13})                                   /* I8MM: 8-bit matrix products */
// clang-format on

#if defined(NNIESIM_ARCH_X86)
#define NNIESIM_ISAS_HERE(row) NNIESIM_X86_ISAS(row)
#elif defined(NNIESIM_ARCH_ARM)
#define NNIESIM_ISAS_HERE(row) NNIESIM_ARM_ISAS(row)
#else
#define NNIESIM_ISAS_HERE(row)
#endif

/// Those rows behind the scalar specification. All give the same bits.
enum class isa {
  scalar,
#define NNIESIM_ROW(name, ...) name,
  NNIESIM_X86_ISAS(NNIESIM_ROW) NNIESIM_ARM_ISAS(NNIESIM_ROW)
#undef NNIESIM_ROW
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
  hwcap2,      ///< AT_HWCAP2
};
/// Their values, 0 for those of another architecture.
using cpu_values = std::array<std::uint32_t, 7>;

/// Bits of one of them.
struct cpu_bits {
  template <class... Places>
  consteval cpu_bits(cpu_register r, Places... places) : where(r), bits(((std::uint32_t{1} << places) | ...)) {}
  cpu_register where;
  std::uint32_t bits;
};

/// Everything that is known of an instruction set.
struct isa_facts {
  isa id = isa::scalar;
  std::string_view name = "scalar";
  isa includes = isa::scalar;  ///< what it needs besides; scalar includes itself
  cpu_values bits = {};        ///< that must be set beside the included ones', by cpu_register
};

[[nodiscard]] consteval isa_facts facts_of_row(isa id, std::string_view name, isa includes,
                                               std::initializer_list<cpu_bits> needed) {
  isa_facts f{id, name, includes, {}};
  for (const cpu_bits& n : needed) f.bits[static_cast<std::size_t>(n.where)] |= n.bits;
  return f;
}

inline constexpr auto isa_table = [] {
  using enum cpu_register;
#define NNIESIM_ROW(name, includes, ...) , facts_of_row(isa::name, #name, isa::includes, {__VA_ARGS__})
  return std::array{isa_facts{} NNIESIM_X86_ISAS(NNIESIM_ROW) NNIESIM_ARM_ISAS(NNIESIM_ROW)};
#undef NNIESIM_ROW
}();
static_assert(std::ranges::all_of(isa_table, [](const isa_facts& f) { return f.includes <= f.id; }));

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

/// Every instruction set of the enumeration, in its order, whether it runs here or not.
inline constexpr auto all_isas = [] {
  std::array<isa, detail::isa_table.size()> all{};
  std::ranges::transform(detail::isa_table, all.begin(), &detail::isa_facts::id);
  return all;
}();

/// The name of the instruction set, as isa_of and NNIESIM_ISA take it.
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
#define NNIESIM_ROW(name, ...) || i == isa::name
  return false NNIESIM_ISAS_HERE(NNIESIM_ROW);
#undef NNIESIM_ROW
}

/// This machine's.
[[nodiscard]] inline cpu_values read_cpu() noexcept {
  cpu_values v{};
#if defined(NNIESIM_ARCH_X86)
  unsigned a = 0, b = 0, c = 0, d = 0;
  const auto put = [&](cpu_register r, unsigned value) { v[static_cast<std::size_t>(r)] = value; };
  if (__get_cpuid_count(1, 0, &a, &b, &c, &d) == 0) return v;
  put(cpu_register::leaf1_ecx, c);
  if ((c & cpu_bits(cpu_register::leaf1_ecx, 27).bits) != 0) {  // OSXSAVE
    unsigned low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    put(cpu_register::xcr0, low);
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return v;
  put(cpu_register::leaf7_ebx, b);
  put(cpu_register::leaf7_ecx, c);
  if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) put(cpu_register::leaf71_eax, a);
#elif defined(NNIESIM_ARCH_ARM)
  const auto at = [&](cpu_register r) -> std::uint32_t& { return v[static_cast<std::size_t>(r)]; };
#if defined(__linux__)
  at(cpu_register::hwcap) = static_cast<std::uint32_t>(getauxval(AT_HWCAP));
  at(cpu_register::hwcap2) = static_cast<std::uint32_t>(getauxval(AT_HWCAP2));
#elif defined(__ARM_FEATURE_DOTPROD)
  v = facts_of(isa::neon_dot).bits;
#endif
  at(cpu_register::hwcap) |= facts_of(isa::neon).bits[static_cast<std::size_t>(cpu_register::hwcap)];  // all have it
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
  throw format_error(detail::message("instruction set '", name, "', expected one of ", names));
}

namespace detail {

/// Throws format_error unless the kernels are in this program and run on this processor.
inline isa require_runnable(isa i, std::string_view who) {
  std::string list;
  for (const isa r : runnable_isas()) {
    if (r == i) return i;
    list += (list.empty() ? "" : ", ") + std::string(to_string(r));
  }
  throw format_error(message(who, ": instruction set ", to_string(i), " cannot run here, expected one of: ", list));
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
