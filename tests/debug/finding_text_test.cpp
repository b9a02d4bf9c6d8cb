#include <nniesim/debug/finding_text.hpp>

#include <string>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("a finding in words: its parts in order, without empty ones", "[debug]") {
  finding f{fault::precision, "conv\x1b"};
  f.summary = fact::text_of("too coarse");
  CHECK(sections_of(f).empty());
  f.change = {fact::text_of("first"), fact::text_of("second")};
  f.rivals = {{fault::all_zero, fact::text_of("it is not zero")}};
  f.next = fact::text_of("measure");
  const auto sections = sections_of(f);
  REQUIRE(sections.size() == 3);
  CHECK(sections[0].key == "rivals");
  CHECK(sections[0].lines == std::vector<std::string>{"not all-zero layer: it is not zero"});
  CHECK(sections[1].form == section_form::code);
  CHECK(sections[2].form == section_form::sentence);
  const std::string text = finding_text(f);
  CHECK_THAT(text, contains("too few bits: 'conv"));
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK_THAT(text, contains("  change     first\n             second\n"));
  CHECK_THAT(diagnosis_text({f, {f}, {}}), contains("\nalso too few bits"));
}
