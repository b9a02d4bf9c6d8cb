#include <nniesim/kernels/kernels.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "catch.hpp"
#include "support/isas.hpp"

using namespace nniesim;

TEST_CASE("the best runnable instruction set is in use unless the environment names another") {
  const char* wanted = std::getenv("NNIESIM_ISA");
  if (wanted == nullptr || *wanted == '\0') CHECK(active_isa() == runnable_isas().back());
  else CHECK(to_string(active_isa()) == wanted);
}

TEST_CASE("the instruction set that the test run is for is in use") {
  const char* expected = std::getenv("NNIESIM_EXPECTED_ISA");
  if (expected != nullptr) CHECK(to_string(active_isa()) == expected);
}

TEST_CASE("a forced instruction set is the active one") {
  for_each_isa([](isa i) { CHECK(active_isa() == i); });
}

TEST_CASE("what the processor has is found") {
  CHECK(runnable_isas().front() == isa::scalar);
#if defined(__x86_64__) && defined(__linux__) && !defined(NNIESIM_ISA)
  // The kernel's list, not the library's own question to the processor.
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; flags.empty() && std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
  }
  REQUIRE(!flags.empty());
  const auto has = [&](std::initializer_list<const char*> all) {
    return std::all_of(all.begin(), all.end(), [&](const char* f) { return flags.contains(f); });
  };
  const auto runs = [](isa i) { return std::ranges::find(runnable_isas(), i) != runnable_isas().end(); };
  const bool avx2 = has({"avx2", "fma"});
  const bool avx512 = avx2 && has({"avx512f", "avx512bw", "avx512dq", "avx512vl"});
  CHECK(runs(isa::avx2) == avx2);
  CHECK(runs(isa::avx_vnni) == (avx2 && has({"avx_vnni"})));
  CHECK(runs(isa::avx512) == avx512);
  CHECK(runs(isa::avx512_vnni) == (avx512 && has({"avx512_vnni"})));
#elif defined(__aarch64__)
  CHECK(runnable_isas().size() >= 2);
#endif
}

namespace {

/// The best of those that these registers tell of: CPUID 1 ECX, 7.0 EBX, 7.0 ECX, 7.1 EAX, XCR0; HWCAP, HWCAP2.
isa best_of(const detail::cpu_values& cpu) {
  isa best = isa::scalar;
  for (const isa i : all_isas) {
    if (detail::is_supported(i, cpu)) best = i;
  }
  return best;
}

}  // namespace

TEST_CASE("processors get the best of what they and their system have") {
  constexpr std::uint32_t saves_ymm = 0x7;
  constexpr std::uint32_t saves_zmm = 0xe7;
  CHECK(best_of({0, 0, 0, 0, 0, 0}) == isa::scalar);
  CHECK(best_of({0x7ffafbff, 0x029c67af, 0, 0, saves_ymm, 0}) == isa::avx2);                  // Broadwell
  CHECK(best_of({0x7ffafbff, 0x239ca7eb, 0x98c007bc, 0x10, saves_ymm, 0}) == isa::avx_vnni);  // Alder Lake
  CHECK(best_of({0x7ffefbff, 0xd39ffffb, 0x00000008, 0, saves_zmm, 0}) == isa::avx512);       // Skylake
  CHECK(best_of({0x7ffefbff, 0xd39ffffb, 0x00000808, 0, saves_zmm, 0}) == isa::avx512_vnni);  // Cascade Lake: no VBMI
  CHECK(best_of({0x7ffefbff, 0xd39ffffb, 0x00000808, 0x20, saves_zmm, 0}) == isa::avx512_vnni);  // Cooper Lake
  CHECK(best_of({0x7ffefbff, 0xf3bfb7ef, 0x00405fce, 0, saves_zmm, 0}) == isa::avx512_vnni);     // Ice Lake
  CHECK(best_of({0x7ffefbff, 0xf3bfb7ef, 0x00405fce, 0x30, saves_zmm, 0}) == isa::avx512_vnni);  // Sapphire Rapids
  CHECK(best_of({0x7ffefbff, 0x1c0d47ab, 0x00000001, 0, saves_zmm, 0}) == isa::avx2);  // Knights Landing: no BW, VL
  // A system that does not save the registers, or that does not tell.
  CHECK(best_of({0x7ffefbff, 0xd39ffffb, 0x00000808, 0, saves_ymm, 0}) == isa::avx2);
  CHECK(best_of({0x7ffefbff, 0xd39ffffb, 0x00000808, 0, 0x3, 0}) == isa::scalar);
  CHECK(best_of({0x77fefbff, 0xd39ffffb, 0x00000808, 0, saves_zmm, 0}) == isa::scalar);
  CHECK(best_of({0x7ffeebff, 0xd39ffffb, 0x00000808, 0, saves_zmm, 0}) == isa::scalar);  // no FMA
  CHECK(best_of({0, 0, 0, 0, 0, 0x2}) == isa::neon);
  CHECK(best_of({0, 0, 0, 0, 0, 0x100002}) == isa::neon_dot);           // Neoverse N1
  CHECK(best_of({0, 0, 0, 0, 0, 0x100002, 0x2000}) == isa::neon_i8mm);  // Neoverse V1
  CHECK(best_of({0, 0, 0, 0, 0, 0x2, 0x2000}) == isa::neon);
}

