// Weights laid out for the kernels: every instruction set against a plain layout, weight by weight.
#include <nniesim/kernels/panels.hpp>

#include <bit>
#include <cstdint>
#include <vector>

#include <nniesim/kernels/code_panels.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include "catch.hpp"
#include "support/isas.hpp"
#include "support/other_policies.hpp"
#include "support/random.hpp"

namespace panels_test {

using namespace nniesim;

/// Weights of all sizes, zeros of both signs and denormals among them.
std::vector<float> weights(std::size_t n, std::uint32_t seed) {
  draws d(seed);
  std::vector<float> w(n);
  for (float& v : w) {
    switch (d.between(0, 9)) {
      case 0: v = 0.0F; break;
      case 1: v = -0.0F; break;
      case 2: v = std::bit_cast<float>(d.bits() & 0x807fffffU); break;
      default: v = std::ldexp(d.symmetric(), -static_cast<int>(d.between(0, 12)));
    }
  }
  return w;
}

/// Panels as they are specified: element by element, into zeros.
template <precision_policy P>
struct plain_panels {
  using e = kernels::engine<P>;
  std::vector<typename e::operand> data;
  std::vector<typename e::sum> correction;

  plain_panels(isa i, const std::vector<float>& w, std::size_t outputs, std::size_t channels, std::size_t area,
               const group_weights<typename P::weights>& group) {
    const kernels::tile_shape tile = e::tile(i);
    const kernels::word_packing packing = e::packing(i);
    const std::size_t steps = (channels + packing.codes - 1) / packing.codes * area;
    const std::size_t columns = (outputs + tile.lanes - 1) / tile.lanes * tile.lanes,
                      width = tile.lanes * tile.max_vectors;
    data.resize(columns * steps * e::parts);
    correction.resize(columns);
    for (std::size_t o = 0; o < outputs; ++o) {
      const std::size_t first = o / width * width;
      const std::size_t step = std::min(width, columns - first) * e::parts;
      const std::size_t vector = (o - first) / tile.lanes, lane = o % tile.lanes;
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t k = 0; k < area; ++k) {
          const auto code = group.encode(w[(o * channels + c) * area + k]);
          const std::size_t t = c / packing.codes * area + k;
          const std::size_t at = first * steps * e::parts + t * step + vector * tile.lanes * e::parts + lane;
          if constexpr (!e::is_packed) {
            data[at] = operand_of<typename e::operand, typename P::weights>(code, group.scale);
          } else {
            const auto insert = [&](std::int32_t& word, int value) {
              const auto bits = static_cast<unsigned>(32 / packing.codes);
              const std::uint32_t field = static_cast<std::uint32_t>(value) & (0xffffffffU >> (32 - bits));
              word |= static_cast<std::int32_t>(field << (c % packing.codes * bits));
            };
            if constexpr (e::parts == 2) {
              const int low = static_cast<std::int8_t>(code & 255);
              insert(data[at], (code - low) / 256);
              insert(data[at + tile.lanes], low);
            } else {
              insert(data[at], code);
              correction[o] += packing.bias * code;
            }
          }
        }
      }
    }
  }
};

/// How many elements of the panels are not as specified, and whether they stand aligned.
template <precision_policy P>
std::size_t differences(isa i, const std::vector<float>& w, std::size_t outputs, std::size_t channels, std::size_t area,
                        const group_weights<typename P::weights>& group, const executor& threads = {}) {
  using e = kernels::engine<P>;
  const plain_panels<P> expected(i, w, outputs, channels, area, group);
  const kernels::panels<P> got(i, w.data(), outputs, channels, area, group, threads);
  const std::size_t lanes = e::tile(i).lanes;
  std::size_t wrong = got.steps() * lanes * ((outputs + lanes - 1) / lanes) * e::parts == expected.data.size() ? 0 : 1;
  std::size_t next = 0;
  for (std::size_t panel = 0; panel < got.count(); ++panel) {
    const std::size_t first = panel * got.width();
    const auto* const at = got.panel(first);
    if (panel == 0 && reinterpret_cast<std::uintptr_t>(at) % 64 != 0) ++wrong;
    for (std::size_t k = 0; k < got.vectors_of(first) * lanes * got.steps() * e::parts; ++k) {
      if (std::memcmp(at + k, expected.data.data() + next++, sizeof *at) != 0) ++wrong;
    }
    if constexpr (e::is_packed) {
      for (std::size_t o = first; o < std::min(outputs, first + got.width()); ++o) {
        if (got.correction(first)[o - first] != expected.correction[o]) ++wrong;
      }
    }
  }
  return wrong + (next == expected.data.size() ? 0 : 1);
}

template <precision_policy P>
void check_policy(isa i, std::uint32_t seed) {
  using format = typename P::weights;
  struct {
    std::size_t outputs, channels, area;
  } const shapes[] = {{1, 1, 1},  {1, 5, 9},    {5, 3, 9},    {8, 4, 1},   {16, 2, 25},  {17, 64, 1},
                      {33, 7, 9}, {40, 300, 1}, {70, 2, 300}, {3, 1, 257}, {2, 1030, 1}, {31, 33, 4}};
  for (const auto& [outputs, channels, area] : shapes) {
    CAPTURE(to_string(i), policy_name<P>(), outputs, channels, area);
    const std::vector<float> w = weights(outputs * channels * area, seed);
    const auto derived = kernels::encoding_of<format>(w);
    CHECK(differences<P>(i, w, outputs, channels, area, derived) == 0);
    if constexpr (!std::same_as<format, binary32>) {
      auto constant = derived;
      constant.is_constant = true;
      CHECK(differences<P>(i, w, outputs, channels, area, constant) == 0);
    }
  }
}

