// The main job: a trained feature network, layer by layer, in float, 8 bits, 16 bits and a mix; the shift of the
// feature norms, the constant that compensates it, and what is left then. `--published` predicts a case measured on
// hardware.
#include <cstdio>
#include <iostream>
#include <string>

#include "network.hpp"
#include "plot.hpp"
#include "published.hpp"

using namespace feature_norm;

namespace {

void print_published() {
  std::puts(
      "A board's norm error from first principles: 512 Gaussian features of the published norms, 1,500 draws each");
  std::puts("branch   r, float   loss of r implied by the table   predicted, truncation   predicted, nearest");
  for (const auto& branch : published_branches) {
    const prediction p = predict(branch);
    std::printf("%-8s %8.4f   %30.4f   %21.4f   %18.4f\n", std::string(branch.name).c_str(), p.root, p.implied,
                p.truncation, p.nearest);
  }
  std::puts("Truncation of every layer to 1/4096 explains what was measured; rounding to nearest does not.");
}

struct data_set {
  tensor<float> pictures;
  std::vector<std::size_t> labels;
};

data_set load(const std::filesystem::path& folder, bool held_out, std::size_t limit) {
  const auto digits = read_npy<std::uint8_t>(folder / "data/digits.npy");
  const auto labels = read_npy<std::uint8_t>(folder / "data/labels.npy");
  data_set set;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < labels.size() && which.size() < limit; ++i) {
    if ((i % 3 == 2) != held_out) continue;
    which.push_back(i);
    set.labels.push_back(labels.data()[i]);
  }
  set.pictures = upscale(digits, which);
  return set;
}

/// Features and their norms, in the order in which the constants act.
struct feature {
  std::string before, after;
};
const std::array<feature, 5> features = {{{"comp0.cfc", "comp0.cnorm"},
                                          {"comp1.cfc", "comp1.cnorm"},
                                          {"comp2.cfc", "comp2.cnorm"},
                                          {"comp3.cfc", "comp3.cnorm"},
                                          {"jfc", "jnorm"}}};

/// F is the format that most layers store: its unavoidable error is what the last column divides by.
template <class F, class R, class Q>
void print_table(const layer_outputs<R>& reference, const layer_outputs<Q>& quantized) {
  layer_table table;
  for (const auto& [name, value] : reference) {
    if (name.ends_with(":root")) continue;
    const auto& other = output(quantized, name);
    table.add(name, compare_samples(value, other), floor_ratio<F>(value, other));
  }
  table.print(std::cout);
}

template <class R, class Q>
double shift(const layer_outputs<R>& reference, const layer_outputs<Q>& quantized, const std::string& name) {
  return compare_samples(output(reference, name), output(quantized, name)).norm_error;
}

/// The constants solved on the calibration pictures: first the branches, then the joint feature on top of them.
template <class Network>
norm_constants solve(Network& q, const layer_outputs<float>& reference, const tensor<float>& pictures) {
  norm_constants constants;
  auto run = q.run(pictures, constants);
  for (std::size_t i = 0; i < 4; ++i) {
    constants.branch[i] = solve_constant<w8a8>(output(run, features[i].before), 1.0F / 512,
                                               mean(norms(output(reference, features[i].after))));
  }
  run = q.run(pictures, constants);
  constants.joint = solve_constant<w8a8>(output(run, "jfc"), 1.0F / 2048, mean(norms(output(reference, "jnorm"))));
  return constants;
}

template <class F, class... Policies>
void report(const std::string& title, network<Policies...> q, const std::filesystem::path& plot,
            const data_set& calibration, const layer_outputs<float>& reference_calibration, const data_set& test,
            const layer_outputs<float>& reference) {
  std::cout << "\n== " << title << "\n";
  (void)q.run(calibration.pictures, {}, true);
  const auto plain = q.run(test.pictures, {});
  print_table<F>(reference, plain);
  const norm_constants constants = solve(q, reference_calibration, calibration.pictures);
  const auto compensated = q.run(test.pictures, constants);
  std::printf("\naccuracy on the held-out digits: float %.2f %%, quantized %.2f %%, compensated %.2f %%\n",
              100 * accuracy(output(reference, "classifier"), test.labels),
              100 * accuracy(output(plain, "classifier"), test.labels),
              100 * accuracy(output(compensated, "classifier"), test.labels));
  std::puts("feature      norm error before   after the norm   constant    after it, compensated   removed");
  std::vector<norm_panel> panels;
  for (std::size_t i = 0; i < features.size(); ++i) {
    const double before = shift(reference, plain, features[i].before);
    const double after = shift(reference, plain, features[i].after);
    const double left = shift(reference, compensated, features[i].after);
    std::printf("%-12s %+16.3f %%   %+12.3f %%   %8.6f   %+20.4f %%   %6.1f %%\n", features[i].after.c_str(),
                100 * before, 100 * after, i < 4 ? constants.branch[i] : constants.joint, 100 * left,
                100 * (1 - std::fabs(left) / std::fabs(after)));
    panels.push_back({features[i].after, norms(output(reference, features[i].after)),
                      norms(output(plain, features[i].after)), norms(output(compensated, features[i].after))});
  }
  std::cout << "\nwith the compensation:\n";
  print_table<F>(reference, compensated);
  write_svg(plot.string(), panels);
  std::cout << "norm distributions: " << plot.string() << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string option = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!option.empty() && option != "--published")) {
    std::cerr << "usage: feature_norm [--published]\n";
    return 2;
  }
  if (option == "--published") {
    print_published();
    return 0;
  }
  const std::filesystem::path folder = FEATURE_NORM_FOLDER;
  const data_set calibration = load(folder, false, 200);
  const data_set test = load(folder, true, 599);
  network<float32> reference_network(folder, [](const std::string&) { return std::size_t{0}; });
  const auto reference_calibration = reference_network.run(calibration.pictures, {}, true);
  const auto reference = reference_network.run(test.pictures, {});
  std::printf("%zu calibration pictures from the training set, %zu held-out pictures\n", calibration.labels.size(),
              test.labels.size());

  using mixed = network<w8a8, w16a16>;
  const auto run = [&]<class F>(F, const std::string& title, const std::string& plot,
                                const std::function<std::size_t(const std::string&)>& choose) {
    report<F>(title, mixed(folder, choose), std::filesystem::current_path() / plot, calibration, reference_calibration,
              test, reference);
  };
  std::cout << "\n== float32: the reference itself\n";
  print_table<binary32>(reference, reference);
  const auto logits = read_npy<float>(folder / "data/expected_logits.npy");
  std::printf(
      "accuracy on the held-out digits %.2f %%; the logits differ from PyTorch's in float64 by %.1e of their norm\n",
      100 * accuracy(output(reference, "classifier"), test.labels),
      compare(logits, output(reference, "classifier")).relative_l2_error);
  run(gfpq8{}, "w8a8 (compile_mode 0)", "norms_w8a8.svg", [](const std::string&) { return std::size_t{0}; });
  run(gfpq16{}, "w16a16 (compile_mode 1)", "norms_w16a16.svg", [](const std::string&) { return std::size_t{1}; });
  // As practitioners place the mark: on the feature layers, where precision matters most.
  run(gfpq8{}, "_hp on the feature layers cfc and jfc, the rest w8a8 (compile_mode 2)", "norms_hp.svg",
      [](const std::string& name) { return std::size_t{name.ends_with("fc") ? 1U : 0U}; });
  return 0;
} catch (const std::exception& e) {
  std::cerr << "feature_norm: " << e.what() << '\n';
  return 1;
}
