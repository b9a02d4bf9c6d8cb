#include <nniesim/network/cost.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace cost_test {

TEST_CASE("work and time of layers", "[network]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({1, 16, 32, 32});
  std::size_t x = b.add(
      "conv", layers::convolution{{.pad = {1, 1}}, random.tensor({32, 16, 3, 3}), random_floats(random, 32)}, {data});
  x = b.add("grouped", layers::convolution{{.groups = 32}, random.tensor({32, 1, 3, 3}), {}}, {x});
  x = b.add("up", layers::deconvolution{{.stride = {2, 2}}, random.tensor({32, 3, 2, 2}), {}}, {x});
  x = b.add("fc", layers::fully_connected{1, random.tensor({10, 3 * 60 * 60}), {}}, {x});
  const auto work = [&](std::size_t l) { return work_of(b.net, b.net.layers[l]); };
  CHECK(work(1).macs == 32UL * 32 * 32 * 16 * 9);
  CHECK(work(1).padded_macs == work(1).macs);
  CHECK(work(1).parameters == 32UL * 16 * 9 + 32);
  CHECK(work(1).values_read == 16UL * 32 * 32);
  CHECK(work(1).values_written == 32UL * 32 * 32);
  CHECK(work(2).macs == 32UL * 30 * 30 * 9);
  CHECK(work(2).padded_macs == 32UL * 30 * 30 * 9 * 16 * 4);
  CHECK(work(3).macs == 32UL * 30 * 30 * 3 * 4);
  CHECK(work(4).macs == 10UL * 3 * 60 * 60);
  // Bound by sums: twice as long in 16 bits. Bound by memory: never longer than that.
  CHECK(time_of(b.net, 1, layer_precision::w16a16) == 2 * time_of(b.net, 1, layer_precision::w8a8));
  CHECK(time_of(b.net, 4, layer_precision::w16a16) <= 2 * time_of(b.net, 4, layer_precision::w8a8));
  CHECK(time_of(b.net, 0, layer_precision::w8a8) == 0);
  const double all8 = time_of(b.net, plan_of(b.net, compile_mode::all_8bit));
  const double all16 = time_of(b.net, plan_of(b.net, compile_mode::all_16bit));
  CHECK(all8 < all16);
  CHECK(all16 <= 2 * all8);
}

TEST_CASE("time is that of sums or of memory, whichever is longer, in the width of the layer", "[network]") {
  draws random(5);
  network_builder b;
  const std::size_t data = b.input({1, 3, 10, 10});
  const std::size_t conv = b.add("conv", layers::convolution{{}, random.tensor({5, 3, 3, 3}), {}}, {data});
  const std::size_t relu = b.add("relu", relu_params{}, {conv});
  b.add("flat", layers::flatten{1, 3}, {relu});
  const auto time = [&](std::size_t l, layer_precision p, double macs_per_byte = 16.0) {
    return time_of(b.net, l, p, {macs_per_byte});
  };
  // 8 x 8 places of 3 channels in 16s, 9 kernel elements, 5 outputs in 4s.
  const double macs = 8.0 * 8 * 16 * 9 * 8, read = 3.0 * 100 + 5 * 27, written = 5.0 * 64;
  CHECK(time(1, layer_precision::w8a8, 0.0) == macs);
  CHECK(time(1, layer_precision::w16a16, 0.0) == 2 * macs);
  CHECK(time(1, layer_precision::w8a8, 1000.0) == (read + 4 * written) * 1000);
  CHECK(time(1, layer_precision::w16a16, 1000.0) == (2 * read + 4 * written) * 1000);
  CHECK(time(1, layer_precision::float32, 1000.0) == time(1, layer_precision::w16a16, 1000.0));
  CHECK(time(2, layer_precision::w8a8) == (320 + 4 * 320) * 16.0);  // a ReLU only reads and writes
  CHECK(time(3, layer_precision::w8a8) == 0);                       // a Flatten only renames
  const precision_plan plan = plan_of(b.net, layer_precision::w16a16);
  CHECK(time_of(b.net, plan, {2.0}) == time(1, layer_precision::w16a16, 2.0) + time(2, layer_precision::w16a16, 2.0));
}

}  // namespace cost_test
