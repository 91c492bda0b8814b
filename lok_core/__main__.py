"""`python -m lok_core` is `lok`."""

from lok_core.cli import main

if __name__ == "__main__":
    main()
