// What is written and read for machines is the same in every locale of C and C++.
#include <nniesim/debug/evaluation_file.hpp>
#include <nniesim/debug/norm_constants.hpp>
#include <nniesim/io/compiler_cfg.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/mapper_dump.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/io/prototxt.hpp>
#include <nniesim/io/tar.hpp>
#include <nniesim/metrics/table.hpp>

#include <cstdio>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/decimal_comma.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace locale_test {

namespace {

std::string table_text() {
  layer_table table({.cosine = 0.9975});
  const tensor<float> r = {1000.5F, 2000.25F, 3.125F};
  table.add("conv1", compare(r, tensor<float>{1001.5F, 2000.75F, 3.0F}), 1.5);
  table.add("conv2", compare(r, r));
  table.add("nan", compare(r, tensor<float>{1.0F, 2.0F, std::numeric_limits<float>::quiet_NaN()}));
  std::ostringstream out;
  table.print(out);
  table.write_csv(out);
  table.write_json(out);
  return out.str();
}

/// All files of the kinds that are written without a network, one after the other.
std::string written() {
  const scratch_folder folder;
  std::string all;
  const auto take = [&](const std::filesystem::path& path) {
    all += detail::read_whole_file(path, 1U << 20U, "a file") + "\n--\n";
  };
  tensor<float> values = make_tensor<float>({2, 1500});
  for (std::size_t i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(i) / 7 - 100;
  write_npy(folder / "a.npy", values);
  take(folder / "a.npy");
  write_float_dump(folder / "a.float", std::span<const float>(values.data(), values.size()));
  take(folder / "a.float");
  const std::vector<std::int32_t> words = {0, 1, -4096, 123456789};
  write_hex_dump(folder / "a.hex", std::span<const std::int32_t>(words));
  take(folder / "a.hex");
  detail::evaluation_file(folder / "state", "abc").append({0.99951171875, {1, 1000, 2000}});
  take(folder / "state");
  write_tar(folder / "a.tar", std::vector<tar_file>{{"x/" + std::string(1300, 'n'), std::string(5000, 'c'), true}});
  take(folder / "a.tar");
  all += dump_file_name({dump_kind::mapper_output, "conv", 0, 0, 1000, {1024, 2048, 1}});
  const std::vector<norm_constant> constants = {{"p", 1234.5F}};
  all += prototxt_with_constants("layer { name: 'p' power_param { power: 0.5 shift: 0.001 } }", constants);
  all += detail::message(tensor_shape({1000, 20000}), 1234.5);
  std::ostringstream out;  // as a program's own
  out << tensor_shape({1000, 20000}) << ' ' << prototxt_position{nullptr, 1000, 2000};
  return all + out.str() + table_text();
}

std::vector<double> read() {
  std::vector<double> all;
  const auto net = parse_prototxt("a: 0.5 a: 1234.5 a: 1e-3 a: .25f b: 10000", "net");
  for (const prototxt_field& f : net.fields()) all.push_back(static_cast<double>(f.real()));
  const auto cfg = parse_compiler_cfg(
      "[prototxt_file] a\n[caffemodel_file] b\n[net_type] 0\n[image_list] c\n[image_type] 1\n[mean_file] null\n"
      "[norm_type] 3\n[data_scale] 0.0078125\n[RGB_order] BGR\n",
      "net.cfg");
  all.push_back(static_cast<double>(cfg.inputs.at(0).data_scale));
  const scratch_folder folder;
  detail::write_whole_file(folder / "a.float", "1.5\n-2.25e+01 1000.125\n");
  for (const float v : read_dump(folder / "a.float", dump_text::decimal, {3})) all.push_back(static_cast<double>(v));
  detail::write_whole_file(folder / "state", "nniesim precision search 1\nproblem abc\n0.9995 1 1000\n");
  const detail::evaluation_file state(folder / "state", "abc");
  all.push_back(state.entries().at(0).score);
  all.push_back(static_cast<double>(state.entries().at(0).layers.at(1)));
  return all;
}

}  // namespace

TEST_CASE("no locale changes what is written or read", "[debug]") {
  const std::string expected = written();
  const std::vector<double> numbers = read();
  std::string in_comma;
  std::vector<double> numbers_in_comma;
  bool has_c = false;
  char c_number[16] = "";
  {
    const decimal_comma locale;
    has_c = locale.has_c_locale();
    std::snprintf(c_number, sizeof c_number, "%.1f", 1.5);
    in_comma = written();
    numbers_in_comma = read();
  }
  CHECK(in_comma == expected);
  CHECK(numbers_in_comma == numbers);
  if (has_c) CHECK(std::string(c_number) == "1,5");
  else std::clog << "locale test: no German locale of C here, only C++'s was set\n";
}

}  // namespace locale_test
