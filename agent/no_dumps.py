"""Nothing of this process's memory goes into a file: it holds keys, and digits while they are typed."""

import ctypes
import os
import resource

from agent.secrets import SecretFault

_PR_SET_DUMPABLE = 4
"""prctl(2). Unlike the limit, it also counts where core dumps are piped to a program, and it keeps others of
the same user from reading the memory."""


def forbid_dumps() -> None:
    """From now on, for this process and those it starts. Raises SecretFault where the kernel will not."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SecretFault(f"cannot forbid dumps of this process: {os.strerror(ctypes.get_errno())}")
