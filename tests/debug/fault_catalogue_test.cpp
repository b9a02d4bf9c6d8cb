// A catalogue of planted faults: each on real networks, each diagnosed, the verdicts in a confusion table. What a fault
// is planted into is chosen by its place in the network, never by name, and no threshold is set here.
#include <nniesim/debug/diagnose.hpp>

#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

#include "catch.hpp"
#include "support/incomplete_facts.hpp"
#include "support/models.hpp"
#include "support/networks.hpp"

using namespace nniesim;

namespace fault_catalogue_test {

namespace {

using floats = std::vector<float>;
using tensors = std::vector<tensor<float>>;

std::vector<tensor_view<const float>> views(const tensors& t) {
  std::vector<tensor_view<const float>> result;
  for (const auto& x : t) result.push_back(view_of(x));
  return result;
}

/// A network with its pictures.
struct subject {
  std::string name;
  network net;                                     ///< folded
  tensors pictures, other_pictures;                ///< not normalized
  std::vector<known_preprocessing> preprocessing;  ///< the right one
  activation_ranges ranges{};
  compile_mode background = compile_mode::all_16bit;  ///< in which the network alone has no fault
  bool is_clean = true;                               ///< whether there is such a mode

  [[nodiscard]] tensors inputs() const { return normalized(pictures, preprocessing); }
  [[nodiscard]] static tensors normalized(const tensors& p, const std::vector<known_preprocessing>& how) {
    tensors result = p;
    for (std::size_t i = 0; i < result.size(); ++i) {
      const std::size_t channels = shape_of(p[i])[1];
      const std::size_t plane = p[i].size() / channels;
      for (std::size_t e = 0; e < p[i].size(); ++e) {
        float& v = result[i].data()[e];
        if (!how[i].mean.empty()) v -= how[i].mean[e / plane];
        v *= static_cast<float>(how[i].scale);
      }
    }
    return result;
  }
  void calibrate() {
    calibrator c(net, plan_of(net, background));
    c.add(views(inputs()));
    c.add(views(normalized(other_pictures, preprocessing)));
    ranges = c.ranges();
  }
  /// Convolutions that read no input of the network, in order.
  [[nodiscard]] std::vector<std::size_t> convolutions() const {
    std::vector<std::size_t> result;
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      const layer& x = net.layers[l];
      if (!std::holds_alternative<layers::convolution>(x.params)) continue;
      const bool reads_input = std::any_of(net.layers.begin(), net.layers.end(), [&](const layer& i) {
        return std::holds_alternative<layers::input>(i.params) && i.outputs[0] == x.inputs[0];
      });
      if (!reads_input) result.push_back(l);
    }
    return result;
  }
  /// The convolution at a share of the way through.
  [[nodiscard]] std::size_t at(double share) const {
    const auto all = convolutions();
    return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
  }
  [[nodiscard]] std::string name_at(double share) const { return net.layers[at(share)].name; }
  /// The first that reads the codes which a layer reads: their range is the blob's.
  [[nodiscard]] std::string first_reader(std::size_t l) const {
    const std::size_t b = net.layers[l].inputs[0];
    return std::find_if(net.layers.begin(), net.layers.end(),
                        [&](const layer& x) {
                          return reads_codes(x) && std::find(x.inputs.begin(), x.inputs.end(), b) != x.inputs.end();
                        })
        ->name;
  }
};

/// What a run wrote down.
struct dump {
  std::string name;
  tensor_shape shape;
  floats values;
};
using dumps = std::vector<dump>;

dumps dumps_of(const network_runner& runner) {
  dumps result;
  for (const named_values& l : layers_of(runner)) result.push_back({l.name, l.shape, l.values()});
  return result;
}
std::vector<named_values> as_layers(const dumps& all) {
  std::vector<named_values> result;
  for (const dump& d : all) result.push_back({d.name, d.shape, [&d] { return d.values; }});
  return result;
}
dump& named(dumps& all, const std::string& name) {
  for (dump& d : all) {
    if (d.name == name) return d;
  }
  throw error("no dump '" + name + "'");
}

/// Everything that a fault can be planted into: the two runs, and what the diagnosis is told.
struct experiment {
  network net;     ///< that the other run computes
  tensors inputs;  ///< of the other run
  activation_ranges ranges;
  precision_plan plan;
  std::optional<precision_plan> planned{};         ///< what the cfg says, where the other run is not like that
  std::vector<known_preprocessing> preprocessing;  ///< what the cfg of the other run says
  bool with_context = true;
  bool ranges_known_wrong = false;  ///< the diagnosis is given the other run's own ranges
  dumps reference{}, other{};
};

struct planted {
  std::string name;
  std::vector<fault> expected;              ///< the verdict is one of these, the others are among the further findings
  std::string layer;                        ///< of the verdict; empty: not checked
  std::function<void(experiment&)> before;  ///< the runs
  std::function<void(experiment&)> after;
  /// What is made of the outputs, given the reference's and the other's; and what the board made of them.
  std::function<std::pair<postprocessing, std::string>(const dumps& reference, const dumps& other)> post{};
};

void swap_first_and_last_channel(tensor<float>& t) {
  const std::size_t plane = t.size() / shape_of(t)[1];
  std::swap_ranges(t.data(), t.data() + plane, t.data() + 2 * plane);
}

void shift_ranges(experiment& e, const std::string& layer_name, int octaves) {
  test_networks::shift_range(e.ranges, e.net, layer_name, 0, octaves);
}

layers::convolution& convolution_of(network& net, std::size_t l) {
  return std::get<layers::convolution>(net.layers[l].params);
}

/// y = x / (1 + |x| s) behind a blob, as the layers of the accelerator make it. For `like` the mean of squares is 3.7
/// steps of 1/4096, of which truncation leaves 3, whatever a decoder of pictures rounds.
void append_norm(network& net, const std::string& behind, const floats& like) {
  const auto at = std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) { return l.name == behind; });
  const std::size_t x = at->outputs[0];
  const tensor_shape shape = net.blobs[x].shape;
  double squares = 0;
  for (const float v : like) squares += static_cast<double>(v) * static_cast<double>(v);
  const double s = std::sqrt(3.7 / 4096 * static_cast<double>(like.size()) / squares);
  const auto add = [&](const std::string& name, layer_params params, std::vector<std::size_t> inputs) {
    layer l{name, name, "planted:1:1", inputs, {0}, std::move(params)};
    std::vector<tensor_shape> shapes;
    for (const std::size_t b : inputs) shapes.push_back(net.blobs[b].shape);
    net.blobs.push_back({name, infer_shapes(l, shapes)[0]});
    l.outputs[0] = net.blobs.size() - 1;
    net.layers.push_back(std::move(l));
    return net.blobs.size() - 1;
  };
  std::size_t flat = add("norm.flat", layers::flatten{1, shape.rank() - 1}, {x});
  std::size_t p = add("norm.square", power_params{2, static_cast<float>(s), 0}, {flat});
  p = add("norm.mean", reduce_mean_params{{1}, false}, {p});
  p = add("norm.root", power_params{0.5, static_cast<float>(like.size()), 0}, {p});
  p = add("norm.inverse", power_params{-1, 1, 1}, {p});
  add("norm", layers::scale{{.axis = 0}, std::nullopt, {}}, {flat, p});
}