TEST_CASE("what is asked of the compiler is asked of the processor") {
#if defined(NNIESIM_ARCH_X86)
  const auto words = [](isa i) {
    std::set<std::string> all;
    std::istringstream in(std::string(kernels::select(i, [](auto set) -> std::string_view {
      if constexpr (decltype(set)::id == isa::scalar) return "";
      else return decltype(set)::compiled_for;
    })));
    for (std::string word; std::getline(in, word, ',');) all.insert(word);
    return all;
  };
  const std::map<std::string, std::pair<detail::cpu_register, unsigned>> bits = {
      {"avx2", {detail::cpu_register::leaf7_ebx, 5}},        {"fma", {detail::cpu_register::leaf1_ecx, 12}},
      {"avx512f", {detail::cpu_register::leaf7_ebx, 16}},    {"avx512dq", {detail::cpu_register::leaf7_ebx, 17}},
      {"avx512bw", {detail::cpu_register::leaf7_ebx, 30}},   {"avx512vl", {detail::cpu_register::leaf7_ebx, 31}},
      {"avx512vnni", {detail::cpu_register::leaf7_ecx, 11}},
  };
  std::size_t checked = 0;
  for (const isa i : all_isas) {
    if (i == isa::scalar || !detail::is_compiled(i)) continue;
    ++checked;
    CAPTURE(to_string(i));
    const auto target = words(i);
    const auto included = words(detail::facts_of(i).includes);
    CHECK(!target.empty());
    CHECK(std::ranges::includes(target, included));
    detail::cpu_values all{~0U, ~0U, ~0U, ~0U, ~0U, 0};
    CHECK(detail::is_supported(i, all));
    for (const std::string& word : target) {
      CAPTURE(word);
      REQUIRE(bits.contains(word));
      detail::cpu_values without = all;
      without[static_cast<std::size_t>(bits.at(word).first)] &= ~(1U << bits.at(word).second);
      CHECK_FALSE(detail::is_supported(i, without));
    }
  }
#if !defined(NNIESIM_ISA)
  CHECK(checked == 4);
#endif
#endif
}

TEST_CASE("forcing what cannot run is an error that lists what can") {
#if defined(__x86_64__)
  CHECK_THROWS_WITH(force_isa(isa::neon), contains("neon") && contains("scalar"));
#else
  CHECK_THROWS_WITH(force_isa(isa::avx2), contains("avx2") && contains("scalar"));
#endif
  CHECK_THROWS_WITH(isa_of("sse9"), contains("sse9") && contains("avx512"));
  for (const isa i : all_isas) CHECK(isa_of(to_string(i)) == i);
}
