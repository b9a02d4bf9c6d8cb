// Any names, texts and numbers in a report's page: it is well formed, and has no element or attribute that it has not
// with harmless names.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include <nniesim/debug/report_html.hpp>
#include <nniesim/debug/report_markdown.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes a page apart; aborts where it is not well formed.
class page_reader {
 public:
  explicit page_reader(std::string_view page) : rest_(page) {
    require(nniesim::detail::is_utf8(page));
    require(take("<!DOCTYPE html>"));
    while (!rest_.empty()) {
      if (rest_[0] == '<') tag();
      else text();
    }
    require(open_.empty());
  }
  /// "element" and "element attribute".
  [[nodiscard]] const std::set<std::string>& names() const noexcept { return names_; }

 private:
  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  std::string word() {
    const std::size_t end = rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    require(end != 0 && end != std::string_view::npos);
    const std::string_view w = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return std::string(w);
  }
  static void check_text(std::string_view t) {
    require(t.find('<') == std::string_view::npos);
    for (std::size_t at = t.find('&'); at != std::string_view::npos; at = t.find('&', at + 1)) {
      const std::string_view entity = t.substr(at, t.find(';', at) - at + 1);
      require(entity == "&amp;" || entity == "&lt;" || entity == "&gt;" || entity == "&quot;" || entity == "&#39;");
    }
    for (const char c : t) require(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
  }
  void text() {
    const std::string_view t = rest_.substr(0, rest_.find('<'));
    check_text(t);
    rest_.remove_prefix(t.size());
  }
  void tag() {
    require(take("<"));
    if (take("/")) {
      const std::string name = word();
      require(!open_.empty() && open_.back() == name && take(">"));
      open_.pop_back();
      return;
    }
    const std::string name = word();
    names_.insert(name);
    bool closed = false;
    while (!take(">")) {
      if (take("/>")) {
        closed = true;
        break;
      }
      require(take(" ") || take("\n"));
      while (take(" ") || take("\n")) continue;
      if (rest_.starts_with(">") || rest_.starts_with("/>")) continue;
      attribute(name);
    }
    if (name == "style" || name == "script") {
      const std::string end = "</" + name + ">";
      require(rest_.find(end) != std::string_view::npos);
      rest_.remove_prefix(rest_.find(end) + end.size());
    } else if (!closed && name != "meta" && name != "br" && name != "input") {  // elements without an end
      open_.push_back(name);
    }
  }
  void attribute(const std::string& element) {
    names_.insert(element + ' ' + word());
    if (!take("=")) return;
    const char quote = rest_.at(0);
    require(quote == '\'' || quote == '"');
    const std::size_t end = rest_.find(quote, 1);
    require(end != std::string_view::npos);
    check_text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
  }

  std::string_view rest_;
  std::vector<std::string> open_;
  std::set<std::string> names_;
};

/// A report of everything that a page can show, its texts and numbers from these functions.
nniesim::report report_of(const std::function<std::string()>& text, const std::function<double()>& number,
                          std::size_t layers) {
  nniesim::report r;
  for (std::string* s : {&r.title, &r.network, &r.picture, &r.mode, &r.versions, &r.date, &r.command}) *s = text();
  const auto said = [&] { return nniesim::fact::text_of(text()); };
  const auto finding = [&] {
    nniesim::finding f;
    f.cause = nniesim::fault::precision;
    f.layer = text();
    f.summary = said();
    f.evidence = {said(), said()};
    f.against = {said()};
    f.rivals = {{nniesim::fault::norm_gain, said()}};
    f.change = {said(), said()};
    f.next = said();
    return f;
  };
  for (std::size_t i = 0; i < layers; ++i) {
    nniesim::layer_evidence e;
    e.name = text();
    e.partner = text();
    e.relation = text();
    nniesim::comparison c;
    for (double* v : {&c.cosine, &c.norm_error, &c.snr_db, &c.max_abs, &c.l2_reference, &c.l2_other}) *v = number();
    e.result = c;
    e.floor_ratio = e.isolated = e.in_16bit = e.weights_only = e.activations_only = number();
    e.parts = nniesim::error_parts{.gain_share = number(), .offset_share = number(), .l2_error = number()};
    e.channels = 4;
    e.most_channels = 1;
    e.worst_channels = {{1, number(), number(), number()}};
    e.suspicious = i % 2 == 0;
    r.result.layers.push_back(e);
    nniesim::report_layer l{.type = text(), .outputs = {e.name}, .shapes = {text()}};
    if (i != 0) l.inputs = {i - 1, i / 2};  // drawn with a way around
    r.network_layers.push_back(l);
  }
  r.result.verdict = finding();
  r.result.also = {finding()};
  r.thresholds.norm_error = number();
  nniesim::layer_histogram h;
  h.layer = layers == 0 ? text() : r.result.layers[0].name;
  h.counts = nniesim::histograms(nniesim::tensor<float>{1.0F, 2.0F, 3.0F}, nniesim::tensor<float>{1.0F, 2.5F, 3.0F}, 4);
  r.histograms = {h};
  r.search.score = text();
  r.search.goal = number();
  r.search.front = {{{}, 1, number()}, {{text(), text()}, number(), number()}};
  r.search.chosen = r.search.front[1];
  r.norms = {{text(), {number(), number(), 1}, {number(), 2}, {number()}, number(), number()}};
  r.post_processing = {text(), text()};
  return r;
}

std::string page_of(const nniesim::report& r) {
  std::ostringstream out;
  nniesim::write_html(out, r);
  return out.str();
}

/// What pages with harmless names have.
std::set<std::string> usual_names() {
  std::set<std::string> names;
  for (const std::string& text : {std::string(), std::string("name"), std::string(300, 'n')}) {
    for (const double value : {0.5, 0.0, -1e9}) {
      for (std::size_t layers : {0U, 1U, 8U}) {
        const std::string page = page_of(report_of([&] { return text; }, [&] { return value; }, layers));
        names.merge(std::set<std::string>(page_reader(page).names()));
      }
    }
  }
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::set<std::string> usual = usual_names();
  FuzzedDataProvider input(data, size);
  const std::size_t layers = input.ConsumeIntegralInRange<std::size_t>(0, 8);
  const auto report = report_of([&] { return input.ConsumeRandomLengthString(80); },
                                [&] { return std::bit_cast<double>(input.ConsumeIntegral<std::uint64_t>()); }, layers);
  const std::string page = page_of(report);
  const page_reader reader(page);
  for (const std::string& name : reader.names()) require(usual.contains(name));
  std::ostringstream markdown;
  nniesim::write_markdown(markdown, report);
  require(nniesim::detail::is_utf8(markdown.str()));
  return 0;
}