/// Faults that every network can have.
std::vector<planted> faults_of_any(const subject& s) {
  std::vector<planted> all;
  const auto add = [&](std::string name, std::vector<fault> expected, std::string layer,
                       std::function<void(experiment&)> before, std::function<void(experiment&)> after = {}) {
    all.push_back({std::move(name), std::move(expected), std::move(layer), std::move(before), std::move(after)});
  };
  const auto nothing = [](experiment&) {};
  const std::string early = s.name_at(0.2), middle = s.name_at(0.5), late = s.name_at(0.8);
  const std::size_t middle_index = s.at(0.5), late_index = s.at(0.8);

  add("NaN in one blob", {fault::not_a_number}, middle, nothing,
      [=](experiment& e) { named(e.other, middle).values[3] = std::nanf(""); });
  add(
      "NaN in one blob, folders only", {fault::not_a_number}, middle, [](experiment& e) { e.with_context = false; },
      [=](experiment& e) { named(e.other, middle).values[3] = std::nanf(""); });
  add("infinity in one blob", {fault::not_a_number}, late, nothing,
      [=](experiment& e) { named(e.other, late).values.back() = std::numeric_limits<float>::infinity(); });
  add("NaN in the reference", {fault::not_a_number}, early, nothing,
      [=](experiment& e) { named(e.reference, early).values[0] = std::nanf(""); });
  const auto silence = [=](experiment& e) {
    auto& c = convolution_of(e.net, middle_index);
    c.weights.fill(0.0F);
    c.bias.clear();
    c.affine = {};
  };
  add("a layer that gives zeros", {fault::all_zero}, middle, silence);
  add("a layer that gives zeros, folders only", {fault::all_zero}, middle, [=](experiment& e) {
    silence(e);
    e.with_context = false;
  });
  add("range 32 times too small", {fault::activation_scale}, s.first_reader(s.at(0.2)),
      [=](experiment& e) { shift_ranges(e, early, -5); });
  add("range 32 times too small, late", {fault::activation_scale}, s.first_reader(late_index),
      [=](experiment& e) { shift_ranges(e, late, -5); });
  add("range far too large", {fault::activation_scale}, s.first_reader(middle_index),
      [=](experiment& e) { shift_ranges(e, middle, e.plan.layers[middle_index] == layer_precision::w16a16 ? 9 : 6); });
  add("calibrated range 32 times too small", {fault::activation_scale}, s.first_reader(middle_index),
      [=](experiment& e) {
        shift_ranges(e, middle, -5);
        e.ranges_known_wrong = true;
      });
  if (s.background == compile_mode::all_16bit) {
    add("16 bits without effect, one layer", {fault::bits_not_as_planned}, middle, [=](experiment& e) {
      e.planned = e.plan;
      e.plan.layers[middle_index] = layer_precision::w8a8;
    });
    add("16 bits without effect, all layers", {fault::bits_not_as_planned}, "", [=](experiment& e) {
      e.planned = e.plan;
      e.plan = plan_of(e.net, compile_mode::all_8bit);
    });
  }
  add("weights of another layer", {fault::other_weights}, middle, [=](experiment& e) {
    auto& w = convolution_of(e.net, middle_index).weights;
    std::reverse(w.begin(), w.end());
  });
  add("weights of another layer, late", {fault::other_weights}, late, [=](experiment& e) {
    auto& w = convolution_of(e.net, late_index).weights;
    std::reverse(w.begin(), w.end());
  });
  add("a constant gain of 1.06", {fault::other_weights}, middle, [=](experiment& e) {
    auto& c = convolution_of(e.net, middle_index);
    for (float& v : c.weights) v *= 1.06F;
    for (float& v : c.bias) v *= 1.06F;
  });
  add("another blob under a name", {fault::layer_mapping}, middle, nothing, [=](experiment& e) {
    draws random(5);
    for (float& v : named(e.other, middle).values) v = random.normal();
  });
  add(
      "two faults: a range and a NaN behind it", {fault::activation_scale, fault::not_a_number}, "",
      [=](experiment& e) { shift_ranges(e, early, -5); },
      [=](experiment& e) { named(e.other, late).values[0] = std::nanf(""); });
  return all;
}

