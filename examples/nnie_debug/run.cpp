// nnie-debug run: a network in float and in a compile mode, every layer compared.
#include <algorithm>
#include <iostream>
#include <map>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/io/mapper_dump.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/network/compare_network.hpp>

#include "arithmetic.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace run_command {

struct options {
  network_options network;
  arithmetic_options arithmetic;
  std::string mode, calibration, npy_folder, dump_folder, csv;
  bool isolated = false, as_json = false;
  double fail_below = -2;
};

/// A layer's output as .npy: of the float run in float/, of the other in quantized/.
void write_npy_of(const std::filesystem::path& folder, const network_runner& runner, const layer& l, std::size_t o) {
  write_npy(folder / npy_dump_name(l.name, o), runner.value(l.outputs[o]));
}

/// C or C x H x W of a blob, as names of dumps have it: without the batch, two axes with a third of 1, more with the
/// last ones as one.
tensor_shape dumped_shape(const tensor_shape& s) {
  std::vector<std::size_t> dims(s.begin() + (s.rank() > 1 ? 1 : 0), s.end());
  if (dims.size() == 2) dims.push_back(1);
  for (; dims.size() > 3; dims.pop_back()) dims[dims.size() - 2] *= dims.back();
  return tensor_shape(std::span<const std::size_t>(dims));
}

dump_name dump_of(const layer& l, std::size_t output, const network& net, dump_kind kind) {
  dump_name name;
  name.kind = kind;
  name.layer = l.name;
  name.output = output;
  name.shape = dumped_shape(net.blobs[l.outputs[output]].shape);
  return name;
}

dump_name code_dump_of(const layer& l, std::size_t input, const network& net) {
  dump_name name;
  name.kind = dump_kind::mapper_input_codes;
  name.layer = l.name;
  name.output = input;
  name.shape = dumped_shape(net.blobs[l.inputs[input]].shape);
  return name;
}

/// The same as the compiler (mapper_quant) and its Caffe script name and write it.
void write_dump_of(const std::filesystem::path& folder, const network_runner& runner, const layer& l, std::size_t o) {
  const auto kind = runner.plan().is_float ? dump_kind::caffe_output : dump_kind::mapper_output;
  const auto path = folder / dump_file_name(dump_of(l, o, runner.net(), kind));
  runner.visit(l.outputs[o], [&]<class T>(tensor_view<const T> values) {
    if constexpr (std::same_as<T, q20_12>) {
      write_hex_dump(path, values.span());
    } else if (runner.plan().is_float) {
      write_float_dump(path, values.span());
    } else {  // of the network's inputs, and of the host
      std::vector<q20_12> written(values.size());
      encode<q20_12>(values.span(), std::span(written), {});
      write_hex_dump(path, std::span<const q20_12>(written));
    }
  });
}

/// The codes of a blob for each layer that reads it as codes, as the compiler dumps them beside its outputs
/// (mapper_quant).
void write_code_dumps_of(const std::filesystem::path& folder, const network_runner& runner, std::size_t b) {
  const network& net = runner.net();
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    const layer_precision p = runner.plan().layers[i];
    for (std::size_t k = 0; k < code_inputs(l) && p.encodes_activations(); ++k) {
      if (l.inputs[k] != b || !reads_codes(l, k)) continue;
      const auto path = folder / dump_file_name(code_dump_of(l, k, net));
      const tensor<float> x = runner.value(b);
      const std::span<const float> values(x.data(), x.size());
      const activation_range& range = runner.range(b);
      if (p.activations() == gfpq8::name) write_code_dump<gfpq8>(path, values, range.scale<gfpq8>());
      else if (p.activations() == gfpq16::name) write_code_dump<gfpq16>(path, values, range.scale<gfpq16>());
    }
  }
}

/// Throws error where two layers' values would be written into one file.
void require_own_files(const network& net, bool npy, bool dumps) {
  std::map<std::string, std::string> written;
  const auto add = [&](const layer& l, const std::string& file) {
    const auto [at, is_new] = written.emplace(file, l.name);
    detail::require<error>(is_new, l.where, ": the dumps of layers '", printable(at->second), "' and '",
                           printable(l.name), "' would be one file, ", at->first);
  };
  for (const layer& l : net.layers) {
    for (std::size_t i = 0; i < l.outputs.size(); ++i) {
      if (npy) add(l, npy_dump_name(l.name, i));
      if (dumps) add(l, dump_file_name(dump_of(l, i, net, dump_kind::mapper_output)));
    }
    for (std::size_t i = 0; i < code_inputs(l) && dumps; ++i) add(l, dump_file_name(code_dump_of(l, i, net)));
  }
}

