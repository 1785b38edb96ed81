"""A file of what commands did: begin, result, warnings, errors and end, one line each."""

import json
import logging
import platform
import time
from pathlib import Path

LOGGER = logging.getLogger("lampyris")
LOGGER.addHandler(logging.NullHandler())  # without a log nothing is written anywhere


class _Line(logging.Formatter):
    """One line a record, in universal time."""

    converter = time.gmtime

    def __init__(self):
        super().__init__("%(asctime)sZ %(process)d %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(super().format(record).split())


def open_log(path: Path, words: list[str]) -> None:
    """Append what happens from now on to a file; raises `LampyrisError` if it cannot be written."""
    from lampyris import __version__
    from lampyris._checks import LampyrisError

    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise LampyrisError(f"`--log` must be a file that can be written, but {path} says: {error.strerror}.") from None
    handler.setFormatter(_Line())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handler)
    LOGGER.info("begin: lampyris %s (lampyris %s, Python %s)", " ".join(words), __version__, platform.python_version())


def log_result(told: dict) -> None:
    """Write down a result as one line of JSON."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.info("result: %s", json.dumps(told, default=str))


def log_end(code: int, seconds: float) -> None:
    """Write down how the command ended, and close the file."""
    if LOGGER.isEnabledFor(logging.INFO):
        LOGGER.log(logging.ERROR if code else logging.INFO, "end: exit code %d after %.1f s", code, seconds)
    for logger in (LOGGER, logging.getLogger("py.warnings")):
        for handler in list(logger.handlers):
            if isinstance(handler, logging.FileHandler):
                logger.removeHandler(handler)
                handler.close()
    logging.captureWarnings(False)
    LOGGER.setLevel(logging.NOTSET)