/// Faults that need layers in sequence with ReLU, and pictures of three channels.
std::vector<planted> faults_of_photographs(const subject& s) {
  std::vector<planted> all = faults_of_any(s);
  const auto add = [&](std::string name, std::vector<fault> expected, std::string layer,
                       std::function<void(experiment&)> before, std::function<void(experiment&)> after = {}) {
    all.push_back({std::move(name), std::move(expected), std::move(layer), std::move(before), std::move(after)});
  };
  const auto nothing = [](experiment&) {};
  const std::string middle = s.name_at(0.5);
  const tensors pictures = s.pictures, others = s.other_pictures;
  const std::vector<known_preprocessing> right = s.preprocessing;
  const auto folders = [](experiment& e) { e.with_context = false; };
  const auto cfg = [=](auto change) {
    return [=](experiment& e) {
      for (known_preprocessing& k : e.preprocessing) change(k);
      e.inputs = subject::normalized(pictures, e.preprocessing);
    };
  };

  add("none", {fault::none}, "", nothing);
  add("none, folders only", {fault::none}, "", folders);
  // Hardware that is not quite what is simulated: outputs rounded to nearest, a coarse table in place of the softmax.
  add("none, other rounding", {fault::none}, "", nothing, [](experiment& e) {
    draws random(9);
    for (dump& d : e.other) {
      for (float& v : d.values) v += static_cast<float>(random.between(0, 1)) / 4096;
    }
  });
  add("none, a softmax by table", {fault::none}, "", nothing, [](experiment& e) {
    for (const layer& l : e.net.layers) {
      if (!std::holds_alternative<softmax_params>(l.params)) continue;
      for (float& v : named(e.other, l.name).values) v = std::round(v * 256) / 256;
    }
  });
  add("8 bits are not enough", {fault::precision}, "",
      [=](experiment& e) { e.plan = plan_of(e.net, compile_mode::all_8bit); });

  add("channels swapped", {fault::preprocessing}, "", [=](experiment& e) {
    tensors p = pictures;
    swap_first_and_last_channel(p[0]);
    e.preprocessing[0].order = channel_order::bgr;
    e.inputs = subject::normalized(p, e.preprocessing);
  });
  add("channels swapped, folders only", {fault::preprocessing}, "", [=](experiment& e) {
    tensors p = pictures;
    swap_first_and_last_channel(p[0]);
    e.inputs = subject::normalized(p, right);
    e.with_context = false;
  });
  add("another mean", {fault::preprocessing}, "", cfg([](known_preprocessing& k) {
        k.mean = k.mean.empty() ? floats{104, 117, 123} : floats{};
      }));
  add("the mean twice", {fault::preprocessing}, "", cfg([](known_preprocessing& k) {
        if (k.mean.empty()) k.mean = {127, 127, 127};
        for (float& m : k.mean) m *= 2;
      }));
  add("a scale that is wrong by 2", {fault::preprocessing}, "", cfg([](known_preprocessing& k) { k.scale *= 2; }));
  add("mean and scale missing", {fault::preprocessing}, "", [=](experiment& e) {
    for (known_preprocessing& k : e.preprocessing) {
      k.scale = right[0].scale == 1 ? 1.0 / 128 : 1;
      k.mean = right[0].mean.empty() ? floats{127, 127, 127} : floats{};
    }
    e.inputs = subject::normalized(pictures, e.preprocessing);
  });
  add("preprocessing twice", {fault::preprocessing}, "", [=](experiment& e) {
    known_preprocessing& k = e.preprocessing[0];
    if (k.mean.empty()) k = {cfg_norm_type::channel_means_scale, k.order, 1.0 / 128, {127, 127, 127}};
    e.inputs = subject::normalized(e.inputs, e.preprocessing);
  });
  add("another picture", {fault::other_picture}, "",
      [=](experiment& e) { e.inputs = subject::normalized(others, right); });
  add("another picture, folders only", {fault::other_picture}, "", [=](experiment& e) {
    e.inputs = subject::normalized(others, right);
    e.with_context = false;
  });
  add("channels last", {fault::preprocessing}, "", [=](experiment& e) {
    const auto d = shape_of(e.inputs[0]);
    const floats moved = detail::permuted(view_of(e.inputs[0]).span(), {1, d[1], d[2], d[3]}, {0, 2, 3, 1});
    std::copy(moved.begin(), moved.end(), e.inputs[0].begin());
  });

  add("in-place layers split", {fault::layer_mapping}, "", nothing, [=](experiment& e) {
    // The reference's convolutions hold what the ReLU behind them made of them, as Caffe dumps in-place layers.
    for (const layer& l : e.net.layers) {
      if (!std::holds_alternative<relu_params>(l.params)) continue;
      for (const layer& c : e.net.layers) {
        if (c.outputs[0] != l.inputs[0] || !std::holds_alternative<layers::convolution>(c.params)) continue;
        named(e.reference, c.name).values = named(e.reference, l.name).values;
        std::erase_if(e.reference, [&](const dump& d) { return d.name == l.name; });
      }
    }
  });
  add("a permute inserted", {fault::layer_mapping}, middle, nothing, [=](experiment& e) {
    dump& d = named(e.other, middle);
    d.values = detail::permuted(d.values, {1, d.shape[1], d.shape[2], d.shape[3]}, {0, 2, 3, 1});
    d.shape = {1, d.shape[2], d.shape[3], d.shape[1]};
  });
  add("a permute inserted, folders only", {fault::layer_mapping}, middle, folders, [=](experiment& e) {
    dump& d = named(e.other, middle);
    d.values = detail::permuted(d.values, {1, d.shape[1], d.shape[2], d.shape[3]}, {0, 2, 3, 1});
    d.shape = {1, d.shape[2], d.shape[3], d.shape[1]};
  });
  // A threshold between the two values of one element, or far from all.
  const auto last = [](const dumps& d) -> const floats& { return d.back().values; };
  add("a sensitive threshold", {fault::post_processing}, "", nothing);
  all.back().post = [=](const dumps& r, const dumps& x) {
    std::size_t i = 0;
    while (last(r)[i] == last(x)[i]) ++i;
    const double t = (static_cast<double>(last(r)[i]) + static_cast<double>(last(x)[i])) / 2;
    return std::pair(postprocess::threshold(t), std::string());
  };
  add("the board's own code", {fault::post_processing}, "", nothing);
  all.back().post = [](const dumps&, const dumps&) { return std::pair(postprocess::threshold(1e6), std::string("7")); };
  add("none, with a stable post-processing", {fault::none}, "", nothing);
  all.back().post = [](const dumps&, const dumps&) { return std::pair(postprocess::threshold(1e6), std::string()); };
  add("two faults: channels and zeros", {fault::preprocessing, fault::all_zero}, "", [=](experiment& e) {
    tensors p = pictures;
    swap_first_and_last_channel(p[0]);
    e.inputs = subject::normalized(p, right);
    auto& c = convolution_of(e.net, s.at(0.8));
    c.weights.fill(0.0F);
    c.bias.clear();
    c.affine = {};
  });
  return all;
}

