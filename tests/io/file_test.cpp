#include <nniesim/io/file.hpp>

#include <filesystem>
#include <string>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace file_test {

TEST_CASE("a file is read as it was written, with every byte", "[io]") {
  const scratch_folder folder;
  const std::string bytes("\0a\r\n\x1a\xff\n", 7);
  detail::write_whole_file(folder / "f", bytes);
  CHECK(detail::read_whole_file(folder / "f", 7, "a file") == bytes);
  detail::write_whole_file(folder / "f", "");
  CHECK(detail::read_whole_file(folder / "f", 0, "a file").empty());
}

TEST_CASE("a file is read piece by piece, and looked at before", "[io]") {
  const scratch_folder folder;
  detail::write_whole_file(folder / "f", "abcdefg");
  detail::input_file file(folder / "f", 100, "a file");
  CHECK(file.size() == 7);
  CHECK(file.peek(3) == "abc");
  CHECK(file.at() == 0);
  CHECK(file.read(2) == "ab");
  CHECK(file.at() == 2);
  CHECK(file.peek(100) == "cdefg");
  std::string into(1000, 'x');
  file.read(5, into);
  CHECK(into == "cdefg");
  CHECK(file.at() == file.size());
  CHECK(file.peek(1).empty());
  CHECK(file.read(0).empty());
  CHECK_THROWS_WITH(file.read(1), (folder / "f").string() + ": reading failed after 7 of 7 bytes");
}

TEST_CASE("what is no file, or too large, is refused with its name", "[io]") {
  const scratch_folder folder;
  const auto read = [&](const std::string& name) { return detail::read_whole_file(folder / name, 3, "a list"); };
  CHECK_THROWS_WITH(read("none"), (folder / "none").string() + ": no such file, expected a list");
  std::filesystem::create_directory(folder / "sub");
  CHECK_THROWS_WITH(read("sub"), (folder / "sub").string() + ": not a regular file, expected a list");
  detail::write_whole_file(folder / "four", "1234");
  CHECK_THROWS_AS(read("four"), parse_error);
  CHECK_THROWS_WITH(read("four"), contains("four: 4 bytes, the limit is 3"));
  CHECK_THROWS_AS(detail::write_whole_file(folder / "none/f", "x"), error);
}

TEST_CASE("a file that was cut while it is read is told, not read as zeros", "[io]") {
  const scratch_folder folder;
  detail::write_whole_file(folder / "f", std::string(200000, 'x'));
  detail::input_file file(folder / "f", 1U << 20U, "a file");
  std::filesystem::resize_file(folder / "f", 100);
  CHECK_THROWS_WITH(file.read(file.size()), contains("reading failed after ") && contains(" of 200000 bytes"));
}

}  // namespace file_test
