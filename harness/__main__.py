"""The command line: `python -m harness COMMAND --help`. What the Snakefile's rules call, usable by hand."""

from __future__ import annotations

import errno
import gc
import sys

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}  # the user's to mend


def main(words: list[str] | None = None) -> int:
    from harness.cli import arguments
    from harness.running import driver
    from spaces.base import UserError

    options = arguments.parser().parse_args(words)
    if options.command != "run":  # which forks, and so starts no thread: it looks after its driver itself
        driver.follow_driver()
    try:
        return options.run(options) or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe, `head` say, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"error: {error.filename or 'writing'}: {error.strerror}: mend that and type it again", file=sys.stderr)
        return 2


if __name__ == "__main__":
    status = main()
    gc.freeze()  # else Python, before it ends, looks for cycles in all that torch has made: 0.5 s
    sys.exit(status)
