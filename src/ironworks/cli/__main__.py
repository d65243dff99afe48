"""`python -m ironworks.cli`, for where the console script is not on the PATH."""

from ironworks.cli import main

main()
