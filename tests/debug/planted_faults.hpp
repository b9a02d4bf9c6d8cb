// Faults that are planted into runs of a network: each in one function of the network's structure, never of its names.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/single_layer.hpp>

#include "support/natural_networks.hpp"

namespace planted_faults {

using namespace nniesim;
using floats = std::vector<float>;
using tensors = std::vector<tensor<float>>;

inline std::vector<tensor_view<const float>> views(const tensors& t) {
  std::vector<tensor_view<const float>> result;
  for (const auto& x : t) result.push_back(view_of(x));
  return result;
}

/// What a run wrote down.
struct dump {
  std::string name;
  tensor_shape shape;
  floats values;
};
using dumps = std::vector<dump>;

inline dumps dumps_of(const network_runner& runner) {
  dumps result;
  for (const named_values& l : layers_of(runner)) result.push_back({l.name, l.shape, l.values()});
  return result;
}
inline std::vector<named_values> as_layers(const dumps& all) {
  std::vector<named_values> result;
  for (const dump& d : all) result.push_back({d.name, d.shape, [&d] { return d.values; }});
  return result;
}
inline dump& named(dumps& all, const std::string& name) {
  for (dump& d : all) {
    if (d.name == name) return d;
  }
  throw error("no dump '" + name + "'");
}

/// A run of a network under a plan.
inline dumps run_of(const network& net, const precision_plan& plan, const activation_ranges* ranges,
                    const tensor<float>& input) {
  network_runner runner(net, plan, {.keep_all = true});
  if (!plan.is_float && ranges != nullptr) runner.use(*ranges);
  runner.run(view_of(input));
  return dumps_of(runner);
}
inline activation_ranges ranges_of(const network& net, const precision_plan& plan, const tensors& inputs) {
  calibrator c(net, plan);
  for (const auto& x : inputs) c.add(view_of(x));
  return c.ranges();
}

/// A network, folded, its list of pictures, and one mode of the compiler.
struct subject {
  std::string name;
  network unfolded, net;
  known_preprocessing how;
  tensors pictures;
  int mode = 0;
  precision_plan plan;
  activation_ranges ranges;  ///< of the whole list
  std::size_t shown = 0;     ///< the picture at hand

  subject(const natural_networks::natural_network& n, int compile_mode, std::size_t picture)
      : name(n.name),
        unfolded(n.net),
        net(fold_batch_norm(n.net)),
        how(n.how),
        pictures(n.pictures),
        mode(compile_mode),
        shown(picture) {
    plan = plan_of(net, mode == 1 ? layer_precision::w16a16 : layer_precision::w8a8);
    // Mode 2: some layers in 16 bits, from the first on, as the vendor advises.
    const std::vector<std::size_t> macs = products();
    for (std::size_t i = 0; mode == 2 && i < std::max<std::size_t>(1, macs.size() / 3); ++i) {
      plan.layers[macs[i]] = layer_precision::w16a16;
    }
    ranges = ranges_of(net, plan, inputs());
  }

  [[nodiscard]] tensor<float> input_of(std::size_t i) const { return natural_networks::normalized(pictures[i], how); }
  [[nodiscard]] tensor<float> input() const { return input_of(shown); }
  [[nodiscard]] tensors inputs() const {
    tensors result;
    for (std::size_t i = 0; i < pictures.size(); ++i) result.push_back(input_of(i));
    return result;
  }
  /// Layers of products whose weights begin with the output's channels, in order.
  [[nodiscard]] std::vector<std::size_t> products() const {
    std::vector<std::size_t> result;
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      const bool is_deconvolution = std::holds_alternative<layers::deconvolution>(net.layers[l].params);
      if (is_mac_layer(net.layers[l]) && !is_deconvolution) result.push_back(l);
    }
    return result;
  }
  /// That at a share of the way through.
  [[nodiscard]] std::size_t at(double share) const {
    const auto all = products();
    return all[static_cast<std::size_t>(std::lround(share * static_cast<double>(all.size() - 1)))];
  }
  [[nodiscard]] const std::string& name_at(double share) const { return net.layers[at(share)].name; }
};

