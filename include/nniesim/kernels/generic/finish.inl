// Storing finished tiles: bias, output format, and the transposition that convolution needs, over the vocabularies f32
// and I of the including instruction set.

template <class Sum, class Code>
inline void finish_tile(const finish_job<Sum, Code>& job) {
  constexpr std::size_t lanes = f32::lanes;
  for (std::size_t j = 0; j < job.columns; j += lanes) {
    const std::size_t columns = std::min(lanes, job.columns - j);
    float bias_lane[lanes] = {};
    std::copy_n(job.bias + j, columns, bias_lane);
    const auto bias = f32::load(bias_lane);
    Code* out = job.out + static_cast<std::ptrdiff_t>(j) * job.column_step;
    for (std::size_t i = 0; i < job.rows; ++i) {
      Code lane[lanes];
      if constexpr (std::same_as<Sum, float>) {
        float total[lanes];
        f32::store(total, f32::add(f32::load(job.sum + i * job.sum_columns + j), bias));
        if constexpr (std::same_as<Code, float>) std::copy_n(total, lanes, lane);
        else I::store(lane, I::q20_12_of_float(I::load(total)));
      } else {
        for (std::size_t c = 0; c < columns; ++c) {
          const Sum sum = job.sum[i * job.sum_columns + j + c] - job.correction[j + c];
          lane[c] = Code::from(std::fma(static_cast<double>(sum), job.scale, static_cast<double>(job.bias[j + c])));
        }
      }
      Code* row = out + static_cast<std::ptrdiff_t>(i) * job.row_step;
      for (std::size_t c = 0; c < columns; ++c) row[static_cast<std::ptrdiff_t>(c) * job.column_step] = lane[c];
    }
  }
}

template <class Code>
inline void finish_channel(const float* sum, std::size_t n, float bias, Code* out) {
  const auto b = f32::set(bias);
  for (std::size_t i = 0; i < n; i += f32::lanes) {
    float total[f32::lanes];
    f32::store(total, f32::add(f32::load(sum + i), b));
    Code lane[f32::lanes];
    if constexpr (std::same_as<Code, float>) std::copy_n(total, f32::lanes, lane);
    else I::store(lane, I::q20_12_of_float(I::load(total)));
    std::copy_n(lane, std::min(f32::lanes, n - i), out + i);
  }
}
