"""``python -m logscan`` is the ``logscan`` command."""

from logscan.cli import main

main()
