// The compiler's cnn_net_tree.dot, a Graphviz file of the network as it was rewritten: its layers in order, its edges,
// and which layer a board's dump is of.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/text.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A node of the graph.
struct net_tree_node {
  std::string id;        ///< in the file
  std::string label;     ///< its lines parted by '\n'; empty where the file gives none
  std::string name;      ///< the layer's: see name_in_label; the id where there is no label
  std::size_t line = 1;  ///< where it stands in the file, from 1
};

/// The graph. Nodes with a label come first, in the order of their labels in the file, then those without.
struct net_tree {
  std::vector<net_tree_node> nodes;                        ///< all of them
  std::size_t labelled = 0;                                ///< number of nodes with a label
  std::vector<std::pair<std::size_t, std::size_t>> edges;  ///< indices of nodes, in the order of the file
};

/// What a file may have at most; anything beyond is a parse_error.
struct net_tree_limits {
  std::uint64_t file_bytes = std::uint64_t{16} << 20U;  ///< of the file
  std::size_t nodes = 100'000;                          ///< in the graph
  std::size_t edges = 1'000'000;                        ///< in the graph
  std::size_t depth = 64;                               ///< of subgraphs
  std::size_t string_bytes = 65536;                     ///< of an id, label or attribute
};

/// The layer's name in a label (our assumption, since the compiler's labels are not documented): what follows "name:"
/// or "layer name:" on a line of its own, else the first line that is not blank. Lines end at '\n' and, as fields of
/// record nodes, at '|'; braces and port names <...> around fields are not part of a name.
[[nodiscard]] inline std::string name_in_label(std::string_view label) {
  std::string first;
  while (!label.empty()) {
    const std::size_t end = label.find_first_of("\n|");
    std::string_view line = label.substr(0, end);
    label.remove_prefix(end == std::string_view::npos ? label.size() : end + 1);
    const auto strip = [&line] {
      line = detail::trimmed(line);
      while (!line.empty() && (line.front() == '{' || line.front() == '}')) line = detail::trimmed(line.substr(1));
      while (!line.empty() && (line.back() == '{' || line.back() == '}')) {
        line = detail::trimmed(line.substr(0, line.size() - 1));
      }
    };
    strip();
    if (line.starts_with('<') && line.find('>') != std::string_view::npos) {
      line.remove_prefix(line.find('>') + 1);
      strip();
    }
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      std::string key(detail::trimmed(line.substr(0, colon)));
      std::transform(key.begin(), key.end(), key.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '_' ? ' ' : c;
      });
      const std::string_view value = detail::trimmed(line.substr(colon + 1));
      if ((key == "name" || key == "layer name") && !value.empty()) return std::string(value);
    }
    if (first.empty()) first = line;
  }
  return first;
}

namespace detail {

class net_tree_parser {
 public:
  net_tree_parser(std::string_view text, std::string_view file, const net_tree_limits& limits)
      : text_(text), file_(file), limits_(limits) {
    advance();
  }

  [[nodiscard]] net_tree parse() {
    if (is_word("strict")) advance();
    if (!is_word("digraph") && !is_word("graph")) fail("got ", shown(), ", expected digraph or graph");
    advance();
    if (token_.kind == is_text) advance();
    if (!is_mark('{')) fail("got ", shown(), ", expected '{'");
    advance();
    statements(0);
    advance();
    if (token_.kind != is_end) fail("got ", shown(), " after the graph's end");
    return in_order();
  }

 private:
  enum token_kind { is_text, is_arrow, is_mark_kind, is_end };
  struct token {
    token_kind kind = is_end;
    std::string text;     ///< of strings without quotes
    bool quoted = false;  ///< or HTML: not a keyword
    std::size_t line = 1;
  };
  using nodes_of = std::vector<std::size_t>;

