#include <nniesim/ops/conv2d_plan.hpp>

#include <set>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace conv2d_plan_test {

namespace {

/// Operands are the values themselves.
void copy(const kernels::quantize_job<float, float>& job, int) {
  for (std::size_t r = 0; r < job.rows; ++r) {
    const auto row = static_cast<std::ptrdiff_t>(r);
    std::copy_n(job.in + row * job.in_pitch, job.n, job.out + row * job.out_pitch);
  }
}

struct geometry {
  conv2d_params p;
  tensor_shape x, w;
};
geometry random_geometry(draws& d) {
  geometry g;
  g.p.groups = d.between(1, 3);
  g.p.stride = {d.between(1, 4), d.between(1, 4)};
  g.p.dilation = {d.between(1, 2), d.between(1, 3)};
  g.p.pad = padding(d.between(0, 3), d.between(0, 3), d.between(0, 3), d.between(0, 3));
  const std::size_t inputs = d.between(1, 4);
  g.x = {d.between(1, 2), inputs * g.p.groups, d.between(7, 20), d.between(7, 300)};
  g.w = {d.between(1, 3) * g.p.groups, inputs, d.between(1, 4), d.between(1, 3)};
  return g;
}

}  // namespace

TEST_CASE("the planes of a block hold, at every offset, what the taps of its outputs read") {
  draws d(1);
  for (int n = 0; n < 60; ++n) {
    const geometry g = random_geometry(d);
    const std::size_t workers = d.between(1, 5);
    const conv2d_plan plan(g.p, g.x, g.w, {.tile_rows = 6}, workers);
    const auto x = d.tensor(g.x);
    std::vector<std::int32_t> offset(plan.steps);
    plan.fill_offsets(offset.data());
    std::size_t wrong = 0;
    for (std::size_t block = 0; block < plan.all_blocks; ++block) {
      const std::size_t map = block / plan.blocks;
      const std::size_t line0 = block % plan.blocks * plan.lines;
      const std::size_t line1 = std::min(line0 + plan.lines, plan.extent);
      std::vector<float> planes(plan.plane_elements, 0.0F);
      plan.fill_planes(&copy, x.data() + map * g.w[1] * g.x[2] * g.x[3], line0, line1, 0, 0.0F, planes.data());
      const std::size_t rows = plan.flat ? 1 : line1 - line0;
      const std::size_t columns = plan.flat ? line1 - line0 : plan.y[3];
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
          const std::size_t oy = plan.flat ? (line0 + c) / plan.y[3] : line0 + r;
          const std::size_t ox = plan.flat ? (line0 + c) % plan.y[3] : c;
          std::size_t t = 0;
          for (std::size_t ic = 0; ic < g.w[1]; ++ic) {
            for (std::size_t ky = 0; ky < g.w[2]; ++ky) {
              for (std::size_t kx = 0; kx < g.w[3]; ++kx, ++t) {
                const std::size_t iy = oy * g.p.stride[0] + ky * g.p.dilation[0] - g.p.pad.top;
                const std::size_t ix = ox * g.p.stride[1] + kx * g.p.dilation[1] - g.p.pad.left;
                const bool inside = iy < g.x[2] && ix < g.x[3];
                const float expected = inside ? x.data()[((map * g.w[1] + ic) * g.x[2] + iy) * g.x[3] + ix] : 0.0F;
                const std::size_t at = r * g.p.stride[0] * plan.row + c + static_cast<std::size_t>(offset[t]);
                if (at >= planes.size() || planes[at] != expected) ++wrong;
              }
            }
          }
        }
      }
    }
    INFO("case " << n << ": x " << g.x << ", w " << g.w << ", " << workers << " workers");
    CHECK(wrong == 0);
  }
}

TEST_CASE("blocks cover every line once, and units every block and panel once") {
  draws d(2);
  for (int n = 0; n < 300; ++n) {
    const geometry g = random_geometry(d);
    const std::size_t workers = d.between(1, 9);
    const conv2d_operands o{.in_pixels = d.between(0, 1) == 0,
                            .bytes = d.between(0, 1) == 0 ? 4U : 8U,
                            .tile_rows = d.between(1, 14),
                            .panels = d.between(1, 9)};
    const conv2d_plan plan(g.p, g.x, g.w, o, workers);
    CHECK((plan.blocks - 1) * plan.lines < plan.extent);
    CHECK(plan.blocks * plan.lines >= plan.extent);
    CHECK(plan.all_blocks == plan.blocks * g.x[0] * g.p.groups);
    CHECK(plan.units == plan.all_blocks * plan.splits);
    CHECK(plan.parts >= 1);
    CHECK(plan.parts <= std::min(workers, plan.units));
    std::set<std::size_t> panels;
    for (std::size_t split = 0; split < plan.splits; ++split) {
      for (std::size_t i = o.panels * split / plan.splits; i < o.panels * (split + 1) / plan.splits; ++i) {
        CHECK(panels.insert(i).second);
      }
    }
    CHECK(panels.size() == o.panels);
  }
}

TEST_CASE("the planes of a block take no more than the cache gives, or what one line of outputs reads") {
  draws d(3);
  std::size_t single = 0, several = 0;
  for (int n = 0; n < 300; ++n) {
    geometry g = random_geometry(d);
    g.x = {1, g.x[1], d.between(20, 90), d.between(0, 1) == 0 ? d.between(2000, 30000) : d.between(20, 400)};
    const conv2d_operands o{.in_pixels = d.between(0, 1) == 0, .tile_rows = 6};
    const conv2d_plan plan(g.p, g.x, g.w, o, d.between(1, 3));
    if (plan.flat) continue;
    INFO("case " << n << ": x " << g.x << ", w " << g.w << ", in pixels " << o.in_pixels);
    CHECK(plan.lines <= plan.extent);
    if (plan.lines == 1) {
      ++single;
    } else {
      ++several;
      CHECK(plan.channels * plan.plane * o.bytes <= conv2d_plan::cache_for(o.in_pixels, false, plan.channels));
    }
  }
  CHECK(single > 20);
  CHECK(several > 20);
}

TEST_CASE("chains leave out the rows of a kernel that lie on the padding") {
  const conv2d_plan plan({.pad = {2, 1}}, {1, 3, 5, 6}, {4, 3, 3, 3}, {}, 1);
  const auto [whole, none] = plan.chain(2, true);
  CHECK(whole.runs == 1);
  CHECK(whole.steps == 27);
  CHECK(none == 0);
  const auto [top, first] = plan.chain(0, true);  // only the last row of the kernel
  CHECK(top.runs == 3);
  CHECK(top.steps == 3);
  CHECK(top.distance == 9);
  CHECK(first == 6);
  const auto [bottom, begin] = plan.chain(5, true);  // the kernel's rows 0 and 1 are inside
  CHECK(bottom.steps == 6);
  CHECK(begin == 0);
  CHECK(plan.chain(0, false).first.steps == 27);
}

TEST_CASE("planes that 32 bits cannot address are refused") {
  CHECK_THROWS_WITH(conv2d_plan({}, {1, 4096, 3, 1 << 20}, {1, 4096, 3, 3}, {}, 1),
                    contains("4096 planes") && contains("expected at most"));
}

}  // namespace conv2d_plan_test
