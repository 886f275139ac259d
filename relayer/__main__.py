"""`python -m relayer`."""

from relayer.cli.main import main

main()