/// The two runs, and what the diagnosis is told.
struct experiment {
  network reference_net, net;  ///< that the reference and the other run compute
  tensor<float> reference_input, input;
  activation_ranges ranges;  ///< of the other run
  activation_ranges known;   ///< that the diagnosis has
  precision_plan plan;       ///< of the other run
  std::optional<precision_plan> planned{};
  bool with_context = true;
  dumps reference{}, other{};
};

struct planted {
  std::string kind;                           ///< what was planted, without the place
  std::set<fault> right;                      ///< causes of which the verdict must be one
  std::string layer{};                        ///< of the verdict; empty: not checked
  std::function<void(experiment&)> before{};  ///< the runs
  std::function<void(experiment&)> after{};   ///< them
};

// ---- what faults do to weights ----

inline tensor<float>& weights_of(network& net, std::size_t l) { return *detail::weights_and_bias(net.layers[l]).first; }
inline std::size_t outputs_of(const network& net, std::size_t l) {
  return net.blobs[net.layers[l].outputs[0]].shape[1];
}
/// One output's weights; of a deconvolution those of one input, which serves as well.
inline std::span<float> weights_of_channel(network& net, std::size_t l, std::size_t channel) {
  tensor<float>& w = weights_of(net, l);
  const std::size_t each = w.size() / shape_of(w)[0];
  return {w.data() + channel * each, each};
}
inline void disturb(std::span<float> w, float share, std::uint32_t seed) {
  double squares = 0;
  for (const float v : w) squares += static_cast<double>(v) * static_cast<double>(v);
  const auto size = static_cast<float>(std::sqrt(squares / static_cast<double>(w.size())));
  draws random(seed);
  for (float& v : w) v += share * size * random.normal();
}
/// All layers of products: an older state of the training.
inline void disturb_all(network& net, float share) {
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (!is_mac_layer(net.layers[l])) continue;
    tensor<float>& w = weights_of(net, l);
    disturb({w.data(), w.size()}, share, static_cast<std::uint32_t>(100 + l));
  }
}
inline void lose_bias(network& net, std::size_t l) {
  detail::weights_and_bias(net.layers[l]).second->clear();
  for (double& v : detail::affine_behind(net.layers[l])->shift) v = 0;
}
inline bool has_bias(const network& net, std::size_t l) {
  network copy = net;
  return !detail::weights_and_bias(copy.layers[l]).second->empty() ||
         !detail::affine_behind(copy.layers[l])->shift.empty();
}
inline void kill_channel(network& net, std::size_t l, std::size_t channel) {
  std::span<float> w = weights_of_channel(net, l, channel);
  std::fill(w.begin(), w.end(), 0.0F);
  std::vector<float>& bias = *detail::weights_and_bias(net.layers[l]).second;
  if (!bias.empty()) bias[channel] = 0;
  channel_affine& a = *detail::affine_behind(net.layers[l]);
  if (!a.shift.empty()) a.shift[channel] = 0;
}

/// The channel of a layer's output with the most content, where there is one worth a fault.
inline std::size_t loudest_channel(const dumps& reference, const network& net, std::size_t l, std::size_t skip = 0) {
  const dump& d = named(const_cast<dumps&>(reference), net.layers[l].name);
  const std::size_t channels = outputs_of(net, l), plane = d.values.size() / channels;
  std::vector<std::pair<double, std::size_t>> loud;
  for (std::size_t c = 0; c < channels; ++c) {
    double s = 0;
    for (std::size_t i = 0; i < plane; ++i) s += std::pow(static_cast<double>(d.values[c * plane + i]), 2);
    loud.emplace_back(-s, c);
  }
  std::sort(loud.begin(), loud.end());
  return loud[std::min(skip, channels - 1)].second;
}

