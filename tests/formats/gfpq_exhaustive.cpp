// All 2^32 floats through gfpq8 at three scales and gfpq16 at two, one value at a time, against the golden hashes of
// the vendor's library. `gfpq_exhaustive [threads]`; about 2 minutes of processor time when optimised. Sanitized builds
// are slow and take a sample of the blocks.
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <nniesim/formats/gfpq.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/crc32c.hpp"
#include "support/golden.hpp"

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t every = 37;
#else
constexpr std::size_t every = 1;
#endif

template <class F>
std::uint32_t hash_of_block(int z, unsigned block) {
  const typename F::scale s(z);
  std::vector<std::uint32_t> out(std::size_t{1} << 13U);
  std::uint32_t crc = 0;
  for (std::uint32_t first = 0; first < 1U << 24U; first += static_cast<std::uint32_t>(out.size())) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto x = std::bit_cast<float>((block << 24U) + first + static_cast<std::uint32_t>(i));
      out[i] = std::bit_cast<std::uint32_t>(F::decode(F::encode(x, s), s));
    }
    crc = crc32c_fast(out, crc);
  }
  return crc;
}

int compare_all(unsigned workers) {
  const auto hashes = golden::block_hashes();
  if (hashes.size() != 1280) {
    std::printf("golden data: %zu block hashes, expected 1280\n", hashes.size());
    return 1;
  }
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> checked{0};
  std::atomic<int> differences{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < workers; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = every * next++; i < hashes.size(); i = every * next++) {
        ++checked;
        const auto& h = hashes[i];
        const std::uint32_t crc =
            h.bits == 8 ? hash_of_block<nniesim::gfpq8>(h.z, h.block) : hash_of_block<nniesim::gfpq16>(h.z, h.block);
        if (crc == h.crc) continue;
        ++differences;
        std::printf("gfpq%d, z %d, floats %02xxxxxxx: hash %08x, expected %08x\n", h.bits, h.z, h.block, crc, h.crc);
      }
    });
  }
  for (auto& t : threads) t.join();
  std::printf("%zu of %zu blocks of 2^24 floats checked, %d differ\n", checked.load(), hashes.size(),
              differences.load());
  return differences == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const unsigned all = std::thread::hardware_concurrency();
  return compare_all(argc > 1 ? static_cast<unsigned>(std::stoul(argv[1])) : all != 0 ? all : 1);
} catch (const std::exception& e) {
  std::printf("%s\n", e.what());
  return 1;
}
