"""The command line. The folder is the registry: a file is a command and gives it its name; `base` and `parts` are none.

A command's file has one function of the file's name. What the function is decorated with is what can be typed:

    @command(examples="python -m harness sample --space darts -n 5   # five of them")
    @options.space
    @click.option("-n", "count", type=COUNT, default=1, help="How many.")
    def sample(space: str, count: int) -> None:
        \"\"\"Print random architectures of a space, one per line.\"\"\"

The docstring's first sentence stands in the list of commands, so it has at most 64 characters. What the function
returns is the exit status; None is 0. A user's mistake is a UserError: one line, exit status 2. Libraries and the rest
of the harness are imported inside the function: `--help` and completion load every command. Options that several
commands share are in `parts/options.py`. The list of commands in docs/using.md has a line for each.
"""
