#include <nniesim/kernels/thread_pool.hpp>

#include <atomic>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("every task runs exactly once, job after job") {
  thread_pool pool(4);
  const executor run = pool.handle();
  CHECK(run.workers == 4);
  for (std::size_t tasks = 0; tasks < 200; ++tasks) {
    std::vector<std::atomic<int>> ran(tasks);
    run(tasks, [&](std::size_t i) { ++ran[i]; });
    for (const auto& r : ran) CHECK(r == 1);
  }
}

TEST_CASE("a call from inside a task stays on its thread") {
  thread_pool pool(3);
  const executor run = pool.handle();
  std::atomic<int> count = 0;
  run(6, [&](std::size_t) { run(5, [&](std::size_t) { ++count; }); });
  CHECK(count == 30);
}

TEST_CASE("an exception reaches the caller and the pool goes on") {
  thread_pool pool(2);
  const executor run = pool.handle();
  CHECK_THROWS_AS(run(100,
                      [](std::size_t i) {
                        if (i == 37) throw format_error("37");
                      }),
                  format_error);
  std::atomic<int> count = 0;
  run(10, [&](std::size_t) { ++count; });
  CHECK(count == 10);
}

TEST_CASE("without threads the caller does it all, and unreasonable pools are refused") {
  const executor alone;
  int sum = 0;
  alone(4, [&](std::size_t i) { sum += static_cast<int>(i); });
  CHECK(sum == 6);
  CHECK_THROWS_AS(thread_pool(0), format_error);
  CHECK_THROWS_AS(thread_pool(5000), format_error);
}

#if defined(_OPENMP)
TEST_CASE("OpenMP runs every task once") {
  std::vector<std::atomic<int>> ran(50);
  openmp_executor(2)(50, [&](std::size_t i) { ++ran[i]; });
  for (const auto& r : ran) CHECK(r == 1);
}
#endif