/// Both runs and what they gave.
struct outcome {
  compile_mode mode{};
  const activation_ranges& ranges;
  layer_table accumulated{};
  std::optional<layer_table> isolated{};
  std::optional<batch_norm_choice> choice{};
  std::vector<std::string> on_host{}, folded{};
};

/// Writes what --npy and --dumps want of each layer as the two runs get there.
class dump_writer {
 public:
  dump_writer(const options& o, const network& net) : net_(net) {
    const auto folder = [](const std::string& name, const char* part) {
      const auto path = std::filesystem::path(name) / part;
      if (!name.empty()) std::filesystem::create_directories(path);
      return name.empty() ? std::filesystem::path() : path;
    };
    float_npy_ = folder(o.npy_folder, "float");
    quantized_npy_ = folder(o.npy_folder, "quantized");
    caffe_ = folder(o.dump_folder, "caffe");
    mapper_quant_ = folder(o.dump_folder, "mapper_quant");
  }
  void write(const layer_comparison& c, const network_runner& reference, const network_runner& quantized) const {
    const layer& l = net_.layers[c.layer];
    if (!float_npy_.empty()) {
      write_npy_of(float_npy_, reference, l, c.output);
      write_npy_of(quantized_npy_, quantized, l, c.output);
    }
    if (!caffe_.empty()) {
      write_dump_of(caffe_, reference, l, c.output);
      write_dump_of(mapper_quant_, quantized, l, c.output);
      write_code_dumps_of(mapper_quant_, quantized, l.outputs[c.output]);
    }
  }

 private:
  const network& net_;
  std::filesystem::path float_npy_, quantized_npy_, caffe_, mapper_quant_;
};

/// `out.accumulated` and `out.isolated`.
void compare_layers(const options& o, const loaded_network& loaded, const precision_plan& plan,
                    const accumulator_policies& accumulator, const std::vector<tensor<float>>& inputs, outcome& out) {
  const network& net = loaded.net();
  const dump_writer dumps(o, net);
  network_runner reference(net, float_plan(net),
                           {.keep_all = o.isolated,
                            .threads = loaded.threads(),
                            .one_by_one = true,
                            .prepared_limit = loaded_network::prepared_limit});
  network_runner quantized(net, plan,
                           {.threads = loaded.threads(),
                            .policies = accumulator.policies,
                            .one_by_one = true,
                            .prepared_limit = loaded_network::prepared_limit});
  quantized.use(out.ranges);
  std::vector<layer_comparison> compared;
  compare_side_by_side(reference, quantized, loaded_network::views(inputs), [&](const layer_comparison& c) {
    compared.push_back(c);
    dumps.write(c, reference, quantized);
  });
  std::stable_sort(compared.begin(), compared.end(),
                   [](const layer_comparison& a, const layer_comparison& b) { return a.layer < b.layer; });
  out.accumulated = table_of(net, compared);
  if (o.isolated) out.isolated = table_of(net, compare_isolated(reference, quantized));
}

void print_as_json(const options& o, const loaded_network& loaded, const outcome& out) {
  json j = {{"network", loaded.net().name},
            {"picture", loaded.chosen_name()},
            {"mode", static_cast<int>(out.mode)},
            {"calibration", nnie_debug::as_json(out.ranges, o.calibration)},
            {"arithmetic", o.arithmetic.as_json()},
            {"batch_norm", to_string(loaded.batch_norm())},
            {"merge_batch_norm", nnie_debug::as_json(out.choice)},
            {"remarks", loaded.remarks()},
            {"on_host", out.on_host},
            {"folded", out.folded},
            {"accumulated", nnie_debug::as_json(out.accumulated)}};
  if (out.isolated) j["isolated"] = nnie_debug::as_json(*out.isolated);
  print_json(j);
}

