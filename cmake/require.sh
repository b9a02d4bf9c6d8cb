# Sourced by the run scripts: `require package ...` installs what is missing with apt, or says what to install.
require() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    if command -v cmake >/dev/null && command -v ninja >/dev/null && command -v c++ >/dev/null; then
      return 0  # not Debian, but equipped: let CMake say what it misses
    fi
    echo "This system has no apt. Install the equivalents of these Debian packages, then start again:" >&2
    printf '  %s\n' "$@" >&2
    return 1
  fi
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Install these as root, then start again: ${missing[*]}" >&2; return 1; }
    root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${root[@]}" apt-get update -qq &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
      >/dev/null
}
