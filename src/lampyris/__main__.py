"""`python -m lampyris`."""

from lampyris.cli import main

if __name__ == "__main__":
    main()
