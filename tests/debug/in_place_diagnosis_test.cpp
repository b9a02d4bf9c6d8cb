// Networks whose layers work in place, dumped by blobs: nobody is accused for what the last writer left, and what is
// really wrong is still found.
#include <nniesim/debug/diagnose.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace in_place_diagnosis_test {

namespace {

network in_place_network(draws& random, const layer_params& behind) {
  test_networks::network_builder b;
  std::size_t x = b.input({1, 3, 12, 12});
  std::size_t channels = 3;
  for (const std::string n : {"1", "2", "3"}) {
    x = b.add("conv" + n,
              layers::convolution{{.pad = {1, 1}},
                                  random.tensor({8, channels, 3, 3}, channels == 3 ? 0.3F : 0.18F),
                                  test_networks::random_floats(random, 8)},
              {x});
    x = b.add("behind" + n, behind, {x});
    b.net.blobs[x].name = "conv" + n;
    channels = 8;
  }
  b.add("fc", layers::fully_connected{1, random.tensor({20, 8 * 144}, 0.05F), {}}, {x});
  return b.net;
}
/// Of every blob what its last writer left, under the first one's name.
void dump_blobs(std::vector<two_runs::dump>& all) {
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (!all[i + 1].name.starts_with("behind")) continue;
    all[i].values = all[i + 1].values;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i + 1));
  }
}
diagnosis diagnosed(const two_runs::experiment& e, bool with_lab = true) {
  const experiment_context lab = e.lab();
  return diagnose(two_runs::layers_as(e.reference), two_runs::layers_as(e.other), {}, with_lab ? &lab : nullptr);
}

std::vector<layer_params> kinds() {
  draws random(2);
  std::vector<float> slope(8), mean(8, 0.2F), variance(8, 1.5F);
  for (float& v : slope) v = 0.1F + 0.1F * static_cast<float>(random.between(0, 4));
  tensor<float> factor = make_tensor<float>({8});
  for (std::size_t i = 0; i < 8; ++i) factor.data()[i] = i % 3 == 0 ? -0.7F : 1.4F;
  return {layers::prelu{slope}, layers::batch_norm{{.mean = mean, .variance = variance}},
          layers::scale{{}, factor, std::vector<float>(8, 0.2F)}, layers::identity{}, relu_params{0.1F}};
}

}  // namespace

TEST_CASE("blobs of in-place layers are nobody's fault", "[debug]") {
  std::size_t k = 0;
  for (const layer_params& kind : kinds()) {
    CAPTURE(k++);
    draws random(4);
    const two_runs::experiment e(in_place_network(random, kind), random, compile_mode::all_16bit);
    for (const int which : {0, 1, 2, 3}) {  // whose dumps are by blob: 1 the reference's, 2 the other's
      CAPTURE(which);
      two_runs::experiment x = e;
      if ((which & 1) != 0) dump_blobs(x.reference);
      if ((which & 2) != 0) dump_blobs(x.other);
      const diagnosis d = diagnosed(x);
      CHECK((d.verdict.cause == fault::none || d.verdict.cause == fault::layer_mapping));
      for (const finding& f : d.also) CHECK(f.cause == fault::layer_mapping);
      if (which == 3 || which == 0) CHECK(d.verdict.cause == fault::none);
      // The output was compared.
      CHECK(d.layers.back().result.has_value());
    }
  }
}

TEST_CASE("a faulty layer with an in-place one behind it is found, whatever is dumped", "[debug]") {
  std::size_t k = 0;
  for (const layer_params& kind : kinds()) {
    CAPTURE(k++);
    draws random(4);
    two_runs::experiment e(in_place_network(random, kind), random, compile_mode::all_16bit);
    network broken = e.net;
    auto& w = std::get<layers::convolution>(broken.layers[3].params).weights;
    std::reverse(w.begin(), w.end());
    e.run(broken);
    for (const int which : {0, 1, 2, 3}) {
      CAPTURE(which);
      two_runs::experiment x = e;
      if ((which & 1) != 0) dump_blobs(x.reference);
      if ((which & 2) != 0) dump_blobs(x.other);
      const diagnosis d = diagnosed(x);
      CHECK(d.verdict.cause == fault::other_weights);
      CHECK(d.verdict.layer == "conv2");
    }
  }
}

}  // namespace in_place_diagnosis_test
