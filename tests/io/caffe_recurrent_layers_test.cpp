#include <nniesim/io/caffe_recurrent_layers.hpp>

#include <string>
#include <vector>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/runner.hpp>

#include "catch.hpp"
#include "support/caffe_text.hpp"
#include "support/mutate.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace caffe_recurrent_layers_test {

namespace {

/// A network with inputs of these shapes, a, b, ..., and the layer x of this text.
network imported(const std::vector<std::string>& inputs, const std::string& layer,
                 const std::vector<tensor_shape>& learned = {}) {
  std::string text;
  char name = 'a';
  for (const std::string& shape : inputs) {
    text += std::string("input: '") + name++ + "' input_shape { dim: [" + shape + "] }\n";
  }
  caffe_layer l;
  l.name = "x";
  for (const tensor_shape& s : learned) l.blobs.push_back(counted(s, 1.0F));
  const caffe_model model{"model", {l}};
  return import_caffe(parse_prototxt(text + "layer { name: 'x' " + layer + " }", "net"), &model, "weights");
}
std::string problem(const std::vector<std::string>& inputs, const std::string& layer,
                    const std::vector<tensor_shape>& learned = {}) {
  return caffe_text::problem_of([&] { return imported(inputs, layer, learned); });
}
layers::recurrent recurrent_of(const network& n) { return std::get<layers::recurrent>(n.layers.back().params); }
std::vector<tensor_shape> outputs_of(const network& n) {
  std::vector<tensor_shape> shapes;
  for (const std::size_t b : n.layers.back().outputs) shapes.push_back(n.blobs[b].shape);
  return shapes;
}
/// What the layer gives in float.
tensor<float> run(const network& n, const std::vector<tensor<float>>& inputs) {
  network_runner runner(n, float_plan(n), {.keep_all = true});
  runner.run(inputs);
  return runner.value(n.layers.back().outputs[0]);
}

const std::string lstm = "type: 'LSTM' bottom: 'a' bottom: 'b' top: 'y' recurrent_param { num_output: 2 ";
const std::string rnn = "type: 'RNN' bottom: 'a' bottom: 'b' top: 'y' recurrent_param { num_output: 2 ";
const std::string fork = "type: 'Lstm' bottom: 'a' top: 'y' lstm_param { num_output: 2 ";

}  // namespace

TEST_CASE("LSTM and RNN have their blobs in the order of Caffe's unrolled network") {
  const network n = imported({"5, 3, 4", "5, 3"}, lstm + "weight_filler { type: 'xavier' } debug_info: true } ",
                             {{8, 4}, {8}, {8, 2}});
  CHECK(outputs_of(n) == std::vector<tensor_shape>{{5, 3, 2}});
  CHECK_FALSE(n.layers.back().on_cpu);
  const layers::recurrent p = recurrent_of(n);
  CHECK(p.cell == recurrent_cell::lstm);
  CHECK(p.has_continuation);
  CHECK_FALSE(p.is_flag);
  CHECK_FALSE(p.has_fixed_input);
  CHECK_FALSE(p.exposes_states);
  CHECK(same_bits(p.learned.input, counted({8, 4}, 1.0F)));
  CHECK(p.learned.bias.size() == 8);
  CHECK(same_bits(p.learned.hidden, counted({8, 2}, 1.0F)));

  // All axes behind the second are features; a third bottom is the static input, whose weights come before the state's.
  const network with_static =
      imported({"5, 3, 2, 2", "5, 3", "3, 2, 3"},
               "type: 'LSTM' bottom: 'a' bottom: 'b' bottom: 'c' top: 'y' recurrent_param { num_output: 2 }",
               {{8, 4}, {8}, {8, 6}, {8, 2}});
  CHECK(recurrent_of(with_static).has_fixed_input);
  CHECK(same_bits(recurrent_of(with_static).learned.fixed, counted({8, 6}, 1.0F)));

  const network exposed = imported(
      {"5, 3, 4", "5, 3", "1, 3, 2", "1, 3, 2"},
      "type: 'LSTM' bottom: 'a' bottom: 'b' bottom: 'c' bottom: 'd' top: 'y' top: 'h' top: 'cell' recurrent_param "
      "{ num_output: 2 expose_hidden: true }",
      {{8, 4}, {8}, {8, 2}});
  CHECK_FALSE(recurrent_of(exposed).has_fixed_input);
  CHECK(outputs_of(exposed) == std::vector<tensor_shape>{{5, 3, 2}, {1, 3, 2}, {1, 3, 2}});

  const network simple = imported({"5, 3, 4", "5, 3"}, rnn + "}", {{2, 4}, {2}, {2, 2}, {2, 2}, {2}});
  CHECK(recurrent_of(simple).cell == recurrent_cell::rnn);
  CHECK(same_bits(recurrent_of(simple).learned.output, counted({2, 2}, 1.0F)));
  CHECK(recurrent_of(simple).learned.output_bias == std::vector<float>{1, 2});
  const network all = imported({"5, 3, 4", "5, 3", "3, 6", "1, 3, 2"},
                               "type: 'RNN' bottom: 'a' bottom: 'b' bottom: 'c' bottom: 'd' top: 'y' top: 'h' "
                               "recurrent_param { num_output: 2 expose_hidden: true }",
                               {{2, 4}, {2}, {2, 6}, {2, 2}, {2, 2}, {2}});
  CHECK(recurrent_of(all).has_fixed_input);
  CHECK(outputs_of(all) == std::vector<tensor_shape>{{5, 3, 2}, {1, 3, 2}});
}

