// For objects that only one thread may use at a time: a second thread gets an error instead of data that the first one
// is writing.
#pragma once

#include <atomic>
#include <string_view>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Marks an object as in use. A copied or moved object starts out unused.
class sole_user {
 public:
  sole_user() noexcept = default;
  sole_user(const sole_user&) noexcept {}
  sole_user& operator=(const sole_user&) noexcept { return *this; }

  /// Marks the object as in use until it goes out of scope.
  class turn {
   public:
    explicit turn(std::atomic<bool>& busy) noexcept : busy_(busy), is_ours_(!busy.exchange(true)) {}
    turn(std::atomic<bool>& busy, std::string_view who) : turn(busy) {
      require<error>(is_ours_, who, ": used by a second thread, or from inside itself, while it works");
    }
    ~turn() {
      if (is_ours_) busy_.store(false);
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    explicit operator bool() const noexcept { return is_ours_; }

   private:
    std::atomic<bool>& busy_;
    bool is_ours_;
  };

  /// Converts to false where another thread uses the object.
  [[nodiscard]] turn try_enter() noexcept { return turn(busy_); }
  /// Throws error, "WHO: ...", where another thread uses the object.
  [[nodiscard]] turn enter(std::string_view who) { return turn(busy_, who); }
  /// Throws as enter(), for those who only read.
  void expect_free(std::string_view who) const {
    require<error>(!busy_.load(), who, ": read by another thread, or from inside itself, while it works");
  }

 private:
  std::atomic<bool> busy_{false};
};

}  // namespace detail

NNIESIM_END_NAMESPACE
