#include <nniesim/io/file_name.hpp>

#include <set>
#include <string>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace file_name_test {

TEST_CASE("a layer's name stands in its file's name, and what no file can be called is shortened", "[io]") {
  CHECK(layer_file_name("conv1/3x3", ".npy") == "conv1_3x3.npy");
  CHECK(layer_file_name("\xe4\xb8\xad a", "_b.hex") == "\xe4\xb8\xad a_b.hex");
  CHECK(layer_file_name(std::string(251, 'x'), ".npy") == std::string(251, 'x') + ".npy");
  CHECK(layer_file_name(std::string(252, 'x'), ".npy").size() == 140 + 17 + 4);
  CHECK(layer_file_name(std::string(300, 'x'), ".npy").ends_with(".npy"));
  CHECK(layer_file_name(std::string(300, 'x'), ".npy").starts_with(std::string(140, 'x') + "-"));
  CHECK(layer_file_name("", ".npy") == "_-cbf29ce484222325.npy");
  CHECK(layer_file_name("../../etc/x", ".npy").starts_with("_._.._etc_x-"));
  CHECK(layer_file_name("a\nb\x1b", "").starts_with("a_b_-"));
  CHECK(layer_file_name(".", "") == "_-" + detail::fnv1a_hex("."));
  // The longest ending that is promised room.
  CHECK(layer_file_name(std::string(1000, 'x'), std::string(98, 'e')).size() == file_name_max_bytes);
}

TEST_CASE("no character is cut in two, and each name has a file of its own", "[io]") {
  std::string many;
  while (many.size() < 300) many += "\xe4\xb8\xad";
  for (std::size_t before = 0; before < 3; ++before) {
    const std::string name = layer_file_name(std::string(before, 'a') + many, ".npy");
    CHECK(detail::is_utf8(name));
    CHECK(name.size() > 140 - 3 + 17);
  }
  draws d(6);
  std::set<std::string> names, files;
  for (int round = 0; round < 3000; ++round) {
    std::string name(d.between(0, 4) == 0 ? 141 : 0, 'n');
    for (std::size_t n = d.between(0, 3); n-- > 0;) name += "ab.\n\x7f\xff"[d.between(0, 5)];
    if (!names.insert(name).second) continue;
    const std::string file = layer_file_name(name, ".npy");
    CAPTURE(name, file);
    CHECK(file.size() <= file_name_max_bytes);
    CHECK((file[0] != '.' && file.find('\n') == std::string::npos));
    CHECK(files.insert(file).second);
  }
}

TEST_CASE("the hash is FNV-1a's, and shortened names are known by their form", "[io]") {
  CHECK(detail::fnv1a_hex("") == "cbf29ce484222325");
  CHECK(detail::fnv1a_hex("foobar") == "85944171f73967e8");
  CHECK(detail::is_short_name(detail::short_name("")));
  CHECK(detail::is_short_name(detail::short_name(std::string(500, 'x'))));
  CHECK(detail::is_short_name(detail::short_name("a\nb")));
  const std::string hash = "-85944171f73967e8";
  CHECK(detail::is_short_name("x" + hash));
  CHECK(detail::is_short_name(std::string(140, 'x') + hash));
  for (const std::string& other :
       {hash, std::string(141, 'x') + hash, std::string("x-85944171f73967e"), std::string("x-85944171f73967eg"),
        std::string("x_85944171f73967e8"), std::string()}) {
    CAPTURE(other);
    CHECK_FALSE(detail::is_short_name(other));
  }
}

}  // namespace file_name_test
