// The layers of a network prepared for runs, shared by runners.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <utility>

#include <nniesim/core/sole_user.hpp>
#include <nniesim/network/layer.hpp>
#include <nniesim/network/policy_set.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Memory as operator new gives it, aligned for every kernel. Fresh memory costs as much as a small network's run.
struct memory_block {
  struct release {
    void operator()(std::byte* p) const noexcept { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], release> data{};
  std::size_t bytes = 0;

  memory_block() = default;
  explicit memory_block(std::size_t size)
      : data(static_cast<std::byte*>(::operator new (size, std::align_val_t{64}))), bytes(size) {}
  memory_block(memory_block&& other) noexcept : data(std::move(other.data)), bytes(std::exchange(other.bytes, 0)) {}
  memory_block& operator=(memory_block&& other) noexcept {
    data = std::move(other.data);
    bytes = std::exchange(other.bytes, 0);
    return *this;
  }
};

}  // namespace detail

/// The layers of a network, each prepared once for every precision that it is asked for and then shared by the runners
/// that get the same object in their options: for many plans of one network. Holds all weights in each of those
/// precisions, and the memory of the last runner that is gone, for the next. `net` must outlive it, and it all its
/// runners. Runners that share it may work on threads of their own once they are made and have run; it itself, in their
/// constructors and first runs, serves one thread at a time and throws error where a second comes.
class prepared_layers {
 public:
  /// Prepares nothing yet; `policies` are those that the runners' plans may name.
  explicit prepared_layers(const network& net, policy_set policies = {}) : net_(&net), policies_(std::move(policies)) {}

  /// The network whose layers they are.
  [[nodiscard]] const network& net() const noexcept { return *net_; }
  /// The policies that it was made with.
  [[nodiscard]] const policy_set& policies() const noexcept { return policies_; }
  /// Made ready by `threads` where it was not before. Throws as network_policy::prepare, and as policy_set.
  [[nodiscard]] std::shared_ptr<const prepared_layer> get(std::size_t layer, layer_precision p,
                                                          const executor& threads = {}) {
    const auto turn = user_.enter("prepared_layers");
    std::shared_ptr<const prepared_layer>& found = layers_[{layer, p}];
    const nniesim::layer& l = net_->layers[layer];
    if (!found) found = policies_[p].prepare(l, input_shapes(*net_, l), {.threads = threads});
    return found;
  }

  /// At least so many bytes: the block that was given back, where it is large enough, else a new one. Throws bad_alloc
  /// where the system gives no memory.
  [[nodiscard]] detail::memory_block take_memory(std::size_t bytes) {
    const auto turn = user_.enter("prepared_layers");
    return spare_.bytes >= bytes ? std::move(spare_) : detail::memory_block(bytes);
  }
  /// Not kept where another thread is at work here: destructors come at any time.
  void give_back(detail::memory_block block) noexcept {
    const auto turn = user_.try_enter();
    if (turn && block.bytes > spare_.bytes) spare_ = std::move(block);
  }

 private:
  const network* net_;
  policy_set policies_;
  std::map<std::pair<std::size_t, layer_precision>, std::shared_ptr<const prepared_layer>> layers_;
  detail::memory_block spare_;
  detail::sole_user user_;
};

NNIESIM_END_NAMESPACE
