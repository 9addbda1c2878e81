"""The one place that turns errors, and requests to end, into one line and an exit status."""

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.extras import missing
from rtl_gen.interrupts import interrupt_on_request
from sw_ref.messages import printable


def guarded(work: Callable[[], int], *, name: str) -> int:
    """The exit status of `work`, or of its error, which is one line on stderr that starts with `name`.

    1 a check failed or a tool is missing, 2 bad use, 130 interrupted (Ctrl-C, SIGTERM, SIGHUP).
    """
    try:
        _prepare()
        status = work()
        # What could not be written shall be known here, not after the exit status is settled.
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _complain(name, error, 2)
    except CheckError as error:
        return _complain(name, error, 1)
    except ModuleNotFoundError as error:
        return _complain(name, missing(error.name or str(error)), 1)
    except BrokenPipeError:
        # The reader of our output went away: nothing is left to say, and nobody to say it to.
        _give_up_output()
        return 1
    except OSError as error:
        _give_up_output()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        allowed = "room there, and for temporary files in TMPDIR" if full else "a path that can be used"
        return _complain(name, f"{error.filename or 'output'}: {error.strerror or error}; allowed: {allowed}", 2)
    except KeyboardInterrupt:
        return _complain(name, "interrupted; no file was left half-written", 130)
    except MemoryError as error:
        return _complain(name, f"out of memory: {error}" if str(error) else "out of memory", 1)


def _prepare() -> None:
    """Names that the terminal cannot show are escaped; a request to end stops simulators too, and cleans up."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_nowhere(number, name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interrupt_on_request()


def _open_nowhere(number: int, name: str) -> None:
    """Make a stream that was closed before we started (`>&-`) one whose contents nobody wants.

    Its number is taken, too: else the next file that is opened gets it, and with it what is meant for the stream.
    """
    try:
        os.fstat(number)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115


def _give_up_output() -> None:
    """Send to nowhere what is still to be written, so that the interpreter does not fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _complain(name: str, error: object, status: int) -> int:
    # The contract is one line, whatever an underlying library had to say. Nobody may be there to read it.
    with suppress(OSError):
        print(f"{name}:", printable(" ".join(str(error).split())), file=sys.stderr, flush=True)
    return status