  template <class... What>
  [[noreturn]] void fail_at(std::size_t line, const What&... what) const {
    throw parse_error(message(file_, ":", line, ": ", what...));
  }
  template <class... What>
  [[noreturn]] void fail(const What&... what) const {
    fail_at(token_.line, what...);
  }
  [[nodiscard]] std::string shown() const { return token_.kind == is_end ? "the file's end" : excerpt(token_.text); }
  [[nodiscard]] bool is_mark(char c) const { return token_.kind == is_mark_kind && token_.text[0] == c; }
  [[nodiscard]] bool is_word(std::string_view word) const {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return token_.kind == is_text && !token_.quoted && token_.text.size() == word.size() &&
           std::equal(word.begin(), word.end(), token_.text.begin(), [&](char w, char c) { return w == lower(c); });
  }

  // Tokens

  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void step() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void skip_space_and_comments() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#' && (at_ == 0 || text_[at_ - 1] == '\n')) {
        skip_line();
      } else if (c == '/' && peek(1) == '/') {
        skip_line();
      } else if (c == '/' && peek(1) == '*') {
        const std::size_t start = line_;
        for (at_ += 2; !(peek() == '*' && peek(1) == '/'); step()) {
          if (at_ >= text_.size()) fail_at(start, "a comment that does not end");
        }
        at_ += 2;
      } else if (c == '\n' || is_blank(c)) {
        step();
      } else {
        return;
      }
    }
  }
  [[nodiscard]] static bool is_of_id(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           static_cast<unsigned char>(c) >= 0x80;
  }
  void append(char c) {
    if (token_.text.size() == limits_.string_bytes) fail("a text of more than ", limits_.string_bytes, " bytes");
    token_.text += c;
  }

  /// Reads the next token.
  void advance() {
    skip_space_and_comments();
    token_ = {};
    token_.line = line_;
    if (at_ >= text_.size()) return;
    const char c = text_[at_];
    const bool negative = c == '-' && (peek(1) == '.' || (peek(1) >= '0' && peek(1) <= '9'));
    if (c == '"') {
      quoted();
    } else if (c == '<') {
      html();
    } else if (c == '-' && (peek(1) == '>' || peek(1) == '-')) {
      token_.kind = is_arrow;
      token_.text = text_.substr(at_, 2);
      at_ += 2;
    } else if (is_of_id(c) || negative) {
      token_.kind = is_text;
      do {
        append(text_[at_++]);
      } while (is_of_id(peek()) && at_ < text_.size());
    } else {
      token_.kind = is_mark_kind;
      token_.text = c;
      step();
    }
  }
  /// "..." + "...". \" is a quote; a line end after a backslash is dropped. Other escapes are left for the label.
  void quoted() {
    token_.kind = is_text;
    token_.quoted = true;
    for (;;) {
      for (step(); peek() != '"' || at_ >= text_.size(); step()) {
        if (at_ >= text_.size()) fail("got ", excerpt(token_.text), ", a string that does not end");
        if (peek() == '\\' && peek(1) == '"') {
          step();
        } else if (peek() == '\\' && peek(1) == '\n') {
          step();
          continue;
        } else if (peek() == '\\' && at_ + 1 < text_.size()) {
          append('\\');
          step();
        }
        append(peek());
      }
      step();
      skip_space_and_comments();
      if (peek() != '+') return;
      step();
      skip_space_and_comments();
      if (peek() != '"') fail_at(line_, "got ", excerpt(text_.substr(at_, 1)), ", expected a string after '+'");
    }
  }
  /// <...> with tags in it, each of which ends a line.
  void html() {
    token_.kind = is_text;
    token_.quoted = true;
    std::size_t depth = 0;
    do {
      if (at_ >= text_.size()) fail("got ", excerpt(token_.text), ", an HTML text that does not end");
      const char c = text_[at_];
      if (c == '<') {
        ++depth;
      } else if (c == '>') {
        --depth;
        if (depth == 1) append('\n');
      } else if (depth == 1) {
        append(c);
      }
      step();
    } while (depth != 0);
  }

  // Statements

  /// Everything up to the '}' that ends a graph, which stays; gives the nodes that were met.
  nodes_of statements(std::size_t depth) {
    if (depth > limits_.depth) fail("subgraphs nested more than ", limits_.depth, " deep");
    nodes_of met;
    while (!is_mark('}')) {
      if (token_.kind == is_end) fail("the file ends within the graph, expected '}'");
      const nodes_of here = statement(depth);
      met.insert(met.end(), here.begin(), here.end());
    }
    return met;
  }

  nodes_of statement(std::size_t depth) {
    if (is_word("graph") || is_word("node") || is_word("edge")) {
      advance();
      (void)attributes();
      return {};
    }
    const bool subgraph = is_mark('{') || is_word("subgraph");
    if (token_.kind != is_text && !subgraph) {
      pass_over();
      return {};
    }
    if (!subgraph) {
      const token first = token_;
      advance();
      if (is_mark('=')) {  // an attribute of the graph
        advance();
        if (token_.kind == is_text) advance();
        return {};
      }
      return chain({node(first)}, true, depth);
    }
    return chain(group(depth), false, depth);
  }

  /// A node or a subgraph has been read: the arrows and attributes behind it.
  nodes_of chain(nodes_of from, bool single, std::size_t depth) {
    nodes_of met = from;
    port();
    while (token_.kind == is_arrow) {
      advance();
      nodes_of to;
      if (is_mark('{') || is_word("subgraph")) {
        to = group(depth);
      } else if (token_.kind == is_text) {
        const token t = token_;
        advance();
        to = {node(t)};
        port();
      } else {
        fail("got ", shown(), ", expected a node behind the arrow");
      }
      for (const std::size_t a : from) {
        for (const std::size_t b : to) {
          if (edges_.size() == limits_.edges) fail("more than ", limits_.edges, " edges");
          edges_.emplace_back(a, b);
        }
      }
      single = false;
      met.insert(met.end(), to.begin(), to.end());
      from = std::move(to);
    }
    std::optional<std::string> label = attributes();
    if (single && label) {
      found& n = found_[from[0]];
      if (!n.label) {
        labelled_.push_back(from[0]);
        n.node.line = label_line_;
      }
      n.label = std::move(label);
    }
    return met;
  }

  /// "subgraph x { ... }" or "{ ... }".
  nodes_of group(std::size_t depth) {
    if (is_word("subgraph")) {
      advance();
      if (token_.kind == is_text) advance();
      if (!is_mark('{')) return {};  // a subgraph of another place, by its name
    }
    advance();
    const nodes_of mentioned = statements(depth + 1);
    advance();
    nodes_of met;
    std::set<std::size_t> seen;
    std::copy_if(mentioned.begin(), mentioned.end(), std::back_inserter(met),
                 [&](std::size_t i) { return seen.insert(i).second; });
    return met;
  }

  /// ":port" and ":port:compass" behind a node.
  void port() {
    while (is_mark(':')) {
      advance();
      if (token_.kind == is_text) advance();
    }
  }

  /// The attributes of a statement, "[a=b, c=d]" any number of times; gives the label's text.
  [[nodiscard]] std::optional<std::string> attributes() {
    std::optional<std::string> label;
    while (is_mark('[')) {
      const std::size_t start = token_.line;
      advance();
      while (!is_mark(']')) {
        if (token_.kind == is_end) fail_at(start, "attributes that do not end, expected ']'");
        const bool is_label = is_word("label");
        const std::size_t line = token_.line;
        advance();
        if (!is_mark('=')) continue;
        advance();
        if (token_.kind != is_text) continue;
        if (is_label) {
          label = token_.text;
          label_line_ = line;
        }
        advance();
      }
      advance();
    }
    return label;
  }

  /// A statement that Graphviz does not know: up to its ';' or the end of its line.
  void pass_over() {
    const std::size_t line = token_.line;
    while (token_.kind != is_end && token_.line == line && !is_mark('}')) {
      const bool end = is_mark(';');
      advance();
      if (end) return;
    }
  }

  [[nodiscard]] std::size_t node(const token& t) {
    const auto [at, is_new] = ids_.try_emplace(t.text, found_.size());
    if (is_new) {
      if (found_.size() == limits_.nodes) fail_at(t.line, "more than ", limits_.nodes, " nodes");
      found_.push_back({{t.text, {}, t.text, t.line}, {}});
    }
    return at->second;
  }

  // The result

  /// \n, \l and \r are ends of lines, \N is the node's id.
  [[nodiscard]] static std::string unescaped(std::string_view text, const std::string& id) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        result += text[i];
        continue;
      }
      const char c = text[++i];
      if (c == 'n' || c == 'l' || c == 'r') {
        result += '\n';
      } else if (c == 'N') {
        result += id;
      } else {
        result += c;
      }
    }
    return result;
  }

  [[nodiscard]] net_tree in_order() {
    net_tree tree;
    std::vector<std::size_t> place(found_.size());
    const auto take = [&](std::size_t i) {
      place[i] = tree.nodes.size();
      tree.nodes.push_back(std::move(found_[i].node));
    };
    for (const std::size_t i : labelled_) {
      net_tree_node& n = found_[i].node;
      n.label = unescaped(*found_[i].label, n.id);
      n.name = name_in_label(n.label);
      if (n.name.empty()) n.name = n.id;
      take(i);
    }
    tree.labelled = tree.nodes.size();
    for (std::size_t i = 0; i < found_.size(); ++i) {
      if (!found_[i].label) take(i);
    }
    for (const auto& [a, b] : edges_) tree.edges.emplace_back(place[a], place[b]);
    return tree;
  }

  struct found {
    net_tree_node node;
    std::optional<std::string> label;  ///< as the file has it
  };

  std::string_view text_;
  std::string_view file_;
  net_tree_limits limits_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  token token_;
  std::size_t label_line_ = 1;
  std::vector<found> found_;
  std::map<std::string, std::size_t> ids_;
  std::vector<std::size_t> labelled_;  ///< nodes, in the order of their labels
  std::vector<std::pair<std::size_t, std::size_t>> edges_;
};

}  // namespace detail

