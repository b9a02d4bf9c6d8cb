#include <nniesim/debug/evaluation_file.hpp>

#include <string>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace evaluation_file_test {

namespace {

const std::string header = "nniesim precision search 1\nproblem f\n";

}  // namespace

TEST_CASE("a state file's evaluations come back; too many and too large ones are refused", "[debug]") {
  const scratch_folder folder;
  const auto path = folder / "state";
  detail::evaluation_file(path, "f").append({0.5, {1, 3}});
  const detail::evaluation_file again(path, "f");
  REQUIRE(again.entries().size() == 1);
  CHECK(again.entries()[0].score == 0.5);
  CHECK(again.entries()[0].layers == std::vector<std::size_t>{1, 3});

  std::string lines = header;
  for (int i = 0; i <= 1'000'000; ++i) lines += "1\n";
  detail::write_whole_file(path, lines);
  CHECK_THROWS_WITH(detail::evaluation_file(path, "f"), contains("1000001 evaluations, the limit is 1000000"));
  detail::write_whole_file(path, header + std::string(std::size_t{64} << 20U, '1'));
  CHECK_THROWS_WITH(detail::evaluation_file(path, "f"), contains("the limit is 67108864"));
}

TEST_CASE("damaged state files are read or refused", "[debug]") {
  const scratch_folder folder;
  const std::string original = header + "0.5 1 3\n-1e300\n1 0 1 2 3 4 5 6 7 8 9\ninf 18446744073709551615\n";
  draws d(6);
  int read = 0;
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    const auto path = folder / ("s" + std::to_string(i));
    detail::write_whole_file(path, mutated(original, d, hostile_pieces()));
    try {
      const detail::evaluation_file file(path, "f");
      for (const auto& e : file.entries()) {
        CHECK_FALSE(std::isnan(e.score));
        CHECK(std::is_sorted(e.layers.begin(), e.layers.end()));
      }
      ++read;
    } catch (const error& e) {
      CHECK_THAT(e.what(), contains(path.string() + ":"));
      ++refused;
    }
  }
  CHECK(read > 50);
  CHECK(refused > 100);
}

}  // namespace evaluation_file_test