TEST_CASE("recurrent layers that do not fit are told") {
  const std::vector<tensor_shape> learned{{8, 4}, {8}, {8, 2}};
  CHECK_THAT(problem({"5, 3, 4", "5, 3"}, "type: 'LSTM' bottom: 'a' bottom: 'b' top: 'y'", learned),
             contains("got no num_output"));
  CHECK_THAT(problem({"5, 3, 4", "5, 3"}, lstm + "expose_hidden: true }", learned),
             contains("got 2 bottom, expected 4, or 5 with a static input, for expose_hidden") &&
                 contains("got 1 top, expected 3 for expose_hidden"));
  CHECK_THAT(problem({"5, 3, 4", "5, 3"}, lstm + "} top: 'z'", learned), contains("got 2 top, expected 1"));
  CHECK_THAT(problem({"5, 3, 4"}, "type: 'LSTM' bottom: 'a' top: 'y' recurrent_param { num_output: 2 }", learned),
             contains("got 1 bottom"));
  CHECK_THAT(problem({"5, 3, 4", "3, 5"}, lstm + "}", learned), contains("continuation of shape 3x5"));
  CHECK_THAT(problem({"5, 3, 5", "5, 3"}, lstm + "}", learned), contains("learned blob 0 of shape 8x4"));
  CHECK_THAT(problem({"5", "5, 3"}, lstm + "}", learned), contains("steps, sequences and features"));
  CHECK_THAT(problem({"5, 3, 4", "5, 3"}, lstm + "}"), contains("expected 3 blobs"));
  CHECK_THAT(problem({"5, 3, 4", "5, 3"}, lstm + "num_layers: 2 }", learned), contains("recurrent_param.num_layers"));
}

TEST_CASE("the forks' Lstm reads steps and sequences in two ways") {
  const std::vector<tensor_shape> learned{{8, 4}, {8, 2}, {8}};
  const network n = imported({"5, 3, 4"}, fork + "clipping_threshold: 1 weight_filler { type: 'gaussian' } }", learned);
  CHECK(outputs_of(n) == std::vector<tensor_shape>{{5, 3, 2}});
  CHECK_FALSE(recurrent_of(n).has_continuation);
  CHECK(recurrent_of(n).learned.bias.size() == 8);
  CHECK(recurrent_of(n).flat_sequences == 0);
  const network flat = imported({"6, 4"}, fork + "batch_size: 3 }", learned);
  CHECK(recurrent_of(flat).flat_sequences == 3);
  CHECK(outputs_of(flat) == std::vector<tensor_shape>{{6, 2}});
  CHECK(outputs_of(imported({"6, 4"}, fork + "}", learned)) == std::vector<tensor_shape>{{6, 2}});
  // The weights fit one way alone.
  CHECK(outputs_of(imported({"6, 4, 1, 1"}, fork + "}", learned)) == std::vector<tensor_shape>{{6, 2}});
  CHECK(outputs_of(imported({"6, 4, 1, 4"}, fork + "}", learned)) == std::vector<tensor_shape>{{6, 4, 2}});
  CHECK(outputs_of(imported({"6, 1, 4"}, fork + "}", learned)) == std::vector<tensor_shape>{{6, 1, 2}});

  const network clipped =
      imported({"6, 4", "6"}, "type: 'Lstm' bottom: 'a' bottom: 'b' top: 'y' lstm_param { num_output: 2 }", learned);
  CHECK(recurrent_of(clipped).has_continuation);
  CHECK(recurrent_of(clipped).is_flag);
  CHECK_THAT(problem({"6, 4"}, fork + "batch_size: 4 }", learned), contains("of 4 sequences"));
  CHECK_THAT(problem({"5, 3, 5"}, fork + "}", learned), contains("learned blob 0"));
  CHECK_THAT(problem({"5, 3, 4"}, "type: 'Lstm' bottom: 'a' top: 'y'", learned), contains("got no num_output"));
}

