#include <nniesim/network/memory_plan.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace memory_plan_test {

TEST_CASE("blobs that live together do not overlap", "[network]") {
  draws random(13);
  for (int round = 0; round < 200; ++round) {
    std::vector<memory_request> requests(random.between(0, 39));
    std::size_t all = 0;
    for (auto& r : requests) {
      r = {random.between(0, 4) * 50, random.between(0, 19), 0};
      r.last = r.first + random.between(0, 7);
      all += (r.bytes + 63) / 64 * 64;
    }
    const memory_plan plan = plan_memory(requests);
    CHECK(plan.bytes <= all);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      CHECK(plan.offsets[i] % 64 == 0);
      CHECK(plan.offsets[i] + requests[i].bytes <= plan.bytes);
      for (std::size_t k = 0; k < i; ++k) {
        const bool together = requests[i].first <= requests[k].last && requests[k].first <= requests[i].last;
        const bool apart = plan.offsets[i] + requests[i].bytes <= plan.offsets[k] ||
                           plan.offsets[k] + requests[k].bytes <= plan.offsets[i] || requests[i].bytes == 0 ||
                           requests[k].bytes == 0;
        CHECK((!together || apart));
      }
    }
  }
}

TEST_CASE("memory is used again as soon as nobody reads it", "[network]") {
  const auto plan = [](const std::vector<memory_request>& requests) { return plan_memory(requests); };
  CHECK(plan({}).bytes == 0);
  CHECK(plan({}).offsets.empty());
  CHECK(plan({{1, 0, 0}}).bytes == 64);
  CHECK(plan({{64, 3, 9}}).bytes == 64);
  // A chain: each layer reads the one before and writes its own, so that two places take turns.
  const memory_plan chain = plan({{100, 0, 1}, {100, 1, 2}, {100, 2, 3}, {100, 3, 4}});
  CHECK(chain.bytes == 256);
  CHECK(chain.offsets == std::vector<std::size_t>{0, 128, 0, 128});
  // One that is read to the end has a place of its own, the largest the first.
  const memory_plan kept = plan({{64, 0, 9}, {640, 0, 1}, {64, 1, 2}, {640, 2, 3}});
  CHECK(kept.bytes == 640 + 2 * 64);
  CHECK(kept.offsets[1] == 0);
  CHECK(kept.offsets[3] == 0);
  // A gap is filled where what needs it fits, and only there.
  const memory_plan gap = plan({{256, 0, 9}, {192, 0, 1}, {128, 0, 9}, {64, 2, 3}, {128, 2, 3}});
  CHECK(gap.bytes == 256 + 192 + 128);
  CHECK(gap.offsets == std::vector<std::size_t>{0, 256, 448, 384, 256});
}

TEST_CASE("a block is never smaller than what lives at once, and no larger than all together", "[network]") {
  draws random(14);
  for (int round = 0; round < 200; ++round) {
    std::vector<memory_request> requests(random.between(1, 30));
    for (auto& r : requests) {
      r = {random.between(0, 9) * 40, random.between(0, 15), 0};
      r.last = r.first + random.between(0, 5);
    }
    std::size_t most = 0;
    for (std::size_t step = 0; step < 21; ++step) {
      std::size_t live = 0;
      for (const auto& r : requests) live += r.first <= step && step <= r.last ? (r.bytes + 63) / 64 * 64 : 0;
      most = std::max(most, live);
    }
    CHECK(plan_memory(requests).bytes >= most);
  }
}

}  // namespace memory_plan_test
