// The evaluating functions of operators allocate nothing: weights are prepared before, memory is the caller's.
#include <atomic>
#include <cstdlib>
#include <new>
#include <nniesim/nniesim.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;
}

[[gnu::noinline]] void* operator new(std::size_t n) {
  ++allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

using namespace nniesim;

namespace {

template <class Call>
std::size_t allocations_of(Call call) {
  const std::size_t before = allocations;
  call();
  return allocations - before;
}

template <class P>
void layers_allocate_nothing() {
  draws d(1);
  auto x = make_tensor<value_t<P>>({1, 8, 14, 14});
  for (auto& v : x) v = P::output::from(d.normal());
  for (const std::size_t groups : {1U, 8U}) {
    const conv2d_layer<P> layer(d.tensor({16, 8 / groups, 3, 3}), no_bias, {.pad = {1, 1}, .groups = groups});
    auto y = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
    const auto scale = layer.activation_scale_of(view_of(std::as_const(x)));
    std::vector<std::byte> memory(layer.workspace_bytes(shape_of(x)));
    const auto in = view_of(std::as_const(x));
    const auto out = view_of(y);
    CHECK(allocations_of([&] { layer.run(in, scale, out, memory); }) == 0);
  }
  const auto floats = d.tensor({1, 8, 14, 14});
  const mac_options options{{std::vector(16, 0.5), std::vector(16, 1.0)}, sum_rounding::nearest};
  const conv2d_layer<P> normed(d.tensor({16, 8, 3, 3}), no_bias, {.pad = {1, 1}}, options);
  auto z = make_tensor<value_t<P>>(normed.output_shape(shape_of(x)));
  std::vector<std::byte> room(normed.workspace_bytes(shape_of(x)));
  const auto from = view_of(floats);
  const auto to = view_of(z);
  const auto s = normed.activation_scale_of(from);
  CHECK(allocations_of([&] { normed.run(from, s, to, room); }) == 0);
  const fully_connected_layer<P> layer(d.tensor({10, 8 * 14 * 14}), no_bias);
  auto y = make_tensor<value_t<P>>({1, 10});
  std::vector<std::byte> memory(layer.workspace_bytes(shape_of(x)));
  const auto in = view_of(std::as_const(x));
  const auto out = view_of(y);
  const auto scale = layer.activation_scale_of(in);
  CHECK(allocations_of([&] { layer.run(in, scale, out, memory); }) == 0);
}

}  // namespace

TEST_CASE("prepared layers run without an allocation") {
  CHECK(allocations_of([] { ::operator delete(::operator new(1)); }) == 1);  // the counter counts
  for_each_isa([](isa) {
    layers_allocate_nothing<float32>();
    layers_allocate_nothing<w8a8>();
    layers_allocate_nothing<w16a16>();
    layers_allocate_nothing<uniform_w8a8>();
    layers_allocate_nothing<uniform_w16a16>();
  });
}

TEST_CASE("element-wise operators run without an allocation") {
  draws d(2);
  auto x = make_tensor<q20_12>({2, 3, 8, 8});
  for (auto& v : x) v = q20_12::from(d.normal());
  auto y = x;
  const auto in = view_of(std::as_const(x));
  const auto out = view_of(y);
  CHECK(allocations_of([&] { power_into<w8a8>(in, {.exponent = 2}, out); }) == 0);
  CHECK(allocations_of([&] { relu_into<w8a8>(in, {}, out); }) == 0);
  const auto factor = make_tensor<q20_12>({3});
  CHECK(allocations_of([&] { scale_into<w8a8>(in, view_of(factor), {}, {}, out); }) == 0);
  CHECK(allocations_of([&] { softmax_into<w8a8>(in, {}, out); }) == 0);
  CHECK(allocations_of([&] { l2_normalize_into<w8a8>(in, {}, out); }) == 0);
  CHECK(allocations_of([&] { bias_into<w8a8>(in, view_of(factor), {}, out); }) == 0);
  CHECK(allocations_of([&] { mvn_into<w8a8>(in, {}, out); }) == 0);
  CHECK(allocations_of([&] { activation_into<w8a8>(in, {.function = activation_function::logarithm}, out); }) == 0);
  const channel_affine affine{{1, 2, 3}, {1, 2, 3}};
  CHECK(allocations_of([&] { batch_norm_into<w8a8>(in, affine, out); }) == 0);
  auto other = x;
  const auto other_out = view_of(other);
  CHECK(allocations_of([&] { lrn_into<w8a8>(in, {}, other_out); }) == 0);
  auto large = make_tensor<q20_12>({2, 3, 16, 16});
  const auto large_out = view_of(large);
  CHECK(allocations_of([&] { upsample_into<w8a8>(in, gfpq8::scale(-100), {}, large_out); }) == 0);
  auto pooled = make_tensor<q20_12>({2, 3, 4, 4});
  const auto pooled_out = view_of(pooled);
  const pooling_params two{.kernel = {2, 2}, .stride = {2, 2}};
  CHECK(allocations_of([&] { pooling_into<w8a8>(in, gfpq8::scale(-100), two, pooled_out); }) == 0);
}
