#include "../../examples/feature_norm/network.hpp"

#include "../../examples/feature_norm/published.hpp"
#include "catch.hpp"

using namespace feature_norm;

namespace {

const std::filesystem::path folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "examples/feature_norm";

struct pictures {
  tensor<float> x;
  std::vector<std::size_t> labels;
};

pictures load(std::size_t first, std::size_t step, std::size_t limit) {
  const auto digits = read_npy<std::uint8_t>(folder / "data/digits.npy");
  const auto labels = read_npy<std::uint8_t>(folder / "data/labels.npy");
  std::vector<std::size_t> which;
  pictures p;
  for (std::size_t i = first; i < labels.size() && which.size() < limit; i += step) {
    which.push_back(i);
    p.labels.push_back(labels.data()[i]);
  }
  p.x = upscale(digits, which);
  return p;
}

const std::vector<std::string> branches = {"comp0", "comp1", "comp2", "comp3"};

}  // namespace

TEST_CASE("the float network equals PyTorch's float64 outputs on every held-out digit") {
  const pictures test = load(2, 3, 599);
  network<float32> net(folder, [](const std::string&) { return std::size_t{0}; });
  (void)net.run(load(0, 3, 1).x, {}, true);
  const auto out = net.run(test.x, {});
  const auto logits = read_npy<float>(folder / "data/expected_logits.npy");
  REQUIRE(shape_of(logits) == tensor_shape{599, 10});
  CHECK(compare(logits, output(out, "classifier")).relative_l2_error < 1e-5);
  const auto expected = read_npy<float>(folder / "data/expected_norms.npy");
  std::size_t column = 0;
  for (const std::string layer : {".cfc", ".cnorm"}) {
    for (const auto& branch : branches) {
      const auto got = norms(output(out, branch + layer));
      for (std::size_t n = 0; n < got.size(); ++n)
        CHECK(got[n] == approx(static_cast<double>(expected(n, column))).epsilon(1e-5));
      ++column;
    }
  }
  CHECK(accuracy(output(out, "classifier"), test.labels) > 0.97);
}

TEST_CASE(
    "8 bits shift the norms behind the add-one norm, cosines stay, and one constant per feature brings them back") {
  const pictures calibration = load(0, 3, 200);
  const pictures test = load(2, 3, 200);
  network<float32> reference_net(folder, [](const std::string&) { return std::size_t{0}; });
  network<w8a8, w16a16> net(folder, [](const std::string&) { return std::size_t{0}; });
  const auto reference_calibration = reference_net.run(calibration.x, {}, true);
  const auto reference = reference_net.run(test.x, {});
  (void)net.run(calibration.x, {}, true);
  const auto plain = net.run(test.x, {});
  norm_constants constants;
  const auto quantized_calibration = net.run(calibration.x, {});
  for (std::size_t i = 0; i < 4; ++i) {
    constants.branch[i] = solve_constant<w8a8>(output(quantized_calibration, branches[i] + ".cfc"), 1.0F / 512,
                                               mean(norms(output(reference_calibration, branches[i] + ".cnorm"))));
  }
  const auto compensated = net.run(test.x, constants);
  for (const auto& branch : branches) {
    INFO(branch);
    const auto before = compare_samples(output(reference, branch + ".cfc"), output(plain, branch + ".cfc"));
    const auto after = compare_samples(output(reference, branch + ".cnorm"), output(plain, branch + ".cnorm"));
    const auto left = compare_samples(output(reference, branch + ".cnorm"), output(compensated, branch + ".cnorm"));
    CHECK(std::fabs(after.norm_error) > std::fabs(before.norm_error));
    CHECK(std::fabs(after.cosine - before.cosine) < 0.005);
    CHECK(std::fabs(left.norm_error) <= 0.1 * std::fabs(after.norm_error));
  }
}

TEST_CASE("truncation predicts the norm error measured on hardware, rounding to nearest does not") {
  for (const auto& branch : published_branches) {
    const prediction p = predict(branch);
    INFO(branch.name);
    CHECK(p.truncation >= 0.050);
    CHECK(p.truncation <= 0.061);
    CHECK(p.nearest < 0.003);
    CHECK(p.implied == approx(0.058).margin(0.001));
  }
}
