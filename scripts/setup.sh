#!/usr/bin/env bash
# Everything that fewview needs on a bare Debian or Ubuntu: system libraries for Qt and a virtual display (where we
# are root and they are missing), a virtual environment, torch by itself, then the project with its extras.
# Quick the second time: nothing happens unless pyproject.toml changed.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
python=${PYTHON:-python3}
stamp=$venv/.installed
packages="xvfb xauth libgl1 libgl1-mesa-dri libegl1 libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 libxcb-icccm4
 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1"

install_system_packages() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 0
  local missing=""
  for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
  done
  "$python" -c "import ensurepip" 2>/dev/null || missing="$missing python3-venv"
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "Not root, so these system packages stay missing (the viewer may not open):$missing" >&2
    return 0
  fi
  echo "Installing system packages:$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 - a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# What pip downloads and installs, a line each, so that one sees that it goes on; all of it where it fails.
step() {
  local title=$1 log
  shift
  log=$(mktemp)
  echo "Step $title"
  if ! $venv/bin/pip install --disable-pip-version-check --no-color --progress-bar off "$@" 2>&1 | tee "$log" |
    { grep --line-buffered -oE "^ *(Downloading|Using cached|Building|Installing|Successfully|ERROR).{0,85}" || true; }
  then
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
}

install_project() {
  local wanted
  wanted=$(cat pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "fewview needs Python 3.11 or newer; set PYTHON=python3.11 (or newer) and try again." >&2; exit 1; }
  [ -x $venv/bin/python ] || "$python" -m venv $venv
  echo "Installing fewview into $venv: two steps, a few minutes, once"
  # torch first and by itself: the newest build that the project's own requirement would take brings several GB of CUDA.
  step "1 of 2: torch" torch==2.13.0
  step "2 of 2: fewview, the viewer and the tools" --editable ".[all,astra,test,docs]"
  echo "$wanted" > "$stamp"
}

install_system_packages
install_project