/// Parses a Graphviz graph: nodes, edges (through ports and subgraphs too), quoted and HTML strings, all three kinds of
/// comment; other attributes than labels are skipped, statements that Graphviz does not know passed over. The last
/// label of a node counts, at the place of its first; labels that "node [label=...]" gives to all do not. Throws
/// parse_error with file and line for what does not begin or end as a graph, unfinished strings and anything beyond the
/// limits. `file` is for messages.
[[nodiscard]] inline net_tree parse_net_tree(std::string_view text, std::string_view file,
                                             const net_tree_limits& limits = {}) {
  return detail::net_tree_parser(text, file, limits).parse();
}

/// Reads cnn_net_tree.dot. Throws as parse_net_tree, and error for what cannot be read.
[[nodiscard]] inline net_tree read_net_tree(const std::filesystem::path& path, const net_tree_limits& limits = {}) {
  const std::string text = detail::read_whole_file(path, limits.file_bytes, "a Graphviz file such as cnn_net_tree.dot");
  return parse_net_tree(text, path.string(), limits);
}

/// The name of the layer that the board and the simulator number `id` in segment `segment`: the labels of the file in
/// order count from 0 (from users' reports; the data layer is 0). Nothing for numbers beyond the labels, and for other
/// segments than the first, since how those are numbered is not known.
[[nodiscard]] inline std::optional<std::string> board_layer_name(const net_tree& tree, std::size_t segment,
                                                                 std::size_t id) {
  if (segment != 0 || id >= tree.labelled) return std::nullopt;
  return tree.nodes[id].name;
}

NNIESIM_END_NAMESPACE
