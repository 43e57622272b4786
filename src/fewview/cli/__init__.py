"""The command line. One module per command; what a command needs is imported when it runs."""

import sys

try:
    from .main import main
except KeyboardInterrupt:  # what it stands on takes a second to load, and longer on a busy machine
    print("Error: Interrupted; nothing was written.", file=sys.stderr)
    raise SystemExit(130) from None

__all__ = ["main"]
