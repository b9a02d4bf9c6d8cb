#include <nniesim/network/memory_plan.hpp>

#include <algorithm>
#include <cstddef>
#include <ctime>
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

/// The plan as it is specified: each request beside all that were placed before it.
memory_plan plan_one_by_one(const std::vector<memory_request>& requests) {
  memory_plan plan{0, std::vector<std::size_t>(requests.size())};
  const auto rounded = [](std::size_t bytes) { return (bytes + 63) / 64 * 64; };
  std::vector<std::size_t> order(requests.size()), placed;
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return requests[a].bytes > requests[b].bytes; });
  for (const std::size_t i : order) {
    if (requests[i].bytes == 0) continue;
    std::size_t at = 0;
    for (const std::size_t other : placed) {
      const bool together = requests[i].first <= requests[other].last && requests[other].first <= requests[i].last;
      if (!together) continue;
      if (plan.offsets[other] >= at + rounded(requests[i].bytes)) break;
      at = std::max(at, plan.offsets[other] + rounded(requests[other].bytes));
    }
    plan.offsets[i] = at;
    plan.bytes = std::max(plan.bytes, at + rounded(requests[i].bytes));
    placed.push_back(i);
    std::sort(placed.begin(), placed.end(),
              [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; });
  }
  return plan;
}

TEST_CASE("each request gets the lowest offset that is free", "[network]") {
  draws random(15);
  for (int round = 0; round < 400; ++round) {
    std::vector<memory_request> requests(random.between(0, 60));
    const std::size_t steps = random.between(1, 40), most = round % 2 == 0 ? 3 : steps;
    for (auto& r : requests) {
      r = {random.between(0, 9) * random.between(1, 90), random.between(0, steps) * 7, 0};
      r.last = r.first + random.between(0, most * 7);
    }
    const memory_plan plan = plan_memory(requests), expected = plan_one_by_one(requests);
    CHECK(plan.bytes == expected.bytes);
    CHECK(plan.offsets == expected.offsets);
  }
}

/// Processor seconds for the plan of a chain of layers that write, or keep, blobs and have workspaces.
double seconds_for(std::size_t layers, bool keeps) {
  std::vector<memory_request> requests;
  for (std::size_t i = 0; i < layers; ++i) requests.push_back({256 + i % 5 * 64, i, keeps ? layers : i + 1});
  for (std::size_t i = 0; i < layers; ++i) requests.push_back({100 + i % 3 * 1000, i, i});
  const std::clock_t start = std::clock();
  CHECK(plan_memory(requests).bytes != 0);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST_CASE("the time for a plan grows hardly faster than the network", "[network]") {
  for (const bool keeps : {false, true}) {
    const double few = seconds_for(500, keeps), many = seconds_for(8000, keeps);
    CAPTURE(keeps, few, many);
    CHECK(many < 16 * 4 * few + 0.1);  // pairs would take 256 times as long
  }
}

}  // namespace memory_plan_test
