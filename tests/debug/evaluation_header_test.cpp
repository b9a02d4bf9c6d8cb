#include <nniesim/debug/evaluation_header.hpp>

#include <string>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace evaluation_header_test {

TEST_CASE("shards have all pictures, each once, and equally many", "[debug]") {
  for (const std::size_t count : {1U, 2U, 3U, 4U, 9U}) {
    std::vector<std::size_t> owners(23), sizes(count);
    for (std::size_t s = 0; s < count; ++s) {
      const evaluation_shard shard{s, count};
      for (std::size_t p = 0; p < owners.size(); ++p) {
        owners[p] += shard.has(p) ? 1U : 0U;
        sizes[s] += shard.has(p) ? 1U : 0U;
      }
      CHECK(sizes[s] == shard.size_of(owners.size()));
      CHECK(sizes[s] + 1 >= sizes[0]);
    }
    CHECK(owners == std::vector<std::size_t>(23, 1));
  }
}

TEST_CASE("so many pictures are for training, spread evenly", "[debug]") {
  evaluation_header h;
  h.pictures = 1200;
  h.training = 200;
  std::size_t count = 0;
  for (std::size_t i = 0; i < h.pictures; ++i) {
    if (!h.is_training(i)) continue;
    ++count;
    CHECK(i % 6 == 5);
  }
  CHECK(count == 200);
  h.training = 0;
  CHECK_FALSE(h.is_training(5));
}

TEST_CASE("a header comes back from its bytes; what is cut off or too long is refused", "[debug]") {
  evaluation_header h;
  h.network = "net\nwith a line";
  h.identity = {{"cfg", "1"}};
  h.pictures = 3;
  h.layers = {"a", "b"};
  h.outputs = {1};
  h.chains = {{"n", 1, 1, 2, std::array{1.5, 2.5}}};
  h.decisions = {"d"};
  h.ranges = {"a"};
  h.has_labels = true;
  const std::string bytes = detail::bytes_of(h);
  CHECK(detail::header_of(bytes, "f") == h);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK_THROWS_AS(detail::header_of(std::string_view(bytes).substr(0, n), "f"), parse_error);
  }
  CHECK_THROWS_WITH(detail::header_of(bytes + "x", "f"), contains("f: got 1 bytes too many"));
  evaluation_header other = h;
  other.shard = {1, 2};
  other.about = "elsewhere";
  CHECK(detail::difference_of(h, other).empty());
  other.identity[0].second = "2";
  CHECK(detail::difference_of(h, other) == "cfg");
}

}  // namespace evaluation_header_test
