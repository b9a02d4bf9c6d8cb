// nnie-debug run: a network in float and in a compile mode, every layer compared.
#include <iostream>
#include <map>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/io/mapper_dump.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/network/compare_network.hpp>

#include "command.hpp"

namespace nnie_debug {

namespace run_command {

struct options {
  network_options network;
  std::string mode, calibration, npy_folder, dump_folder, csv;
  bool isolated = false, as_json = false;
  double fail_below = -2;
};

/// Every layer's output as .npy, of the float run in float/, of the other in quantized/.
void write_npy_folder(const std::filesystem::path& folder, const network_runner& runner) {
  std::filesystem::create_directories(folder);
  for (const layer& l : runner.net().layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      write_npy(folder / npy_dump_name(l.name, o), runner.value(l.outputs[o]));
    }
  }
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

/// The same as the compiler (mapper_quant) and its Caffe script name and write them.
void write_dump_folder(const std::filesystem::path& folder, const network_runner& runner) {
  std::filesystem::create_directories(folder);
  for (const layer& l : runner.net().layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const auto kind = runner.plan().is_float ? dump_kind::caffe_output : dump_kind::mapper_output;
      const auto path = folder / dump_file_name(dump_of(l, o, runner.net(), kind));
      runner.visit(l.outputs[o], [&]<class T>(tensor_view<const T> values) {
        if constexpr (std::same_as<T, float>) write_float_dump(path, values.span());
        else write_hex_dump(path, values.span());
      });
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
  }
}

int run(const options& o) {
  loaded_network loaded(o.network, true);
  require_output(o.csv, loaded.network_files());
  const network& net = loaded.net();
  const compile_mode mode = loaded.mode(o.mode);
  const precision_plan plan = plan_of(net, mode);
  require_own_files(net, !o.npy_folder.empty(), !o.dump_folder.empty());
  const activation_ranges ranges = loaded.ranges(o.calibration, plan);

  const auto inputs = loaded.chosen_inputs();
  network_runner reference(net, float_plan(net), {.keep_all = true, .threads = loaded.threads()});
  reference.run(loaded_network::views(inputs));
  network_runner quantized(net, plan, {.keep_all = true, .threads = loaded.threads()});
  quantized.use(ranges);
  quantized.run(loaded_network::views(inputs));
  const layer_table accumulated = table_of(net, compare_accumulated(reference, quantized));
  if (!o.npy_folder.empty()) {
    write_npy_folder(std::filesystem::path(o.npy_folder) / "float", reference);
    write_npy_folder(std::filesystem::path(o.npy_folder) / "quantized", quantized);
  }
  if (!o.dump_folder.empty()) {
    write_dump_folder(std::filesystem::path(o.dump_folder) / "caffe", reference);
    write_dump_folder(std::filesystem::path(o.dump_folder) / "mapper_quant", quantized);
  }
  std::optional<layer_table> isolated;
  if (o.isolated) isolated = table_of(net, compare_isolated(reference, quantized));

  std::vector<std::string> on_host, folded;
  for (const layer& l : net.layers) {
    if (l.on_cpu) on_host.push_back(l.name);
    folded.insert(folded.end(), l.merged.begin(), l.merged.end());
  }
  if (!o.csv.empty()) {
    output_file file(o.csv);
    accumulated.write_csv(file.stream());
    file.commit();
  }
  if (o.as_json) {
    const auto parsed = [](const layer_table& table) {
      std::ostringstream text;
      table.write_json(text);
      return json::parse(text.str());
    };
    json j = {{"network", net.name},
              {"picture", loaded.chosen_name()},
              {"mode", static_cast<int>(mode)},
              {"calibration_pictures", ranges.pictures},
              {"on_host", on_host},
              {"folded", folded},
              {"accumulated", parsed(accumulated)}};
    if (isolated) j["isolated"] = parsed(*isolated);
    print_json(j);
  } else {
    const std::string from = ranges.rule == range_rule::given
                                 ? "ranges given"
                                 : detail::concat("ranges from ", ranges.pictures, " picture(s)");
    std::cout << "network '" << printable(net.name) << "', compile_mode " << static_cast<int>(mode) << ", " << from
              << "\npicture " << printable(loaded.chosen_name()) << '\n';
    if (!folded.empty()) std::cout << folded.size() << " BatchNorm and Scale layers folded into the layer before\n";
    for (const std::string& name : on_host) std::cout << "on the CPU in float: " << printable(name) << '\n';
    for (const cfg_entry& e : loaded.cfg().irrelevant) {
      std::cout << printable(loaded.cfg().file) << ':' << e.line << ": [" << printable(e.key)
                << "] changes no result here\n";
    }
    std::cout << "\nEvery layer, all before it quantized:\n";
    accumulated.print(std::cout);
    if (isolated) {
      std::cout << "\nEach layer by itself, fed with the float input:\n";
      isolated->print(std::cout);
    }
  }
  for (const layer_row& row : accumulated.rows()) {
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
  command->add_option("--mode", o->mode, "compile_mode: 0 all 8 bits, 1 all 16, 2 layers named _hp 16; else the cfg's")
      ->check(CLI::IsMember({"0", "1", "2"}));
  command
      ->add_option("--calibration", o->calibration,
                   "ranges from `calibrate`, or of a compiled model (.wk); else derived from the cfg's lists")
      ->check(CLI::ExistingFile);
  command->add_flag("--isolated", o->isolated, "also compare each layer fed with the float input");
  command->add_option("--npy", o->npy_folder, "write every layer's outputs into FOLDER/float and FOLDER/quantized")
      ->check(not_empty());
  command->add_option("--dumps", o->dump_folder, "the same as the compiler's files: FOLDER/caffe, FOLDER/mapper_quant")
      ->check(not_empty());
  command->add_option("--csv", o->csv, "write the table to a file")->check(not_empty());
  command->add_option("--fail-below", o->fail_below, "exit with 1 if a layer's cosine is below")->check(between(-1, 1));
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Examples:\n"
      "  nnie-debug run --cfg feature_norm.cfg\n"
      "  nnie-debug run --cfg net.cfg --mode 1 --isolated --json > layers.json\n"
      "  nnie-debug run --prototxt net.prototxt --caffemodel net.caffemodel --picture cat.jpg --rgb-order RGB\n"
      "      --norm-type 5 --mean-file means.txt --data-scale 0.0078125 --fail-below 0.99");
  command->callback([o, &result] { result = run(*o); });
}

}  // namespace nnie_debug