TEST_CASE("layers around sequences") {
  const network indicator = imported(
      {}, "type: 'ContinuationIndicator' top: 'y' continuation_indicator_param { time_step: 3 batch_size: 2 }");
  CHECK(outputs_of(indicator) == std::vector<tensor_shape>{{3, 2}});
  CHECK(indicator.layers.back().on_cpu);
  const network by_bottom = imported({"4, 7"},
                                     "type: 'ContinuationIndicator' bottom: 'a' top: 'y' "
                                     "continuation_indicator_param { time_step: 3 }");
  CHECK(outputs_of(by_bottom) == std::vector<tensor_shape>{{3, 4}});
  CHECK_THAT(problem({}, "type: 'ContinuationIndicator' top: 'y' continuation_indicator_param { time_step: 3 }"),
             contains("got no batch_size"));
  CHECK_THAT(problem({}, "type: 'ContinuationIndicator' top: 'y' continuation_indicator_param { batch_size: 3 }"),
             contains("got no time_step"));

  const auto x = counted({2, 3}, 1.0F);
  const network reversed = imported({"2, 3"}, "type: 'Reverse' bottom: 'a' top: 'y' reverse_param { axis: 1 }");
  const auto y = run(reversed, {x});
  CHECK(std::vector<float>(y.begin(), y.end()) == std::vector<float>{3, 2, 1, 6, 5, 4});
  CHECK(reversed.layers.back().on_cpu);
  const auto first = run(imported({"2, 3"}, "type: 'Reverse' bottom: 'a' top: 'y'"), {x});
  CHECK(std::vector<float>(first.begin(), first.end()) == std::vector<float>{4, 5, 6, 1, 2, 3});
  CHECK_THAT(problem({"2, 3"}, "type: 'Reverse' bottom: 'a' top: 'y' reverse_param { axis: 2 }"),
             contains("got axis 2 of input 2x3"));

  const network turned =
      imported({"1, 2, 3, 4"}, "type: 'Transpose' bottom: 'a' top: 'y' transpose_param { dim: [3, 2, 0, 1] }");
  CHECK(outputs_of(turned) == std::vector<tensor_shape>{{4, 3, 1, 2}});
  CHECK(turned.layers.back().on_cpu);
  CHECK_THAT(problem({"1, 2, 3"}, "type: 'Transpose' bottom: 'a' top: 'y' transpose_param { dim: [1, 0] }"),
             contains("permute: order (1, 0)"));
  CHECK_THAT(problem({"1, 2, 3"}, "type: 'Transpose' bottom: 'a' top: 'y'"), contains("permute: order ()"));

  const network windows =
      imported({"1, 2, 5, 6"},
               "type: 'Im2col' bottom: 'a' top: 'y' convolution_param { kernel_size: 3 pad: 1 stride: 2 dilation: 1 }");
  CHECK(outputs_of(windows) == std::vector<tensor_shape>{{1, 18, 3, 3}});
  CHECK(windows.layers.back().on_cpu);
  CHECK_THAT(problem({"1, 2, 5, 6"}, "type: 'Im2col' bottom: 'a' top: 'y'"), contains("got no kernel_size"));
  CHECK_THAT(
      problem({"1, 2, 5, 6"}, "type: 'Im2col' bottom: 'a' top: 'y' convolution_param { kernel_size: 1 axis: 2 }"),
      contains("got axis 2, expected 1"));
}

