// Prototxts in pieces, and what importing them says.
#pragma once

#include <string>

#include <nniesim/core/error.hpp>
#include <nniesim/io/caffe_import.hpp>

namespace caffe_text {

/// A layer of the current format.
inline std::string one(const std::string& name, const std::string& type, const std::string& bottom,
                       const std::string& top, const std::string& rest = "") {
  return "layer { name: '" + name + "' type: '" + type + "' bottom: '" + bottom + "' top: '" + top + "' " + rest +
         " }\n";
}

/// The input of 1 x 4 x 6 x 8 that most networks of tests have.
inline const std::string data = "input: 'data' input_shape { dim: 1 dim: 4 dim: 6 dim: 8 }\n";

/// The message of the parse_error that importing must throw.
template <class Import>
std::string problem_of(const Import& import) {
  try {
    (void)import();
  } catch (const nniesim::parse_error& e) {
    return e.what();
  }
  return "(no parse_error)";
}

inline nniesim::network import_text(const std::string& text, const nniesim::caffe_import_options& options = {},
                                    const nniesim::caffe_model& model = {}) {
  return nniesim::import_caffe(nniesim::parse_prototxt(text, "net"), &model, "weights", options);
}
/// The problems of a text that must not be imported.
inline std::string problem_of_text(const std::string& text, const nniesim::caffe_import_options& options = {},
                                   const nniesim::caffe_model& model = {}) {
  return problem_of([&] { return import_text(text, options, model); });
}

}  // namespace caffe_text
