// The kernels themselves against the scalar ones, at the sizes where vector code goes wrong, and the operators between
// guard pages.
#include <nniesim/kernels/engine.hpp>

#include <nniesim/kernels/quantize.hpp>
#include <nniesim/ops/conv2d.hpp>
#include <nniesim/ops/fully_connected.hpp>
#include <set>

#include "catch.hpp"
#include "support/guarded.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace {

struct fp64_study : precision<gfpq8, gfpq8, fp64_chain, q20_12> {};

/// Operands that sums are sensitive to: denormals, both zeros, the ends of the range.
template <class T>
T odd_operand(draws& d) {
  if constexpr (std::same_as<T, std::int32_t>) {
    // Words of two 16-bit codes: often the largest of either sign.
    const auto half = [&]() -> std::uint32_t {
      switch (d.between(0, 3)) {
        case 0: return 0x7fffU;
        case 1: return 0x8001U;
        case 2: return 0U;
        default: return d.bits() % 0x7fffU;
      }
    };
    return static_cast<std::int32_t>(half() | half() << 16U);
  } else {
    switch (d.between(0, 7)) {
      case 0: return T(0);
      case 1: return -T(0);
      case 2: return static_cast<T>(std::bit_cast<float>(d.bits() & 0x807fffffU));  // denormal
      case 3: return static_cast<T>(d.symmetric() * 1e18F);
      default: return static_cast<T>(d.normal());
    }
  }
}

/// One of a word's codes, which are signed unless a bias is added to them.
std::int32_t code_at(std::int32_t word, const kernels::word_packing& p, std::size_t place, std::int32_t bias) {
  const auto bits = static_cast<unsigned>(32 / p.codes);
  const std::uint32_t field = static_cast<std::uint32_t>(word) << (32 - bits * (static_cast<unsigned>(place) + 1));
  return bias == 0 ? static_cast<std::int32_t>(field) >> (32 - bits) : static_cast<std::int32_t>(field >> (32 - bits));
}

/// A word of 8-bit codes plus bias, often the largest of either sign.
std::int32_t odd_word(draws& d, const kernels::word_packing& p, std::int32_t bias) {
  const auto bits = static_cast<unsigned>(32 / p.codes);
  std::uint32_t word = 0;
  for (std::size_t c = 0; c < p.codes; ++c) {
    constexpr std::int32_t ends[] = {127, -127, 0};
    const std::size_t which = d.between(0, 3);
    const std::int32_t code = which < 3 ? ends[which] : static_cast<std::int32_t>(d.bits() % 255U) - 127;
    word = word << bits | (static_cast<std::uint32_t>(code + bias) & (0xffffffffU >> (32 - bits)));
  }
  return static_cast<std::int32_t>(word);
}

