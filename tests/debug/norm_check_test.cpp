#include <nniesim/debug/norm_check.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

TEST_CASE("a norm that is off beyond the limit is found, one within it is not", "[debug]") {
  draws random(61);
  const two_runs::experiment clean(two_runs::plain_network(random), random);
  for (const float gain : {1.0F, 1.01F, 0.9F, 1.5F}) {
    two_runs::experiment e = clean;
    for (float& v : e.shown("fc")) v *= gain;
    const bool is_found = e.look(
        [](const detail::case_file& file) {
          return detail::norm_check(file.runs(), nullptr, {}).find(file.runs().judged_rows(), false).has_value();
        },
        false);
    CHECK(is_found == (gain > 1.2F || gain < 0.95F));
  }
}

TEST_CASE("more bits are advised for a norm only where layers up to it can have more", "[debug]") {
  draws random(62);
  const network net = two_runs::plain_network(random);
  const auto advice = [&](const std::string& layer, compile_mode mode) {
    two_runs::experiment e(net, random, mode);
    // Shown and simulated alike, so that no layer brings it by itself.
    for (float& v : e.shown(layer)) v *= 1.1F;
    return e.look([](const detail::case_file& file) {
      const auto f = detail::norm_check(file.runs(), file.lab(), {}).find(file.runs().judged_rows(), false);
      REQUIRE(f.has_value());
      std::string text;
      for (const std::string line : f->change) text += line + '\n';
      return text;
    });
  };
  CHECK(advice("fc", compile_mode::all_8bit) ==
        "16 bits for the layers up to 'fc', those that pay: nnie-debug search --target norm-error --layer 'fc' --goal "
        "-0.02\n");
  CHECK(advice("conv1", compile_mode::all_8bit) ==
        "16 bits for 'conv1': nnie-debug search --target norm-error --layer 'conv1' --goal -0.02\n");
  CHECK(advice("fc", compile_mode::all_16bit).empty());
}

TEST_CASE("in front of the first layer that computes on codes nothing can have more bits", "[debug]") {
  draws random(63);
  test_networks::network_builder b;
  std::size_t x = b.add("scaled", power_params{1, 0.5F, 0}, {b.input({1, 4, 10, 10})});
  b.add("conv1", layers::convolution{{}, random.tensor({4, 4, 3, 3}, 0.2F), {}}, {x});
  two_runs::experiment e(b.net, random);
  for (float& v : e.shown("scaled")) v *= 1.1F;
  e.look([](const detail::case_file& file) {
    const auto f = detail::norm_check(file.runs(), file.lab(), {})
                       .find({file.runs().row_of(file.lab()->net.layers.size() - 2)}, false);
    if (!f) return;  // inside of a norm
    CHECK(find_fact(f->change, fact_kind::more_bits_up_to) == nullptr);
  });
}