void print_as_text(const options& o, const loaded_network& loaded, const outcome& out) {
  std::ostringstream text;
  text << "network '" << printable(loaded.net().name) << "', compile_mode " << static_cast<int>(out.mode)
       << "\nranges: " << printable(text_of(out.ranges, o.calibration)) << "\npicture "
       << printable(loaded.chosen_name()) << '\n';
  if (!out.folded.empty()) {
    text << out.folded.size() << " BatchNorm and Scale layers "
         << (loaded.batch_norm() == batch_norm_rule::merged ? "merged into the weights of" : "in the multipliers of")
         << " the layer before\n";
  }
  print_lines(text.str());
  print_remarks(o.arithmetic.remarks());
  print_remarks(loaded.remarks());
  for (const std::string& name : out.on_host) print_lines("on the CPU in float: " + printable(name) + '\n');
  print_lines("\nEvery layer, all before it quantized:\n");
  print_table(out.accumulated);
  if (out.isolated) {
    print_lines("\nEach layer by itself, fed with the float input:\n");
    print_table(*out.isolated);
  }
  if (const std::string advice = text_of(out.choice); !advice.empty()) print_lines('\n' + advice + '\n');
}

int run(const options& o) {
  loaded_network loaded(o.network, true, o.arithmetic.rules());
  require_output(o.csv, loaded.network_files());
  const network& net = loaded.net();
  const compile_mode mode = loaded.mode(o.mode);
  const accumulator_policies accumulator = o.arithmetic.policies();
  const precision_plan plan = accumulator.of(plan_of(net, mode));
  require_own_files(net, !o.npy_folder.empty(), !o.dump_folder.empty());
  const activation_ranges ranges = loaded.ranges(o.calibration, plan_of(net, mode));
  const auto inputs = loaded.chosen_inputs();
  outcome out{.mode = mode, .ranges = ranges};
  compare_layers(o, loaded, plan, accumulator, inputs, out);
  out.choice = loaded.choose(
      loaded_network::views(inputs), ranges, o.calibration, mode,
      [&](precision_plan p) { return accumulator.of(std::move(p)); }, accumulator.policies);
  for (const layer& l : net.layers) {
    if (l.on_cpu) out.on_host.push_back(l.name);
    out.folded.insert(out.folded.end(), l.merged.begin(), l.merged.end());
  }
  if (!o.csv.empty()) {
    output_file file(o.csv);
    out.accumulated.write_csv(file.stream());
    file.commit();
  }
  if (o.as_json) print_as_json(o, loaded, out);
  else print_as_text(o, loaded, out);
  for (const layer_row& row : out.accumulated.rows()) {
    if (o.fail_below >= -1 && !(row.result.cosine >= o.fail_below)) return below_threshold;
  }
  return passed;
}

}  // namespace run_command

void add_run(CLI::App& app, int& result) {
  using namespace run_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("run", "run a network in float and in a compile mode; compare every layer");
  o->network.add_to(*command, true);
  add_mode_to(*command, o->mode);
  add_calibration_to(*command, o->calibration);
  o->arithmetic.add_to(*command);
  command->add_flag("--isolated", o->isolated, "also compare each layer fed with the float input");
  command->add_option("--npy", o->npy_folder, "write every layer's outputs into FOLDER/float and FOLDER/quantized")
      ->check(not_empty());
  command
      ->add_option(
          "--dumps", o->dump_folder,
          "the same as the compiler's files: FOLDER/caffe, FOLDER/mapper_quant, there also the codes that layers "
          "read")
      ->check(not_empty());
  command->add_option("--csv", o->csv, "write the table to a file")->check(not_empty());
  command->add_option("--fail-below", o->fail_below, "exit with 1 if a layer's cosine is below")->check(between(-1, 1));
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Examples:\n"
      "  nnie-debug run --cfg feature_norm.cfg\n"
      "  nnie-debug run --cfg net.cfg --mode 1 --isolated --json > layers.json\n"
      "  nnie-debug run --prototxt net.prototxt --caffemodel net.caffemodel --picture cat.jpg --rgb-order RGB\n"
      "      --norm-type 5 --mean-file means.txt --data-scale 0.0078125 --fail-below 0.99\n"
      "  nnie-debug run --cfg net.cfg --calibration net_inst.wk # with the scales that the compiler chose");
  command->callback([o, &result] { result = run(*o); });
}

}  // namespace nnie_debug
