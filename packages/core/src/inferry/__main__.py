"""``python -m inferry`` is the command ``inferry``."""

from inferry.cli import main

if __name__ == "__main__":
    main(prog_name="inferry")
