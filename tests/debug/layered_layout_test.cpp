#include <nniesim/debug/layered_layout.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace layered_layout_test {

namespace {

/// Edges lead down, one row at a time; nothing overlaps; everything is within the drawing.
void check(const std::vector<layout_node>& nodes, const layout_sizes& sizes = {}) {
  const graph_layout g = layered_layout(nodes, sizes);
  REQUIRE(g.x.size() == nodes.size());
  std::vector<std::vector<std::pair<double, double>>> taken(g.rows);  // left and right of what stands in a row
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    REQUIRE(g.row[i] < g.rows);
    taken[g.row[i]].emplace_back(g.x[i] - sizes.node_width / 2, g.x[i] + sizes.node_width / 2);
  }
  for (const layout_route& r : g.routes) {
    REQUIRE(g.row[r.from] < g.row[r.to]);
    REQUIRE(r.x.size() == g.row[r.to] - g.row[r.from] + 1);
    CHECK(r.x.front() == g.x[r.from]);
    CHECK(r.x.back() == g.x[r.to]);
    for (std::size_t k = 1; k + 1 < r.x.size(); ++k) {
      taken[g.row[r.from] + k].emplace_back(r.x[k] - sizes.lane_width / 2, r.x[k] + sizes.lane_width / 2);
    }
  }
  bool apart = true, within = true;
  for (auto& row : taken) {
    std::sort(row.begin(), row.end());
    for (std::size_t i = 0; i < row.size(); ++i) {
      within = within && row[i].first > -1e-6 && row[i].second < g.width + 1e-6;
      apart = apart && (i == 0 || row[i].first - row[i - 1].second > sizes.gap - 1e-6);
    }
  }
  CHECK(apart);
  CHECK(within);
  const graph_layout again = layered_layout(nodes, sizes);
  CHECK((again.x == g.x && again.row == g.row && again.width == g.width));
}

std::vector<layout_node> chain(std::size_t n) {
  std::vector<layout_node> nodes(n);
  for (std::size_t i = 1; i < n; ++i) nodes[i].inputs = {i - 1};
  return nodes;
}

}  // namespace

TEST_CASE("a chain is one column", "[debug]") {
  const graph_layout g = layered_layout(chain(400));
  CHECK(g.rows == 400);
  CHECK(g.width == Approx(layout_sizes{}.node_width));
  for (const double x : g.x) CHECK(x == Approx(g.width / 2));
  check(chain(400));
  CHECK(layered_layout({}).rows == 0);
  check(chain(1));
}

TEST_CASE("branches stand side by side, what passes them in a lane", "[debug]") {
  // 0 -> 1, 2, 3 -> 4, and 0 -> 4 past them; 5 is an input that 4 reads late.
  std::vector<layout_node> nodes(6);
  nodes[1].inputs = nodes[2].inputs = nodes[3].inputs = {0};
  nodes[5].inputs = {1, 2, 3, 0, 4, 0};
  const graph_layout g = layered_layout(nodes);
  CHECK(g.row == std::vector<std::size_t>{0, 1, 1, 1, 1, 2});
  CHECK(g.routes.size() == 8);  // the edge that is named twice is one
  CHECK(g.x[0] == Approx(g.x[5]).margin(120));
  check(nodes);
}

TEST_CASE("any graph without cycles has a layout without overlaps", "[debug]") {
  draws random(3);
  for (int turn = 0; turn < 20; ++turn) {
    std::vector<layout_node> nodes(random.between(2, 60));
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      for (std::size_t k = random.between(0, 3); k > 0; --k) nodes[i].inputs.push_back(random.between(0, i - 1));
    }
    check(nodes, {.node_width = 50, .lane_width = 5, .gap = 3});
  }
}

TEST_CASE("a node is reached from earlier ones alone", "[debug]") {
  std::vector<layout_node> nodes(2);
  nodes[1].inputs = {1};
  CHECK_THROWS_WITH(layered_layout(nodes), "layout: node 1 is reached from node 1, expected an earlier one");
  CHECK(layout_effort(chain(10)) == 9);
}

}  // namespace layered_layout_test
