// Cfg files as people leave them: variants of one cfg that mean the same, and damaged ones, read against a reader of
// the test's own that is written from the format's description alone.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <nniesim/io/compiler_cfg.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace cfg_variants_test {

namespace {

struct line {
  std::string key, value;
};
using lines = std::vector<line>;

/// Two inputs with everything spelt out.
lines whole_cfg() {
  return {{"prototxt_file", "./net/a.prototxt"},
          {"caffemodel_file", "./net/a.caffemodel"},
          {"net_type", "0"},
          {"sparse_rate", "0.25"},
          {"compile_mode", "2"},
          {"is_simulation", "0"},
          {"image_list", "one.txt"},
          {"image_type", "1"},
          {"norm_type", "5"},
          {"mean_file", "mean.txt"},
          {"data_scale", "0.0078125"},
          {"RGB_order", "RGB"},
          {"image_list", "two.txt"},
          {"image_type", "1"},
          {"norm_type", "5"},
          {"mean_file", "mean.txt"},
          {"data_scale", "0.0078125"},
          {"RGB_order", "RGB"}};
}

std::string text_of(const lines& all, const std::string& before = "[", const std::string& between = "] ",
                    const std::string& end = "\n") {
  std::string text;
  for (const line& l : all) text.append(before).append(l.key).append(between).append(l.value).append(end);
  return text;
}

bool is_shared(const std::string& key) {
  return key == "image_type" || key == "norm_type" || key == "mean_file" || key == "data_scale" || key == "RGB_order";
}

/// Those of a key that all inputs share once, at `place`: 0 at the file's start, 1 before the inputs, 2 at its end.
lines shared_once(int place) {
  const lines all = whole_cfg();
  lines shared, rest;
  for (const line& l : all) {
    const bool is_new = std::none_of(shared.begin(), shared.end(), [&](const line& s) { return s.key == l.key; });
    if (!is_shared(l.key)) rest.push_back(l);
    else if (is_new) shared.push_back(l);
  }
  const auto at = place == 0 ? rest.begin()
                  : place == 1
                      ? std::find_if(rest.begin(), rest.end(), [](const line& l) { return l.key == "image_list"; })
                      : rest.end();
  rest.insert(at, shared.begin(), shared.end());
  return rest;
}

lines changed(lines all, const std::string& key, const std::string& value) {
  for (line& l : all) {
    if (l.key == key) l.value = value;
  }
  return all;
}

std::vector<std::string> variants() {
  const lines all = whole_cfg();
  std::vector<std::string> v = {
      text_of(all),
      text_of(all, "[", "]"),
      text_of(all, " \t[", "]\t\t", " \t\n"),
      text_of(all, "[", "] ", "\r\n"),
      text_of(all, "\n\n[", "] ", "\n"),
      text_of(all, "[ ", " ]   ", "\n"),
      "\xef\xbb\xbf" + text_of(all),
      "# of the net\n; in two lines\n" + text_of(all),
      text_of(all, "[", "] ", " # \xe8\xaf\xb4\xe6\x98\x8e\n"),
      text_of(all, "[", "] ", "\t;note\r\n"),
      text_of(all, "[", "] \"", "\"\n"),
      text_of(all, "[", "] '", "' # quoted\n"),
      text_of(shared_once(0)),
      text_of(shared_once(1)),
      text_of(shared_once(2)),
      text_of(changed(changed(all, "prototxt_file", ".\\net\\a.prototxt"), "caffemodel_file", "net\\a.caffemodel")),
      text_of(all) + "[gfpq_param_file] null\n[roi_coordinate_file] null\n",
      text_of(changed(changed(all, "prototxt_file", "net/a.prototxt"), "caffemodel_file", "net//a.caffemodel"), "[",
              "]  "),
      text_of(changed(changed(all, "data_scale", "7.8125e-3"), "sparse_rate", ".25")),
      text_of(changed(all, "RGB_order", "rgb")),
  };
  // By key: all of a key's lines together, in the inputs' order; and each input's lines before its list.
  lines by_key = all;
  std::stable_sort(by_key.begin(), by_key.end(), [](const line& a, const line& b) { return a.key < b.key; });
  v.push_back(text_of(by_key));
  lines backwards(all.rbegin(), all.rend());
  for (line& l : backwards) {
    if (l.key == "image_list") l.value = l.value == "one.txt" ? "two.txt" : "one.txt";
  }
  v.push_back(text_of(backwards));
  std::string last = text_of(all);
  last.pop_back();
  v.push_back(last);
  return v;
}

/// What is compared of a cfg: numbers by value, files by the place where they are.
std::string meaning(const compiler_cfg& c) {
  std::ostringstream text;
  text << c.prototxt_file.path.lexically_normal() << ' ' << c.caffemodel_file.path.lexically_normal() << ' '
       << c.net_type << ' ' << static_cast<int>(c.mode) << ' ' << c.sparse_rate << ' ' << c.gfpq_param_file.has_value()
       << ' ' << c.roi_coordinate_file.size();
  for (const cfg_input& i : c.inputs) {
    text << " | " << i.image_list.path.lexically_normal() << ' ' << static_cast<int>(i.image_type) << ' '
         << static_cast<int>(i.norm_type) << ' ' << (i.mean_file ? i.mean_file->path.lexically_normal() : "") << ' '
         << i.data_scale << ' ' << static_cast<int>(i.order);
  }
  return text.str();
}

/// Key by key the values of a text, each line by itself: what stands behind "]", to a # or ;, without quotes.
std::map<std::string, std::vector<std::string>> plain_reading(std::string text) {
  std::map<std::string, std::vector<std::string>> values;
  if (text.rfind("\xef\xbb\xbf", 0) == 0) text.erase(0, 3);
  const auto strip = [](std::string s) {
    const std::size_t first = s.find_first_not_of(" \t\r"), last = s.find_last_not_of(" \t\r");
    return first == std::string::npos ? std::string() : s.substr(first, last - first + 1);
  };
  std::istringstream file(text);
  for (std::string l; std::getline(file, l);) {
    l = strip(l);
    if (l.empty() || l[0] != '[' || l.find(']') == std::string::npos) continue;
    const std::string key = strip(l.substr(1, l.find(']') - 1));
    std::string value = strip(l.substr(l.find(']') + 1));
    if (!value.empty() && (value[0] == '"' || value[0] == '\'')) {
      value = value.substr(1, value.find(value[0], 1) - 1);
    } else {
      for (const char* mark : {" #", "\t#", " ;", "\t;"}) value = strip(value.substr(0, value.find(mark)));
    }
    values[key].push_back(value);
  }
  return values;
}

/// The number at a value's start, or the default where it is not set.
double number(const std::vector<std::string>& values, std::size_t i, double other) {
  if (values.empty()) return other;
  const std::string& v = values.size() == 1 ? values[0] : values.at(i);
  return v == "null" || v == "NULL" || v == "Null" ? other : std::strtod(v.c_str(), nullptr);
}

}  // namespace

