#!/bin/sh
# Sets up OpenCLaw Desktop in this checkout, then starts it or tests it. Run it as often as you like: what is done is kept.
#   sh installers/linux/setup.sh run [--small] [--no-start]    --small: only the small model; --no-start: set up and stop
#   sh installers/linux/setup.sh test [PYTEST ARGUMENTS]
# On Debian it installs the packages it needs when it is root; otherwise it names the missing ones and stops.
set -eu

usage="usage: sh installers/linux/setup.sh run [--small] [--no-start]
       sh installers/linux/setup.sh test [PYTEST ARGUMENTS]"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=${here%/*/*}
constraints=$root/installers/constraints.txt
venv=$root/.venv
python=$venv/bin/python

# What the program needs: Python, a compiler for llama-cpp-python, and the libraries that Qt's own wheel links to.
base_packages="ca-certificates python3 python3-venv g++
    libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libx11-6 libx11-xcb1 libxkbcommon0 libxkbcommon-x11-0
    libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-render0
    libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1
    libwayland-client0 libwayland-cursor0 libwayland-egl1 fonts-dejavu-core"
# wordllama has ready wheels for Intel and AMD alone; elsewhere pip compiles it.
[ "$(uname -m)" = x86_64 ] || base_packages="$base_packages python3-dev"
# What the desktop tests need on top: a virtual screen with a window manager, a session bus, a keyring, notices, two
# kinds of tray, and a mail server.
test_packages="git procps util-linux systemd libglib2.0-bin
    xvfb xauth openbox dbus dbus-x11 gnome-keyring xfce4-panel dunst trayer xdotool wmctrl x11-utils xprintidle imagemagick
    hicolor-icon-theme adwaita-icon-theme librsvg2-common desktop-file-utils dovecot-imapd"

# --- talking to the user ------------------------------------------------------------------------------------------

bold='' plain='' live=''
if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then
    live=yes
    [ -n "${NO_COLOR:-}" ] || { bold=$(printf '\033[1m') plain=$(printf '\033[0m'); }
fi
step=0 steps=5 log='' child='' scratch=''

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

announce() {
    step=$((step + 1))
    say "${bold}[$step/$steps]${plain} $*"
}

clean_up() {
    if [ -n "$child" ]; then
        kill -s TERM -- "-$child" 2>/dev/null || kill -s TERM "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
        child=''
    fi
    [ -z "$scratch" ] || rm -rf "$scratch"
    scratch=''
}

interrupted() {
    trap '' HUP INT TERM
    clean_up
    [ -z "$log" ] || rm -f "$log"
    [ -z "$live" ] || say ''
    say "Stopped. What was finished is kept: run the same command again to go on."
    exit 130
}

trap clean_up EXIT
trap interrupted HUP INT TERM

minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# The last "[done/all]" that ninja wrote to the log, as two words.
ninja_count() { grep -o '\[[0-9][0-9]*/[0-9][0-9]*\]' "$log" 2>/dev/null | tail -n 1 | tr -d '[]' | tr '/' ' '; }