/// Plants and diagnoses one after the other; prints a table of what was planted against what was said.
void run_catalogue(const subject& s, const std::vector<planted>& catalogue) {
  std::map<std::pair<fault, fault>, std::size_t> confusion;
  network_runner reference(s.net, float_plan(s.net), {.keep_all = true});
  const tensors inputs = s.inputs();
  reference.run(views(inputs));
  const dumps in_float = dumps_of(reference);
  for (const planted& p : catalogue) {
    experiment e{s.net, inputs, s.ranges, plan_of(s.net, s.background), {}, s.preprocessing};
    p.before(e);
    e.reference = in_float;
    {
      network_runner other(e.net, e.plan, {.keep_all = true});
      other.use(e.ranges);
      other.run(views(e.inputs));
      e.other = dumps_of(other);
    }
    if (p.after) p.after(e);
    const experiment_context lab{s.net, views(e.inputs), e.ranges_known_wrong ? e.ranges : s.ranges,
                                 e.planned.value_or(e.plan), e.preprocessing};
    case_extras extras;
    if (p.post) {
      const auto [post, board] = p.post(e.reference, e.other);
      extras.decision = {.post = post, .outputs = {e.reference.back().name}, .trials = 50};
      if (!board.empty()) extras.decision->board_decision = board;
    }
    const diagnosis d =
        diagnose(as_layers(e.reference), as_layers(e.other), {}, e.with_context ? &lab : nullptr, extras);

    std::string found;
    const auto describe = [&](const finding& f) {
      found += detail::message(to_string(f.cause), " '", f.layer, "': ", f.summary, '\n');
      for (const std::string t : f.evidence) found += "    " + t + '\n';
    };
    describe(d.verdict);
    for (const finding& f : d.also) describe(f);
    CAPTURE(s.name, p.name, found);
    const auto has = [&](fault f) {
      return d.verdict.cause == f ||
             std::any_of(d.also.begin(), d.also.end(), [&](const finding& x) { return x.cause == f; });
    };
    CHECK(std::find(p.expected.begin(), p.expected.end(), d.verdict.cause) != p.expected.end());
    for (const fault f : p.expected) CHECK(has(f));
    if (!p.layer.empty()) CHECK(d.verdict.layer == p.layer);
    CHECK_FALSE(d.verdict.summary.empty());
    CHECK_FALSE(d.verdict.evidence.empty());
    CHECK(incomplete_facts(d) == std::vector<std::string>());
    CHECK(d.layers.size() == e.reference.size());
    if (p.expected.size() == 1) {
      ++confusion[{p.expected[0], d.verdict.cause}];
      if (p.expected[0] == fault::none) CHECK(d.also.empty());
      else CHECK_FALSE((d.verdict.change.empty() && d.verdict.next.empty()));
    }
  }
  std::printf("\n%s: planted faults and verdicts\n", s.name.c_str());
  for (const auto& [pair, count] : confusion) {
    std::printf("  %-36s -> %-36s %zu%s\n", std::string(to_string(pair.first)).c_str(),
                std::string(to_string(pair.second)).c_str(), count, pair.first == pair.second ? "" : "  WRONG");
  }
}

