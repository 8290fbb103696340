"""What plots show, as small arrays, and how they are drawn; only this package imports matplotlib."""

import logging

# Without a handler Python prints what matplotlib logs, about caches and fonts, on standard error.
logging.getLogger("matplotlib").addHandler(logging.NullHandler())
