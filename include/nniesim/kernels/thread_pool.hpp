// Executors with threads: a fixed pool, and OpenMP where the user builds with it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/kernels/executor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A fixed set of threads; the calling thread works too. One job at a time: a call from inside a task, or while another
/// thread's job runs, is done on the calling thread alone, so that nested parallelism cannot oversubscribe.
class thread_pool {
 public:
  /// `threads` counts the caller; where the system gives fewer, the pool goes on with those (size()). Throws
  /// format_error for 0 or more than 1024.
  explicit thread_pool(std::size_t threads)
      : thread_pool(threads, [](auto work) { return std::thread(std::move(work)); }) {}
  /// The same with threads of one's own making (priorities, processors): start(f) gives a std::thread that calls f(),
  /// or throws std::system_error or std::bad_alloc where there can be no more. Other exceptions leave the constructor.
  template <class Start>
  thread_pool(std::size_t threads, Start start) : thread_pool() {
    detail::require<format_error>(threads >= 1 && threads <= 1024, "thread_pool: ", threads,
                                  " threads, expected 1 .. 1024");
    helpers_.reserve(threads - 1);  // nothing may fail while a new thread has no owner
    try {
      while (helpers_.size() < threads - 1) helpers_.push_back(start([this] { work(); }));
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
  }
  ~thread_pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& t : helpers_) t.join();
  }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  /// How many threads work, the caller among them.
  [[nodiscard]] std::size_t size() const noexcept { return helpers_.size() + 1; }

  /// A handle for operators; the pool must outlive it.
  [[nodiscard]] executor handle() noexcept {
    return {[](void* self, std::size_t tasks, executor::task_function task, void* argument) {
              static_cast<thread_pool*>(self)->run(tasks, task, argument);
            },
            this, size()};
  }

 private:
  thread_pool() = default;  // from here on the destructor joins what a constructor has started

  void run(std::size_t tasks, executor::task_function task, void* argument) {
    const std::unique_lock busy(one_job_, std::try_to_lock);
    if (inside_task() || !busy.owns_lock()) {
      for (std::size_t i = 0; i < tasks; ++i) task(argument, i);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      task_ = task;
      argument_ = argument;
      tasks_ = tasks;
      next_.store(0);
      failure_ = nullptr;
      is_open_ = true;
      ++job_;
    }
    wake_.notify_all();
    drain();
    {
      // A helper that has not come by now, on a busy machine, is not waited for.
      const std::lock_guard lock(mutex_);
      is_open_ = false;
    }
    if (!soon([this] { return active_.load() == 0; })) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [this] { return active_.load() == 0; });
    }
    const std::lock_guard lock(mutex_);  // the last helper has left it
    if (failure_) std::rethrow_exception(failure_);
  }

  /// Whether a condition comes true within some tens of microseconds: layer follows layer, and waking a sleeping thread
  /// costs as much as a small layer.
  template <class Condition>
  static bool soon(Condition condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#else
      std::this_thread::yield();
#endif
    }
    return false;
  }

  static bool& inside_task() noexcept {
    static thread_local bool inside = false;
    return inside;
  }

  void drain() {
    inside_task() = true;
    try {
      for (std::size_t i = next_++; i < tasks_; i = next_++) task_(argument_, i);
    } catch (...) {
      next_.store(tasks_);
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
    inside_task() = false;
  }

  void work() {
    std::size_t seen = 0;
    for (;;) {
      (void)soon([&] { return stopping_.load() || job_.load() != seen; });
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_.load() || job_.load() != seen; });
        if (stopping_) return;
        seen = job_;
        if (!is_open_) continue;
        ++active_;
      }
      drain();
      const std::lock_guard lock(mutex_);
      if (--active_ == 0) done_.notify_one();
    }
  }

  std::mutex one_job_, mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> helpers_;
  executor::task_function task_ = nullptr;
  void* argument_ = nullptr;
  std::size_t tasks_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> active_{0};  ///< helpers at work
  bool is_open_ = false;                ///< whether helpers may still begin with the job
  std::atomic<std::size_t> job_{0};
  std::exception_ptr failure_;
  std::atomic<bool> stopping_{false};
};

#if defined(_OPENMP)
/// OpenMP's threads (built with -fopenmp); inside another parallel region the work stays on the calling thread.
[[nodiscard]] inline executor openmp_executor(std::size_t threads) {
  detail::require<format_error>(threads >= 1 && threads <= 1024, "openmp_executor: ", threads,
                                " threads, expected 1 .. 1024");
  static_assert(sizeof(void*) >= sizeof(std::size_t));
  return {[](void* context, std::size_t tasks, executor::task_function task, void* argument) {
            const auto n = static_cast<int>(reinterpret_cast<std::size_t>(context));
            std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(n)
            for (std::size_t i = 0; i < tasks; ++i) {
              try {
                task(argument, i);
              } catch (...) {
#pragma omp critical(nniesim_failure)
                if (!failure) failure = std::current_exception();
              }
            }
            if (failure) std::rethrow_exception(failure);
          },
          reinterpret_cast<void*>(threads), threads};
}
#endif

NNIESIM_END_NAMESPACE
