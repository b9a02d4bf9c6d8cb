#include <nniesim/kernels/executor.hpp>

#include <cstddef>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace executor_test {

namespace {

/// Runs tasks from the last to the first, and counts its calls.
struct backwards {
  std::size_t calls = 0;

  static void run(void* self, std::size_t tasks, executor::task_function task, void* argument) {
    ++static_cast<backwards*>(self)->calls;
    for (std::size_t i = tasks; i-- > 0;) task(argument, i);
  }
};

}  // namespace

TEST_CASE("without a scheduler tasks run in order on the calling thread") {
  const executor none;
  CHECK(none.max_workers == 1);
  std::vector<std::size_t> ran;
  const auto here = std::this_thread::get_id();
  none(3, [&](std::size_t i) {
    CHECK(std::this_thread::get_id() == here);
    ran.push_back(i);
  });
  CHECK(ran == std::vector<std::size_t>{0, 1, 2});
  none(0, [&](std::size_t) { ran.clear(); });
  CHECK(ran.size() == 3);
  CHECK_THROWS_AS(none(2, [](std::size_t) { throw std::runtime_error("task"); }), std::runtime_error);
}

TEST_CASE("a scheduler of one's own gets all tasks, but one alone runs without it") {
  backwards scheduler;
  const executor run{backwards::run, &scheduler, 4};
  std::vector<std::size_t> ran;
  run(4, [&](std::size_t i) { ran.push_back(i); });
  CHECK(ran == std::vector<std::size_t>{3, 2, 1, 0});
  CHECK(scheduler.calls == 1);
  run(1, [&](std::size_t i) { ran = {i}; });
  run(0, [&](std::size_t) { ran.clear(); });
  CHECK(ran == std::vector<std::size_t>{0});
  CHECK(scheduler.calls == 1);
}

TEST_CASE("the caller's own object is called, constant or not, and not a copy") {
  backwards scheduler;
  struct sum {
    std::size_t total = 0;
    void operator()(std::size_t i) { total += i; }
  } mine;
  struct constant {
    std::size_t* total;
    void operator()(std::size_t i) const { *total += i; }
  };
  for (const executor& run : {executor{}, executor{backwards::run, &scheduler, 2}}) {
    mine.total = 0;
    run(5, mine);
    CHECK(mine.total == 10);
    std::size_t total = 0;
    const constant other{&total};
    run(5, other);
    CHECK(total == 10);
  }
}

}  // namespace executor_test
