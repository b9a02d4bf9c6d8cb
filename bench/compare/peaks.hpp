// Time, and the machine's own limits, measured: what the best loop of each instruction can do in registers.
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <map>
#include <nniesim/kernels/kernels.hpp>
#include <string>
#include <utility>
#include <vector>

namespace bench {

inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
/// Of all threads of this process: what one thread takes, whoever else wants its processor.
inline double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// A loop of `steps` iterations, each of `macs` multiply-accumulates.
struct peak_loop {
  std::string name;
  double macs;
  double (*run)(std::size_t steps);
};

#if defined(NNIESIM_ARCH_X86)

NNIESIM_BEGIN_TARGET(NNIESIM_AVX2_TARGET)
inline double peak_fp32_ymm(std::size_t steps) {
  __m256 sum[12];
  for (auto& s : sum) s = _mm256_set1_ps(1.0F);
  const __m256 x = _mm256_set1_ps(1e-6F);
  for (std::size_t t = 0; t < steps; ++t) {
    NNIESIM_UNROLL
    for (int i = 0; i < 12; ++i) sum[i] = _mm256_fmadd_ps(sum[i], x, x);
  }
  float lane[8];
  for (int i = 1; i < 12; ++i) sum[0] = _mm256_add_ps(sum[0], sum[i]);
  _mm256_storeu_ps(lane, sum[0]);
  return static_cast<double>(lane[0]);
}
NNIESIM_END_TARGET

NNIESIM_BEGIN_TARGET(NNIESIM_AVX512_VNNI_TARGET)
inline double peak_fp32_zmm(std::size_t steps) {
  __m512 sum[12];
  for (auto& s : sum) s = _mm512_set1_ps(1.0F);
  const __m512 x = _mm512_set1_ps(1e-6F);
  for (std::size_t t = 0; t < steps; ++t) {
    NNIESIM_UNROLL
    for (int i = 0; i < 12; ++i) sum[i] = _mm512_fmadd_ps(sum[i], x, x);
  }
  for (int i = 1; i < 12; ++i) sum[0] = _mm512_add_ps(sum[0], sum[i]);
  float lane[16];
  _mm512_storeu_ps(lane, sum[0]);
  return static_cast<double>(lane[0]);
}
inline double peak_fp64_zmm(std::size_t steps) {
  __m512d sum[12];
  for (auto& s : sum) s = _mm512_set1_pd(1.0);
  const __m512d x = _mm512_set1_pd(1e-6);
  for (std::size_t t = 0; t < steps; ++t) {
    NNIESIM_UNROLL
    for (int i = 0; i < 12; ++i) sum[i] = _mm512_fmadd_pd(sum[i], x, x);
  }
  for (int i = 1; i < 12; ++i) sum[0] = _mm512_add_pd(sum[0], sum[i]);
  double lane[8];
  _mm512_storeu_pd(lane, sum[0]);
  return lane[0];
}
inline double peak_int8_zmm(std::size_t steps) {
  __m512i s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{}, s8{}, s9{}, s10{}, s11{};
  const __m512i x = _mm512_set1_epi8(3);
  for (std::size_t t = 0; t < steps; ++t) {
    // In assembly: GCC 12 halves this loop of intrinsics at -O3.
    asm volatile(
        "vpdpbusd %12, %12, %0\n\tvpdpbusd %12, %12, %1\n\tvpdpbusd %12, %12, %2\n\tvpdpbusd %12, %12, %3\n\t"
        "vpdpbusd %12, %12, %4\n\tvpdpbusd %12, %12, %5\n\tvpdpbusd %12, %12, %6\n\tvpdpbusd %12, %12, %7\n\t"
        "vpdpbusd %12, %12, %8\n\tvpdpbusd %12, %12, %9\n\tvpdpbusd %12, %12, %10\n\tvpdpbusd %12, %12, %11"
        : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10),
          "+v"(s11)
        : "v"(x));
  }
  int lane[16];
  _mm512_storeu_si512(lane, _mm512_add_epi32(_mm512_add_epi32(s0, s6), s11));
  return lane[0];
}
NNIESIM_END_TARGET

inline std::vector<peak_loop> peak_loops() {
  std::vector<peak_loop> loops;
  const auto cpu = nniesim::detail::read_cpu();
  if (nniesim::detail::is_supported(nniesim::isa::avx2, cpu)) loops.push_back({"fp32 ymm", 12 * 8, peak_fp32_ymm});
  if (nniesim::detail::is_supported(nniesim::isa::avx512_vnni, cpu)) {
    loops.push_back({"fp32", 12 * 16, peak_fp32_zmm});
    loops.push_back({"fp64", 12 * 8, peak_fp64_zmm});
    loops.push_back({"int8", 12 * 64, peak_int8_zmm});
  }
  return loops;
}

#else

inline std::vector<peak_loop> peak_loops() { return {}; }

#endif

/// Multiply-accumulates per second of one thread, by the clock.
inline std::map<std::string, double> measured_peaks(double (*seconds)()) {
  std::map<std::string, double> peaks;
  for (const peak_loop& p : peak_loops()) {
    double best = 0;
    for (int r = 0; r < 10; ++r) {
      const double start = seconds();
      volatile double sink = p.run(1000000);
      (void)sink;
      best = std::max(best, 1e6 * p.macs / (seconds() - start));
    }
    peaks[p.name] = best;
  }
  return peaks;
}

}  // namespace bench
