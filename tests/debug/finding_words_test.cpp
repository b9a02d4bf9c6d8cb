#include <nniesim/debug/finding_words.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace finding_words_test {

TEST_CASE("every kind of fact has a name and a sentence of its own", "[debug]") {
  std::set<std::string_view> names;
  std::set<fact_kind> kinds;
  for (const detail::fact_form& f : detail::fact_forms) {
    CHECK(names.insert(f.name).second);
    CHECK(kinds.insert(f.kind).second);
    CHECK_FALSE(f.sentence.empty());
    // Its brackets have ends: it can be said, of whatever fields.
    CHECK_NOTHROW(
        detail::sentence(
            fact(f.kind, {{"gain", 0.5}, {"offset", 0.0}, {"saturation", 0.0}, {"underflow", 0.0}, {"rounding", 0.5}}))
            .of(f.sentence));
  }
  // The last one: whoever adds a kind gives it words.
  CHECK(detail::fact_forms.size() == static_cast<std::size_t>(fact_kind::report_to_vendor) + 1);
}

TEST_CASE("fields in their forms, choices, and what is said only where it is known", "[debug]") {
  const fact f(fact_kind::words, {{"n", std::size_t{1}},
                                  {"many", std::size_t{3}},
                                  {"yes", true},
                                  {"no", false},
                                  {"share", 0.125},
                                  {"cosine", 0.5},
                                  {"list", std::vector<std::size_t>{4, 5}},
                                  {"names", std::vector<std::string>{"a", "b"}},
                                  {"values", std::vector<double>{1, 2, 3, 4, 5}}});
  const auto said = [&](std::string_view form) { return detail::sentence(f).of(form); };
  CHECK(said("{share:percent} {share:sign} {cosine:cosine} {share}") == "12.5 % +12.50 % 0.50000 0.125");
  CHECK(said("{n?layer was|layers were}, {many?layer was|layers were}") == "layer was, layers were");
  CHECK(said("{yes?a {many}|b}{no?a|b {many}}") == "a 3b 3");
  CHECK(said("x[, {many} of them][, {nothing} of them]") == "x, 3 of them");
  CHECK(said("{list} {names} {names:names} {names:marked} {names:hp}") ==
        "4, 5 a, b 'a', 'b' 'a_hp', 'b_hp' a_hp b_hp");
  CHECK(said("{values}") == "1, 2, 3, 4 and 1 more");
  CHECK(said("~{a~} ~[b~]") == "{a} [b]");
  CHECK(said("{nothing}") == "?");
  CHECK_THROWS_AS(said("{n"), error);
}

TEST_CASE("long lists say how many more there are", "[debug]") {
  std::vector<std::size_t> channels(detail::limit::channels_told + 2);
  for (std::size_t i = 0; i < channels.size(); ++i) channels[i] = i;
  const fact f(fact_kind::channels_outside,
               {{"count", channels.size()}, {"of", std::size_t{32}}, {"saturate", true}, {"channels", channels}});
  CHECK(words_of(f) == "10 of 32 channels saturate: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
}

TEST_CASE("changes read as what is to be done", "[debug]") {
  CHECK(words_of({fact_kind::mark_layers,
                  {{"compile_mode", std::size_t{2}}, {"one", true}, {"layers", std::vector<std::string>{"conv1"}}}}) ==
        "compile_mode 2 and the name 'conv1_hp'");
  CHECK(words_of({fact_kind::set_cfg,
                  {{"or", true}, {"key", "compile_mode"}, {"value", std::size_t{1}}, {"why", "all 16 bits"}}}) ==
        "or compile_mode 1: all 16 bits");
  CHECK(words_of({fact_kind::set_shift, {{"layer", "norm"}, {"value", "0.5"}}}) ==
        "layer 'norm': power_param { shift: 0.5 }");
  CHECK(words_of({fact_kind::scale_weights, {{"layer", "fc"}, {"whole", false}, {"up", false}}}) ==
        "scale the weights of 'fc' down by a power of two, and those behind it up");
  CHECK(words_of({fact_kind::recalibrate, {{"layer", "fc"}}}) ==
        "calibrate again with pictures like this one: the calibrated range of 'fc' does not fit");
}

}  // namespace finding_words_test
