// gemmlowp as a peer, in a file of its own: it chooses its kernels by the compiler's flags.
#include <memory>
#include <tuple>

#include "peers.hpp"

#include <gemmlowp/public/gemmlowp.h>

namespace bench {

contestant gemmlowp_peer(const gemm_shape& s) {
  struct state {
    gemmlowp::GemmContext context;
    std::vector<std::uint8_t> a, w;
    std::vector<std::int32_t> y;
  };
  const auto st = std::make_shared<state>();
  st->context.set_max_num_threads(1);
  st->a.assign(s.m * s.k, 100);
  st->w.assign(s.k * s.n, 50);
  st->y.resize(s.m * s.n);
  return {"gemmlowp u8", [st, s] {
            using gemmlowp::MapOrder;
            const auto m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
            const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::RowMajor> a(st->a.data(), m, k);
            const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::ColMajor> w(st->w.data(), k, n);
            gemmlowp::MatrixMap<std::int32_t, MapOrder::ColMajor> y(st->y.data(), m, n);
            gemmlowp::GemmWithOutputPipeline<std::uint8_t, std::int32_t, gemmlowp::DefaultL8R8BitDepthParams>(
                &st->context, a, w, &y, -128, -128, std::make_tuple());
          }};
}

}  // namespace bench