subject real_model(const real_models::model& m, std::size_t extent) {
  subject s;
  s.name = m.name;
  s.net = fold_batch_norm(real_models::load(m, extent));
  known_preprocessing how;
  how.order = channel_order::rgb;
  if (m.normalized) {
    how = {cfg_norm_type::channel_means_scale, channel_order::rgb, 1.0 / 128, {127, 127, 127}};
  }
  s.preprocessing = {how};
  const tensor_shape shape = s.net.blobs[s.net.layers[0].outputs[0]].shape;
  cfg_input input;
  input.order = channel_order::rgb;
  for (const auto& [picture, to] : {std::pair("cat.jpg", &s.pictures), std::pair("fish-bike.jpg", &s.other_pictures)}) {
    to->push_back(preprocess(read_image(real_models::folder / picture), input, 3, shape[2], shape[3]));
  }
  s.calibrate();
  return s;
}

/// The same with a norm behind a late convolution of few values, and nothing else.
subject with_norm(subject s) {
  const auto all = s.convolutions();
  const auto found = std::find_if(all.rbegin(), all.rend(), [&](std::size_t l) {
    const std::size_t n = s.net.blobs[s.net.layers[l].outputs[0]].shape.size();
    return n >= 500 && n <= 5000;
  });
  REQUIRE(found != all.rend());
  const std::string behind = s.net.layers[*found].name;
  network_runner runner(s.net, float_plan(s.net), {.keep_all = true});
  const tensors inputs = s.inputs();
  runner.run(views(inputs));
  dumps all_dumps = dumps_of(runner);
  append_norm(s.net, behind, named(all_dumps, behind).values);
  s.name += " with a norm";
  return s;
}