/// Every tile height, both panel widths, chain lengths around the unrolled and the split ones, whole, cut and with
/// steps left out; sums bit for bit, nothing read behind `readable` elements.
template <class P>
void tiles_equal_plain_loops(std::uint32_t seed) {
  using e = kernels::engine<P>;
  using operand = typename e::operand;
  using sum = typename e::sum;
  draws d(seed);
  for (const isa i : runnable_isas()) {
    const kernels::tile_shape tile = e::tile(i);
    const kernels::word_packing packing = e::packing(i);
    for (const std::size_t steps : {0U, 1U, 3U, 7U, 15U, 16U, 17U, 130U, 254U, 255U, 256U, 511U}) {
      for (std::size_t rows = 1; rows <= tile.max_rows; ++rows) {
        const std::size_t vectors = 1 + (rows + steps) % 2;
        const std::size_t columns = vectors * tile.lanes;
        std::vector<operand> weights(steps * columns * e::parts);
        for (auto& w : weights) {
          if constexpr (e::packs8) w = odd_word(d, packing, 0);
          else w = odd_operand<operand>(d);
          // Low and high parts of 16-bit codes fit bytes.
          if constexpr (e::packs16) w = static_cast<std::int32_t>(static_cast<std::uint32_t>(w) & 0x007f007fU);
        }
        const std::size_t stride = steps + 3;
        std::vector<operand> inputs(steps + stride * tile.max_rows);
        for (auto& x : inputs) {
          if constexpr (e::packs8) x = odd_word(d, packing, packing.bias);
          else x = odd_operand<operand>(d);
        }
        const guarded<operand> w(weights, guarded<operand>::side::at_end);
        const guarded<operand> a(inputs, guarded<operand>::side::at_end);
        std::vector<std::int32_t> offset(steps);
        for (auto& o : offset) o = static_cast<std::int32_t>(d.between(0, inputs.size() - tile.max_rows));

        // The specification, one sum at a time.
        const auto chain = [&](auto value, std::size_t row, std::size_t column) {
          sum total{};
          for (std::size_t t = 0; t < steps; ++t) {
            const operand* b = weights.data() + t * columns * e::parts;
            const operand x = value(row, t);
            if constexpr (e::packs16) {
              b += column / tile.lanes * 2 * tile.lanes + column % tile.lanes;
              const auto half = [](std::int32_t v, unsigned s) {
                return std::int64_t{static_cast<std::int16_t>(static_cast<std::uint32_t>(v) >> s & 0xffffU)};
              };
              for (const unsigned s : {0U, 16U}) {
                total += (256 * half(b[0], s) + half(b[tile.lanes], s)) * half(x, s);
              }
            } else if constexpr (e::packs8) {
              for (std::size_t c = 0; c < packing.codes; ++c) {
                total += code_at(b[column], packing, c, 0) * code_at(x, packing, c, packing.bias);
              }
            } else {
              total = std::fma(b[column], x, total);
            }
          }
          return total;
        };
        const auto check = [&](const std::vector<sum>& got, auto value, const char* what) {
          bool same = true;
          for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t c = 0; c < columns; ++c) {
              const sum expected = chain(value, r, c);
              same = same && std::memcmp(&expected, &got[r * columns + c], sizeof(sum)) == 0;
            }
          }
          INFO(what << " on " << to_string(i) << ", steps " << steps << ", rows " << rows << ", vectors " << vectors);
          CHECK(same);
        };
        const auto adjacent_value = [&](std::size_t r, std::size_t t) {
          return a.data()[offset[t] + static_cast<std::ptrdiff_t>(r)];
        };
        const auto strided_value = [&](std::size_t r, std::size_t t) { return a.data()[r * stride + t]; };

        std::vector<sum> got(kernels::max_tile, sum(77));
        e::adjacent(i)(a.data(), offset.data(), w.data(), {1, steps, 0}, rows, vectors, got.data());
        check(got, adjacent_value, "adjacent");
        std::fill(got.begin(), got.end(), sum(77));
        e::adjacent(i)(a.data(), offset.data(), w.data(),
                       {std::max<std::size_t>(1, steps), std::min<std::size_t>(1, steps), 1}, rows, vectors,
                       got.data());
        check(got, adjacent_value, "adjacent in runs");
        std::fill(got.begin(), got.end(), sum(77));
        const std::size_t cut = steps / 3;
        const auto run = e::strided(i);
        run(a.data(), static_cast<std::ptrdiff_t>(stride), w.data(), cut, rows, vectors, got.data(), false);
        run(a.data() + cut, static_cast<std::ptrdiff_t>(stride), w.data() + cut * columns * e::parts, steps - cut, rows,
            vectors, got.data(), true);
        check(got, strided_value, "strided, cut");
      }
    }
  }
}

// Sanitized and emulated code is slow: fewer cases.
#if defined(__SANITIZE_ADDRESS__) || defined(NNIESIM_EMULATED)
constexpr int slowness = 10;
#else
constexpr int slowness = 1;
#endif

