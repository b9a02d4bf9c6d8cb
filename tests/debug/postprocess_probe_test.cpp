#include <nniesim/debug/postprocess_probe.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/decided_outputs.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace postprocess_probe_test {

using namespace decided_outputs;

namespace {

double border(const postprocessing& p, const tensors& outputs) { return p.border(outputs).distance; }

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("The largest labels as a set, and how far the next one is", "[postprocess_probe]") {
  const tensors x = {row({1, 5, 3, 4, 5})};
  CHECK(decide(postprocess::top_k(1), x) == "1");
  CHECK(decide(postprocess::top_k(2), x) == "1 4");
  CHECK(decide(postprocess::top_k(3), x) == "1 3 4");
  CHECK(decide(postprocess::top_k(5), x) == "0 1 2 3 4");
  CHECK(border(postprocess::top_k(1), x) == 0);
  CHECK(border(postprocess::top_k(3), x) == approx(1 / std::sqrt(2.0)));
  CHECK(border(postprocess::top_k(5), x) == infinity);
  CHECK(decide(postprocess::top_k(1), {row({1, not_a_number})}) == "not a number");
  CHECK(decide(postprocess::top_k(1), {row({1, -infinity})}) == "not a number");
  CHECK_THROWS_AS(postprocess::top_k(0), format_error);
  CHECK_THROWS_AS(decide(postprocess::top_k(6), x), shape_error);
  CHECK_THROWS_AS(decide(postprocess::top_k(1, 1), x), shape_error);
  CHECK_THROWS_AS(decide(postprocess::top_k(1), {zeros({2, 3})}), shape_error);
  CHECK_THROWS_AS(decide(postprocess::top_k(1), {zeros({1, 0})}), shape_error);
  CHECK(decide(postprocess::top_k(1, 1), {row({3, 1}), row({1, 3})}) == "1");
}

TEST_CASE("Features are the same person's up to a distance", "[postprocess_probe]") {
  const auto p = postprocess::feature_distance({1, 2}, 5, postprocess::feature_length::as_it_is);
  CHECK(decide(p, {row({4, 6})}) == "same");
  CHECK(decide(p, {row({4, 6.5F})}) == "other");
  CHECK(border(p, {row({1, 2})}) == 5);
  CHECK(border(p, {row({1, 9})}) == approx(2));
  CHECK(decide(p, {row({not_a_number, 0})}) == "not a number");
  CHECK_THROWS_AS(decide(p, {row({1})}), shape_error);
  for (const auto length : {postprocess::feature_length::as_it_is, postprocess::feature_length::normalized}) {
    const auto refused = [&](const std::vector<float>& reference, double most) {
      CHECK_THROWS_AS(postprocess::feature_distance(reference, most, length), format_error);
    };
    refused({}, 1);
    refused({infinity}, 1);
    refused({1}, -1);
    refused({1}, std::nan(""));
  }
}

TEST_CASE("Normalized features are compared by their direction alone", "[postprocess_probe]") {
  const auto length = postprocess::feature_length::normalized;
  const auto p = postprocess::feature_distance({3, 0}, 1, length);  // within 60 degrees
  CHECK(decide(p, {row({100, 0})}) == "same");
  CHECK(decide(p, {row({1, 1.7F})}) == "same");
  CHECK(decide(p, {row({1, 1.8F})}) == "other");
  CHECK(decide(p, {row({-2, 0})}) == "other");
  CHECK(decide(p, {row({0, 0})}) == "no feature");
  CHECK(border(p, {row({0, 0})}) == 0);
  // The border is a ray at 60 degrees: as far away as it is from the tip, at most the whole length.
  CHECK(border(p, {row({10, 0})}) == approx(10 * std::sqrt(0.75)));
  CHECK(border(p, {row({0, 10})}) == approx(5));
  CHECK(border(p, {row({-10, 0})}) == approx(10));
  CHECK_THROWS_AS(postprocess::feature_distance({0, 0}, 1, length), format_error);
  CHECK_THROWS_AS(postprocess::feature_distance({1, 0}, 2, length), format_error);
}

TEST_CASE("Which labels are probable", "[postprocess_probe]") {
  const auto p = postprocess::softmax(0.4);
  CHECK(decide(p, {row({2, 2, -3})}) == "0 1");
  CHECK(decide(p, {row({1000, 2, 1000, 999.9F})}).empty());
  CHECK(decide(p, {row({-1000, -1002})}) == "0");
  CHECK(decide(p, {row({0, infinity})}) == "not a number");
  // Over the channels of every place.
  auto maps = zeros({1, 2, 1, 2});
  maps.data()[0] = 3;  // of place 0: 3 and 0; of place 1: 0 and 0
  CHECK(decide(p, {maps}) == "0 1 3");
  // As far as a step along the gradient goes: e^x / (e^x + 1) = 0.5 at x = 0, its slope along (1, -1) / sqrt(2) is
  // sqrt(1/8).
  CHECK(border(postprocess::softmax(0.6), {row({0, 0})}) == approx(0.1 / std::sqrt(0.125)));
  for (const double t : {0.0, 1.0, -1.0, std::nan("")}) CHECK_THROWS_AS(postprocess::softmax(t), format_error);
}

TEST_CASE("Which values are above a threshold", "[postprocess_probe]") {
  const auto p = postprocess::threshold(0.5);
  CHECK(decide(p, {row({0.4F, 0.5F, 0.6F, 2})}) == "2 3");
  CHECK(decide(p, {row({0.1F, 0})}).empty());
  CHECK(border(p, {row({0.25F, 2})}) == 0.25);
  CHECK_THROWS_AS(postprocess::threshold(infinity), format_error);
}

TEST_CASE("A stable decision that stays points to the board", "[postprocess_probe]") {
  draws random(1);
  auto r = random.tensor({1, 100}, 0.5F);
  r.data()[42] = 10;
  const tensors reference = {r}, other = {off(random, r, 0.02F)};
  const probe_result p = probe(postprocess::top_k(1), reference, other, 200, 1);
  CHECK(p.verdict == probe_verdict::board_side);
  CHECK(p.reference_decision == "42");
  CHECK(p.other_decision == "42");
  CHECK_FALSE(p.flips);
  CHECK(p.trials == 200);
  CHECK(p.flip_rate == 0);
  REQUIRE(p.margin);
  CHECK(*p.margin > 100);
  REQUIRE(p.outputs.size() == 1);
  CHECK(p.outputs[0].cosine > 0.99);
}

TEST_CASE("A decision that flips on data that agree is sensitive", "[postprocess_probe]") {
  draws random(2);
  auto r = random.tensor({1, 100});
  r.data()[3] = 8;
  r.data()[7] = 7.999F;
  auto x = off(random, r, 0.01F);
  x.data()[3] = 7.99F;
  x.data()[7] = 8.0F;
  const probe_result p = probe(postprocess::top_k(1), tensors{r}, tensors{x}, 200, 1);
  CHECK(p.verdict == probe_verdict::sensitive);
  CHECK(p.flips);
  CHECK(p.reference_decision == "3");
  CHECK(p.other_decision == "7");
  REQUIRE(p.margin);
  CHECK(*p.margin < 1);
  CHECK(p.sign_flips > 20);
  CHECK(p.permutation_flips > 20);
  CHECK(p.flip_rate == approx(static_cast<double>(p.sign_flips + p.permutation_flips) / 200));
}

TEST_CASE("A decision that happens to stay but flips with other errors of that size is sensitive",
          "[postprocess_probe]") {
  draws random(3);
  auto r = random.tensor({1, 256});
  const auto feature = random.tensor({1, 256});
  double distance = 0;
  for (std::size_t i = 0; i < 256; ++i) distance += std::pow(double{r.data()[i]} - double{feature.data()[i]}, 2);
  distance = std::sqrt(distance);
  const auto x = off(random, r, 0.05F);
  const std::vector<float> reference_feature(feature.begin(), feature.end());
  const auto near = [&](double by) {
    return probe(postprocess::feature_distance(reference_feature, distance + by, postprocess::feature_length::as_it_is),
                 tensors{r}, tensors{x}, 400, 5);
  };
  const probe_result close = near(0.03);
  CHECK(close.reference_decision == "same");
  CHECK(close.verdict == probe_verdict::sensitive);
  CHECK(*close.margin < 1);
  CHECK(close.flip_rate > 0.1);
  const probe_result far = near(0.5);
  CHECK(far.verdict == probe_verdict::board_side);
  CHECK(*far.margin > 5);
  CHECK(far.flip_rate < 0.01);
}

TEST_CASE("Outputs that do not agree are a fault of the data", "[postprocess_probe]") {
  draws random(4);
  auto r = random.tensor({1, 50});
  r.data()[9] = 9;
  const auto verdict = [&](const tensor<float>& x) {
    return probe(postprocess::top_k(1), tensors{r}, tensors{x}, 10, 1).verdict;
  };
  CHECK(verdict(off(random, r, 1.0F)) == probe_verdict::data_fault);
  CHECK(verdict(r * 1.3F) == probe_verdict::data_fault);
  CHECK(verdict(r * 1.1F) == probe_verdict::board_side);
  CHECK(verdict(zeros({1, 50})) == probe_verdict::data_fault);
  auto bad = r;
  bad.data()[0] = not_a_number;
  const probe_result p = probe(postprocess::top_k(1), tensors{r}, tensors{bad}, 10, 1);
  CHECK(p.verdict == probe_verdict::data_fault);
  CHECK(p.trials == 0);
  CHECK_FALSE(p.margin);
  CHECK(p.other_decision == "not a number");
  // The second output disagrees, though the decision is not made of it.
  CHECK(probe(postprocess::top_k(1), tensors{r, r}, tensors{r, r * 2.0F}, 10, 1).verdict == probe_verdict::data_fault);
}

TEST_CASE("Equal and all-zero outputs are defined", "[postprocess_probe]") {
  draws random(5);
  const tensors r = {random.tensor({1, 9})};
  const probe_result equal = probe(postprocess::top_k(1), r, r, 10, 1);
  CHECK(equal.verdict == probe_verdict::board_side);
  CHECK(*equal.margin == infinity);
  CHECK(equal.flip_rate == 0);
  const tensors zero = {zeros({1, 9})};
  CHECK(probe(postprocess::top_k(1), zero, zero, 10, 1).verdict == probe_verdict::board_side);
  const probe_result from_zero = probe(postprocess::top_k(1), zero, r, 10, 1);
  CHECK(from_zero.verdict == probe_verdict::data_fault);
  CHECK(*from_zero.margin == 0);
}

TEST_CASE("The same seed gives the same trials", "[postprocess_probe]") {
  draws random(6);
  auto r = random.tensor({1, 100});
  r.data()[3] = 5;
  r.data()[7] = 4.95F;
  const tensors reference = {r}, other = {off(random, r, 0.03F)};
  const auto flips = [&](std::uint64_t seed) {
    const probe_result p = probe(postprocess::top_k(1), reference, other, 101, seed);
    CHECK(p.trials == 101);
    return std::pair(p.sign_flips, p.permutation_flips);
  };
  CHECK(flips(7) == flips(7));
  CHECK((flips(7) != flips(8) || flips(7) != flips(9)));
}

TEST_CASE("What does not fit the probe is refused", "[postprocess_probe]") {
  const tensors r = {row({1, 2})};
  const auto post = postprocess::top_k(1);
  CHECK_THROWS_AS(probe(post, {}, {}, 1, 1), shape_error);
  CHECK_THROWS_AS(probe(post, r, {}, 1, 1), shape_error);
  CHECK_THROWS_AS(probe(post, r, tensors{row({1})}, 1, 1), shape_error);
  CHECK_THROWS_AS(probe(post, r, r, 0, 1), format_error);
  CHECK_THROWS_AS(probe(post, r, r, 1, 1, {.least_cosine = std::nan("")}), format_error);
  int calls = 0;
  const postprocessing fickle{"fickle", [&](std::span<const tensor<float>>) { return std::to_string(++calls); }, {}};
  CHECK_THROWS_WITH(probe(fickle, r, r, 1, 1), contains("fickle decides differently"));
}

}  // namespace postprocess_probe_test
