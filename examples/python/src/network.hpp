// A network of files as Python holds it, and what its methods share.
#pragma once

#include <memory>
#include <mutex>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/network/runner.hpp>
#include <string>
#include <vector>

#include "arrays.hpp"

namespace nniesim_python {

/// One thread at a time works on it: methods take a `turn` first.
struct python_network {
  network_source source;
  loaded_network loaded;
  bool has_inputs;             ///< pictures or lists were given
  std::recursive_mutex mutex;  ///< a function of Python that a search calls may use the network, too

  python_network(network_source s, bool with_inputs)
      : source(std::move(s)), loaded(source, with_inputs), has_inputs(with_inputs) {}
  [[nodiscard]] const network& net() const noexcept { return loaded.net(); }
};
using network_pointer = std::shared_ptr<python_network>;

/// While it lives its thread has the network and lets the interpreter go; the lock of the interpreter is given up
/// first, so that no two threads wait for each other.
class turn {
 public:
  explicit turn(std::recursive_mutex& m) : lock_(m) {}

 private:
  nb::gil_scoped_release released_;
  std::unique_lock<std::recursive_mutex> lock_;
};

/// The network's inputs: those that a call was given, or the chosen pictures.
struct given_inputs {
  std::vector<std::unique_ptr<array_argument<float>>> arguments;
  std::vector<tensor<float>> own;
  std::vector<tensor_view<const float>> views;
};
/// `inputs` is None, an array, a sequence of arrays or a dict of them by the blobs' names. Takes the interpreter's lock
/// for granted; reads pictures without it.
[[nodiscard]] given_inputs inputs_argument(python_network& n, nb::handle inputs, const std::string& function);

/// `mode` is None (the cfg's), 0, 1, 2 or a policy's name for all layers; `precisions` None or a dict of policies by
/// layers' names.
[[nodiscard]] precision_plan plan_argument(const python_network& n, nb::handle mode, nb::handle precisions);
/// None: the cfg's.
[[nodiscard]] compile_mode mode_argument(const python_network& n, nb::handle mode);
[[nodiscard]] layer_precision precision_argument(nb::handle name, const std::string& what);

/// Every output of every layer that the runner kept, by output_name().
using named_tensors = std::vector<std::pair<std::string, tensor<float>>>;
[[nodiscard]] named_tensors kept_values(const network_runner& runner);
[[nodiscard]] nb::dict dict_of(named_tensors&& values);

/// Empty for None.
[[nodiscard]] std::string optional_text(nb::handle object, std::string_view what);
[[nodiscard]] std::vector<std::string> texts_argument(nb::handle object, std::string_view what);
[[nodiscard]] nb::list list_of(const std::vector<std::string>& texts);
/// A text that may hold bytes that are no UTF-8: those are U+FFFD.
[[nodiscard]] nb::object text_object(std::string_view text);

}  // namespace nniesim_python
