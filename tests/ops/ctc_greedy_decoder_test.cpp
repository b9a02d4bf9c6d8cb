#include <nniesim/ops/ctc_greedy_decoder.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace ctc_greedy_decoder_test {

namespace {

/// An input whose largest element of each step is the given class; the winner's value is 1 + its step.
tensor<float> input_of(const std::vector<std::vector<std::size_t>>& sequences, std::size_t classes) {
  const std::size_t steps = sequences[0].size();
  auto x = zeros({steps, sequences.size(), classes});
  for (std::size_t n = 0; n < sequences.size(); ++n) {
    for (std::size_t t = 0; t < steps; ++t) x(t, n, sequences[n][t]) = 1.0F + static_cast<float>(t);
  }
  return x;
}

template <class P>
std::vector<float> decoded(const tensor<float>& x, const ctc_greedy_decoder_params& p) {
  const auto y = ctc_greedy_decoder<P>(x, p);
  return {y.begin(), y.end()};
}

}  // namespace

TEST_CASE("classes follow without repetitions and blanks") {
  const auto x = input_of({{0, 2, 2, 0, 2, 3, 3, 0}, {1, 1, 1, 3, 0, 0, 3, 3}}, 4);
  for_policies([&]<class P>() {
    CHECK(shape_of(ctc_greedy_decoder<P>(x)) == tensor_shape{2, 8, 1, 1});
    CHECK(decoded<P>(x, {}) == std::vector<float>{2, 2, 3, -1, -1, -1, -1, -1, 1, 3, 3, -1, -1, -1, -1, -1});
    CHECK(decoded<P>(x, {.blank = std::nullopt}) ==
          std::vector<float>{0, 2, 0, 2, 0, -1, -1, -1, 1, 0, -1, -1, -1, -1, -1, -1});
    CHECK(decoded<P>(x, {.blank = 1}) == std::vector<float>{0, 2, 0, 2, 3, 0, -1, -1, 3, 0, 3, -1, -1, -1, -1, -1});
    CHECK(decoded<P>(x, {.merge_repeated = false}) ==
          std::vector<float>{2, 2, 2, 3, 3, -1, -1, -1, 1, 1, 1, 3, 3, 3, -1, -1});
  });
}

TEST_CASE("of equal elements the first class counts, and a sequence ends where it does not go on") {
  CHECK(decoded<float32>(zeros({2, 1, 3}), {.blank = 2}) == std::vector<float>{0, -1});
  const auto x = input_of({{1, 2, 3, 1}, {2, 3, 1, 2}}, 4);
  auto continues = zeros({4, 2});
  continues.fill(1.0F);
  continues(0, 0) = 0.0F;  // of the first step nothing is asked
  continues(2, 0) = 0.0F;
  auto y = make_tensor<float>({2, 4, 1, 1});
  auto scores = make_tensor<float>({2, 1, 1, 1});
  ctc_greedy_decoder_into<float32>(view_of(x), view_of(std::as_const(continues)), {}, view_of(y), view_of(scores));
  CHECK(std::vector<float>(y.begin(), y.end()) == std::vector<float>{1, 2, -1, -1, 2, 3, 1, 2});
  CHECK(std::vector<float>(scores.begin(), scores.end()) == std::vector<float>{-3, -10});
}

TEST_CASE("inputs of other shapes and blanks that are no class are refused") {
  const auto x = zeros({4, 2, 3});
  CHECK_THROWS_WITH(ctc_greedy_decoder<float32>(x, {.blank = 3}), contains("blank 3 of input 4x2x3"));
  CHECK_THROWS_WITH(ctc_greedy_decoder<float32>(zeros({4, 3})), contains("steps, sequences and classes"));
  CHECK_THROWS_WITH(ctc_greedy_decoder<float32>(zeros({4, 2, 3, 2})), contains("4x2x3x2"));
  CHECK_THROWS_WITH(ctc_greedy_decoder<float32>(zeros({4, 0, 3})), contains("no empty axis"));
  CHECK_THROWS_WITH(ctc_greedy_decoder<float32>(nan_tensor({1, 1, 2})), contains("NaN"));
  CHECK(shape_of(ctc_greedy_decoder<float32>(zeros({4, 2, 3, 1}))) == tensor_shape{2, 4, 1, 1});
  auto y = make_tensor<float>({2, 4, 1, 1});
  const auto three = zeros({3});
  CHECK_THROWS_WITH(ctc_greedy_decoder_into<float32>(view_of(x), view_of(three), {}, view_of(y)),
                    contains("continuations of shape 3"));
  auto scores = zeros({3});
  CHECK_THROWS_WITH(ctc_greedy_decoder_into<float32>(view_of(x), {}, {}, view_of(y), view_of(scores)),
                    contains("scores of shape 3"));
}

}  // namespace ctc_greedy_decoder_test
