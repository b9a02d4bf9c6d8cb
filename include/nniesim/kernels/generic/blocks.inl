// Arrays of 32-bit words in registers' lengths, over vocabularies W of such words.

/// The first n words at p; n is at most W::lanes.
template <class W>
inline typename W::reg load_words(const void* p, std::size_t n) {
  return n == W::lanes ? W::load(p) : W::load(p, n);
}

template <class W>
inline void store_words(void* p, typename W::reg x, std::size_t n) {
  if (n == W::lanes) W::store(p, x);
  else W::store(p, x, n);
}

/// Calls f(i, count) for every block of `Lanes` elements, the count being a constant, and for the rest.
template <std::size_t Lanes, class F>
inline void blocks(std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + Lanes <= n; i += Lanes) f(i, std::integral_constant<std::size_t, Lanes>{});
  if (i < n) f(i, n - i);
}
