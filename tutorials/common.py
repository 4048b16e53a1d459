"""What the tutorials share: their options, and where their pictures go."""
import argparse
import sys
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path

from trpo_numpy.record import InputError  # imported before NumPy, so that the package can ask for one thread


def say_error(kind, error, traceback):
    """The excepthook of the tutorials: an error that a user can meet is one line, any other has its traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    elif issubclass(kind, (InputError, ArithmeticError, OSError, BrokenExecutor)):
        print(f"error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def whole_number(least, text):
    """With `least` given, by partial, the type of an option that counts things."""
    if not (text.isdecimal() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted a whole number of at least {least}")
    return int(text)


def folder(text):
    """The type of --out: the Path of a folder, which is made if it is not there, before anything is computed."""
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot be made: {error}") from error
    return Path(text)


def tutorial_parser(description):
    """A parser with the options of every tutorial; its help is the tutorial's own docstring."""
    sys.excepthook = say_error
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=partial(whole_number, 0), default=0,
                        help="all randomness is a function of it (default: 0)")
    parser.add_argument("--out", type=folder, default="runs", help="folder for the picture (default: runs)")
    parser.add_argument("--show", action="store_true", help="show the picture in a window too")
    parser.add_argument("--quick", action="store_true",
                        help="a smoke run: the same steps on less data, whatever other options say")
    return parser


def new_figure(show, **kwargs):
    """A matplotlib figure in the style of all, with a window behind it if show is True."""
    import matplotlib

    from trpo_numpy.practice.learning_curve import STYLE
    matplotlib.rcParams.update(STYLE)
    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    return plt.figure(**kwargs)


def save_figure(figure, out, name, show, dpi=100):
    """Writes out/name.png, says so, and shows it if asked to."""
    figure.savefig(out / f"{name}.png", dpi=dpi)
    print(f"picture: {out / name}.png")
    if show:
        import matplotlib.pyplot as plt
        plt.show()


def central_difference(f, x, direction, h):
    """(f(x + h d) - f(x - h d)) / 2h for x, d (P,): the derivative of f along d, error h^2 + 1e-16 / h."""
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)
