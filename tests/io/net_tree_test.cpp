#include <nniesim/io/net_tree.hpp>

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "nniesim/io/file.hpp"
#include "support/mutate.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace net_tree_test {

namespace {

using names = std::vector<std::string>;
using edges = std::vector<std::pair<std::size_t, std::size_t>>;

net_tree parsed(const std::string& text) { return parse_net_tree(text, "t.dot"); }
names names_of(const net_tree& tree) {
  names result;
  for (const net_tree_node& n : tree.nodes) result.push_back(n.name);
  return result;
}
names names_of(const std::string& text) { return names_of(parsed(text)); }

const std::string sample = R"(// made by hand
strict digraph "cnn net" {
  rankdir = TB; bgcolor="white"
  node [shape=record, style="filled", label="none"];
  # a line of the preprocessor
  0 [label="data\nInput\n1x3x224x224"];
  conv1 [shape=box,
         label="name: conv1/7x7\ltype name: Convolution\l" color=red];  /* two
  lines */
  "relu \"1\"" [label="{<in>relu1|<out>ReLU}"]
  0 -> conv1:in:n -> "relu \"1\"" [label="64x112x112"];
  "relu \"1\"" -> { pool fc } [weight=2];
  fc [label = <<b>fc</b>>];
  pool [label="po" + "ol\
1"];
})";

}  // namespace

TEST_CASE("layers in the order of their labels, and edges") {
  const net_tree tree = parsed(sample);
  CHECK(names_of(tree) == names{"data", "conv1/7x7", "relu1", "fc", "pool1"});
  CHECK(tree.labelled == 5);
  CHECK(tree.nodes[0].label == "data\nInput\n1x3x224x224");
  CHECK(tree.nodes[1].id == "conv1");
  CHECK(tree.nodes[1].line == 8);
  CHECK(tree.nodes[2].id == "relu \"1\"");
  CHECK(tree.edges == edges{{0, 1}, {1, 2}, {2, 4}, {2, 3}});
}

TEST_CASE("board dumps by their layer's number") {
  const net_tree tree = parsed(sample);
  CHECK(board_layer_name(tree, 0, 0) == "data");
  CHECK(board_layer_name(tree, 0, 1) == "conv1/7x7");
  CHECK(board_layer_name(tree, 0, 4) == "pool1");
  CHECK_FALSE(board_layer_name(tree, 0, 5));
  CHECK_FALSE(board_layer_name(tree, 1, 0));
  // Nodes without a label have no number.
  const net_tree some = parsed("digraph { a -> b; b [label=B] }");
  CHECK(names_of(some) == names{"B", "a"});
  CHECK(some.edges == edges{{1, 0}});
  CHECK(board_layer_name(some, 0, 0) == "B");
  CHECK_FALSE(board_layer_name(some, 0, 1));
}

TEST_CASE("names in labels") {
  CHECK(name_in_label("conv1") == "conv1");
  CHECK(name_in_label("  conv1 \n Convolution") == "conv1");
  CHECK(name_in_label("id: 7\nLayer_Name: res2a/b\ntype name: ReLU") == "res2a/b");
  CHECK(name_in_label("type: ReLU\nname:") == "type: ReLU");
  CHECK(name_in_label("{ <f0> conv1 | {a|b} }") == "conv1");
  CHECK(name_in_label("\n\nconv1") == "conv1");
  CHECK(name_in_label("").empty());
  CHECK(names_of("digraph{a[label=\"\"]}") == names{"a"});
  CHECK(names_of("digraph{a[label=\"x_\\N\"]}") == names{"x_a"});
}

