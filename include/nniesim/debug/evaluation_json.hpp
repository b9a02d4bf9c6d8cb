// The summary of an evaluation as JSON.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/core/json_text.hpp>
#include <nniesim/core/number_text.hpp>
#include <nniesim/debug/evaluation_summary.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::evaluation_json {

[[nodiscard]] inline std::string estimate(const sample_estimate& e) {
  return "{\"value\": " + json_number(e.value) + ", \"low\": " + json_number(e.low) +
         ", \"high\": " + json_number(e.high) + "}";
}

/// null where nothing is finite.
[[nodiscard]] inline std::string summary(const sample_summary& s, const std::string* worst = nullptr) {
  std::string text = "{\"count\": " + std::to_string(s.count) + ", \"not_finite\": " + std::to_string(s.not_finite);
  if (s.count == 0) return text + "}";
  text += ", \"mean\": " + estimate(s.mean);
  for (std::size_t i = 0; i < s.percentiles.size(); ++i) {
    text += ", \"p" + std::to_string(sample_percentiles[i]) + "\": " + estimate(s.percentiles[i]);
  }
  text += ", \"worst\": " + estimate(s.worst);
  if (worst != nullptr) text += ", \"worst_picture\": " + json_quoted(*worst);
  return text + "}";
}
[[nodiscard]] inline std::string summary(const evaluated_metric& m) { return summary(m.summary, &m.worst_picture); }

[[nodiscard]] inline std::string share(const evaluated_share& s) {
  return "{\"count\": " + std::to_string(s.count) + ", \"of\": " + std::to_string(s.of) +
         ", \"share\": " + (s.of == 0 ? "null" : estimate(s.share)) + "}";
}

[[nodiscard]] inline std::string numbers(const std::vector<double>& values) {
  std::string text = "[";
  for (const double v : values) text += (text.size() > 1 ? ", " : "") + json_number(v);
  return text + "]";
}

/// The texts in brackets, each on a line.
[[nodiscard]] inline std::string list(const std::vector<std::string>& entries) {
  std::string text = "[";
  for (const std::string& e : entries) text += (text.size() > 1 ? ",\n  " : "\n  ") + e;
  return text + (entries.empty() ? "]" : "\n ]");
}

[[nodiscard]] inline std::string norms(const evaluated_norms& n, bool has_compensated) {
  std::string text = "{\"name\": " + json_quoted(n.name);
  if (n.chain) {
    const auto& interval = n.chain->interval;
    text += ", \"constant\": " + json_number(n.chain->constant);
    if (has_compensated) {
      text += ", \"new_constant\": " + json_number(n.chain->compensated) +
              ", \"interval\": " + (interval ? numbers({(*interval)[0], (*interval)[1]}) : "null");
    }
  }
  text += ", \"left_out\": " + std::to_string(n.left_out) + ",\n   \"float\": " + summary(n.in_float) +
          ",\n   \"quantized\": " + summary(n.quantized);
  if (has_compensated) text += ",\n   \"compensated\": " + summary(n.compensated);
  text += ",\n   \"error\": " + summary(n.before);
  if (has_compensated) {
    text += ",\n   \"error_compensated\": " + summary(n.after) + ", \"removed\": " + json_number(n.removed) +
            ", \"removed_abs\": " + json_number(n.removed_abs);
  }
  text += ",\n   \"histogram\": {\"edges\": " + numbers(n.edges) + ", \"float\": " + numbers(n.shares[0]) +
          ", \"quantized\": " + numbers(n.shares[1]);
  if (has_compensated) text += ", \"compensated\": " + numbers(n.shares[2]);
  return text + "}}";
}

}  // namespace detail::evaluation_json

/// One object; NaN and infinities are null. The same bytes for the same records.
inline void write_evaluation_json(std::ostream& out, const evaluation_summary& s) {
  namespace text = detail::evaluation_json;
  using detail::json_number;
  using detail::json_quoted;
  std::vector<std::string> layers, norms, decisions, worst, bad, labels;
  for (const evaluated_layer& l : s.layers) {
    layers.push_back("{\"layer\": " + json_quoted(l.name) + ", \"is_output\": " + (l.is_output ? "true" : "false") +
                     ",\n   \"cosine\": " + text::summary(l.cosine) +
                     ",\n   \"norm_error\": " + text::summary(l.norm_error) +
                     ",\n   \"relative_l2_error\": " + text::summary(l.relative_l2_error) + "}");
  }
  for (const evaluated_norms& n : s.norms) norms.push_back(text::norms(n, s.header.has_compensated));
  for (const evaluated_decision& d : s.decisions) {
    decisions.push_back("{\"decision\": " + json_quoted(d.name) + ", \"quantized\": " + text::share(d.quantized) +
                        ", \"compensated\": " + (s.header.has_compensated ? text::share(d.compensated) : "null") + "}");
  }
  for (const evaluated_picture& p : s.worst) {
    worst.push_back("{\"picture\": " + json_quoted(p.name) + ", \"number\": " + std::to_string(p.picture) +
                    ", \"output\": " + json_quoted(p.output) + ", \"cosine\": " + json_number(p.cosine) +
                    ", \"norm_error\": " + json_number(p.norm_error) +
                    ", \"relative_l2_error\": " + json_number(p.relative_l2_error) + "}");
  }
  for (const bad_picture& b : s.named_bad) {
    bad.push_back("{\"picture\": " + json_quoted(b.name) + ", \"problem\": " + json_quoted(b.problem) + "}");
  }
  for (const std::string& name : s.labels.named) labels.push_back(json_quoted(name));
  out << "{\"network\": " << json_quoted(s.header.network) << ",\n \"about\": " << json_quoted(s.header.about)
      << ",\n \"pictures\": " << std::to_string(s.header.pictures) << ", \"shard\": ["
      << std::to_string(s.header.shard.index) << ", " << std::to_string(s.header.shard.count)
      << "], \"training\": " << std::to_string(s.header.training)
      << ",\n \"evaluated\": " << std::to_string(s.evaluated) << ", \"bad\": " << std::to_string(s.bad)
      << ", \"missing\": " << std::to_string(s.missing) << ",\n \"bad_pictures\": " << text::list(bad)
      << ",\n \"layers\": " << text::list(layers) << ",\n \"norms\": " << text::list(norms)
      << ",\n \"decisions\": " << text::list(decisions) << ",\n \"labels\": ";
  if (s.header.has_labels) {
    out << "{\"out_of_range\": " << std::to_string(s.labels.out_of_range) << ", \"named\": " << text::list(labels)
        << ", \"float\": " << text::share(s.labels.in_float) << ", \"quantized\": " << text::share(s.labels.quantized)
        << ", \"compensated\": " << (s.header.has_compensated ? text::share(s.labels.compensated) : "null") << "}";
  } else {
    out << "null";
  }
  out << ",\n \"worst_pictures\": " << text::list(worst) << "}\n";
}

NNIESIM_END_NAMESPACE
