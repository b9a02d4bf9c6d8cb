#include <nniesim/ops/proposal.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace proposal_test {

TEST_CASE("anchors are those of py-faster-rcnn") {
  // The table that its generate_anchors prints for base 16, ratios 1/2, 1, 2 and scales 8, 16, 32.
  const std::vector<std::array<double, 4>> table = {{-84, -40, 99, 55}, {-176, -88, 191, 103},  {-360, -184, 375, 199},
                                                    {-56, -56, 71, 71}, {-120, -120, 135, 135}, {-248, -248, 263, 263},
                                                    {-36, -80, 51, 95}, {-80, -168, 95, 183},   {-168, -344, 183, 359}};
  const auto anchors = detail::anchors_of({});
  REQUIRE(anchors.size() == 9);
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(anchors[i].width == table[i][2] - table[i][0] + 1);
    CHECK(anchors[i].height == table[i][3] - table[i][1] + 1);
    CHECK((table[i][0] + table[i][2]) / 2 == 7.5);
    CHECK((table[i][1] + table[i][3]) / 2 == 7.5);
  }
  CHECK(detail::half_to_even(2.5) == 2.0);
  CHECK(detail::half_to_even(3.5) == 4.0);
  CHECK(detail::half_to_even(2.51) == 3.0);
  CHECK(detail::half_to_even(-0.5) == 0.0);
}

TEST_CASE("regions by hand") {
  // One anchor of 16 x 16 pixels at each place of a 2 x 3 map: boxes of 16 pixels side by side.
  proposal_params p;
  p.ratios = {1};
  p.scales = {1};
  p.regions = 4;
  auto scores = zeros({1, 2, 2, 3});
  const float values[6] = {0.1F, 0.6F, 0.2F, 0.6F, 0.3F, 0.4F};
  std::copy_n(values, 6, scores.data() + 6);  // behind those of the background
  const auto none = zeros({1, 4, 2, 3});
  const tensor<float> picture{{32, 48, 1}};
  // Equal scores in the order of places. Boxes are clipped to the picture's last pixel.
  CHECK(same_bits(proposal(scores, none, picture, p),
                  tensor<float>{{0, 16, 0, 32, 16}, {0, 0, 16, 16, 31}, {0, 32, 16, 47, 31}, {0, 16, 16, 32, 31}}));
  // Fewer than asked for: rows of -1.
  p.before_suppression = 2;
  CHECK(same_bits(proposal(scores, none, picture, p),
                  tensor<float>{{0, 16, 0, 32, 16}, {0, 0, 16, 16, 31}, {-1, 0, 0, 0, 0}, {-1, 0, 0, 0, 0}}));
  // Sides of 17 pixels are needed: at the picture's end they are 16.
  p.before_suppression = 6000;
  p.min_size = 17;
  CHECK(same_bits(proposal(scores, none, picture, p),
                  tensor<float>{{0, 16, 0, 32, 16}, {0, 0, 0, 16, 16}, {-1, 0, 0, 0, 0}, {-1, 0, 0, 0, 0}}));
  p.min_size = 16;
  auto y = make_tensor<float>({4, 5});
  std::vector<float> found(4);
  proposal_into(view_of(scores), view_of(none), view_of(picture), p, view_of(y), found);
  CHECK(found == std::vector<float>{0.6F, 0.6F, 0.4F, 0.3F});
}

