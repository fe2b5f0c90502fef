"""Programs that run other programs: no standing grant ever covers one of them.

Owns the list of interpreters, shells, wrappers and tools with a way to run a command. Pure.
"""

from __future__ import annotations

import re
from pathlib import PurePath

# A grant for one of these would be a grant for everything that it can be told to run.
_RUNNERS = (
    # shells
    "sh bash dash ash zsh ksh mksh fish csh tcsh rc es elvish nu xonsh busybox toybox cmd powershell pwsh rbash "
    # interpreters
    "python pythonw pypy ipython jython perl ruby irb node nodejs deno bun php lua luajit tclsh wish expect guile "
    "racket julia r rscript octave ghci runghc runhaskell java javaw jshell scala kotlin groovy dotnet mono erl "
    "elixir iex swift osascript wscript cscript mshta rundll32 regsvr32 msiexec gawk mawk nawk awk sed ed ex m4 dc gdb "
    "lldb tex latex pdflatex xelatex lualatex gnuplot maxima sage clisp sbcl escript ocaml jq qjs d8 "
    # wrappers
    "env sudo doas su pkexec runuser setpriv chroot unshare nsenter bwrap firejail flatpak snap systemd-run systemctl "
    "at batch crontab watch xargs parallel find fd fdfind nohup nice ionice time timeout stdbuf setsid script screen "
    "tmux byobu strace ltrace perf valgrind taskset chrt flock run-parts start-stop-daemon capsh cpulimit entr exec "
    "command eval nsjail proot fakeroot faketime unbuffer rlwrap ssh-agent dbus-run-session dbus-launch "
    "gnome-terminal xterm konsole alacritty kitty terminator x-terminal-emulator xdg-open gio open start "
    # programs that take a command, a hook or a plugin
    "ssh scp sftp rsync nc ncat netcat socat telnet ftp lftp git hg svn tar cpio zip 7z split sort man less more most "
    "vi vim view nvim emacs emacsclient nano pico joe docker podman nerdctl kubectl helm ansible ansible-playbook "
    "terraform vagrant make gmake cmake ninja meson bazel gradle mvn ant npm npx yarn pnpm corepack pip pipx uv uvx "
    "poetry tox nox pytest gem bundle rake composer cargo go rustc gcc g++ cc c++ clang clang++ sqlite3 psql mysql "
    "mariadb mongosh redis-cli ip iptables apt apt-get dpkg rpm dnf yum pacman brew nix nix-shell mount umount "
    "logrotate tcpdump wget curl aria2c soffice libreoffice code"
)
RUNNERS = frozenset(_RUNNERS.split())
_VERSION = re.compile(r"[-_.]?\d[\d.]*$")
_LOADER = re.compile(r"^ld(?:-linux.*|-musl.*)?\.so")


def is_runner(program: str) -> bool:
    """True where `program`, a name or a path, can be told to run something else, whatever its version or ending."""
    name = PurePath(program.replace("\\", "/")).name.lower()
    for ending in (".exe", ".cmd", ".bat", ".com"):
        name = name.removesuffix(ending)
    return not name or name in RUNNERS or _VERSION.sub("", name) in RUNNERS or _LOADER.match(name) is not None