TEST_CASE("the greedy decoder's blank is the first class, the last, or any other") {
  const auto decoder = [](const std::string& rest, const std::string& bottoms = "bottom: 'a'") {
    return imported({"4, 1, 3", "4, 1"}, "type: 'CTCGreedyDecoder' " + bottoms + " top: 'y' " + rest);
  };
  const auto params = [&](const std::string& rest) {
    return std::get<ctc_greedy_decoder_params>(decoder(rest).layers.back().params);
  };
  CHECK(params("").blank == 0U);
  CHECK(params("").merge_repeated);
  CHECK(params("ctc_decoder_param { blank_index: -1 }").blank == std::nullopt);
  CHECK(params("ctc_decoder_param { blank_index: 2 ctc_merge_repeated: false }").blank == 2U);
  CHECK_FALSE(params("ctc_decoder_param { ctc_merge_repeated: false }").merge_repeated);
  CHECK_FALSE(params("ctc_greedy_decoder_param { merge_repeated: false }").merge_repeated);
  CHECK(decoder("").layers.back().on_cpu);
  CHECK(outputs_of(decoder("top: 'score'", "bottom: 'a' bottom: 'b'")) ==
        std::vector<tensor_shape>{{1, 4, 1, 1}, {1, 1, 1, 1}});
  const auto fails = [](const std::string& rest, const std::string& bottoms = "bottom: 'a'") {
    return problem({"4, 1, 3", "1, 4"}, "type: 'CTCGreedyDecoder' " + bottoms + " top: 'y' " + rest);
  };
  CHECK_THAT(fails("ctc_decoder_param { blank_index: 3 }"), contains("blank 3 of input 4x1x3"));
  CHECK_THAT(fails("ctc_decoder_param {} ctc_greedy_decoder_param {}"), contains("expected one of them"));
  CHECK_THAT(fails("ctc_decoder_param { ctc_merge_repeated: true merge_repeated: true }"),
             contains("expected one of them"));
  CHECK_THAT(fails("", "bottom: 'a' bottom: 'b'"), contains("continuations of shape 1x4"));
  CHECK_THAT(fails("top: 'z' top: 'w'"), contains("got 3 top, expected 1 or 2"));
}

TEST_CASE("a dense block's blobs are filters, then normalizations, of all its stages") {
  const std::string head = "type: 'DenseBlock' bottom: 'a' top: 'y' denseblock_param { numTransition: 2 growthRate: 3 ";
  const std::vector<tensor_shape> learned{{3, 2, 3, 3}, {3, 5, 3, 3}, {1, 2, 1, 1}, {1, 5, 1, 1},
                                          {1, 2, 1, 1}, {1, 5, 1, 1}, {1, 2, 1, 1}, {1, 5, 1, 1},
                                          {1, 2, 1, 1}, {1, 5, 1, 1}, {1}};
  const network n = imported({"1, 2, 4, 5"},
                             head +
                                 "initChannel: 64 Filter_Filler { type: 'msra' } BN_Scaler_Filler { value: 1 } "
                                 "BN_Bias_Filler { value: 0 } use_dropout: false dropout_amount: 0.2 }",
                             learned);
  CHECK(outputs_of(n) == std::vector<tensor_shape>{{1, 8, 4, 5}});
  CHECK(n.layers.back().on_cpu);
  const auto p = std::get<dense_block_params>(n.layers.back().params);
  REQUIRE(p.stages.size() == 2);
  CHECK_FALSE(p.stages[0].narrow.has_value());
  CHECK(shape_of(p.stages[1].filter) == tensor_shape{3, 5, 3, 3});
  CHECK(p.stages[1].norm.gamma.size() == 5);
  CHECK(p.stages[1].norm.epsilon == 1e-5F);
  CHECK(p.stages[0].norm.count == 1.0F);

  std::vector<tensor_shape> narrow{{3, 12, 3, 3}, {3, 12, 3, 3}};
  narrow.insert(narrow.end(), learned.begin() + 2, learned.end() - 1);
  narrow.insert(narrow.end(), {{12, 2, 1, 1}, {12, 5, 1, 1}});
  narrow.insert(narrow.end(), 8, {1, 12, 1, 1});
  narrow.push_back({1});
  const network bc = imported({"1, 2, 4, 5"}, head + "use_BC: true }", narrow);
  const auto q = std::get<dense_block_params>(bc.layers.back().params);
  CHECK(shape_of(q.stages[1].narrow.value()) == tensor_shape{12, 5, 1, 1});
  CHECK(q.stages[1].narrow_norm.variance.size() == 12);

  CHECK_THAT(problem({"1, 2, 4, 5"}, head + "use_BC: true }", learned), contains("got 11 learned blobs"));
  CHECK_THAT(problem({"1, 3, 4, 5"}, head + "}", learned), contains("got learned blob 0 of shape 3x2x3x3"));
  CHECK_THAT(problem({"1, 2, 4, 5"}, head + "filter_H: 5 }", learned), contains("got filter_H 5, expected 3"));
  CHECK_THAT(problem({"1, 2, 4, 5"}, head + "pad_w: 0 }", learned), contains("got pad_w 0, expected 1"));
  CHECK_THAT(problem({"1, 2, 4, 5"}, head + "numTransition: 5000 }", learned), contains("numTransition"));
  CHECK_THAT(problem({"1, 2, 4, 5"}, head + "}"), contains("expected 11 blobs"));
}