TEST_CASE("variants of a cfg that mean the same are read equal", "[io]") {
  const scratch_folder folder;
  std::filesystem::create_directory(folder / "net");
  for (const char* f : {"net/a.prototxt", "net/a.caffemodel", "one.txt", "two.txt", "mean.txt"}) {
    detail::write_whole_file(folder / f, "x");
  }
  const std::vector<std::string> all = variants();
  REQUIRE(all.size() >= 20);
  const std::string file = (folder / "x.cfg").string();
  const std::string right = meaning(parse_compiler_cfg(all[0], file));
  CHECK_THAT(right, contains("a.prototxt") && contains("0 2 0.25 0 0 | ") && contains("one.txt\" 1 5 ") &&
                        contains("two.txt\" 1 5 ") && contains("mean.txt\" 0.0078125 1"));
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i, all[i]);
    CHECK(meaning(parse_compiler_cfg(all[i], file)) == right);
    detail::write_whole_file(folder / "v.cfg", all[i]);
    CHECK(meaning(read_compiler_cfg(folder / "v.cfg")) == right);
  }
}

TEST_CASE("a thousand damaged cfgs end in an error that names the file, or in what stands in them", "[io]") {
  draws d(11);
  const std::vector<std::string> all = variants();
  std::vector<std::string> pieces = hostile_pieces();
  for (const char* p :
       {"[data_scale] 2\n", "null", "\"", "'", "\\", ";", "\xef\xbb\xbf", "[image_list] three.txt\n", "0"}) {
    pieces.emplace_back(p);
  }
  int read = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = mutated(all[d.between(0, all.size() - 1)], d, pieces);
    CAPTURE(text);
    try {
      const compiler_cfg cfg = parse_compiler_cfg(text, "x.cfg");
      auto plain = plain_reading(text);
      REQUIRE(cfg.inputs.size() == std::max(plain["image_list"].size(), plain["image_type"].size()));
      CHECK(cfg.prototxt_file.text == plain["prototxt_file"].at(0));
      CHECK(cfg.caffemodel_file.text == plain["caffemodel_file"].at(0));
      CHECK(cfg.net_type == static_cast<int>(number(plain["net_type"], 0, 0)));
      CHECK(static_cast<int>(cfg.mode) == static_cast<int>(number(plain["compile_mode"], 0, 0)));
      CHECK(cfg.sparse_rate == static_cast<float>(number(plain["sparse_rate"], 0, 0)));
      for (std::size_t k = 0; k < cfg.inputs.size(); ++k) {
        const cfg_input& input = cfg.inputs[k];
        CHECK(input.image_list.text == plain["image_list"].at(k));
        CHECK(static_cast<int>(input.image_type) == static_cast<int>(number(plain["image_type"], k, -1)));
        const auto of_all = [&](const char* key) {
          return plain[key].size() <= 1 || plain[key].size() == cfg.inputs.size();
        };
        if (of_all("norm_type")) {
          CHECK(static_cast<int>(input.norm_type) == static_cast<int>(number(plain["norm_type"], k, 0)));
        }
        if (of_all("data_scale")) {
          CHECK(input.data_scale == static_cast<float>(number(plain["data_scale"], k, 1.0 / 256)));
        }
      }
      ++read;
    } catch (const parse_error& e) {
      CHECK_THAT(e.what(), contains("x.cfg:"));
      ++refused;
    }
  }
  CHECK(read > 100);
  CHECK(refused > 300);
}

}  // namespace cfg_variants_test
