#include <nniesim/io/roi_file.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/networks.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace roi_file_test {

namespace {

using floats = std::vector<float>;
floats values(const tensor<float>& t) { return {t.begin(), t.end()}; }

}  // namespace

TEST_CASE("regions are those of each picture", "[io]") {
  const scratch_folder folder;
  // The example of the compiler's guide, and what numpy.savetxt makes of it.
  for (const char* text :
       {"0 734.01 147.02 806.03 294.04\n0 723.05 157.06 818.07 306.08\n1 749.09 170.10 817.11 310.12\n",
        "\xef\xbb\xbf"
        "0.000000 734.010000 147.020000 806.030000 294.040000\r\n"
        "0.000000,723.050000,157.060000,818.070000,306.080000\r\n\r\n"
        "\t1.000000\t749.090000 170.100000 817.110000 310.120000"}) {
    detail::write_whole_file(folder / "r.txt", text);
    const roi_list list(folder / "r.txt", {2, 5});
    REQUIRE(list.size() == 2);
    CHECK(values(list[0]) == floats{0, 734.01F, 147.02F, 806.03F, 294.04F, 0, 723.05F, 157.06F, 818.07F, 306.08F});
    // The index is within the batch of one, and what is left has the last region.
    CHECK(values(list[1]) == floats{0, 749.09F, 170.1F, 817.11F, 310.12F, 0, 749.09F, 170.1F, 817.11F, 310.12F});
    CHECK_THROWS_AS(list[2], error);
    CHECK(shape_of(roi_list(folder / "r.txt", {3, 5, 1, 1})[0]) == tensor_shape{3, 5, 1, 1});
    CHECK(list == roi_list(folder / "r.txt", {2, 5}));
  }
}

TEST_CASE("files that are no regions of this network are refused", "[io]") {
  const scratch_folder folder;
  const auto problem = [&](const std::string& text, const tensor_shape& shape = {2, 5}) {
    detail::write_whole_file(folder / "r.txt", text);
    try {
      (void)roi_list(folder / "r.txt", shape);
    } catch (const error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK_THAT(problem("0 1 2 3\n"), contains("r.txt:1: got 4 numbers, expected 5"));
  CHECK_THAT(problem("0 1 2 3 4 5\n"), contains("got 6 numbers"));
  CHECK_THAT(problem("\n0 1 2 3 x\n"), contains("r.txt:2: got 'x', expected a finite number"));
  CHECK_THAT(problem("0.5 1 2 3 4\n"), contains("index is 0.5, expected a whole number"));
  CHECK_THAT(problem("-1 1 2 3 4\n"), contains("index is -1"));
  CHECK_THAT(problem("1 1 2 3 4\n"), contains("index is 1, and none is of picture 0 before it"));
  CHECK_THAT(problem("0 1 2 3 4\n900000 1 2 3 4\n"), contains("none is of picture 1 before it"));
  CHECK_THAT(problem("0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n"), contains("picture 0 has 3 regions, expected 1 .. 2"));
  CHECK_THAT(problem(" \n"), contains("holds no region"));
  CHECK_THAT(problem("0 1 2 3 4\n", {2, 4}), contains("has shape 2x4, expected N x 5"));
  CHECK_THAT(problem("0 1 2 3 4\n", {5}), contains("expected N x 5"));
  CHECK_THROWS_AS(roi_list(folder / "none.txt", {2, 5}), error);
  draws d(8);
  int read = 0, refused = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text =
        mutated("0 734.01 147.02 806.03 294.04\n1 749.09 170.10 817.11 310.12\n", d, hostile_pieces());
    (problem(text).empty() ? read : refused) += 1;
  }
  CHECK(read > 20);
  CHECK(refused > 100);
}

TEST_CASE("the blobs that regions are, of each layer that pools them", "[io]") {
  using namespace test_networks;
  network_builder b;
  const std::size_t data = b.input({1, 3, 6, 6}), rois = b.input({1, 3, 6, 6});
  b.add("pool", eltwise_params{}, {data, rois});
  CHECK(region_blobs(b.net).empty());
  b.net.layers.back().type = "ROIPooling";
  CHECK(region_blobs(b.net) == std::vector<std::size_t>{rois});
  b.net.layers.back().type = "PSROIPooling";
  CHECK(region_blobs(b.net) == std::vector<std::size_t>{rois});
}

}  // namespace roi_file_test
