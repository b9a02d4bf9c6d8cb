// Places for the nodes of a directed graph without cycles, in rows from top to bottom: every edge leads downwards, long
// ones in lanes of their own between the nodes. The same graph has the same drawing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A node, and which nodes of the list it is reached from: earlier ones.
struct layout_node {
  std::vector<std::size_t> inputs{};  ///< indices in the list, each below the node's own
};

/// Widths and gaps, in the unit of the drawing's places.
struct layout_sizes {
  double node_width = 200;  ///< of every node
  double lane_width = 14;   ///< what an edge that passes a row takes of it
  double gap = 16;          ///< between neighbours of a row
};

/// An edge: where it crosses the middle of each row from that of `from` to that of `to`, both included.
struct layout_route {
  std::size_t from = 0,     ///< node that it begins at
      to = 0;               ///< node that it leads to
  std::vector<double> x{};  ///< one place for each of its rows, from the top
};

/// Where the nodes stand and the edges run: what layered_layout gives.
struct graph_layout {
  std::vector<std::size_t> row{};      ///< of each node, from 0
  std::vector<double> x{};             ///< of each node's middle
  std::vector<layout_route> routes{};  ///< one for each edge; several edges between two nodes are one
  std::size_t rows = 0;                ///< how many there are
  double width = 0;                    ///< everything lies within 0 .. width
};

namespace detail {

/// Sugiyama's method: rows by longest paths, order within rows by barycentres, places by least squares.
class layout_builder {
 public:
  layout_builder(const std::vector<layout_node>& nodes, const layout_sizes& sizes) : nodes_(nodes), sizes_(sizes) {
    find_rows();
    add_edges();
    order_rows();
    place();
  }

  [[nodiscard]] graph_layout result() && {
    graph_layout g;
    g.row.assign(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(nodes_.size()));
    g.x.assign(x_.begin(), x_.begin() + static_cast<std::ptrdiff_t>(nodes_.size()));
    g.rows = rows_.size();
    g.width = width_;
    for (const edge& e : edges_) {
      layout_route route{e.from, e.to, {}};
      for (const std::size_t v : e.through) route.x.push_back(x_[v]);
      g.routes.push_back(std::move(route));
    }
    return g;
  }

 private:
  /// Of a node or, behind them, of a place where an edge passes a row.
  using vertex = std::size_t;
  struct edge {
    std::size_t from, to;
    std::vector<vertex> through;
  };
  static constexpr int sweeps = 12;

