// nnie-debug quantize: a .npy through one of the vendor's formats.
#include <nniesim/io/output_file.hpp>
#include <nniesim/metrics/format_error.hpp>

#include "command.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace quantize_command {

struct options {
  std::string input, values, codes;
  int bits = 8;
  std::optional<int> z;
  bool as_json = false;
};

template <class Format>
int quantize(const options& o) {
  for (const std::string& file : {o.values, o.codes}) require_output(file, {o.input});
  detail::require<error>(o.values.empty() || o.values != o.codes, "--values and --codes name the same file");
  const tensor<float> x = read_npy<float>(o.input);
  detail::require<error>(x.size() != 0, o.input, ": got no elements, expected some");
  const std::span<const float> in = view_of(x).span();
  for (std::size_t i = 0; i < in.size(); ++i) {
    detail::require<format_error>(std::isfinite(in[i]), o.input, ": ", in[i], " at ", coordinates(shape_of(x), i),
                                  ", expected finite numbers");
  }
  const auto scale = o.z ? typename Format::scale(*o.z) : scale_of<Format>(in);
  auto codes = make_tensor<typename Format::code>(shape_of(x));
  auto values = make_tensor<float>(shape_of(x));
  encode<Format>(in, view_of(codes).span(), scale);
  decode<Format>(std::span<const typename Format::code>(codes.data(), codes.size()), view_of(values).span(), scale);
  output_set files;
  if (!o.values.empty()) write_npy(files.add(o.values), values);
  if (!o.codes.empty()) write_npy(files.add(o.codes), codes);
  files.commit();
  const comparison c = compare(x, values);
  if (o.as_json) {
    print_json({{"format", std::string(Format::name)},
                {"z", scale.z()},
                {"z_source", o.z ? "given" : "derived"},
                {"elements", x.size()},
                {"cosine", c.cosine},
                {"norm_error", c.norm_error},
                {"relative_l2_error", c.relative_l2_error},
                {"snr_db", c.snr_db},
                {"max_abs", c.max_abs}});
  } else {
    print_lines(detail::message(Format::name, ", z = ", scale.z(), o.z ? " (given)" : " (derived)", ", ", x.size(),
                                " elements of shape ", shape_of(x), "\ncosine ", c.cosine, ", relative L2 error ",
                                c.relative_l2_error, ", signal to noise ", c.snr_db, " dB, largest error ", c.max_abs,
                                '\n'));
  }
  return passed;
}

}  // namespace quantize_command

void add_quantize(CLI::App& app, int& result) {
  using namespace quantize_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("quantize", "put a .npy of float32 through gfpq8 or gfpq16");
  command->add_option("input", o->input, ".npy of float32")->required()->check(CLI::ExistingFile);
  command->add_option("--bits", o->bits, "width")->check(CLI::IsMember({8, 16}))->capture_default_str();
  command->add_option("--z", o->z, "scale; else derived from the data, as the vendor's library does");
  command->add_option("--values", o->values, ".npy to write: float32, encoded and decoded")->check(not_empty());
  command->add_option("--codes", o->codes, ".npy to write: the codes, uint8 or uint16")->check(not_empty());
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer("Example:\n  nnie-debug quantize weights.npy --bits 8 --values back.npy --codes codes.npy");
  command->callback([o, &result] { result = o->bits == 8 ? quantize<gfpq8>(*o) : quantize<gfpq16>(*o); });
}

}  // namespace nnie_debug