/// A layer whose input, output and workspace stand between guard pages, on every instruction set.
template <class P, class Layer, class Scales>
void run_guarded(const Layer& layer, const tensor<value_t<P>>& x, const Scales& scales,
                 const tensor<value_t<P>>& expected, typename guarded<value_t<P>>::side side) {
  using value = value_t<P>;
  const guarded<value> in({x.data(), x.size()}, side);
  const guarded<value> out(expected.size(), side);
  const std::size_t bytes = layer.workspace_bytes(shape_of(x));
  const guarded<std::byte> memory(bytes, static_cast<guarded<std::byte>::side>(side));
  layer.run(tensor_view<const value>(in.span(), shape_of(x)), scales,
            tensor_view<value>(out.span(), shape_of(expected)), memory.span());
  CHECK(std::memcmp(out.data(), expected.data(), out.size() * sizeof(value)) == 0);
}

/// The same of codes, in and out.
template <class P>
void run_codes_guarded(const conv2d_layer<P>& layer, const tensor<value_t<P>>& x,
                       const typename P::activations::scale& scale, const tensor<value_t<P>>& y, std::size_t at_begin) {
  using format = typename P::activations;
  using code = typename format::code;
  const auto side = static_cast<typename guarded<code>::side>(at_begin);
  const auto out_scale = scale_of<format>(decode<q20_12>(y, {}));
  const auto codes = encode<format>(decode<q20_12>(x, {}), scale);
  const auto expected = encode<format>(decode<q20_12>(y, {}), out_scale);
  const guarded<code> in({codes.data(), codes.size()}, side);
  const guarded<code> out(expected.size(), side);
  const guarded<std::byte> memory(layer.workspace_bytes(shape_of(x)), static_cast<guarded<std::byte>::side>(side));
  layer.run(tensor_view<const code>(in.span(), shape_of(x)), scale, tensor_view<code>(out.span(), shape_of(y)),
            memory.span(), {}, {.z = out_scale.z()});
  CHECK(std::memcmp(out.data(), expected.data(), out.size() * sizeof(code)) == 0);
}

template <class P>
void stays_inside(std::uint32_t seed, int cases) {
  draws d(seed);
  using side = typename guarded<value_t<P>>::side;
  for (int n = 0; n < cases / slowness; ++n) {
    conv2d_params p;
    p.stride = {d.between(1, 3), d.between(1, 3)};
    p.pad = padding(d.between(0, 2), d.between(0, 2), d.between(0, 2), d.between(0, 2));
    p.groups = d.between(1, 3);
    const bool depthwise = d.between(0, 2) == 0;
    const std::size_t in = depthwise ? 1 : d.between(1, 9);
    const std::size_t out = depthwise ? 1 : d.between(1, 70);
    const std::size_t kernel = d.between(0, 1) == 0 ? 3 : d.between(1, 3);
    const auto x = d.tensor({1, in * p.groups, d.between(3, 12), d.between(3, 70)}, 3);
    const auto w = d.tensor({out * p.groups, in, kernel, kernel});
    const auto b = d.tensor({out * p.groups});
    const detail::op_input<P, tensor<float>> taken(x, "test");
    auto values = make_tensor<value_t<P>>(shape_of(x));
    std::ranges::copy(taken.view().span(), values.data());
    const std::size_t features = d.between(1, 150);
    const std::size_t batch = d.between(1, 40);
    const auto matrix = d.tensor({batch, features}, 3);
    const detail::op_input<P, tensor<float>> taken_matrix(matrix, "test");
    auto rows = make_tensor<value_t<P>>(shape_of(matrix));
    std::ranges::copy(taken_matrix.view().span(), rows.data());
    const auto fc = d.tensor({d.between(1, 150), features});
    for_each_isa([&](isa used) {
      INFO(policy_name<P>() << " on " << to_string(used) << ", case " << n << ": x " << shape_of(x) << ", w "
                            << shape_of(w) << ", matrix " << shape_of(matrix) << " by " << shape_of(fc));
      const conv2d_layer<P> layer(w, b, p);
      const auto scales = layer.activation_scale_of(view_of(std::as_const(values)));
      auto expected = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
      reference::conv2d<P>(view_of(std::as_const(values)), scales, view_of(w), layer.weight_groups(),
                           {b.data(), b.size()}, p, {}, view_of(expected));
      const fully_connected_layer<P> connected(fc, no_bias);
      const auto scale = connected.activation_scale_of(view_of(std::as_const(rows)));
      auto expected_rows = make_tensor<value_t<P>>(connected.output_shape(shape_of(matrix)));
      reference::fully_connected<P>(view_of(std::as_const(rows)), scale, view_of(fc), connected.weight_group(), {}, {},
                                    view_of(expected_rows));
      for (const side s : {side::at_end, side::at_begin}) {
        run_guarded<P>(layer, values, scales, expected, s);
        if constexpr (kernels::engine<P>::stores_codes) {
          run_codes_guarded<P>(layer, values, scales, expected, static_cast<std::size_t>(s));
        }
        run_guarded<P>(connected, rows, scale, expected_rows, s);
      }
    });
  }
}

}  // namespace

