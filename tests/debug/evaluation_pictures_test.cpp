#include <nniesim/debug/evaluation_pictures.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace evaluation_pictures_test {

namespace {

const std::filesystem::path carried = NNIESIM_SOURCE_DIR "/examples/feature_norm/network";

std::filesystem::path write(const scratch_folder& folder, const std::string& name, const std::string& text) {
  detail::write_whole_file(folder / name, text);
  return folder / name;
}

std::vector<std::string> lists_of(const scratch_folder& folder, const std::string& first) {
  std::vector<std::string> lists = {write(folder, "first.txt", first).string()};
  for (const char* const name : {"comp1.txt", "comp2.txt", "comp3.txt"}) {
    std::string text;
    for (const char* const picture : {"00", "01"}) {
      text += (carried / "pictures").string() + "/" + picture + "_comp" + name[4] + ".png\n";
    }
    lists.push_back(write(folder, name, text).string());
  }
  return lists;
}

}  // namespace

TEST_CASE("a cfg's lists, other lists and labels give pictures by name", "[debug]") {
  const loaded_network loaded({.cfg = (carried / "feature_norm.cfg").string()});
  const scratch_folder folder;
  const evaluation_pictures own = pictures_of({}, loaded);
  CHECK(own.size == 20);
  CHECK(own.name(19) == "pictures/19_comp0.png");
  CHECK_FALSE(own.label);

  const std::string place = (carried / "pictures").string();
  const std::string first = place + "/00_comp0.png 7\n\n " + place + "/none.png   -3\r\n";
  const evaluation_pictures listed = pictures_of({.lists = lists_of(folder, first), .has_labels = true}, loaded);
  REQUIRE(listed.size == 2);
  CHECK(listed.name(0) == place + "/00_comp0.png");
  CHECK(listed.label(0) == 7);
  CHECK(listed.label(1) == -3);
  const auto a = listed.inputs(0), b = loaded.listed_inputs(0);
  REQUIRE(a.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(a[i] == b[i]);
  CHECK_THROWS_WITH(listed.inputs(1), contains("none.png: no such file"));

  const auto refuses = [&](const evaluation_source& source, const std::string& message) {
    CHECK_THROWS_WITH(pictures_of(source, loaded), contains(message));
  };
  refuses({.lists = lists_of(folder, "a.png 1\nb.png\n"), .has_labels = true}, "first.txt:2: got 'b.png'");
  refuses({.lists = lists_of(folder, "a.png 1\nb.png 1x\n"), .has_labels = true}, "first.txt:2: got");
  refuses({.lists = lists_of(folder, "a.png 99999999999999999999\n"), .has_labels = true}, "first.txt:1: got");
  refuses({.lists = lists_of(folder, " \n")}, "first.txt: names no file");
  refuses({.lists = lists_of(folder, "a\x01.png\n")}, "first.txt:1: got");
  refuses({.lists = lists_of(folder, "a\n")}, "comp1.txt: 2 entries, the first list has 1");
  refuses({.lists = {(folder / "first.txt").string()}}, "got 1 lists, expected one for each of the network's 4 inputs");
  refuses({.folder = place}, "the network has 4 inputs, a folder is for one");
  refuses({.has_labels = true}, "labels stand in a list");
}

TEST_CASE("a folder's pictures come by name; other files and folders in it are none", "[debug]") {
  const scratch_folder folder;
  for (const char* const name : {"b.png", "a.JPG", "c.txt", "d.npy"}) write(folder, name, "x");
  std::filesystem::create_directory(folder / "e.png");
  const detail::labelled_list list = detail::pictures_of_folder(folder / "");
  REQUIRE(list.names.size() == 3);
  CHECK(list.names[0] == "a.JPG");
  CHECK(list.names[1] == "b.png");
  CHECK(list.names[2] == "d.npy");
  CHECK(list.names.file(1) == folder / "b.png");
  CHECK_THROWS_WITH(detail::pictures_of_folder(folder / "e.png"), contains("has no pictures"));
  CHECK_THROWS_WITH(detail::pictures_of_folder(folder / "none"), contains("cannot be read as a folder"));
}

TEST_CASE("a digest of pictures is of names, labels and their order", "[debug]") {
  evaluation_pictures p;
  p.size = 3;
  p.name = [](std::size_t i) { return "p" + std::to_string(i); };
  const std::string plain = digest_of(p);
  CHECK(digest_of(p) == plain);
  p.label = [](std::size_t i) { return std::optional(static_cast<std::int64_t>(i)); };
  const std::string labelled = digest_of(p);
  CHECK(labelled != plain);
  p.label = [](std::size_t i) { return std::optional(static_cast<std::int64_t>(i / 2)); };
  CHECK(digest_of(p) != labelled);
  p.label = nullptr;
  p.name = [](std::size_t i) { return "p" + std::to_string(2 - i); };
  CHECK(digest_of(p) != plain);
}

}  // namespace evaluation_pictures_test
