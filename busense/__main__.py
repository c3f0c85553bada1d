"""`python -m busense`."""

from busense.cli import main

if __name__ == "__main__":
    main()
