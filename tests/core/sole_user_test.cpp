#include <nniesim/core/sole_user.hpp>

#include <atomic>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace sole_user_test {

TEST_CASE("an object is busy as long as its user is at work", "[core]") {
  detail::sole_user user;
  CHECK_NOTHROW(user.expect_free("runner"));
  {
    const auto turn = user.enter("runner");
    CHECK(static_cast<bool>(turn));
    CHECK_THROWS_WITH(user.enter("runner"), "runner: used by a second thread, or from inside itself, while it works");
    CHECK_THROWS_WITH(user.expect_free("runner"),
                      "runner: read by another thread, or from inside itself, while it works");
    CHECK_FALSE(static_cast<bool>(user.try_enter()));
    // Those that were refused do not end the first one's turn.
    CHECK_THROWS_AS(user.enter("runner"), error);
  }
  CHECK_NOTHROW(user.expect_free("runner"));
  CHECK(static_cast<bool>(user.try_enter()));
  CHECK(static_cast<bool>(user.try_enter()));
}

TEST_CASE("copies of a busy object are free, and its own state stays when it is assigned", "[core]") {
  detail::sole_user user;
  const auto turn = user.try_enter();
  detail::sole_user copy(user);
  CHECK(static_cast<bool>(copy.try_enter()));
  const detail::sole_user moved(std::move(copy));
  CHECK_NOTHROW(moved.expect_free("moved"));
  user = moved;
  CHECK_THROWS_AS(user.expect_free("user"), error);
  detail::sole_user other;
  other = user;
  CHECK_NOTHROW(other.expect_free("other"));
  static_assert(!std::is_copy_constructible_v<detail::sole_user::turn>);
}

TEST_CASE("of threads that enter at once, one at a time is let in", "[core]") {
  detail::sole_user user;
  std::atomic<int> inside{0}, let_in{0}, together{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const auto turn = user.try_enter();
        if (!turn) continue;
        if (inside.fetch_add(1) != 0) ++together;
        ++let_in;
        inside.fetch_sub(1);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(together == 0);
  CHECK(let_in > 0);
  CHECK_NOTHROW(user.expect_free("user"));
}

}  // namespace sole_user_test
