#include <nniesim/ops/text_proposal.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace text_proposal_test {

TEST_CASE("anchors are those of CTPN") {
  // What its AnchorText().basic_anchors() gives.
  const std::vector<std::array<int, 2>> rows = {{2, 12},   {0, 15},   {-3, 18},  {-8, 23},   {-16, 31},
                                                {-26, 41}, {-40, 55}, {-61, 76}, {-91, 106}, {-133, 148}};
  REQUIRE(detail::text_heights.size() == rows.size());
  for (std::size_t a = 0; a < rows.size(); ++a) CHECK(detail::text_anchor(detail::text_heights[a]) == rows[a]);
}

TEST_CASE("pieces of lines by hand") {
  // A map of 2 x 3 of a picture of 40 x 45.
  auto scores = zeros({1, 20, 2, 3}), moves = zeros({1, 20, 2, 3});
  for (std::size_t i = 0; i < 120; ++i) scores.data()[i] = static_cast<float>(i);
  const tensor<float> picture{{40, 45, 1}};
  auto y = make_tensor<float>({60, 4});
  std::vector<float> found(60);
  const auto row = [&](std::size_t place, std::size_t anchor) {
    const float* at = y.data() + (place * 10 + anchor) * 4;
    return std::array{at[0], at[1], at[2], at[3]};
  };
  text_proposal_into(view_of(scores), view_of(moves), view_of(picture), {}, view_of(y), found);
  // As in the original the last row is the first plus the height, one more than the anchor's.
  CHECK(row(0, 0) == std::array{0.0F, 1.5F, 15.0F, 12.5F});
  CHECK(row(0, 9) == std::array{0.0F, 0.0F, 15.0F, 39.0F});
  CHECK(row(5, 1) == std::array{32.0F, 15.5F, 44.0F, 31.5F});  // columns to 47, of which there are 45
  CHECK(row(4, 2) == std::array{16.0F, 12.5F, 31.0F, 34.5F});
  CHECK(found[0] == 60.0F);  // of channel 10
  CHECK(found[43] == static_cast<float>(13 * 6 + 4));

  // The second anchor, 16 pixels high, at place 4: a quarter of it down, twice as high.
  moves.data()[2 * 6 + 4] = 0.25F;
  moves.data()[3 * 6 + 4] = std::log(2.0F);
  y = text_proposal(scores, moves, picture);
  const auto moved = row(4, 1);
  CHECK(moved[0] == 16.0F);
  CHECK(std::fabs(moved[1] - 11.5F) < 1e-5F);
  CHECK(moved[2] == 31.0F);
  CHECK(moved[3] == 39.0F);  // 43.5 of 40 rows
  CHECK(row(4, 2) == std::array{16.0F, 12.5F, 31.0F, 34.5F});
  y = text_proposal(scores, moves, picture, {.stride = 8});
  CHECK(row(5, 0) == std::array{16.0F, 9.5F, 31.0F, 20.5F});
}

TEST_CASE("wrong maps and pictures of text are refused") {
  const auto maps = zeros({1, 20, 2, 3});
  const tensor<float> picture{{40, 45, 1}};
  CHECK_NOTHROW(text_proposal(maps, maps, picture));
  CHECK_THROWS_WITH(text_proposal(zeros({1, 18, 2, 3}), zeros({1, 18, 2, 3}), picture), contains("20 channels"));
  CHECK_THROWS_AS(text_proposal(maps, zeros({1, 20, 3, 2}), picture), shape_error);
  CHECK_THROWS_AS(text_proposal(zeros({2, 20, 2, 3}), zeros({2, 20, 2, 3}), picture), shape_error);
  CHECK_THROWS_AS(text_proposal(zeros({1, 20, 0, 3}), zeros({1, 20, 0, 3}), picture), shape_error);
  CHECK_THROWS_AS(text_proposal(maps, maps, zeros({1, 1})), shape_error);
  CHECK_THROWS_WITH(text_proposal(maps, maps, picture, {.stride = 0}), contains("got stride 0, expected 1 to 1048576"));
  CHECK_THROWS_AS(text_proposal(maps, maps, picture, {.stride = std::size_t{1} << 40U}), format_error);
  CHECK_THROWS_WITH(text_proposal(maps, maps, zeros({1, 3})), contains("picture 0 x 0"));
  CHECK_THROWS_AS(text_proposal(maps, nan_tensor({1, 20, 2, 3}), picture), format_error);
  auto y = make_tensor<float>({60, 4});
  std::vector<float> few(59);
  CHECK_THROWS_AS(text_proposal_into(view_of(maps), view_of(maps), view_of(picture), {}, view_of(y), few), shape_error);
}

}  // namespace text_proposal_test
