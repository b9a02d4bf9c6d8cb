#include <nniesim/debug/evaluation_identity.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace evaluation_identity_test {

namespace {

const std::filesystem::path carried = NNIESIM_SOURCE_DIR "/examples/feature_norm/network";

}  // namespace

TEST_CASE("a network's identity is what its files hold, not where they are", "[debug]") {
  const scratch_folder folder;
  std::filesystem::copy(carried, folder / "copy", std::filesystem::copy_options::recursive);
  const auto of = [](const std::filesystem::path& cfg) { return identity_of(loaded_network({.cfg = cfg.string()})); };
  const auto known = of(carried / "feature_norm.cfg");
  CHECK(of(folder / "copy" / "feature_norm.cfg") == known);
  REQUIRE(known.size() == 4);  // prototxt, caffemodel, cfg, the rule for BatchNorm
  std::string text = detail::read_whole_file(folder / "copy" / "feature_norm.prototxt", 1 << 20, "a prototxt");
  detail::write_whole_file(folder / "copy" / "feature_norm.prototxt", "# changed\n" + text);
  const auto changed = of(folder / "copy" / "feature_norm.cfg");
  for (std::size_t i = 0; i < known.size(); ++i) {
    CHECK((changed[i] == known[i]) == (known[i].first != "prototxt"));
  }
  // Of files that differ in one byte anywhere, and in zeros at the end.
  const auto digest = [&](const std::string& bytes) {
    detail::write_whole_file(folder / "f", bytes);
    return detail::digest_of_file(folder / "f");
  };
  CHECK(digest("123456789") != digest("123456788"));
  CHECK(digest("123456789") != digest(std::string("123456789\0", 10)));
}

TEST_CASE("an evaluation's identity has its arithmetic, and without a cfg its preprocessing", "[debug]") {
  const auto has = [](const auto& identity, const std::string& what, const std::string& value) {
    return std::count(identity.begin(), identity.end(), std::pair(what, value)) == 1;
  };
  const loaded_network by_cfg({.cfg = (carried / "feature_norm.cfg").string()});
  const auto known = identity_of(by_cfg, {}, "fp32_chain", 0);
  CHECK(known.size() == identity_of(by_cfg).size() + 2);
  CHECK(has(known, "arithmetic", "fp32_chain, none, hardware"));
  CHECK(has(known, "output that is judged", "0"));
  const auto other = identity_of(by_cfg, {sum_rounding::nearest, function_rule::exact}, "units40", 2);
  CHECK(has(other, "arithmetic", "units40, nearest, exact"));
  CHECK(has(other, "output that is judged", "2"));
  const std::string picture = std::filesystem::directory_iterator(carried / "pictures")->path().string();
  const auto by_files = [&](float data_scale) {
    network_source source{.prototxt = (carried / "feature_norm.prototxt").string(),
                          .caffemodel = (carried / "feature_norm.caffemodel").string(),
                          .pictures = std::vector(4, picture)};
    source.norm_type = cfg_norm_type::scale;
    source.data_scale = data_scale;
    return identity_of(loaded_network(source), {}, "fp32_chain", 0).back();
  };
  CHECK(by_files(0.5F).first == "preprocessing");
  CHECK(by_files(0.5F) == by_files(0.5F));
  CHECK(by_files(0.5F) != by_files(0.25F));
}

}  // namespace evaluation_identity_test