TEST_CASE("graphs that are written differently") {
  CHECK(names_of("graph g{a--b--c}") == names{"a", "b", "c"});
  CHECK(names_of("DIGRAPH{}").empty());
  CHECK(names_of("digraph{subgraph cluster_0 { label=x; a[label=A] } subgraph {b} -> {c d}}") ==
        names{"A", "b", "c", "d"});
  CHECK(parsed("digraph{{a b a} -> {c d}}").edges.size() == 4);
  CHECK(names_of("digraph{-1.5 -> .25 -> \"graph\"}") == names{"-1.5", ".25", "graph"});
  CHECK(names_of("digraph{a[label=1][label=2]; b[label=3]; a[label=4]}") == names{"4", "3"});
  CHECK(names_of("digraph{a[x;y=1 z,label=A,]}") == names{"A"});
  CHECK(names_of("digraph{a -> b [label=e]}") == names{"a", "b"});
  CHECK(names_of("digraph{\r\n\ta\r\n}") == names{"a"});
  CHECK(names_of("digraph{\xe5\xb1\x82 [label=x]}") == names{"x"});
}

TEST_CASE("unknown statements are passed over") {
  CHECK(names_of("digraph{\n?? what = [1] ;\na;\n= = =\n@b; c\n}") == names{"a", "c"});
}

TEST_CASE("malformed files are told with their line") {
  const auto message = [](const std::string& text) {
    try {
      (void)parsed(text);
    } catch (const parse_error& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  CHECK(message("") == "t.dot:1: got the file's end, expected digraph or graph");
  CHECK(message("layer {") == "t.dot:1: got 'layer', expected digraph or graph");
  CHECK(message("digraph g\n[") == "t.dot:2: got '[', expected '{'");
  CHECK(message("digraph {\na\n") == "t.dot:3: the file ends within the graph, expected '}'");
  CHECK(message("digraph {\na [label=x\n") == "t.dot:2: attributes that do not end, expected ']'");
  CHECK(message("digraph {\na [label=\"x\n") == "t.dot:2: got 'x\\x0a', a string that does not end");
  CHECK(message("digraph {\n\n/* a") == "t.dot:3: a comment that does not end");
  CHECK(message("digraph {\na [label=<x") == "t.dot:2: got 'x', an HTML text that does not end");
  CHECK(message("digraph {\na -> ;}") == "t.dot:2: got ';', expected a node behind the arrow");
  CHECK(message("digraph {}\nx") == "t.dot:2: got 'x' after the graph's end");
  CHECK(message("digraph { a [label=\"x\" +\ny]}") == "t.dot:2: got 'y', expected a string after '+'");
}

TEST_CASE("limits") {
  net_tree_limits few;
  few.nodes = 2;
  few.edges = 3;
  few.depth = 2;
  few.string_bytes = 8;
  const auto with = [&](const std::string& text) { return parse_net_tree(text, "t.dot", few); };
  CHECK_NOTHROW(with("digraph{a->b->a->b}"));
  CHECK_THROWS_WITH(with("digraph{a b\nc}"), contains("t.dot:2: more than 2 nodes"));
  CHECK_THROWS_WITH(with("digraph{a->b a->b a->b a->b}"), contains("more than 3"));
  CHECK_THROWS_WITH(with("digraph{{{{a}}}}"), contains("more than 2 deep"));
  CHECK_THROWS_WITH(with("digraph{abcdefghi}"), contains("more than 8 bytes"));
  CHECK_THROWS_AS(parsed("digraph" + std::string(100'000, '{')), parse_error);

  const scratch_folder folder;
  detail::write_whole_file(folder / "t.dot", sample);
  CHECK(read_net_tree(folder / "t.dot").nodes.size() == 5);
  few.file_bytes = 10;
  CHECK_THROWS_WITH(read_net_tree(folder / "t.dot", few), contains("the limit is 10"));
  CHECK_THROWS_WITH(read_net_tree(folder / "none.dot"), contains("no such file"));
}

TEST_CASE("damaged files give errors, never more") {
  draws d(1);
  std::vector<std::string> pieces = hostile_pieces();
  pieces.insert(pieces.end(), {"{", "}", "[", "]", "->", "\"", "<", ">", "label=", "subgraph", "\\", "/*"});
  for (int i = 0; i < 5000; ++i) {
    try {
      const net_tree tree = parsed(mutated(sample, d, pieces));
      for (const auto& [a, b] : tree.edges) REQUIRE((a < tree.nodes.size() && b < tree.nodes.size()));
      REQUIRE(tree.labelled <= tree.nodes.size());
    } catch (const parse_error&) {
    }
  }
}

}  // namespace net_tree_test
