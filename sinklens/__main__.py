"""`python -m sinklens`: the command line."""

from sinklens.cli import main

if __name__ == "__main__":
    main()