TEST_CASE("tiles of every height and width equal plain loops") {
  tiles_equal_plain_loops<float32>(1);
  tiles_equal_plain_loops<fp64_study>(2);
  tiles_equal_plain_loops<uniform_w16a16>(3);
  tiles_equal_plain_loops<uniform_w8a8>(4);
}

TEST_CASE("sums of the largest 16-bit codes leave the split sums' range in no order") {
  const std::size_t steps = 4 * kernels::split_steps + 3;
  for (const isa i : runnable_isas()) {
    using e = kernels::engine<uniform_w16a16>;
    const kernels::tile_shape tile = e::tile(i);
    for (const int sign : {1, -1}) {
      // Weights -32767 = 256 * -128 + 1: the largest high part.
      const auto pair = [](int v) {
        return static_cast<std::int32_t>((static_cast<std::uint32_t>(v) & 0xffffU) * 0x10001U);
      };
      std::vector<std::int32_t> w(steps * 2 * tile.lanes);
      for (std::size_t t = 0; t < steps; ++t) {
        std::fill_n(w.data() + 2 * t * tile.lanes, tile.lanes, pair(-128));
        std::fill_n(w.data() + (2 * t + 1) * tile.lanes, tile.lanes, pair(1));
      }
      const std::vector<std::int32_t> a(steps * tile.max_rows, pair(32767 * sign));
      std::vector<std::int64_t> sum(kernels::max_tile);
      e::strided(i)(a.data(), static_cast<std::ptrdiff_t>(steps), w.data(), steps, 1, 1, sum.data(), false);
      CHECK(sum[0] == -std::int64_t{32767} * 32767 * sign * 2 * static_cast<std::int64_t>(steps));
    }
  }
}

TEST_CASE("operators touch nothing outside their tensors and their workspace") {
  stays_inside<float32>(11, 20);
  stays_inside<w8a8>(12, 20);
  stays_inside<w16a16>(13, 20);
  stays_inside<uniform_w8a8>(14, 20);
  stays_inside<uniform_w16a16>(15, 20);
  stays_inside<fp64_study>(16, 20);
}

TEST_CASE("a thousand shapes between guard pages", "[long]") {
  stays_inside<float32>(31, 150);
  stays_inside<w8a8>(32, 300);
  stays_inside<w16a16>(33, 150);
  stays_inside<uniform_w8a8>(34, 250);
  stays_inside<uniform_w16a16>(35, 100);
  stays_inside<fp64_study>(36, 50);
}