TEST_CASE("regions of random maps equal a plain computation") {
  draws d(2);
  std::size_t rows = 0, dropped = 0;
  for (int i = 0; i < 60; ++i) {
    proposal_params p;
    p.stride = 8;
    p.base_size = 8;
    p.ratios = {0.5F, 1.5F};
    p.scales = {2, 4};
    p.min_size = 6;
    p.regions = d.between(1, 30);
    p.before_suppression = d.between(1, 60);
    p.overlap_threshold = static_cast<double>(d.between(2, 8)) / 10;
    const std::size_t h = d.between(1, 5), w = d.between(1, 5);
    auto scores = make_tensor<float>({1, 8, h, w});
    for (float& v : scores) v = std::fabs(d.symmetric());
    auto moves = d.tensor({1, 16, h, w});
    for (float& v : moves) v *= 0.3F;
    const tensor<float> picture{{static_cast<float>(8 * h), static_cast<float>(8 * w) - 3, 0.75F}};
    const auto y = proposal(scores, moves, picture, p);
    // py-faster-rcnn's own steps, by corners.
    struct candidate {
      double score;
      std::array<double, 4> b;
    };
    std::vector<candidate> all;
    for (std::size_t row = 0; row < h; ++row) {
      for (std::size_t column = 0; column < w; ++column) {
        for (std::size_t a = 0; a < 4; ++a) {
          const double ratio = a < 2 ? 0.5 : 1.5, scale = a % 2 == 0 ? 2 : 4;
          const double ws = std::nearbyint(std::sqrt(64 / ratio)), hs = std::nearbyint(ws * ratio);
          const double x1 = 3.5 - 0.5 * (ws * scale - 1) + 8.0 * static_cast<double>(column);
          const double y1 = 3.5 - 0.5 * (hs * scale - 1) + 8.0 * static_cast<double>(row);
          const double x2 = x1 + ws * scale - 1, y2 = y1 + hs * scale - 1;
          const double width = x2 - x1 + 1, height = y2 - y1 + 1;
          const auto move = [&](std::size_t k) { return static_cast<double>(moves(0, a * 4 + k, row, column)); };
          const double cx = move(0) * width + x1 + 0.5 * width, cy = move(1) * height + y1 + 0.5 * height;
          const double pw = std::exp(move(2)) * width, ph = std::exp(move(3)) * height;
          const auto clip = [](double v, double size) { return std::max(std::min(v, size - 1), 0.0); };
          const double im_h = static_cast<double>(picture(0, 0)), im_w = static_cast<double>(picture(0, 1));
          const std::array<double, 4> b{clip(cx - 0.5 * pw, im_w), clip(cy - 0.5 * ph, im_h), clip(cx + 0.5 * pw, im_w),
                                        clip(cy + 0.5 * ph, im_h)};
          if (b[2] - b[0] + 1 < 6 * 0.75 || b[3] - b[1] + 1 < 6 * 0.75) {
            ++dropped;
            continue;
          }
          all.push_back({static_cast<double>(scores(0, 4 + a, row, column)), b});
        }
      }
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    if (all.size() > p.before_suppression) all.resize(p.before_suppression);
    std::vector<candidate> kept;
    for (const candidate& c : all) {
      bool keep = kept.size() < p.regions;
      for (const candidate& k : kept) {
        const double iw = std::max(0.0, std::min(c.b[2], k.b[2]) - std::max(c.b[0], k.b[0]) + 1);
        const double ih = std::max(0.0, std::min(c.b[3], k.b[3]) - std::max(c.b[1], k.b[1]) + 1);
        const auto area = [](const auto& b) { return (b[2] - b[0] + 1) * (b[3] - b[1] + 1); };
        keep = keep && iw * ih / (area(c.b) + area(k.b) - iw * ih) <= p.overlap_threshold;
      }
      if (keep) kept.push_back(c);
    }
    rows += kept.size();
    for (std::size_t r = 0; r < p.regions; ++r) {
      INFO("network " << i << ", row " << r);
      CHECK(y(r, 0) == (r < kept.size() ? 0.0F : -1.0F));
      for (std::size_t k = 0; k < 4; ++k) {
        const double want = r < kept.size() ? kept[r].b[k] : 0.0;
        CHECK(std::fabs(static_cast<double>(y(r, 1 + k)) - want) <= 1e-4);
      }
    }
  }
  CHECK(rows > 200);
  CHECK(dropped > 0);
}

TEST_CASE("corrections beyond all numbers end nothing") {
  proposal_params p;
  p.ratios = {1};
  p.scales = {1};
  p.regions = 2;
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const tensor<float> picture{{16, 16, 1}};
  auto scores = zeros({1, 2, 1, 1});
  auto moves = zeros({1, 4, 1, 1});
  moves.data()[2] = moves.data()[3] = infinity;
  CHECK(same_bits(proposal(scores, moves, picture, p), tensor<float>{{0, 0, 0, 15, 15}, {-1, 0, 0, 0, 0}}));
  moves.data()[0] = infinity;  // infinity - infinity
  CHECK(proposal(scores, moves, picture, p)(0, 0) == -1.0F);
  scores.data()[1] = nan;
  auto y = make_tensor<float>({2, 5});
  const auto none = zeros({1, 4, 1, 1});
  proposal_into(view_of(scores), view_of(none), view_of(picture), p, view_of(y));
  CHECK(y(0, 0) == -1.0F);
  CHECK_THROWS_WITH(proposal(scores, none, picture, p), contains("NaN"));
}

TEST_CASE("maps and pictures that do not fit are refused") {
  const tensor<float> picture{{32, 48, 1}};
  const auto scores = zeros({1, 18, 2, 3}), moves = zeros({1, 36, 2, 3});
  CHECK(shape_of(proposal(scores, moves, picture)) == tensor_shape{300, 5});
  CHECK(shape_of(proposal(scores, moves, tensor<float>{{32, 48, 1, 1, 1, 1}})) == tensor_shape{300, 5});
  CHECK_THROWS_WITH(proposal(zeros({1, 17, 2, 3}), moves, picture), contains("1x17x2x3") && contains("9 anchors"));
  CHECK_THROWS_AS(proposal(zeros({2, 18, 2, 3}), zeros({2, 36, 2, 3}), picture), shape_error);
  CHECK_THROWS_AS(proposal(scores, zeros({1, 36, 3, 2}), picture), shape_error);
  CHECK_THROWS_WITH(proposal(scores, moves, tensor<float>{{32, 48}}), contains("1 x 3"));
  for (const float bad : {0.0F, -1.0F, 1e30F}) {
    CHECK_THROWS_AS(proposal(scores, moves, tensor<float>{{bad, 48, 1}}), format_error);
    CHECK_THROWS_AS(proposal(scores, moves, tensor<float>{{32, 48, bad}}), format_error);
  }
  CHECK_THROWS_AS(proposal(scores, moves, tensor<float>{{0.5F, 48, 1}}), format_error);
  const auto refused = [&](auto change) {
    proposal_params p;
    change(p);
    CHECK_THROWS_AS(proposal(scores, moves, picture, p), format_error);
  };
  refused([](auto& p) { p.ratios.clear(); });
  refused([](auto& p) { p.scales = {0, 1, 2}; });
  refused([](auto& p) { p.ratios[1] = std::numeric_limits<float>::quiet_NaN(); });
  refused([](auto& p) { p.regions = 0; });
  refused([](auto& p) { p.regions = std::size_t{1} << 40U; });
  refused([](auto& p) { p.stride = 0; });
  refused([](auto& p) { p.min_size = -1; });
  refused([](auto& p) { p.overlap_threshold = std::numeric_limits<double>::quiet_NaN(); });
}

}  // namespace proposal_test