struct doubles : precision<gfpq8, gfpq8, fp64_chain, q20_12> {};
struct portable : precision<gfpq8, gfpq8, fixed_accumulator<30, 10, nearest_even, saturate>, q20_12> {};

TEST_CASE("panels hold what the plain layout holds, on every instruction set") {
  for_each_isa([](isa i) {
    check_policy<w8a8>(i, 1);
    check_policy<w16a16>(i, 2);
    check_policy<float32>(i, 3);
    check_policy<uniform_w8a8>(i, 4);
    check_policy<uniform_w16a16>(i, 5);
    check_policy<doubles>(i, 6);
    check_policy<portable>(i, 7);
    check_policy<other_policies::mixed>(i, 8);
  });
}

TEST_CASE("threads lay out the same panels") {
  thread_pool pool(3);
  for_each_isa([&](isa i) {
    const std::vector<float> w = weights(150 * 120 * 9, 9);
    REQUIRE(kernels::shared(pool.handle(), w.size()).max_workers == pool.size());
    CHECK(differences<w8a8>(i, w, 150, 120, 9, kernels::encoding_of<gfpq8>(w), pool.handle()) == 0);
    CHECK(differences<uniform_w8a8>(i, w, 150, 120, 9, kernels::encoding_of<uniform8>(w), pool.handle()) == 0);
    CHECK(kernels::largest_magnitude_bits(w, pool.handle()) == kernels::largest_magnitude_bits(w));
  });
}

TEST_CASE("panels of floats are transposed by vectors where there are any") {
  for_each_isa([](isa i) {
    const std::size_t columns = kernels::select(i, [](auto set) { return decltype(set)::square; });
    CHECK(kernels::engine<w8a8>::tile(i).lanes == columns);
    CHECK(kernels::engine<uniform_w8a8>::tile(i).lanes == columns);
  });
}

TEST_CASE("rows become columns, and nothing beside them is written") {
  for_each_isa([](isa i) {
    for (const std::size_t rows : {1U, 4U, 7U, 8U, 16U, 32U}) {
      for (const std::size_t n : {1U, 3U, 4U, 15U, 16U, 17U, 40U}) {
        CAPTURE(to_string(i), rows, n);
        constexpr std::size_t from_step = 48;
        const std::size_t to_step = rows + 3;
        std::vector<std::int32_t> from(rows * from_step), to(n * to_step, -1);
        for (std::size_t k = 0; k < from.size(); ++k) from[k] = static_cast<std::int32_t>(k);
        kernels::transpose_rows(i, from.data(), from_step, rows, n, to.data(), to_step);
        std::size_t wrong = 0;
        for (std::size_t t = 0; t < n; ++t) {
          for (std::size_t r = 0; r < to_step; ++r) {
            if (to[t * to_step + r] != (r < rows ? from[r * from_step + t] : -1)) ++wrong;
          }
        }
        CHECK(wrong == 0);
      }
    }
  });
}

/// Codes in panels of 64 outputs as they are specified.
template <class F>
std::size_t code_differences(isa i, std::size_t outputs, std::size_t inputs, const executor& threads = {}) {
  const std::vector<float> w = weights(outputs * inputs, 10);
  const auto group = kernels::encoding_of<F>(w);
  const kernels::code_panels<F> got(i, w, outputs, inputs, group, threads);
  if (got.empty()) return 0;
  std::size_t wrong = got.count() == (outputs + 63) / 64 ? 0 : 1;
  for (std::size_t o = 0; o < got.count() * 64; ++o) {
    const std::size_t j = o % 64, word = j % 16 / 4 * 8 + j % 32 / 16 * 4 + j % 4;
    const std::size_t place = F::bits == 8 ? 2 * word + j / 32 : 32 * (j / 32) + word;
    for (std::size_t k = 0; k < inputs; ++k) {
      auto c = static_cast<unsigned>(o < outputs ? group.encode(w[o * inputs + k]) : F::zero);
      if (F::bits == 8) c = (c & 0x70U) << 1U | ((c & 0x80U) == 0 ? 0x10U : 0U) | (c & 0x0fU);
      if (got.panel(o / 64)[k * 64 + place] != static_cast<typename F::code>(c)) ++wrong;
    }
  }
  return wrong;
}

TEST_CASE("panels of codes hold what the plain layout holds") {
  thread_pool pool(3);
  for_each_isa([&](isa i) {
    for (const std::size_t outputs : {1U, 63U, 64U, 65U, 130U}) {
      for (const std::size_t inputs : {1U, 15U, 16U, 100U, 128U, 300U}) {
        CAPTURE(to_string(i), outputs, inputs);
        CHECK(code_differences<gfpq8>(i, outputs, inputs) == 0);
        CHECK(code_differences<gfpq16>(i, outputs, inputs) == 0);
      }
    }
    CHECK(code_differences<gfpq8>(i, 300, 250, pool.handle()) == 0);
    CHECK(code_differences<gfpq16>(i, 300, 250, pool.handle()) == 0);
  });
}

}  // namespace panels_test
