#include <nniesim/kernels/thread_pool.hpp>

#include <atomic>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__GLIBC__)
#include <pthread.h>
#endif

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("every task runs exactly once, job after job") {
  thread_pool pool(4);
  const executor run = pool.handle();
  CHECK(run.max_workers == 4);
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

namespace {

/// Starts `most` threads, then throws what a full system throws.
template <class Error>
struct few_threads {
  int most;
  Error error;
  template <class F>
  std::thread operator()(F work) {
    if (most-- == 0) throw error;
    return std::thread(std::move(work));
  }
};

void check_that_it_works(thread_pool& pool, std::size_t expected) {
  CHECK(pool.size() == expected);
  const executor run = pool.handle();
  CHECK(run.max_workers == expected);
  for (std::size_t tasks = 0; tasks < 50; ++tasks) {
    std::vector<std::atomic<int>> ran(tasks);
    run(tasks, [&](std::size_t i) { ++ran[i]; });
    for (const auto& r : ran) CHECK(r == 1);
  }
}

}  // namespace

TEST_CASE("where threads cannot start the pool goes on with those that it has") {
  const std::system_error full(std::make_error_code(std::errc::resource_unavailable_try_again));
  for (const int most : {0, 1, 3}) {
    thread_pool pool(8, few_threads<std::system_error>{most, full});
    check_that_it_works(pool, static_cast<std::size_t>(most) + 1);
  }
  thread_pool no_memory(8, few_threads<std::bad_alloc>{2, {}});
  check_that_it_works(no_memory, 3);
  // What says nothing about the system is not swallowed, and what had started is joined.
  CHECK_THROWS_AS(thread_pool(8, few_threads<std::logic_error>{2, std::logic_error("no")}), std::logic_error);
}

#if defined(__GLIBC__)
TEST_CASE("where the system itself refuses threads the caller works alone") {
  struct huge_stacks {
    pthread_attr_t before, huge;
    huge_stacks() {
      pthread_getattr_default_np(&before);
      pthread_getattr_default_np(&huge);
      pthread_attr_setstacksize(&huge, std::size_t{1} << 56U);  // more than there are addresses
      pthread_setattr_default_np(&huge);
    }
    ~huge_stacks() {
      pthread_setattr_default_np(&before);
      pthread_attr_destroy(&huge);
      pthread_attr_destroy(&before);
    }
  } const while_here;
  thread_pool pool(4);
  check_that_it_works(pool, 1);
}
#endif

#if defined(_OPENMP)
TEST_CASE("OpenMP runs every task once") {
  std::vector<std::atomic<int>> ran(50);
  openmp_executor(2)(50, [&](std::size_t i) { ++ran[i]; });
  for (const auto& r : ran) CHECK(r == 1);
}
#endif