TEST_CASE("the parts of a dense block's normalization are not confused") {
  // One stage, one channel, filter 1 in its middle: y = relu((x - mean / count) / sqrt(variance / count) * gamma +
  // beta).
  caffe_layer l;
  l.name = "x";
  const auto blob = [&](const tensor_shape& shape, float value) {
    auto t = make_tensor<float>(shape);
    t.fill(value);
    l.blobs.push_back(t);
  };
  blob({1, 1, 3, 3}, 0.0F);
  l.blobs[0].data()[4] = 1.0F;
  blob({1, 1, 1, 1}, 3.0F);   // gamma
  blob({1, 1, 1, 1}, 0.5F);   // beta
  blob({1, 1, 1, 1}, 4.0F);   // mean
  blob({1, 1, 1, 1}, 32.0F);  // variance
  blob({1}, 2.0F);
  const caffe_model model{"model", {l}};
  const network n = import_caffe(parse_prototxt("input: 'a' input_shape { dim: [1, 1, 1, 2] } layer { name: 'x' type: "
                                                "'DenseBlock' bottom: 'a' top: 'y' denseblock_param { numTransition: 1 "
                                                "growthRate: 1 } }",
                                                "net"),
                                 &model, "weights");
  auto x = make_tensor<float>({1, 1, 1, 2});
  x.data()[0] = 6.0F;
  x.data()[1] = -6.0F;
  const auto y = run(n, {x});
  CHECK(y.data()[0] == 6.0F);
  CHECK(std::fabs(y.data()[2] - 3.5F) < 1e-4F);  // (6 - 2) / 4 * 3 + 0.5
  CHECK(y.data()[3] == 0.0F);
}

TEST_CASE("damaged files of these layers end in an error or in a network") {
  const auto layer_text = [](const std::string& name, const std::string& rest) {
    return "layer { name: '" + name + "' " + rest + " }\n";
  };
  const std::string text =
      "input: 'a' input_shape { dim: [4, 2, 3] }\ninput: 'm' input_shape { dim: [1, 2, 4, 5] }\n" +
      layer_text("k",
                 "type: 'ContinuationIndicator' top: 'b' continuation_indicator_param { time_step: 4 batch_size: 2 }") +
      layer_text("x", lstm + "expose_hidden: false }") +
      layer_text("z", "type: 'Reverse' bottom: 'y' top: 'z' reverse_param { axis: 0 }") +
      layer_text("t", "type: 'Transpose' bottom: 'z' top: 't' transpose_param { dim: [1, 0, 2] }") +
      layer_text("w", "type: 'Im2col' bottom: 'm' top: 'w' convolution_param { kernel_size: 3 pad: 1 stride: 1 }") +
      layer_text("ctc", "type: 'CTCGreedyDecoder' bottom: 't' top: 'ctc' ctc_decoder_param { blank_index: -1 }");
  caffe_layer l;
  l.name = "x";
  for (const tensor_shape& s : {tensor_shape{8, 3}, tensor_shape{8}, tensor_shape{8, 2}})
    l.blobs.push_back(counted(s, 1.0F));
  const caffe_model model{"model", {l}};
  REQUIRE(import_caffe(parse_prototxt(text, "net"), &model, "weights").layers.size() == 8);
  std::vector<std::string> pieces = hostile_pieces();
  for (const char* more : {"RNN", "Lstm", "LSTM", "DenseBlock", "true", "2147483647", "0", "'a'", "'m'", "'b'"}) {
    pieces.emplace_back(more);
  }
  draws d(1);
  std::size_t networks = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string damaged = mutated(text, d, pieces);
    CAPTURE(damaged);
    try {
      const network n = import_caffe(parse_prototxt(damaged, "net"), &model, "weights");
      for (const blob& b : n.blobs) REQUIRE(b.shape.size() <= blob_element_limit);
      ++networks;
    } catch (const error&) {
    }
  }
  CHECK(networks > 0);
}

}  // namespace caffe_recurrent_layers_test
