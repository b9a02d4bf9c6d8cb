#include <nniesim/ops/dense_block.hpp>

#include <nniesim/kernels/thread_pool.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace dense_block_test {

namespace {

batch_norm_params drawn_norm(draws& d, std::size_t channels) {
  batch_norm_params p;
  for (std::size_t c = 0; c < channels; ++c) {
    p.mean.push_back(d.normal());
    p.variance.push_back(1.5F + d.symmetric());
    p.gamma.push_back(d.normal());
    p.beta.push_back(d.normal());
  }
  p.count = 2.0F;
  return p;
}

dense_block_params drawn(draws& d, std::size_t channels, std::size_t stages, std::size_t growth, bool narrow) {
  dense_block_params p;
  for (std::size_t s = 0; s < stages; ++s, channels += growth) {
    dense_block_stage stage;
    stage.norm = drawn_norm(d, channels);
    std::size_t in = channels;
    if (narrow) {
      in = 4 * growth;
      stage.narrow = d.tensor({in, channels, 1, 1}, 0.3F);
      stage.narrow_norm = drawn_norm(d, in);
    }
    stage.filter = d.tensor({growth, in, 3, 3}, 0.3F);
    p.stages.push_back(std::move(stage));
  }
  return p;
}

using map = std::vector<std::vector<double>>;  // of each channel its rows one behind the other

/// relu(gamma (x - mean) / sqrt(variance + epsilon) + beta), with Caffe's stored sums.
map normed(map x, const batch_norm_params& p) {
  for (std::size_t c = 0; c < x.size(); ++c) {
    const double mean = static_cast<double>(p.mean[c]) / 2, variance = static_cast<double>(p.variance[c]) / 2;
    for (double& v : x[c]) {
      v = (v - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(p.gamma[c]) + static_cast<double>(p.beta[c]);
      v = std::max(v, 0.0);
    }
  }
  return x;
}
map convolved(const map& x, const tensor<float>& w, long rows, long columns) {
  const long reach = static_cast<long>(w.shape()[2]) / 2;
  map y(w.shape()[0], std::vector<double>(static_cast<std::size_t>(rows * columns)));
  for (std::size_t o = 0; o < y.size(); ++o) {
    for (std::size_t c = 0; c < x.size(); ++c) {
      for (long r = 0; r < rows; ++r) {
        for (long s = 0; s < columns; ++s) {
          for (long i = -reach; i <= reach; ++i) {
            for (long j = -reach; j <= reach; ++j) {
              if (r + i < 0 || r + i >= rows || s + j < 0 || s + j >= columns) continue;
              y[o][static_cast<std::size_t>(r * columns + s)] +=
                  static_cast<double>(w(o, c, i + reach, j + reach)) *
                  x[c][static_cast<std::size_t>((r + i) * columns + s + j)];
            }
          }
        }
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("a dense block is its stages in float64 within float's places") {
  draws d(1);
  for (const bool narrow : {false, true}) {
    const auto p = drawn(d, 3, 3, 2, narrow);
    const auto x = d.tensor({2, 3, 4, 5});
    const auto y = dense_block_layer(p)(x);
    REQUIRE(shape_of(y) == tensor_shape{2, 9, 4, 5});
    for (std::size_t n = 0; n < 2; ++n) {
      map all;
      for (std::size_t c = 0; c < 3; ++c) {
        const float* from = x.data() + (n * 3 + c) * 20;
        all.emplace_back(from, from + 20);
      }
      for (const dense_block_stage& s : p.stages) {
        map in = normed(all, s.norm);
        if (s.narrow) in = normed(convolved(in, *s.narrow, 4, 5), s.narrow_norm);
        for (auto& channel : convolved(in, s.filter, 4, 5)) all.push_back(channel);
      }
      for (std::size_t c = 0; c < 9; ++c) {
        for (std::size_t i = 0; i < 20; ++i) {
          INFO("sample " << n << " channel " << c << " element " << i);
          CHECK(std::fabs(static_cast<double>(y.data()[(n * 9 + c) * 20 + i]) - all[c][i]) <
                2e-5 * (1 + std::fabs(all[c][i])));
        }
      }
    }
  }
}

TEST_CASE("a dense block equals its specification on every instruction set and with threads") {
  draws d(2);
  thread_pool pool(3);
  for (const bool narrow : {false, true}) {
    const auto p = drawn(d, 5, 3, 7, narrow);
    const auto x = d.tensor({2, 5, 9, 11});
    auto expected = make_tensor<float>(infer_shape(p, shape_of(x)));
    reference::dense_block(view_of(x), p, view_of(expected));
    for_each_isa([&](isa used) {
      INFO(to_string(used));
      const dense_block_layer layer(p);
      CHECK(same_bits(layer(x), expected));
      CHECK(same_bits(layer(x, pool.handle()), expected));
    });
  }
}

TEST_CASE("stages that do not fit are refused") {
  draws d(3);
  const tensor_shape x{1, 3, 4, 4};
  const auto problem = [&](auto change) {
    dense_block_params p = drawn(d, 3, 2, 2, true);
    change(p);
    return infer_shape(p, x);
  };
  CHECK(problem([](dense_block_params&) {}) == tensor_shape{1, 7, 4, 4});
  CHECK(infer_shape(dense_block_params{}, x) == x);
  CHECK_THROWS_WITH(problem([&](auto& p) { p.stages[1].norm = drawn_norm(d, 3); }), contains("1x5x4x4 and 3 factors"));
  CHECK_THROWS_WITH(problem([&](auto& p) { p.stages[0].narrow = zeros({8, 4, 1, 1}); }), contains("weights 8x4x1x1"));
  CHECK_THROWS_WITH(problem([&](auto& p) { p.stages[0].narrow = zeros({8, 3, 1, 2}); }), contains("kernel of 1 x 1"));
  CHECK_THROWS_WITH(problem([&](auto& p) { p.stages[0].narrow_norm = drawn_norm(d, 7); }), contains("7 factors"));
  CHECK_THROWS_WITH(problem([&](auto& p) { p.stages[0].filter = zeros({2, 8, 1, 1}); }), contains("kernel of 3 x 3"));
  CHECK_THROWS_WITH(infer_shape(dense_block_params{}, {1, 3}), contains("rank 4"));
  CHECK_THROWS_WITH(dense_block_layer({})(zeros({0, 3, 4, 4})), contains("no empty axis"));
  CHECK_THROWS_WITH(dense_block_layer({})(nan_tensor({1, 1, 1, 1})), contains("NaN"));
}

}  // namespace dense_block_test