/// The network that the project carries: four branches, whose norms truncate.
subject carried() {
  subject s;
  s.name = "feature_norm";
  const std::filesystem::path folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "examples/feature_norm/network";
  const compiler_cfg cfg = read_compiler_cfg(folder / "feature_norm.cfg");
  s.net = fold_batch_norm(read_caffe_network(cfg.prototxt_file.path, cfg.caffemodel_file.path));
  std::size_t input = 0;
  for (const layer& l : s.net.layers) {
    if (!std::holds_alternative<layers::input>(l.params)) continue;
    const input_source list(cfg.inputs[input], s.net.blobs[l.outputs[0]].shape);
    s.preprocessing.push_back(known_preprocessing_of(cfg.inputs[input], s.net.blobs[l.outputs[0]].shape));
    s.pictures.push_back(list[list.size() - 1]);
    s.other_pictures.push_back(list[0]);
    ++input;
  }
  s.background = cfg.mode;
  s.calibrate();
  return s;
}

std::vector<planted> faults_of_carried(const subject& s) {
  std::vector<planted> all = faults_of_any(s);
  const tensors pictures = s.pictures, others = s.other_pictures;
  const auto right = s.preprocessing;
  all.push_back({"the norms, as they are", {fault::norm_gain}, "", [](experiment&) {}, {}});
  all.push_back({"the norms, as they are, in 16 bits",
                 {fault::norm_gain},
                 "",
                 [](experiment& e) { e.plan = plan_of(e.net, compile_mode::all_16bit); },
                 {}});
  all.push_back({"the norms, folders only", {fault::norm_gain}, "", [](experiment& e) { e.with_context = false; }, {}});
  all.push_back({"the second input scaled",
                 {fault::preprocessing},
                 "comp1",
                 [=](experiment& e) {
                   e.preprocessing[1].scale = 0.5;
                   e.inputs = subject::normalized(pictures, e.preprocessing);
                 },
                 {}});
  all.push_back({"another picture",
                 {fault::other_picture},
                 "comp0",
                 [=](experiment& e) { e.inputs = subject::normalized(others, right); },
                 {}});
  // What the layers give to the last digit, as a dump of another float run has it.
  all.push_back({"none",
                 {fault::none},
                 "",
                 [](experiment&) {},
                 [](experiment& e) {
                   e.other = e.reference;
                   for (dump& d : e.other) {
                     for (float& v : d.values) v *= 1.00001F;
                   }
                 }});
  return all;
}

}  // namespace

TEST_CASE("fault catalogue: the carried network", "[debug][long]") {
  const subject s = carried();
  run_catalogue(s, faults_of_carried(s));
}

TEST_CASE("fault catalogue: a face detector at 320 x 320", "[debug][long]") {
  if (!real_models::are_here()) return;
  const subject s = real_model(real_models::models[0], 320);
  run_catalogue(s, faults_of_photographs(s));
  const subject n = with_norm(s);
  run_catalogue(n, {{"a norm that truncates", {fault::norm_gain}, "norm", [](experiment&) {}, {}}});
}

TEST_CASE("fault catalogue: a face detector at 320 x 240", "[debug][long]") {
  if (!real_models::are_here()) return;
  const subject s = real_model(real_models::models[1], 0);
  run_catalogue(s, faults_of_photographs(s));
  const subject n = with_norm(s);
  run_catalogue(n, {{"a norm that truncates", {fault::norm_gain}, "norm", [](experiment&) {}, {}}});
}

}  // namespace fault_catalogue_test
