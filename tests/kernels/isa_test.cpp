#include <nniesim/kernels/isa.hpp>

#include <cstdlib>

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
#if defined(__x86_64__)
  __builtin_cpu_init();
  std::string list;
  for (const isa i : runnable_isas()) list += std::string(to_string(i)) + " ";
  INFO("runnable: " << list);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) CHECK(list.find("avx2 ") != std::string::npos);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    CHECK(list.find("avx512 ") != std::string::npos);
  }
#endif
  CHECK(runnable_isas().front() == isa::scalar);
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
