// Arrays of 32-bit words in registers' lengths, over vocabularies W of such words, and layer values in them.

/// The first n words at p; n is at most W::lanes.
template <class W>
inline typename W::reg load_words(const void* p, std::size_t n) {
  return n == W::lanes ? W::load(p) : W::load_first(p, n);
}

template <class W>
inline void store_words(void* p, typename W::reg x, std::size_t n) {
  if (n == W::lanes) W::store(p, x);
  else W::store_first(p, x, n);
}

/// Calls f(i, count) for every block of `Lanes` elements, the count being a constant, and for the rest.
template <std::size_t Lanes, class F>
inline void blocks(std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + Lanes <= n; i += Lanes) f(i, std::integral_constant<std::size_t, Lanes>{});
  if (i < n) f(i, n - i);
}

/// A full register of words, as layer values of type T.
struct full : i32 {
  static reg zero() { return set(0); }
  template <class T>
  static reg lowest() {
    if constexpr (std::same_as<T, q20_12>) return set(std::numeric_limits<std::int32_t>::min());
    else return of_float(f32::set(-std::numeric_limits<float>::infinity()));
  }
  /// a > b ? a : b.
  template <class T>
  static reg larger(reg a, reg b) {
    if constexpr (std::same_as<T, q20_12>) return max(a, b);
    else return of_float(f32::larger(to_float(a), to_float(b)));
  }
  /// The layer value of a + b. A sum of two floats rounded to float64 first is the same float.
  template <class T>
  static reg add(reg a, reg b) {
    if constexpr (std::same_as<T, q20_12>) return saturated_add(a, b);
    else return of_float(f32::add(to_float(a), to_float(b)));
  }
  static bool any_nan(reg a, reg b) { return f32::any_nan(to_float(a), to_float(b)); }
  /// A slope that leaky() takes: a float, or a q20_12 above -1, at most 1.
  template <class T>
  static reg slope(double x) {
    if constexpr (std::same_as<T, q20_12>) return set(static_cast<std::int32_t>(x * 4096.0));
    else return of_float(f32::set(static_cast<float>(x)));
  }
  /// a where it is positive, else a * slope: a product of floats rounded to float64 first is the same float.
  template <class T>
  static reg leaky(reg a, reg slope) {
    if constexpr (std::same_as<T, q20_12>) {
      return max(a, i32::template mul_shifted<12>(a, slope));
    } else {
      const f32::reg x = to_float(a);
      return of_float(f32::where_positive(x, x, f32::mul(x, to_float(slope))));
    }
  }
};
