// Any names and numbers in what is written as JSON and CSV: another reader gets them back, bytes that are no UTF-8 as
// U+FFFD, NaN and infinities as null; calibrations give every name back as it was.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include <nniesim/io/calibration_file.hpp>
#include <nniesim/metrics/table.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_json(const nniesim::layer_table& table) {
  std::ostringstream text;
  table.write_json(text);
  const auto json = nlohmann::json::parse(text.str());
  require(json.at("layers").size() == table.rows().size());
  for (std::size_t i = 0; i < table.rows().size(); ++i) {
    const nniesim::layer_row& row = table.rows()[i];
    const auto& layer = json.at("layers").at(i);
    require(layer.at("layer").get<std::string>() == nniesim::detail::valid_utf8(row.name));
    const double v = row.result.norm_error;
    require(std::isfinite(v) ? layer.at("norm_error").get<double>() == v : layer.at("norm_error").is_null());
  }
}

/// The first cells of a CSV file's lines, as RFC 4180 has them.
std::vector<std::string> first_cells(std::string_view csv) {
  std::vector<std::string> cells;
  while (!csv.empty()) {
    std::string& cell = cells.emplace_back();
    if (csv[0] == '"') {
      for (csv.remove_prefix(1); csv.at(0) != '"' || csv.starts_with("\"\""); csv.remove_prefix(1)) {
        if (csv[0] == '"') csv.remove_prefix(1);
        cell += csv[0];
      }
      csv.remove_prefix(1);
      require(csv.at(0) == ',');
    } else {
      cell = csv.substr(0, csv.find(','));
      require(cell.find_first_of("\"\r\n") == std::string::npos);
      csv.remove_prefix(cell.size());
    }
    csv.remove_prefix(csv.find('\n') + 1);
  }
  return cells;
}

void check_csv(const nniesim::layer_table& table) {
  std::ostringstream text;
  table.write_csv(text);
  require(nniesim::detail::is_utf8(text.str()));
  const std::vector<std::string> cells = first_cells(text.str());
  require(cells.size() == table.rows().size() + 1);
  for (std::size_t i = 0; i < table.rows().size(); ++i) {
    std::string name = nniesim::detail::valid_utf8(table.rows()[i].name);
    for (std::size_t at = 0; (at = name.find('\0', at)) != std::string::npos;) name.replace(at, 1, "\xef\xbf\xbd");
    const std::string& cell = cells[i + 1];
    const bool is_formula = !name.empty() && std::string_view("=+-@\t\r").find(name[0]) != std::string_view::npos;
    require(cell == (is_formula ? "'" : "") + name);
  }
}

void check_text(const nniesim::layer_table& table) {
  std::ostringstream text;
  table.print(text);
  require(nniesim::detail::is_utf8(text.str()));
  for (const char c : text.str()) require(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  nniesim::layer_table table;
  nniesim::activation_ranges ranges;
  while (input.remaining_bytes() != 0 && table.rows().size() < 20) {
    nniesim::comparison c;
    for (double* v : {&c.norm_error, &c.cosine, &c.l2_other, &c.max_abs}) {
      *v = std::bit_cast<double>(input.ConsumeIntegral<std::uint64_t>());
    }
    const std::string name = input.ConsumeRandomLengthString(200);
    nniesim::activation_range& range = ranges.blobs[name];
    if (input.ConsumeBool()) range.in_8bit = nniesim::gfpq8::scale(input.ConsumeIntegralInRange(-400, 400));
    if (input.ConsumeBool()) range.in_16bit = nniesim::gfpq16::scale(input.ConsumeIntegralInRange(-3000, 3000));
    range.add(std::fabs(input.ConsumeFloatingPoint<float>()));
    table.add(name, c, input.ConsumeBool() ? std::optional<double>(c.max_abs) : std::nullopt);
  }
  check_json(table);
  check_csv(table);
  check_text(table);
  require(nniesim::parse_calibration(nniesim::calibration_text(ranges), "again") == ranges);
  return 0;
}
