// What is proposed for an input: for every change something, and lines of a cfg that its parser takes.
#include <nniesim/debug/input_findings.hpp>

#include <string>
#include <vector>

#include <nniesim/io/compiler_cfg.hpp>

#include "catch.hpp"
#include "support/input_subjects.hpp"

using namespace nniesim;

namespace input_findings_test {

TEST_CASE("every change has its remedy, on the side that is wrong", "[debug]") {
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto s = input_subjects::made_subject("tiny", i);
    const input_scene scene = scene_of(s.pictures[0], s.cfg, {1, 3, s.rows, s.columns});
    for (const auto breadth : {change_breadth::single, change_breadth::pairs, change_breadth::foreign}) {
      for (const input_change& c : input_changes(scene, breadth)) {
        for (const input_side side : {input_side::other, input_side::reference}) {
          input_explanation e;
          e.holds = true;
          e.change = c;
          const finding f = input_finding("data", e, scene, side);
          CAPTURE(f.summary, f.change);
          CHECK(f.cause == fault::preprocessing);
          CHECK(f.layer == "data");
          REQUIRE_FALSE(f.change.empty());
          CHECK(f.change[0].get<bool>("on_board") == (side == input_side::other));
          for (const std::string line : f.change) {
            CHECK_THAT(line, !contains("vendor") && !contains("16256"));
            const std::size_t at = line.find("[RGB_order] ");
            if (at == std::string::npos) continue;
            const std::string text =
                "[prototxt_file] a\n[caffemodel_file] b\n[image_list] l\n[image_type] 1\n[norm_type] 0\n[mean_file] "
                "null\n" +
                line.substr(at) + "\n";
            CHECK_NOTHROW(parse_compiler_cfg(text, "n.cfg"));
          }
        }
      }
    }
  }
}

}  // namespace input_findings_test