# Shows how the running child gets on, until it ends.
watch() {
    began=$(date +%s) told=0
    while kill -0 "$child" 2>/dev/null; do
        sleep 1
        count=$(ninja_count) percent=''
        [ -z "$count" ] || percent=$((${count% *} * 100 / ${count#* }))
        if [ -n "$live" ]; then
            printf '\r      %s%s\033[K' "${percent:+$percent %, }" "$(minutes $(($(date +%s) - began)))" >&2
        elif [ -n "$percent" ] && [ "$percent" -ge $((told + 10)) ]; then
            told=$((percent / 10 * 10))
            say "      $told %"
        fi
    done
    [ -z "$live" ] || printf '\r\033[K' >&2
}

# What to do about a failure that the log explains.
advice() {
    if grep -q -i -e 'no space left' "$log"; then
        echo "The disk is full: make room (about 4 GB are needed), then run the same command again."
    elif grep -q -e 'Killed signal terminated program' -e 'Cannot allocate memory' "$log"; then
        echo "The memory ran out: close some programs, then run the same command again."
    elif grep -q -i -e 'name resolution' -e 'Could not resolve' -e 'Retrying (Retry' -e 'Connection ' -e 'unreachable' \
        -e 'timed out' -e 'Failed to fetch' -e 'ProxyError' -e 'SSLError' "$log"; then
        echo "The network did not answer: check the connection (and HTTPS_PROXY, if you need one), then run the same command" \
            "again. What was finished is kept."
    else
        echo "Run the same command again, and if it fails again report it with that log."
    fi
}

# work TITLE COMMAND...: runs it quietly in a process group of its own, so that an interruption ends all of it.
work() {
    title=$1
    shift
    [ -n "$log" ] || log=$(mktemp "${TMPDIR:-/tmp}/openclaw-setup.XXXXXX")
    : >"$log"
    setsid env LC_ALL=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_USER=0 \
        "$@" </dev/null >"$log" 2>&1 &
    child=$!
    watch
    status=0
    wait "$child" || status=$?
    child=''
    [ "$status" -ne 0 ] || return 0
    say "$title failed (status $status). The last lines of $log:"
    tail -n 20 "$log" | cut -c 1-400 | sed 's/^/    /' >&2
    die "$(advice)"
}

# --- 1. Debian packages -------------------------------------------------------------------------------------------

# Those of "$@" that no installed package is called or provides (on newer releases libglib2.0-0 is provided by another).
missing_packages() {
    dpkg-query -W -f='${db:Status-Status}\t${Package}, ${Provides}\n' |
        awk -F '\t' -v wanted="$*" '
            $1 == "installed" { n = split($2, names, /,[ ]*/); for (i = 1; i <= n; i++) { sub(/ .*/, "", names[i]); have[names[i]] } }
            END { n = split(wanted, names, /[ \n]+/); for (i = 1; i <= n; i++) if (names[i] != "" && !(names[i] in have)) print names[i] }'
}

apt_install() {
    # An installation that was cut short has to be finished first.
    # shellcheck disable=SC2016
    work "Installing Debian packages" env DEBIAN_FRONTEND=noninteractive sh -c '
        dpkg --configure -a &&
        apt-get update &&
        apt-get install --yes --no-install-recommends "$@"' sh "$@"
}

debian_packages() {
    # shellcheck disable=SC2046,SC2086  # lists of words
    set -- $(missing_packages $1)
    if [ $# -eq 0 ]; then
        announce "Debian packages: all there"
    elif [ "$(id -u)" -eq 0 ]; then
        announce "Installing $# Debian packages…"
        apt_install "$@"
    else
        say "These Debian packages are missing. Install them with this line, then run the same command again (it needs no root then):"
        echo "sudo apt-get install --no-install-recommends $*"
        exit 1
    fi
    system_python=/usr/bin/python3
}

# Another Linux: nothing is installed for the user, only looked for.
foreign_system() {
    say "This is not Debian or one of its family: what is needed can't be installed for you, only looked for."
    system_python=''
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        path=$(command -v "$name") || continue
        if "$path" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            system_python=$path
            break
        fi
    done
    if [ -z "$system_python" ] || ! { command -v c++ || command -v g++ || command -v clang++; } >/dev/null; then
        die "Install Python 3.11 or newer with venv, and a C++ compiler, then run the same command again;" \
            "or use the pip or uv lines in README.md."
    fi
    announce "Using $system_python and the compiler found here"
}

# --- 2. The virtual environment -----------------------------------------------------------------------------------

make_venv() {
    version=$("$system_python" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))') ||
        die "$system_python is Python $version: OpenCLaw Desktop needs 3.11 or newer. Use the pip or uv lines in README.md."
    if [ "$(cat "$venv/made-for" 2>/dev/null)" = "$root $version" ] &&
        "$python" -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null; then
        announce "Virtual environment: ready"
        return
    fi
    announce "Making the virtual environment .venv (Python $version)…"
    work "Making .venv" "$system_python" -m venv --clear "$venv"
    # Debian's pip is too old for dependency groups and pinned build tools.
    work "Updating pip in .venv" "$python" -m pip install --upgrade --constraint "$constraints" pip
    echo "$root $version" >"$venv/made-for"
}

# --- 3. llama-cpp-python, built once ------------------------------------------------------------------------------

# Not for the very CPU at hand: llama.cpp then uses Intel's AMX where it is found, and crashes at the first token. AVX2
# and its family are named one by one, as far as this CPU has them.
cmake_flags() {
    flags="-DLLAVA_BUILD=OFF"
    if [ "$(uname -m)" = x86_64 ]; then
        flags="$flags -DGGML_NATIVE=OFF"
        for pair in sse4_2:SSE42 avx:AVX avx2:AVX2 bmi2:BMI2 fma:FMA f16c:F16C; do
            if grep -q -w -m 1 "${pair%:*}" /proc/cpuinfo; then
                flags="$flags -DGGML_${pair#*:}=ON"
            else
                flags="$flags -DGGML_${pair#*:}=OFF"
            fi
        done
        case $flags in *AVX2=OFF*)
            say "      This CPU lacks AVX2: the model will run, at a fraction of the usual speed." ;;
        esac
    fi
}

wheel_folder() {
    cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
    wheels=$cache/openclaw-desktop/wheels
    if [ -z "$cache" ] || ! mkdir -p "$wheels" 2>/dev/null || [ ! -w "$wheels" ]; then
        wheels=$venv/wheels
        mkdir -p "$wheels"
    fi
}

# Compiling takes up to a gigabyte a process.
parallel_jobs() {
    awk -v cpus="$(getconf _NPROCESSORS_ONLN)" '/^MemAvailable:/ { fit = int($2 / 1048576) }
        END { jobs = cpus + 1; if (fit < jobs) jobs = fit; print jobs < 1 ? 1 : jobs }' /proc/meminfo
}

llama_wheel() {
    llama=$(grep '^llama-cpp-python==' "$constraints")
    cmake_flags
    wheel_folder
    wheel_key="$(echo "$llama" | tr -s = -)-py$version-$(uname -m)-$(echo "$flags" | cat - "$here/llama.cmake" | sha256sum | cut -c 1-8)"
    if ls "$wheels/$wheel_key"/llama_cpp_python-*.whl >/dev/null 2>&1; then
        announce "llama-cpp-python: built"
        return
    fi
    announce "Building llama-cpp-python (three to five minutes, once)…"
    for left in "$wheels"/build-*; do # what a killed run left behind
        [ ! -d "$left" ] || kill -0 "${left##*-}" 2>/dev/null || rm -rf "$left"
    done
    scratch=$wheels/build-$$
    mkdir -p "$scratch/tmp" "$scratch/out"
    # A set SOURCE_DATE_EPOCH would switch the vector instructions off.
    work "Building llama-cpp-python" env -u SOURCE_DATE_EPOCH TMPDIR="$scratch/tmp" \
        CMAKE_ARGS="$flags '-DCMAKE_PROJECT_llama_cpp_INCLUDE=$here/llama.cmake'" \
        CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(parallel_jobs)}" \
        "$python" -m pip wheel --verbose --no-cache-dir --no-deps --no-binary llama-cpp-python \
        --build-constraint "$constraints" --wheel-dir "$scratch/out" "$llama"
    echo "$flags" >"$scratch/out/CMAKE_ARGS"
    [ -d "$wheels/$wheel_key" ] || mv "$scratch/out" "$wheels/$wheel_key"
    rm -rf "$scratch"
    scratch=''
}

# --- 4. The project and its libraries -----------------------------------------------------------------------------

pip_install() {
    # shellcheck disable=SC2016
    work "Installing the Python packages" sh -c 'cd "$0" && exec "$@"' "$root" \
        "$python" -m pip install --constraint "$constraints" --build-constraint "$constraints" "$@"
}

python_packages() {
    wanted=$(cat "$root/pyproject.toml" "$constraints" | sha256sum | cut -c 1-64)
    if [ "$(cat "$venv/llama-wheel" 2>/dev/null)" = "$wheel_key" ] &&
        [ "$(cat "$venv/installed-$1" 2>/dev/null)" = "$wanted" ]; then
        announce "Python packages: up to date"
        return
    fi
    announce "Installing OpenCLaw Desktop and its libraries…"
    rm -f "$venv/installed-run" "$venv/installed-test"
    if [ "$(cat "$venv/llama-wheel" 2>/dev/null)" != "$wheel_key" ]; then
        rm -f "$venv/llama-wheel"
        pip_install --no-deps --force-reinstall "$wheels/$wheel_key"/llama_cpp_python-*.whl
        echo "$wheel_key" >"$venv/llama-wheel"
    fi
    if [ "$1" = test ]; then
        pip_install --editable '.[desktop]' --group dev
        # Without what it wants for asking models; what its tasks need is in the group "agentdojo".
        pip_install --no-deps agentdojo==0.1.35
    else
        pip_install --editable '.[desktop]'
    fi
    work "Checking the libraries" "$python" -c 'import llama_cpp, PySide6.QtWidgets, PySide6.QtDBus'
    [ "$1" = run ] || echo "$wanted" >"$venv/installed-test"
    echo "$wanted" >"$venv/installed-run"
}

# --- 5. Models ----------------------------------------------------------------------------------------------------

pull() { "$venv/bin/openclaw-agent" model pull "$1" </dev/null >&2; }

models() {
    announce "Models"
    pull smollm2-135m ||
        die "The small model could not be fetched. Check the connection, then run the same command again: what was fetched is kept."
    [ "$1" != small ] || return 0
    pull all-minilm-l6-v2-int8 || {
        [ "$1" != both ] || die "The tests need this model: check the connection, then run the same command again."
        say "The model for finding memories by meaning could not be fetched. Going on without it: memory is searched by words" \
            "and simpler vectors; run the same command again to fetch it."
    }
    pull qwen2.5-coder-1.5b || {
        [ "$1" != both ] || die "The tests need this model: check the connection, then run the same command again."
        say "The larger model could not be fetched. Going on with the small one, which can chat and remember but not use tools;" \
            "run the same command again to fetch it."
    }
}

# --- the two commands ---------------------------------------------------------------------------------------------

set_up() { # run | test, then which models: small | larger | both
    [ "$(uname -s)" = Linux ] || die "This sets up Linux. For macOS and Windows, README.md has the pip and uv lines."
    unset PYTHONHOME PYTHONPATH
    packages=$base_packages
    [ "$1" = run ] || packages="$packages $test_packages"
    if command -v dpkg-query >/dev/null; then debian_packages "$packages"; else foreign_system; fi
    make_venv
    llama_wheel
    python_packages "$1"
    [ -z "$log" ] || rm -f "$log"
    log=''
    models "$2"
}

run() {
    which=larger start=yes
    for word; do
        case $word in
        --small) which=small ;;
        --no-start) start='' ;;
        *)
            say "$usage"
            exit 2
            ;;
        esac
    done
    set_up run "$which"
    if [ -z "$start" ]; then
        say "Ready. Start it with .venv/bin/openclaw-desktop, or .venv/bin/openclaw-agent chat in a terminal."
    elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        say "Starting: look for the icon in the system tray."
        exec "$venv/bin/openclaw-desktop"
    else
        say "There is no display here: opening the chat in this terminal instead of the tray icon."
        exec "$venv/bin/openclaw-agent" chat
    fi
}

check() {
    say "${bold}$*${plain}"
    "$@" || die "Failed: $*"
}

run_tests() {
    set_up test both
    cd "$root"
    PATH=$venv/bin:$PATH
    export PATH
    check ruff check
    check ruff format --check
    check mypy
    check mypy --platform win32
    check mypy --platform darwin
    check lint-imports
    # All of them: two at a time, as many of them wait for a screen or a child.
    [ $# -gt 0 ] || set -- --numprocesses 2 --dist loadfile
    say "${bold}pytest $*${plain}"
    # Short and our own: the tests' homes lie below it, and the address of a socket there has room for some hundred bytes.
    scratch=$(mktemp -d /tmp/oc-XXXXXX)
    pytest --basetemp="$scratch/t" "$@"
}

case ${1:-} in
run)
    shift
    run "$@"
    ;;
test)
    shift
    run_tests "$@"
    ;;
-h | --help) echo "$usage" ;;
*)
    say "$usage"
    exit 2
    ;;
esac