/// Chains of layers that may write in place: the last writer of each blob as Caffe's prototxts have it, by layer.
inline std::vector<std::size_t> last_writers(const network& net) {
  std::vector<std::size_t> readers(net.blobs.size()), writer(net.blobs.size());
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    for (const std::size_t b : net.layers[l].inputs) ++readers[b];
    for (const std::size_t b : net.layers[l].outputs) writer[b] = l;
  }
  std::vector<std::size_t> last(net.layers.size());
  for (std::size_t l = 0; l < last.size(); ++l) last[l] = l;
  const auto is_in_place = [&](const layer& l) {
    return std::holds_alternative<relu_params>(l.params) || std::holds_alternative<layers::prelu>(l.params) ||
           std::holds_alternative<layers::batch_norm>(l.params) || std::holds_alternative<layers::identity>(l.params) ||
           (std::holds_alternative<layers::scale>(l.params) && l.inputs.size() == 1);
  };
  for (std::size_t l = net.layers.size(); l-- > 0;) {
    const layer& x = net.layers[l];
    if (!is_in_place(x) || x.inputs.size() != 1) continue;
    if (readers[x.inputs[0]] != 1) continue;
    const std::size_t first = writer[x.inputs[0]];
    if (std::holds_alternative<layers::input>(net.layers[first].params)) continue;
    last[first] = last[l];
  }
  return last;
}
/// The dumps of blobs as pycaffe gives them: each under its first writer's name, with its last writer's values.
inline dumps by_blob(const network& net, const dumps& all) {
  const std::vector<std::size_t> last = last_writers(net);
  dumps result;
  std::set<std::size_t> inner;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    for (std::size_t i = l; last[i] != l && i == l;) {
      for (std::size_t j = l + 1; j < net.layers.size(); ++j) {
        if (last[j] == last[l] && j != l) inner.insert(j);
      }
      break;
    }
  }
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (inner.contains(l)) continue;
    for (std::size_t o = 0; o < net.layers[l].outputs.size(); ++o) {
      dump d = named(const_cast<dumps&>(all), output_name(net.layers[l], o));
      if (o == 0) d.values = named(const_cast<dumps&>(all), net.layers[last[l]].name).values;
      result.push_back(std::move(d));
    }
  }
  return result;
}

/// What follows in a run in float when one blob has other values.
inline void follow(dumps& all, const network& net, std::size_t where, const floats& values) {
  std::vector<tensor<float>> blobs(net.blobs.size());
  for (const layer& l : net.layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      tensor<float> t = make_tensor<float>(net.blobs[l.outputs[o]].shape);
      const floats& v = named(all, output_name(l, o)).values;
      std::copy(v.begin(), v.end(), t.begin());
      blobs[l.outputs[o]] = std::move(t);
    }
  }
  std::copy(values.begin(), values.end(), blobs[net.layers[where].outputs[0]].begin());
  for (std::size_t l = where + 1; l < net.layers.size(); ++l) {
    tensors in;
    for (const std::size_t i : net.layers[l].inputs) in.push_back(blobs[i]);
    tensors out = single_layer(net, l, layer_precision::float32).run(in);
    for (std::size_t o = 0; o < out.size(); ++o) blobs[net.layers[l].outputs[o]] = out[o];
  }
  for (const layer& l : net.layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const tensor<float>& t = blobs[l.outputs[o]];
      named(all, output_name(l, o)).values.assign(t.begin(), t.end());
    }
  }
}