  void find_rows() {
    row_.assign(nodes_.size(), 0);
    std::vector<std::size_t> first_reader(nodes_.size(), nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const std::size_t from : nodes_[i].inputs) {
        require<format_error>(from < i, "layout: node ", i, " is reached from node ", from,
                              ", expected an earlier one");
        row_[i] = std::max(row_[i], row_[from] + 1);
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const std::size_t from : nodes_[i].inputs) {
        std::size_t& reader = first_reader[from];
        if (reader == nodes_.size() || row_[i] < row_[reader]) reader = i;
      }
    }
    // What nothing leads to stands just above its first reader.
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].inputs.empty() && first_reader[i] != nodes_.size()) row_[i] = row_[first_reader[i]] - 1;
    }
    for (const std::size_t r : row_) rows_.resize(std::max(rows_.size(), r + 1));
  }

  void add_edges() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) rows_[row_[i]].push_back(i);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<std::size_t> inputs = nodes_[i].inputs;
      std::sort(inputs.begin(), inputs.end());
      inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
      for (const std::size_t from : inputs) {
        edge e{from, i, {from}};
        for (std::size_t r = row_[from] + 1; r < row_[i]; ++r) {
          const vertex lane = row_.size();
          row_.push_back(r);
          rows_[r].push_back(lane);
          e.through.push_back(lane);
        }
        e.through.push_back(i);
        edges_.push_back(std::move(e));
      }
    }
    above_.resize(row_.size());
    below_.resize(row_.size());
    for (const edge& e : edges_) {
      for (std::size_t k = 1; k < e.through.size(); ++k) {
        above_[e.through[k]].push_back(e.through[k - 1]);
        below_[e.through[k - 1]].push_back(e.through[k]);
      }
    }
  }

  /// Calls f for every row but one of the ends, from the top down or from the bottom up, with the neighbours that are
  /// already in place.
  template <class F>
  void sweep(int turn, const F& f) {
    const bool down = turn % 2 == 0;
    for (std::size_t k = 1; k < rows_.size(); ++k) {
      f(rows_[down ? k : rows_.size() - 1 - k], down ? above_ : below_);
    }
  }

  [[nodiscard]] static double mean_of(const std::vector<vertex>& of, const std::vector<double>& at, double else_) {
    if (of.empty()) return else_;
    double sum = 0;
    for (const vertex v : of) sum += at[v];
    return sum / static_cast<double>(of.size());
  }

  void order_rows() {
    std::vector<double> rank(row_.size()), wish(row_.size());
    const auto number = [&](const std::vector<vertex>& row) {
      for (std::size_t i = 0; i < row.size(); ++i) rank[row[i]] = static_cast<double>(i);
    };
    for (const auto& row : rows_) number(row);
    for (int turn = 0; turn <= sweeps; ++turn) {
      sweep(turn, [&](std::vector<vertex>& row, const std::vector<std::vector<vertex>>& neighbours) {
        for (const vertex v : row) wish[v] = mean_of(neighbours[v], rank, rank[v]);
        std::stable_sort(row.begin(), row.end(), [&](vertex a, vertex b) { return wish[a] < wish[b]; });
        number(row);
      });
    }
  }

  [[nodiscard]] bool is_lane(vertex v) const { return v >= nodes_.size(); }
  [[nodiscard]] double half(vertex v) const { return (is_lane(v) ? sizes_.lane_width : sizes_.node_width) / 2; }

  /// The places of a row nearest to those wished for (least squares) that leave the gaps: neighbours in each other's
  /// way move as one block.
  void place_row(const std::vector<vertex>& row, const std::vector<double>& wish) {
    struct block {
      double sum, weight;
      std::size_t count;
    };
    std::vector<block> blocks;
    std::vector<double> offset(row.size(), 0);
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i != 0) offset[i] = offset[i - 1] + half(row[i - 1]) + sizes_.gap + half(row[i]);
      const double weight = is_lane(row[i]) ? 4 : 1;  // long edges are to be straight
      blocks.push_back({weight * (wish[row[i]] - offset[i]), weight, 1});
      while (blocks.size() > 1) {
        const block last = blocks.back();
        block& before = blocks[blocks.size() - 2];
        if (before.sum / before.weight <= last.sum / last.weight) break;
        before = {before.sum + last.sum, before.weight + last.weight, before.count + last.count};
        blocks.pop_back();
      }
    }
    std::size_t i = 0;
    for (const block& b : blocks) {
      for (std::size_t k = 0; k < b.count; ++k, ++i) x_[row[i]] = b.sum / b.weight + offset[i];
    }
  }

  void place() {
    x_.assign(row_.size(), 0);
    for (const auto& row : rows_) place_row(row, x_);
    std::vector<double> wish(row_.size());
    for (int turn = 0; turn <= sweeps; ++turn) {
      sweep(turn, [&](std::vector<vertex>& row, const std::vector<std::vector<vertex>>& neighbours) {
        for (const vertex v : row) wish[v] = mean_of(neighbours[v], x_, x_[v]);
        place_row(row, wish);
      });
    }
    double left = 0, right = 0;
    for (vertex v = 0; v < x_.size(); ++v) {
      left = v == 0 ? x_[v] - half(v) : std::min(left, x_[v] - half(v));
      right = v == 0 ? x_[v] + half(v) : std::max(right, x_[v] + half(v));
    }
    for (double& x : x_) x -= left;
    width_ = right - left;
  }

  const std::vector<layout_node>& nodes_;
  layout_sizes sizes_;
  std::vector<std::size_t> row_;           // of each vertex
  std::vector<std::vector<vertex>> rows_;  // from left to right
  std::vector<edge> edges_;
  std::vector<std::vector<vertex>> above_, below_;  // neighbours in the next row
  std::vector<double> x_;
  double width_ = 0;
};

}  // namespace detail

/// Throws format_error where a node is not reached from earlier ones alone. Time and memory grow with the rows that
/// edges pass.
[[nodiscard]] inline graph_layout layered_layout(const std::vector<layout_node>& nodes,
                                                 const layout_sizes& sizes = {}) {
  return detail::layout_builder(nodes, sizes).result();
}

/// How many rows all edges pass, at most: what layered_layout's memory grows with, known before.
[[nodiscard]] inline std::size_t layout_effort(const std::vector<layout_node>& nodes) {
  std::size_t passed = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::size_t from : nodes[i].inputs) passed += i - std::min(i, from);
  }
  return passed;
}

NNIESIM_END_NAMESPACE
