// Any bytes as a compiler's cfg: inputs within their ranges, or a parse_error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nniesim/io/compiler_cfg.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto cfg = nniesim::parse_compiler_cfg({reinterpret_cast<const char*>(data), size}, "x.cfg");
    if (cfg.inputs.empty()) std::abort();
    for (const nniesim::cfg_input& input : cfg.inputs) {
      if (!(input.data_scale > 1.0F / 4096.0F) || input.image_list.text.empty()) std::abort();
      const bool has_mean = nniesim::uses_mean_image(input.norm_type) || nniesim::uses_channel_means(input.norm_type);
      if (has_mean != input.mean_file.has_value()) std::abort();
    }
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
