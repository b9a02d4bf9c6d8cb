#include <nniesim/io/tar.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <nniesim/io/file.hpp>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace tar_test {

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  return detail::read_whole_file(path, std::uint64_t{1} << 30U, "a file");
}

}  // namespace

TEST_CASE("what is written is what tar unpacks", "[io]") {
  const scratch_folder folder;
  const std::string deep = std::string(90, 'a') + "/" + std::string(60, 'b') + "/" + std::string(99, 'c');
  const std::vector<tar_file> files = {{"top/empty", ""},
                                       {"top/one", std::string(1, '\n')},
                                       {"top/block", std::string(512, 'x')},
                                       {"top/more", std::string(513, '\0')},
                                       {"top/run.sh", "#!/bin/sh\nexit 3\n", true},
                                       {"top/\xc3\xa4 \"b\".txt", "a name of more than letters"},
                                       {"top/" + std::string(96, 'n'), "100 bytes"},
                                       {"top/" + std::string(97, 'n'), "101 bytes, cut at the slash"},
                                       {"top/" + std::string(200, 'p'), "no slash to cut at"},
                                       {deep, "cut at the second slash"},
                                       {deep + "e/" + std::string(120, 'd'), "too long for both fields"}};
  write_tar(folder / "a.tar", files);
  CHECK(std::filesystem::file_size(folder / "a.tar") % 512 == 0);
  const std::string out = (folder / "out").string();
  std::filesystem::create_directory(out);
  REQUIRE(std::system(("tar -xf '" + (folder / "a.tar").string() + "' -C '" + out + "'").c_str()) == 0);
  for (const tar_file& f : files) {
    CAPTURE(f.name);
    const std::filesystem::path unpacked = std::filesystem::path(out) / f.name;
    REQUIRE(std::filesystem::is_regular_file(unpacked));
    CHECK(bytes_of(unpacked) == f.content);
    const auto mode = std::filesystem::status(unpacked).permissions();
    CHECK(((mode & std::filesystem::perms::owner_exec) != std::filesystem::perms::none) == f.is_program);
  }
  // The same files, the same bytes; times are not among them.
  write_tar(folder / "b.tar", files);
  CHECK(bytes_of(folder / "a.tar") == bytes_of(folder / "b.tar"));
  write_tar(folder / "none.tar", {});
  CHECK(bytes_of(folder / "none.tar") == std::string(1024, '\0'));
}

TEST_CASE("pax records count their own length", "[io]") {
  CHECK(detail::pax_record("path", "x") == "9 path=x\n");
  CHECK(detail::pax_record("path", std::string(90, 'x')) == "99 path=" + std::string(90, 'x') + "\n");
  CHECK(detail::pax_record("path", std::string(91, 'x')) == "101 path=" + std::string(91, 'x') + "\n");
}

TEST_CASE("archives that would unpack elsewhere are refused", "[io]") {
  const scratch_folder folder;
  const auto path = folder / "a.tar";
  for (const std::string& name :
       {std::string(), std::string("/etc/x"), std::string("../x"), std::string("a/../../x"), std::string("a//b"),
        std::string("a/"), std::string("./a"), std::string("a\0b", 3), std::string(4096, 'a')}) {
    CAPTURE(name);
    CHECK_THROWS_WITH(write_tar(path, std::vector<tar_file>{{name, "x"}}), contains("expected a relative one"));
  }
  CHECK_THROWS_WITH(write_tar(path, std::vector<tar_file>{{"a", "x"}, {"a", "y"}}), contains("'a' twice"));
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_THROWS_WITH(write_tar(folder / "no/a.tar", std::vector<tar_file>{{"a", "x"}}), contains("cannot be opened"));
}

}  // namespace tar_test
