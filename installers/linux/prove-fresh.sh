#!/bin/sh
# Proves the README's two commands in a new, bare Debian 12: no make, no git, no Python, no certificates. Needs root and debootstrap.
#   sh installers/linux/prove-fresh.sh [FOLDER]
# FOLDER: where the Debian goes. A new folder is filled; one that holds a Debian already is used as it is; a named folder is kept.
# Without FOLDER it is a temporary one, removed at the end. What is tested is HEAD: commit first.
# OPENCLAW_PROOF=full runs the tests with their full counts. DEBIAN_MIRROR names another mirror. Everything runs in mount and process namespaces of its own: nothing stays mounted or running.
set -eu

checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
say() { printf '%s\n' "$*"; }
die() {
    say "$*" >&2
    exit 1
}

# --- outside: make the folder, run this script again inside the namespaces, remove the folder ---------------------------

if [ "${PROVE_FRESH_INSIDE:-}" != yes ]; then
    [ "$(id -u)" -eq 0 ] || die "This needs root: sudo sh $0"
    command -v debootstrap >/dev/null || die "This needs debootstrap: apt-get install debootstrap"
    if [ $# -gt 0 ]; then
        mkdir -p "$1"
        folder=$(CDPATH='' cd -- "$1" && pwd)
        temporary=''
    else
        folder=$(mktemp -d /var/tmp/openclaw-fresh.XXXXXX)
        temporary=$folder
    fi
    inside=''
    # shellcheck disable=SC2317  # reached through the trap
    finish() {
        if [ -n "$inside" ]; then # ends every process in there
            kill -KILL "$inside" 2>/dev/null || true
            wait "$inside" 2>/dev/null || true
        fi
        [ -z "$temporary" ] || rm -rf --one-file-system "$temporary"
    }
    trap finish EXIT
    trap 'exit 130' HUP INT TERM
    PROVE_FRESH_INSIDE=yes unshare --mount --propagation private --pid --fork --kill-child sh "$0" "$folder" &
    inside=$!
    status=0
    wait "$inside" || status=$?
    inside=''
    exit "$status"
fi

# --- inside: a bare Debian that reaches what this machine reaches --------------------------------------------------------

folder=$1
if [ ! -e "$folder/etc/debian_version" ]; then
    say "Making a bare Debian 12 in $folder…"
    debootstrap --variant=minbase bookworm "$folder" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$folder.log" 2>&1 ||
        die "debootstrap failed: see $folder.log"
    rm -f "$folder.log"
fi
mount -t proc proc "$folder/proc"
mount --rbind /dev "$folder/dev"
mount --rbind /sys "$folder/sys"

# Names, own certificates (ca-certificates takes them in when it is installed), apt's proxy.
for file in /etc/resolv.conf /etc/hosts; do
    [ ! -e "$file" ] || cat "$file" >"$folder$file"
done
if [ -d /usr/local/share/ca-certificates ]; then
    mkdir -p "$folder/usr/local/share/ca-certificates"
    cp -rL /usr/local/share/ca-certificates/. "$folder/usr/local/share/ca-certificates/"
fi
apt-config dump 2>/dev/null | grep -i -E '^Acquire::https?::proxy' >"$folder/etc/apt/apt.conf.d/99proxy" || true

# pip's settings, all levels and the environment in one file; the folders and files that they name.
python3 -m pip config list 2>/dev/null | python3 -c '
import ast, sys
print("[global]")
settings = {}
for line in sys.stdin:
    name, _, value = line.rstrip("\n").partition("=")
    settings[name.rpartition(".")[2]] = " ".join(ast.literal_eval(value).split())
for name, value in settings.items():
    if name not in ("config-file", "cache-dir", "require-virtualenv", "user"):
        print(name, "=", value)
' >"$folder/etc/pip.conf" 2>/dev/null || rm -f "$folder/etc/pip.conf"
if [ -e "$folder/etc/pip.conf" ]; then
    sed -e '1d' -e 's/^[^=]*= //' "$folder/etc/pip.conf" | tr ' ' '\n' | sed -e 's,^file://,,' -e 's,/simple/*$,,' |
        grep '^/' | sort -u | while read -r path; do # an index called "simple" has its files beside it
        if [ -d "$path" ]; then
            mkdir -p "$folder$path"
            mount --bind "$path" "$folder$path"
            mount -o remount,bind,ro "$folder$path"
        elif [ -f "$path" ] && [ ! -e "$folder$path" ]; then
            mkdir -p "$(dirname "$folder$path")"
            cp -L "$path" "$folder$path"
        fi
    done
fi

chroot "$folder" id plain >/dev/null 2>&1 || chroot "$folder" useradd --create-home plain
for home in /root /home/plain; do
    rm -rf "${folder:?}$home/openclaw-desktop"
    git clone --quiet --no-hardlinks "$checkout" "$folder$home/openclaw-desktop"
done
chroot "$folder" chown -R plain: /home/plain/openclaw-desktop

# as USER COMMAND...: in that user's checkout, with a bare environment and no display. The Debian becomes the root itself: a
# chroot could make no namespaces, and the tests that need one would be skipped.
as() {
    user=$1
    shift
    home=$(chroot "$folder" sh -c "echo ~$user")
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c '
        folder=$1 user=$2
        shift 2
        mount --rbind "$folder" "$folder" && cd "$folder" && mkdir -p .outside && pivot_root . .outside &&
            umount -l /.outside && cd / && exec chroot --userspec="$user:$user" --groups="" / "$@"
    ' sh "$folder" "$user" /usr/bin/env -i HOME="$home" USER="$user" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        ${OPENCLAW_PROOF:+OPENCLAW_PROOF="$OPENCLAW_PROOF"} ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} \
        sh -c 'cd ~/openclaw-desktop && exec "$@"' sh "$@"
}

# --- the proof -----------------------------------------------------------------------------------------------------------

failures=0
report() { # passed? what
    if [ "$1" -eq 0 ]; then
        say "ok      $2 ($(($(date +%s) - began)) s)"
    else
        say "FAILED  $2 ($(($(date +%s) - began)) s)"
        failures=$((failures + 1))
    fi
}
setup=installers/linux/setup.sh
out=$folder/tmp/prove-fresh.out

if ! chroot "$folder" dpkg-query -W python3 >/dev/null 2>&1; then
    began=$(date +%s)
    find "$folder/home/plain" | sort >"$out.before"
    passed=0
    as plain sh "$setup" run >"$out" 2>"$out.err" && passed=1
    find "$folder/home/plain" | sort | cmp -s - "$out.before" || passed=1
    [ "$(wc -l <"$out")" -eq 1 ] && grep -q '^sudo apt-get install --no-install-recommends [a-z]' "$out" || passed=1
    cat "$out.err" "$out"
    report "$passed" "a plain user without the packages: one apt line, nothing done"
else
    say "skipped a plain user without the packages: this Debian has them already"
fi

began=$(date +%s) passed=0
printf 'Hello\n' | as root sh "$setup" run >"$out" || passed=1
grep -q '[[:alpha:]]' "$out" || passed=1
[ "$(find "$folder/root" -xdev -name '*.gguf' -size +1M | wc -l)" -eq 2 ] || passed=1 # setup.sh goes on without the larger model
cat "$out"
report "$passed" "root, no display: set up with both models, and the chat answers"

began=$(date +%s) passed=0
as root sh "$setup" run --no-start || passed=1
report "$passed" "root again: everything found ready"

began=$(date +%s) passed=0
mkdir -p "$folder/home/plain/.cache/openclaw-desktop" # the same build would take five more minutes
cp -r "$folder/root/.cache/openclaw-desktop/wheels" "$folder/home/plain/.cache/openclaw-desktop/"
chroot "$folder" chown -R plain: /home/plain/.cache
printf 'Hello\n' | as plain sh "$setup" run --small >"$out" || passed=1
grep -q '[[:alpha:]]' "$out" || passed=1
cat "$out"
report "$passed" "a plain user with the packages: set up without root, and the small model answers"

began=$(date +%s) passed=0
as root sh "$setup" test || passed=1
report "$passed" "root: the tests"

[ "$failures" -eq 0 ] || die "$failures of the proofs failed."
say "Both commands work on a bare Debian 12."