/// All faults that fit a subject.
inline std::vector<planted> faults_of(const subject& s) {
  std::vector<planted> all;
  const auto add = [&](std::string kind, std::set<fault> right, std::string layer,
                       std::function<void(experiment&)> before, std::function<void(experiment&)> after = {}) {
    all.push_back({std::move(kind), std::move(right), std::move(layer), std::move(before), std::move(after)});
  };
  const auto nothing = [](experiment&) {};
  const dumps reference = run_of(s.net, float_plan(s.net), nullptr, s.input());
  const std::size_t early = s.at(0.25), middle = s.at(0.5), late = s.at(0.75);
  const auto name = [&](std::size_t l) { return s.net.layers[l].name; };
  const bool has_colours = shape_of(s.pictures[0])[1] == 3;

  // Values that are none.
  add("NaN in a blob", {fault::not_a_number}, name(middle), nothing,
      [n = name(middle)](experiment& e) { named(e.other, n).values[3] = std::nanf(""); });
  add("a layer gives zeros", {fault::all_zero}, name(middle), [=](experiment& e) {
    weights_of(e.net, middle).fill(0.0F);
    lose_bias(e.net, middle);
  });

  // The network's input.
  const auto with_picture = [=](auto change) {
    return [=](experiment& e) {
      tensor<float> p = s.pictures[s.shown];
      known_preprocessing how = s.how;
      change(p, how);
      e.input = natural_networks::normalized(p, how);
    };
  };
  if (has_colours) {
    add("channels in another order", {fault::preprocessing}, "",
        with_picture([](tensor<float>& p, known_preprocessing&) {
          const std::size_t plane = p.size() / 3;
          std::swap_ranges(p.data(), p.data() + plane, p.data() + 2 * plane);
        }));
    add("interleaved bytes", {fault::preprocessing}, "", with_picture([](tensor<float>& p, known_preprocessing&) {
          const auto d = shape_of(p);
          const floats moved = detail::permuted(view_of(p).span(), {1, d[1], d[2], d[3]}, {0, 2, 3, 1});
          std::copy(moved.begin(), moved.end(), p.begin());
        }));
  }
  add("no mean", {fault::preprocessing}, "",
      with_picture([](tensor<float>&, known_preprocessing& how) { how.mean.clear(); }));
  add("a scale wrong by 2", {fault::preprocessing}, "",
      with_picture([](tensor<float>&, known_preprocessing& how) { how.scale *= 2; }));
  add("another picture of the list", {fault::other_picture}, "",
      [=](experiment& e) { e.input = s.input_of((s.shown + 2) % s.pictures.size()); });

  // A reference that is wrong.
  const auto with_bias = [&](double share) {
    std::size_t l = s.at(share);
    for (std::size_t i = l; i < s.net.layers.size(); ++i) {
      if (is_mac_layer(s.net.layers[i]) && has_bias(s.net, i)) return i;
    }
    return l;
  };
  const std::size_t biased = with_bias(0.4);
  add("reference: lost bias", {fault::wrong_reference}, name(biased),
      [=](experiment& e) { lose_bias(e.reference_net, biased); });
  add("reference: dead channel", {fault::wrong_reference}, name(middle),
      [=, c = loudest_channel(reference, s.net, middle)](experiment& e) { kill_channel(e.reference_net, middle, c); });
  add("reference: another caffemodel", {fault::wrong_reference}, "",
      [=](experiment& e) { disturb_all(e.reference_net, 0.08F); });
  add("reference: one layer's weights", {fault::wrong_reference}, name(late), [=](experiment& e) {
    tensor<float>& w = weights_of(e.reference_net, late);
    disturb({w.data(), w.size()}, 0.5F, 7);
  });
  {
    // Dropout as in training, behind an activation late in the network, or where the network has one.
    std::size_t where = 0;
    for (std::size_t l = 0; l < s.net.layers.size(); ++l) {
      const layer& x = s.net.layers[l];
      if (l < late || where != 0) continue;
      if (std::holds_alternative<relu_params>(x.params) || std::holds_alternative<layers::prelu>(x.params) ||
          std::holds_alternative<layers::identity>(x.params)) {
        where = l;
      }
    }
    if (where != 0) {
      add("reference: dropout left in", {fault::wrong_reference}, name(where), nothing, [=](experiment& e) {
        floats dropped = named(e.reference, s.net.layers[where].name).values;
        draws random(3);
        for (float& v : dropped) v = random.between(0, 1) == 0 ? 0 : 2 * v;
        follow(e.reference, s.net, where, dropped);
      });
    }
  }

  // In-place layers.
  add("reference: blobs written in place", {fault::layer_mapping, fault::none}, "", nothing, [=](experiment& e) {
    const dumps unfolded = run_of(s.unfolded, float_plan(s.unfolded), nullptr, s.input());
    e.reference = by_blob(s.unfolded, unfolded);
  });
  add("other: blobs written in place", {fault::layer_mapping, fault::none}, "", nothing,
      [=](experiment& e) { e.other = by_blob(s.net, e.other); });
  {
    std::optional<std::pair<std::size_t, std::size_t>> pair;
    const std::vector<std::size_t> last = last_writers(s.net);
    for (std::size_t l = early; l < last.size() && !pair; ++l) {
      if (last[l] != l) pair = {l, last[l]};
    }
    if (pair) {
      add("reference: one blob after its activation", {fault::layer_mapping, fault::wrong_reference, fault::none}, "",
          nothing, [=, a = name(pair->first), b = name(pair->second)](experiment& e) {
            named(e.reference, a).values = named(e.reference, b).values;
          });
      add("other: one blob after its activation", {fault::layer_mapping, fault::none}, "", nothing,
          [=, a = name(pair->first), b = name(pair->second)](experiment& e) {
            named(e.other, a).values = named(e.other, b).values;
          });
    }
  }

  // Ranges.
  const auto shift = [&](std::size_t l, int octaves, bool is_known) {
    return [=](experiment& e) {
      test_networks::shift_range(e.ranges, e.net, e.net.layers[l].name, 0, octaves);
      if (is_known) e.known = e.ranges;
    };
  };
  add("range 32 times too small", {fault::activation_scale}, "", shift(early, -5, false));
  add("range 8 times too small, late", {fault::activation_scale}, "", shift(late, -3, false));
  add("calibrated range 16 times too small", {fault::activation_scale}, "", shift(middle, -4, true));
  add("range far too large", {fault::activation_scale}, "", shift(middle, s.mode == 1 ? 9 : 6, false));
  for (std::size_t l = 0; l < s.net.layers.size(); ++l) {
    const auto* c = std::get_if<layers::convolution>(&s.net.layers[l].params);
    if (c == nullptr || c->geometry.groups == 1) continue;
    add("groups: range 8 times too small", {fault::activation_scale}, "", shift(l, -3, false));
    add("groups: calibrated range 4 times too small", {fault::activation_scale}, "", shift(l, -2, true));
  }
  const auto of_dark_pictures = [=](bool is_known) {
    return [=](experiment& e) {
      tensor<float> p = s.pictures[(s.shown + 1) % s.pictures.size()];
      for (float& v : p) v = std::round(110 + (v - 110) / 8);
      e.ranges = ranges_of(e.net, e.plan, {natural_networks::normalized(p, s.how)});
      if (is_known) e.known = e.ranges;
    };
  };
  add("ranges of a flat picture", {fault::activation_scale}, "", of_dark_pictures(false));
  add("ranges of a flat picture, known", {fault::activation_scale}, "", of_dark_pictures(true));

  // Bits.
  if (s.mode == 1) {
    add("one layer in 8 bits", {fault::bits_not_as_planned}, name(middle), [=](experiment& e) {
      e.planned = e.plan;
      e.plan.layers[middle] = layer_precision::w8a8;
    });
    add("all in 8 bits", {fault::bits_not_as_planned}, "", [=](experiment& e) {
      e.planned = e.plan;
      e.plan = plan_of(e.net, layer_precision::w8a8);
    });
  }

  // Weights of the other run.
  add("an older caffemodel", {fault::other_weights}, "", [](experiment& e) { disturb_all(e.net, 0.06F); });
  add("an older caffemodel, much the same", {fault::other_weights}, "",
      [](experiment& e) { disturb_all(e.net, 0.2F); });
  for (const std::size_t l : {early, late}) {
    add("one layer's weights", {fault::other_weights}, name(l), [=](experiment& e) {
      tensor<float>& w = weights_of(e.net, l);
      std::reverse(w.begin(), w.end());
    });
    const std::size_t c = loudest_channel(reference, s.net, l);
    add("one channel's weights", {fault::other_weights}, name(l), [=](experiment& e) {
      std::span<float> w = weights_of_channel(e.net, l, c);
      std::reverse(w.begin(), w.end());
      for (float& v : w) v = -v;
    });
    add("a dead channel", {fault::other_weights}, name(l), [=](experiment& e) { kill_channel(e.net, l, c); });
  }
  add("a scaled channel", {fault::other_weights}, name(middle),
      [=, c = loudest_channel(reference, s.net, middle)](experiment& e) {
        for (float& v : weights_of_channel(e.net, middle, c)) v *= 1.5F;
      });
  add("a dead channel of little content", {fault::other_weights}, name(middle),
      [=, c = loudest_channel(reference, s.net, middle, outputs_of(s.net, middle) / 2)](experiment& e) {
        kill_channel(e.net, middle, c);
      });
  add("an exchanged pair", {fault::other_weights}, name(middle), [=](experiment& e) {
    const std::span<float> a = weights_of_channel(e.net, middle, 0), b = weights_of_channel(e.net, middle, 1);
    std::swap_ranges(a.begin(), a.end(), b.begin());
  });
  add("a lost bias", {fault::other_weights}, name(biased), [=](experiment& e) { lose_bias(e.net, biased); });
  for (std::size_t l = s.net.layers.size(); l-- > 0;) {
    if (!std::holds_alternative<layers::fully_connected>(s.net.layers[l].params)) continue;
    add("a lost bias of a fully connected layer", {fault::other_weights}, name(l),
        [=](experiment& e) { lose_bias(e.net, l); });
    break;
  }
  add("a gain of 1.06", {fault::other_weights}, name(middle), [=](experiment& e) {
    for (float& v : weights_of(e.net, middle)) v *= 1.06F;
    for (float& v : *detail::weights_and_bias(e.net.layers[middle]).second) v *= 1.06F;
    for (double& v : detail::affine_behind(e.net.layers[middle])->shift) v *= 1.06;
  });

  // Dumps.
  add("read without sign", {fault::layer_mapping, fault::dump_reading}, name(middle), nothing,
      [n = name(middle)](experiment& e) {
        for (float& v : named(e.other, n).values) v += v < 0 ? 0x1p20F : 0;
      });
  add("another blob under a name", {fault::layer_mapping}, name(middle), nothing, [n = name(middle)](experiment& e) {
    draws random(5);
    for (float& v : named(e.other, n).values) v = random.normal();
  });
  const tensor_shape shape = s.net.blobs[s.net.layers[early].outputs[0]].shape;
  if (shape.rank() == 4 && shape[2] > 1) {
    add("a transposed dump", {fault::layer_mapping}, name(early), nothing, [=, n = name(early)](experiment& e) {
      dump& d = named(e.other, n);
      d.values = detail::permuted(d.values, {1, shape[1], shape[2], shape[3]}, {0, 1, 3, 2});
    });
    add("a dump of padded rows", {fault::layer_mapping}, name(early), nothing, [=, n = name(early)](experiment& e) {
      dump& d = named(e.other, n);
      std::vector<float> padded;
      for (std::size_t i = 0; i < d.values.size(); ++i) {
        padded.push_back(d.values[i]);
        if ((i + 1) % shape[3] == 0) padded.insert(padded.end(), shape[3] % 16 == 0 ? 8 : 16 - shape[3] % 16, 0.0F);
      }
      d.values = padded;
      d.shape = {};
    });
    add("a damaged part of a dump", {fault::dump_reading}, name(early), nothing, [=, n = name(early)](experiment& e) {
      std::vector<float>& v = named(e.other, n).values;
      draws random(6);
      double squares = 0;
      for (const float f : v) squares += static_cast<double>(f) * static_cast<double>(f);
      const auto size = static_cast<float>(3 * std::sqrt(squares / static_cast<double>(v.size())));
      for (std::size_t i = v.size() / 3; i < v.size() * 2 / 3; ++i) v[i] = size * random.normal();
    });
  }
  add("all read without sign", {fault::dump_reading}, "", nothing, [](experiment& e) {
    for (dump& d : e.other) {
      for (float& v : d.values) v += v < 0 ? 0x1p20F : 0;
    }
  });
  add("a batch of pictures", {fault::dump_reading}, "", nothing, [=](experiment& e) {
    std::vector<dumps> others;
    for (const std::size_t i : {1U, 2U}) {
      others.push_back(run_of(e.net, e.plan, &e.ranges, s.input_of((s.shown + i) % s.pictures.size())));
    }
    for (dump& d : e.other) {
      std::vector<float> all_of_them = named(others[0], d.name).values;
      all_of_them.insert(all_of_them.end(), d.values.begin(), d.values.end());
      const std::vector<float>& last = named(others[1], d.name).values;
      all_of_them.insert(all_of_them.end(), last.begin(), last.end());
      d.values = all_of_them;
      std::vector<std::size_t> extents(d.shape.begin(), d.shape.end());
      extents[0] *= 3;
      d.shape = tensor_shape(std::span<const std::size_t>(extents));
    }
  });
  add("two runs in one folder", {fault::dump_reading, fault::layer_mapping}, "", nothing, [=](experiment& e) {
    dumps stale = run_of(e.net, e.plan, &e.ranges, s.input_of((s.shown + 1) % s.pictures.size()));
    std::size_t left = 3;  // a product and what is behind it
    for (std::size_t l = middle; l < e.net.layers.size() && left != 0; ++l, --left) {
      named(e.other, e.net.layers[l].name).values = named(stale, e.net.layers[l].name).values;
    }
  });

  // What looks like something else.
  const auto first_of = [&](const auto& fits, std::size_t from) -> std::optional<std::size_t> {
    for (std::size_t l = from; l < s.net.layers.size(); ++l) {
      if (fits(s.net.layers[l])) return l;
    }
    return std::nullopt;
  };
  const auto is_activation = [](const layer& l) {
    const auto* relu = std::get_if<relu_params>(&l.params);
    return relu != nullptr || std::holds_alternative<layers::prelu>(l.params) ||
           std::holds_alternative<activation_params>(l.params);
  };
  if (const auto l = first_of(is_activation, middle)) {
    const std::string before = [&] {
      for (const layer& x : s.net.layers) {
        if (x.outputs[0] == s.net.layers[*l].inputs[0]) return x.name;
      }
      return std::string();
    }();
    add("reference: an activation dumped before it", {fault::layer_mapping, fault::wrong_reference}, name(*l), nothing,
        [=, n = name(*l)](experiment& e) { named(e.reference, n).values = named(e.reference, before).values; });
    add("other: an activation dumped before it", {fault::layer_mapping}, name(*l), nothing,
        [=, n = name(*l)](experiment& e) { named(e.other, n).values = named(e.other, before).values; });
    add("reference: another blob under a name", {fault::layer_mapping, fault::wrong_reference}, name(*l), nothing,
        [n = name(*l)](experiment& e) {
          draws random(8);
          for (float& v : named(e.reference, n).values) v = random.normal();
        });
  }
  for (const bool is_reference : {true, false}) {
    const std::string side = is_reference ? "reference: " : "";
    const fault right = is_reference ? fault::wrong_reference : fault::other_weights;
    const auto change = [=](auto f) { return [=](experiment& e) { f(is_reference ? e.reference_net : e.net); }; };
    const auto slopes = first_of(
        [](const layer& l) {
          const auto* relu = std::get_if<relu_params>(&l.params);
          return std::holds_alternative<layers::prelu>(l.params) || (relu != nullptr && relu->negative_slope != 0);
        },
        early);
    if (slopes) {
      std::set<fault> ways = {right};
      if (!is_reference) ways.insert(fault::suspect_layer);  // a slope of the prototxt is no weight
      add(side + "another slope", ways, name(*slopes), change([l = *slopes](network& net) {
            if (auto* relu = std::get_if<relu_params>(&net.layers[l].params)) relu->negative_slope = 0.3F;
            else
              for (float& v : std::get<layers::prelu>(net.layers[l].params).slope) v += 0.25F;
          }));
    }
    const auto with_norm = first_of([](const layer& l) { return !l.merged.empty(); }, middle);
    if (with_norm) {
      // BatchNorm with the statistics of the picture, as in training; and without its shift and factors.
      const dump at = named(const_cast<dumps&>(reference), name(*with_norm));
      const std::size_t channels = at.shape[1], plane = at.values.size() / channels;
      if (plane > 4) {
        add(side + "BatchNorm as in training", {right}, name(*with_norm), change([=, l = *with_norm](network& net) {
              channel_affine& a = *detail::affine_behind(net.layers[l]);
              for (std::size_t c = 0; c < channels; ++c) {
                double m = 0, q = 0;
                for (std::size_t i = 0; i < plane; ++i) m += static_cast<double>(at.values[c * plane + i]);
                m /= static_cast<double>(plane);
                for (std::size_t i = 0; i < plane; ++i)
                  q += std::pow(static_cast<double>(at.values[c * plane + i]) - m, 2);
                const double f = 1 / std::sqrt(q / static_cast<double>(plane) + 1e-3);
                a.factor[c] *= f;
                a.shift[c] = (a.shift[c] - m) * f;
              }
            }));
      }
      add(side + "BatchNorm left out", {right}, name(*with_norm), change([l = *with_norm](network& net) {
            channel_affine& a = *detail::affine_behind(net.layers[l]);
            for (double& v : a.factor) v = 1;
            for (double& v : a.shift) v = 0;
          }));
    }
    add(side + "a scaled channel, 1.3", {right}, name(late),
        change([=, c = loudest_channel(reference, s.net, late)](network& net) {
          for (float& v : weights_of_channel(net, late, c)) v *= 1.3F;
        }));
    add(side + "a gain of 0.9", {right}, name(early), change([=](network& net) {
          for (float& v : weights_of(net, early)) v *= 0.9F;
          for (float& v : *detail::weights_and_bias(net.layers[early]).second) v *= 0.9F;
          for (double& v : detail::affine_behind(net.layers[early])->shift) v *= 0.9;
        }));
  }
  // Arithmetic that is wrong: what the vendor must know.
  const tensor_shape of_middle = s.net.blobs[s.net.layers[middle].outputs[0]].shape;
  const auto other_follows = [=](std::size_t l, auto change) {
    return [=](experiment& e) {
      floats v = named(e.other, e.net.layers[l].name).values;
      change(v);
      // What is behind it follows, in float, which is as good here.
      dumps followed = e.other;
      follow(followed, e.net, l, v);
      e.other = std::move(followed);
    };
  };
  if (of_middle.rank() == 4 && of_middle[2] >= 6) {
    add("the last columns are wrong", {fault::suspect_layer}, name(middle), nothing,
        other_follows(middle, [=](floats& v) {
          const std::size_t w = of_middle[3];
          draws random(12);
          for (std::size_t i = 0; i < v.size(); ++i) {
            if (i % w >= w - 2) v[i] = random.normal();
          }
        }));
  }
  if (const auto l = first_of([](const layer& x) { return std::holds_alternative<eltwise_params>(x.params); }, 0)) {
    add("an Eltwise that subtracts", {fault::suspect_layer}, name(*l), [l = *l](experiment& e) {
      auto& p = std::get<eltwise_params>(e.net.layers[l].params);
      if (p.operation == eltwise_operation::sum) p.coefficients = {1, -1};
      else p.operation = eltwise_operation::maximum;
    });
  }
  if (const auto l = first_of([](const layer& x) { return std::holds_alternative<pooling_params>(x.params); }, 0)) {
    add("a pooling of the other kind", {fault::suspect_layer}, name(*l), [=, l = *l](experiment& e) {
      auto& p = std::get<pooling_params>(e.net.layers[l].params);
      p.operation = p.operation == pooling_operation::maximum ? pooling_operation::average : pooling_operation::maximum;
      e.ranges = ranges_of(e.net, e.plan, s.inputs());
    });
  }
  // The folders alone.
  const auto alone = [](auto f) {
    return [=](experiment& e) {
      e.with_context = false;
      f(e);
    };
  };
  const std::set<fault> undecided = {fault::inconclusive, fault::precision, fault::layer_mapping,
                                     fault::activation_scale};
  add("folders: range 32 times too small", undecided, "", alone(shift(early, -5, false)));
  add("folders: one layer's weights", undecided, "", alone([=](experiment& e) {
        tensor<float>& w = weights_of(e.net, middle);
        std::reverse(w.begin(), w.end());
      }));
  add("folders: reference: one layer's weights", undecided, "", alone([=](experiment& e) {
        tensor<float>& w = weights_of(e.reference_net, middle);
        std::reverse(w.begin(), w.end());
      }));
  // Few dumps: only layers of products, and the input.
  const auto keep_products = [=](experiment& e) {
    std::erase_if(e.other, [&](const dump& d) {
      const std::size_t l = layer_index(s.net, d.name);
      const bool is_input = std::holds_alternative<layers::input>(s.net.layers[l].params);
      return !is_mac_layer(s.net.layers[l]) && !is_input && l + 1 != s.net.layers.size();
    });
  };
  add(
      "few dumps: a lost bias", {fault::other_weights, fault::inconclusive}, "",
      [=](experiment& e) { lose_bias(e.net, biased); }, keep_products);
  add("few dumps: range 32 times too small", {fault::activation_scale, fault::inconclusive}, "",
      shift(middle, -5, false), keep_products);
  // An input that is not dumped.
  add(
      "no input dumped: a dead channel", {fault::other_weights}, name(late),
      [=, c = loudest_channel(reference, s.net, late)](experiment& e) { kill_channel(e.net, late, c); },
      [](experiment& e) { e.other.erase(e.other.begin()); });
  return all;
}

}  // namespace planted_faults
