"""The command line: `python -m harness COMMAND --help`, or `nas-vs-random COMMAND --help` where the project is
installed. The Snakefile's rules call it, and people do."""

from __future__ import annotations

import errno
import gc
import sys

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
DISK |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}  # the user can mend all of these
MODULE = "python -m harness"


def main(words: list[str] | None = None, program: str = MODULE) -> int:
    """Runs one command; returns the exit status. A user's mistake is one line on stderr, and 2."""
    from click import Abort, UsageError
    from click.exceptions import NoArgsIsHelpError

    from harness.cli.base import commands
    from spaces.base import UserError

    try:
        return commands.main(words, program, standalone_mode=False) or 0
    except NoArgsIsHelpError as error:  # no command: all of them
        error.show()
    except UsageError as error:
        where = error.ctx.command_path if error.ctx else program
        _say(f"{' '.join(error.format_message().split())} (see {where} --help)")
    except UserError as error:
        _say(str(error))
    except OSError as error:
        if error.errno not in DISK:
            raise
        _say(f"{error.filename or 'writing'}: {error.strerror}: mend that and type it again")
    except Abort:  # Ctrl-C
        return 130
    return 2


def _say(mistake: str) -> None:
    print(f"error: {mistake}", file=sys.stderr)


def script() -> None:
    """The console script."""
    _exit("nas-vs-random")


def _exit(program: str) -> None:
    try:
        status = main(program=program)
    except KeyboardInterrupt:  # Ctrl-C while the commands are loaded; later click turns it into Abort
        status = 130
    gc.freeze()  # else Python, before it ends, looks for cycles in all that torch has made: 0.5 s
    sys.exit(status)


if __name__ == "__main__":
    _exit(MODULE)
