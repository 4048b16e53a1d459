"""What the tutorials share: their options, the style of their pictures, and where these go."""
import argparse
import sys
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path

from trpo_numpy.checks import InputError  # imported before NumPy, so that the package can ask for one thread

# The colour and the line of each method, in every picture; the objectives have those of the method that climbs them.
# "KL", in dark green, is the KL itself and its Fisher matrix A; the region of mean KL <= delta is TRPO's.
METHODS = {name: {"color": color, "linestyle": linestyle} for color, names in {
    "#0072B2": {"TRPO": "-", "single path": "-", "mean KL": "-", "L": "--", "gamma 0.9999": "--",
                "gamma 0.9999, no position": "-."},
    "#D55E00": {"natural gradient": "--", "natural gradient, standardized": ":", "fixed length along s": "--"},
    "#009E73": {"policy gradient": "-.", "fixed length along g": "--"},
    "#CC79A7": {"empirical FIM": (0, (3, 1, 1, 1))}, "#56B4E9": {"vine": "-"},
    "#E69F00": {"Algorithm 1": (0, (5, 1)), "penalty": (0, (5, 1)), "M": "-."},
    "#777777": {"max KL": (0, (7, 2, 1, 2))}, "#117733": {"KL": "-"}, "#6A3D9A": {"CMA": (0, (4, 1, 1, 1, 1, 1))},
    "black": {"CEM": (0, (1, 1)), "eta": "-"}}.items() for name, linestyle in names.items()}

def ink(method):
    """The colour of a method's name: that of its line, or a darker one if words in it would be too pale on white."""
    color = METHODS[method]["color"]
    return {"#E69F00": "#8F5E00", "#56B4E9": "#2B8FCB", "#CC79A7": "#A3447B", "#009E73": "#00734F"}.get(color, color)


# Of every picture, which is 8.5 inches wide: text of 10 points or more where a page shows it 850 pixels wide; colours
# that the colour-blind can tell apart (Okabe and Ito), and line styles for print in grey.
STYLE = {
    "axes.prop_cycle": (
        'cycler("color", ["0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "000000", "777777"]) + '
        'cycler("linestyle", ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2, 1, 2))])'),
    "figure.figsize": (8.5, 5), "savefig.dpi": 200, "figure.constrained_layout.use": True, "font.size": 10.5,
    "axes.titlesize": 11.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "figure.titlesize": 12.5,
    "figure.titleweight": "bold", "axes.labelsize": 10.5, "xtick.labelsize": 10, "ytick.labelsize": 10,
    "legend.fontsize": 10, "axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False}
SEED, SUMMARY = {"linewidth": 0.8, "alpha": 0.45}, {"linewidth": 2.5}   # one run of several; their mean or median


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
    matplotlib.rcParams.update(STYLE)
    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    return plt.figure(**kwargs)


def save_figure(figure, out, name, show):
    """Writes out/name.png in 256 colours, says so, and shows it if asked to."""
    from PIL import Image  # which matplotlib needs too
    figure.savefig(out / f"{name}.png")
    with Image.open(out / f"{name}.png") as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(out / f"{name}.png", optimize=True)
    print(f"picture: {out / name}.png")
    show_windows(show)


def show_windows(show):
    """Shows the figures if asked to, until their windows are closed."""
    if show:
        import matplotlib.pyplot as plt
        plt.show()


def spread(heights, least):
    """Heights of labels, from low to high: each is raised until it is `least` above the one before."""
    raised = []
    for height in heights:
        raised.append(max([height, *(below + least for below in raised[-1:])]))
    return raised


def save_gif(figure, path, moves, milliseconds, width=700, stay=2000):
    """Writes a moving picture: a frame after each of the moves (functions), the last frame first, for longer."""
    from PIL import Image  # which matplotlib needs too

    figure.set_dpi(width / figure.get_figwidth())
    frames = []
    for move in moves:
        move()
        for _ in range(1 if frames else 4):     # at first until the layout stays
            figure.canvas.draw()
        size, pixels = figure.canvas.get_width_height(), bytes(figure.canvas.buffer_rgba())
        frames.append(Image.frombytes("RGBA", size, pixels).convert("RGB"))
    ends = Image.new("RGB", (frames[0].width, 2 * frames[0].height))     # the colours are those of the first and last
    ends.paste(frames[0])
    ends.paste(frames[-1], (0, frames[0].height))
    palette = ends.quantize(255, method=Image.Quantize.MAXCOVERAGE, kmeans=1)    # small marks keep their colours
    colors = palette.getpalette()
    for i in range(0, len(colors), 3):
        if min(colors[i:i + 3]) >= 248:
            colors[i:i + 3] = [255, 255, 255]                                   # the background, which is nearly white
    palette.putpalette(colors)
    *rest, last = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    last.save(path, save_all=True, append_images=rest, duration=[stay] + [milliseconds] * len(rest), loop=0)
    print(f"moving picture: {path}")


def with_sliders(args, name, ranges, draw, moves, height):
    """A window (--show) or out/name.gif (--gif) of draw(figure, *values), with a slider below it for each value.

    ranges is {label: (lowest, highest, first)}; moves are the (number of the slider, value) of the moving picture.
    """
    from matplotlib import pyplot
    from matplotlib.widgets import Slider
    pyplot.close("all")     # the picture that is saved already
    figure = new_figure(args.show, figsize=(8.5, height))
    row = 0.3 / height      # of the sliders, as a part of the figure's height
    picture, _ = figure.subfigures(2, 1, height_ratios=[1 - row * len(ranges), row * len(ranges)])
    sliders = []
    for i, (label, (low, high, first)) in enumerate(ranges.items()):
        place = figure.add_axes((0.2, row * (len(ranges) - i - 0.8), 0.6, 0.6 * row))
        sliders.append(Slider(place, label, low, high, valinit=first))
        sliders[-1].vline.set_visible(False)        # a red mark at the first value, of which only a sliver is in sight

    def changed(_):
        picture.clear()
        draw(picture, *(slider.val for slider in sliders))

    for slider in sliders:
        slider.on_changed(changed)
    changed(None)
    if args.gif:
        save_gif(figure, args.out / f"{name}.gif", [partial(sliders[i].set_val, value) for i, value in moves], 200,
                 width=850)
    show_windows(args.show)


def central_difference(f, x, direction, h):
    """(f(x + h d) - f(x - h d)) / 2h for x, d (P,): the derivative of f along d, error h^2 + 1e-16 / h."""
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)