TEST_CASE("every instruction set has kernels of its own") {
  // Equal results prove nothing about speed: an instruction set that fell back to the scalar loops would be seen here.
  const auto differ = [](auto get) {
    std::set<void*> seen;
    std::size_t count = 0;
    for (const isa i : runnable_isas()) {
      // The dot-product sets share everything but integer sums with the plain ones.
      seen.insert(reinterpret_cast<void*>(get(i)));
      ++count;
    }
    return std::pair(seen.size(), count);
  };
  std::set<isa> plain;
  for (const isa i : runnable_isas()) {
    plain.insert(kernels::select(i, [](auto set) { return decltype(set)::base_id; }));
  }
  using w8 = kernels::engine<w8a8>;
  CHECK(differ([](isa i) { return w8::adjacent(i); }).first >= plain.size());
  CHECK(differ([](isa i) { return w8::strided(i); }).first >= plain.size());
  CHECK(differ([](isa i) { return w8::finish(i, kernels::finish_rule::integer_stage); }).first == plain.size());
  CHECK(differ([](isa i) { return w8::quantize<q20_12>(i); }).first >= plain.size());
  CHECK(differ([](isa i) { return w8::pixels(i, kernels::finish_rule::integer_stage); }).first == plain.size());
  CHECK(differ([](isa i) { return w8::pixels<gfpq8::code>(i, kernels::finish_rule::integer_stage); }).first ==
        plain.size());
  CHECK(differ([](isa i) { return w8::finish<gfpq8::code>(i, kernels::finish_rule::integer_stage); }).first ==
        plain.size());
  CHECK(differ([](isa i) { return w8::quantize<gfpq8::code>(i); }).first >= plain.size());
  CHECK(differ([](isa i) { return w8::quantize_by_turns<gfpq8::code>(i); }).first == plain.size());
  const auto [u8, all] = differ([](isa i) { return kernels::engine<uniform_w8a8>::adjacent(i); });
  CHECK(u8 == all);
  const auto [u16, all16] = differ([](isa i) { return kernels::engine<uniform_w16a16>::adjacent(i); });
  CHECK(u16 == all16);
  CHECK(differ([](isa i) { return kernels::engine<fp64_study>::adjacent(i); }).first >= plain.size());
}

TEST_CASE("what follows the sums is fused: relu and the count of events") {
  draws d(21);
  const auto x = d.tensor({1, 6, 9, 21}, 300);
  const auto w = d.tensor({40, 6, 3, 3}, 4);
  const auto bias = d.tensor({40}, 4e5F);  // so that some outputs leave the range
  const auto channels = d.tensor({6, 1, 3, 3}, 0.0005F);
  const auto fc = d.tensor({70, 6 * 9 * 21}, 100);
  for_each_isa([&](isa used) {
    const auto check = [&](const auto& layer, const auto& scales, const tensor<q20_12>& in) {
      const auto plain = [&] {
        auto y = make_tensor<q20_12>(layer.output_shape(shape_of(in)));
        std::vector<std::byte> memory(layer.workspace_bytes(shape_of(in)));
        event_counts events;
        layer.run(view_of(in), scales, view_of(y), memory, {}, {.relu = false, .events = &events});
        auto z = make_tensor<q20_12>(shape_of(y));
        layer.run(view_of(in), scales, view_of(z), memory);
        CHECK(same_bits(y, z));
        return std::pair(std::move(y), events);
      }();
      event_counts with_relu;
      auto y = make_tensor<q20_12>(layer.output_shape(shape_of(in)));
      std::vector<std::byte> memory(layer.workspace_bytes(shape_of(in)));
      layer.run(view_of(in), scales, view_of(y), memory, {}, {.relu = true, .events = &with_relu});
      INFO(to_string(used));
      CHECK(with_relu == plain.second);
      std::size_t ends = 0;
      bool rectified = true;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const q20_12 before = plain.first.data()[i];
        rectified = rectified && y.data()[i] == std::max(before, q20_12{});
        if (before == q20_12::max() || before == q20_12::lowest()) ++ends;
      }
      CHECK(rectified);
      CHECK(plain.second.saturated == ends);
      return plain.second;
    };
    const detail::op_input<w8a8, tensor<float>> taken(x, "test");
    auto in = make_tensor<q20_12>(shape_of(x));
    std::ranges::copy(taken.view().span(), in.data());
    const conv2d_layer<w8a8> layer(w, bias, {.pad = {1, 1}});
    CHECK(check(layer, layer.activation_scale_of(view_of(std::as_const(in))), in).saturated > 0);
    const conv2d_layer<w8a8> depthwise(channels, no_bias, {.pad = {1, 1}, .groups = 6});
    const auto scales = depthwise.activation_scale_of(view_of(std::as_const(in)));
    check(depthwise, scales, in);
    const fully_connected_layer<w16a16> connected(fc, no_bias);
    check(connected, connected.activation_scale_of(view_of(std::as_const(in))), in);
  });
}
