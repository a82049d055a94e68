"""Import this first: it removes what Python has only on POSIX systems, and has no processes forked.

The standard library of this machine keeps what it has imported before.
"""

from __future__ import annotations

import asyncio
import asyncio.unix_events
import multiprocessing
import multiprocessing.popen_spawn_posix
import multiprocessing.resource_tracker
import os
import re
import signal
import subprocess  # noqa: F401 - needs some of the names below when it is imported
import sys
from typing import Any

MODULES = (
    "crypt",
    "fcntl",
    "grp",
    "nis",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
)

OS_NAMES = {
    *("chown", "chroot", "ctermid", "fchdir", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid"),
    *(
        "getgid",
        "getgroups",
        "getloadavg",
        "getpgid",
        "getpgrp",
        "getpriority",
        "getsid",
        "getuid",
        "initgroups",
    ),
    *(
        "killpg",
        "lchown",
        "mkfifo",
        "mknod",
        "nice",
        "openpty",
        "pathconf",
        "posix_spawn",
        "register_at_fork",
    ),
    *(
        "sched_getaffinity",
        "sched_setaffinity",
        "setegid",
        "seteuid",
        "setgid",
        "setpgid",
        "setpriority",
        "setsid",
    ),
    *("setuid", "sync", "sysconf", "tcgetpgrp", "uname", "wait3", "wait4", "O_DIRECTORY", "O_NOFOLLOW"),
    *("O_CLOEXEC", "O_SYNC", "EX_OK"),
}
"""They are not there on Windows, according to the documentation of Python."""

WINDOWS_SIGNALS = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM"}
SIGNAL_FUNCTIONS = ("alarm", "pause", "pthread_kill", "setitimer", "siginterrupt", "sigwait")


def no_signal_handler(*_args: Any) -> None:
    raise NotImplementedError  # As the loops on Windows do.


for module in MODULES:
    sys.modules[module] = None  # type: ignore[assignment] # makes `import` raise ImportError
for name in OS_NAMES & set(dir(os)):
    delattr(os, name)
for name in set(dir(signal)) - WINDOWS_SIGNALS:
    if re.match("SIG[A-Z]", name) or name in SIGNAL_FUNCTIONS:
        delattr(signal, name)
for function in ("add_signal_handler", "remove_signal_handler"):
    setattr(asyncio.unix_events._UnixSelectorEventLoop, function, no_signal_handler)
multiprocessing.set_start_method("spawn", force=True)
multiprocessing.get_all_start_methods = lambda: ["spawn"]
