// Who runs the independent parts of an operator: nobody else (the default), a pool of threads or OpenMP
// (thread_pool.hpp), or the user's own scheduler. The parts never share a chain, so the number of threads cannot change
// a bit.
#pragma once

#include <cstddef>
#include <type_traits>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A handle to something that runs `task(argument, index)` for every index in 0 .. tasks-1, in any order, and returns
/// when all have ended. The default runs them one after the other on the calling thread.
struct executor {
  /// Runs the task with this index; `argument` is what run_function was given.
  using task_function = void (*)(void* argument, std::size_t index);

  /// Runs task(argument, index) for every index under `tasks` and returns when all have ended. Null: the calling thread
  /// runs them.
  void (*run_function)(void* context, std::size_t tasks, task_function task, void* argument) = nullptr;
  void* context = nullptr;      ///< the first argument of run_function
  std::size_t max_workers = 1;  ///< how many tasks can run at once: operators cut their work accordingly

  /// Calls f(index) for every index in 0 .. tasks-1.
  template <class F>
  void operator()(std::size_t tasks, F&& f) const {
    if (run_function == nullptr || tasks < 2) {
      for (std::size_t i = 0; i < tasks; ++i) f(i);
      return;
    }
    using function = std::remove_reference_t<F>;
    run_function(
        context, tasks, [](void* argument, std::size_t index) { (*static_cast<function*>(argument))(index); },
        const_cast<std::remove_const_t<function>*>(&f));
  }
};

NNIESIM_END_NAMESPACE
