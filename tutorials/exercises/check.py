"""Judges what you have written in exercises.py: python tutorials/exercises/check.py [NAME ...]

A NAME is a number (1 to 12), an exercise (returns, eta, L, gaussian, ...) or a function. Without one, all are judged.
Each function is right, or not written yet, or a property fails: then the output says what was wanted and what was
found, and names a common mistake that gives this number. The exit code is 0 if everything that is judged is right.

    python tutorials/exercises/check.py 1 gaussian      # exercises 1 and 4
    python tutorials/exercises/check.py --train         # when none is wrong: Pendulum-v1, with your functions
    python tutorials/exercises/check.py --solutions     # judges the package's functions instead of yours
    python tutorials/exercises/check.py --program FILE  # judges one update of a whole program of your own
"""
import argparse
import importlib.util
import sys
import traceback
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from textwrap import indent

import numpy as np
from judges import EXERCISES, JUDGES
from program import program

HERE = Path(__file__).parent
NOTHING = "It returned nothing (None): is there a `return` with a value?"


class Wrong(Exception):
    """A property that fails: what was wanted and what was found, and the common mistake if it is known, or ""."""


def load(path):
    """The functions of a file, as a module."""
    spec = importlib.util.spec_from_file_location("yours", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise SystemExit(f"{Path(error.filename).name}, line {error.lineno}: {error.msg}. Nothing is judged.") from None
    return module


def close(a, b, bar):
    """Whether a and b have one shape, and agree to bar times the largest number of b (or times 1, where b is 0)."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)  # None is a NaN
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=bar * (abs(b).max() or 1), equal_nan=True)


def compare(found, wanted, mistakes, bar):
    """The relative error of found, a number or an array. Wrong if it is above bar: with the mistake, if it is known."""
    if found is None:
        raise Wrong(NOTHING, "")
    if isinstance(found, str) or isinstance(wanted, str):
        if type(found) is not type(wanted) or found != wanted:
            what = wanted if isinstance(wanted, str) or not np.ndim(wanted) else "an array of numbers"
            raise Wrong(f"wanted {what}, found {found}", "")
        return 0.0
    found, wanted = np.asarray(found), np.asarray(wanted, dtype=float)
    if found.dtype.kind not in "biuf":
        raise Wrong(f"wanted {'an array of numbers' if wanted.ndim else 'a number'}, found {found.dtype} {found}",
                    "")
    if found.shape == wanted.shape:
        error = abs(found - wanted) / (abs(wanted).max() or 1)
        if error.max() <= bar:
            return error.max()
        where = np.unravel_index(np.nanargmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        place = f"at [{', '.join(map(str, where))}]: " if wanted.ndim else ""
        difference = f"{place}wanted {wanted[where]:.6g}, found {found[where]:.6g}"
    elif wanted.ndim == found.ndim == 1 and max(wanted.size, found.size) < 10:
        difference = f"wanted {len(wanted)} numbers, {wanted}, found {len(found)}, {found}"
    else:
        shapes = [f"an array of shape {x.shape}" if x.ndim else "one number" for x in (wanted, found)]
        difference = "wanted {}, found {}".format(*shapes)
    known = [f"\nA common mistake gives this number: {name}." for name, value in mistakes.items()
             if close(found, value, max(bar, 1e-6)) and not close(value, wanted, bar)]
    raise Wrong(difference, *(known[:1] or [""]))


def explain(error, path):
    """An exception in words: with the line of the student's file, if it is from there, and a usual cause."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if Path(f.filename) == Path(path)]
    if not lines and "NoneType" in str(error):
        return NOTHING
    if not lines and "argument" in str(error):
        return f"it cannot be called as it should be: {error}"
    if not lines and "unpack" in str(error):
        return f"it returns another number of things than the docstring says: {error}"
    if not lines:
        return f"it does not return what the docstring says: {error}"
    text = f"line {lines[-1]} of {Path(path).name}: {type(error).__name__}: {error}"
    if Path(frames[-1].filename) != Path(path) and isinstance(error, (IndexError, ValueError)):
        text += "\nA function that this line calls cannot use what it was given: compare its shape with the docstring."
    if "'tuple' object" in str(error):
        text += "\nA common cause: conjugate_gradient returns two things, x and the norms of the residuals."
    if "read-only" in str(error):
        text += "\nA common cause: it writes into its argument. Copy it first."
    if "matmul" in str(error) or "not aligned" in str(error):
        text += "\nA transposed W is a usual cause: samples are rows, so that W x + b is x @ W.T + b."
    return text


@contextmanager
def called(module):
    """The set of the exercises that the functions of a module call by their names, filled while they run."""
    names, saved = set(), {name: getattr(module, name) for name in JUDGES if hasattr(module, name)}

    def note(name):
        @wraps(saved[name])
        def call(*args, **kwargs):
            names.add(name)
            return saved[name](*args, **kwargs)
        return call

    for name in saved:
        setattr(module, name, note(name))
    try:
        yield names
    finally:
        for name, function in saved.items():
            setattr(module, name, function)


def verdict(name, module):
    """("right", the largest error), ("not written yet", why) or ("fails", the property, the numbers and the cause)."""
    with called(module) as names:
        result, detail, known = judged(name, module)
    if result != "fails":
        return result, detail
    wrong = [other for other in JUDGES if other in names - {name} and judged(other, module)[0] == "fails"]
    return result, detail + known + (f"\nIt calls {wrong[0]}, which is wrong: mend that first." if wrong else "")


def judged(name, module):
    """The verdict on a function by what it returns alone, and apart from it the mistake that is known, or ""."""
    _, bar, properties = JUDGES[name] if name in JUDGES else (0, 1e-5, program)
    errors, said, right = [0.0], "", ""
    try:
        with np.errstate(all="ignore"):
            for said, found, wanted, mistakes in properties(module):
                errors.append(compare(found() if callable(found) else found, wanted, mistakes, bar))
                right = said
    except NotImplementedError as error:
        where = traceback.extract_tb(error.__traceback__)[-1].name
        return "not written yet", f": it calls {where}" if where in JUDGES and where != name else "", ""
    except Wrong as wrong:
        difference, known = wrong.args
        return "fails", f"{said}\n{difference}", known
    except Exception as error:
        before = f"right so far: {right}\n" if right else ""
        before += f"{said}\n" if said != right else "then " if said else ""
        return "fails", before + explain(error, module.__file__), ""
    return "right", max(errors), ""


def chosen(names):
    """The functions that these names mean, all if there are none."""
    for name in names:
        if name not in [*map(str, EXERCISES), *EXERCISES.values(), *JUDGES]:
            raise SystemExit(f"NAME: got {name!r}, wanted a number from 1 to 12, or one of "
                             f"{', '.join([*EXERCISES.values(), *JUDGES])}")
    return [function for function, (exercise, _, _) in JUDGES.items()
            if not names or {str(exercise), EXERCISES[exercise], function} & set(names)]


def report(names, module):
    """Judges these functions and prints a line for each. Returns their results by name."""
    results, last = {}, None
    for name in names:
        exercise, bar, _ = JUDGES[name]
        result, detail = verdict(name, module)
        results[name] = result
        title = f"{exercise:2} {EXERCISES[exercise]}" if exercise != last else ""
        last = exercise
        if result == "right":
            print(f"{title:15}{name:26}right            error {detail:.0e}, bar {bar:.0e}")
        elif result == "fails":
            print(f"{title:15}{name:26}FAILS\n" + indent(detail, 17 * " "))
        else:
            print(f"{title:15}{name:26}not written yet{detail}")
    all_of = list(results.values())
    print(f"\n{all_of.count('right')} of {len(results)} right, {all_of.count('fails')} wrong, "
          f"{all_of.count('not written yet')} not written yet")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a number, an exercise or a function; none: all")
    parser.add_argument("--file", default=HERE / "exercises.py", type=Path, help="judge this file instead")
    parser.add_argument("--solutions", action="store_const", dest="file", const=HERE / "solutions.py",
                        help="judge the package's functions")
    parser.add_argument("--program", type=Path, metavar="FILE",
                        help="judge trpo_update(theta_old, states, actions, Q) of your own program in one file")
    parser.add_argument("--train", action="store_true", help="train with those that are right, and compare")
    parser.add_argument("--iterations", type=int, default=10, help="iterations of --train (default: 10)")
    args = parser.parse_args()
    if args.program:
        sys.path.insert(0, str(args.program.resolve().parent))     # for an exercises.py beside it
        module = load(args.program)
        if not hasattr(module, "trpo_update"):
            raise SystemExit(f"program: {args.program} has no function trpo_update(theta_old, states, actions, Q)")
        result, detail, known = judged("program", module)
        if result == "fails":
            known = known or "\nNo common mistake gives this: compare it with the table in README.md, In one file."
        print(f"trpo_update {result}" + ("" if result == "right" else "\n" + indent(detail + known, "  ")))
        return int(result != "right")
    module = load(args.file)
    results = report(chosen([] if args.train else args.names), module)
    if not args.train:
        return int(set(results.values()) != {"right"})
    mine = [name for name, result in results.items() if result == "right"]
    if "fails" in results.values() or not mine:
        print("not trained: wanted functions that are right, and none that is wrong")
        return 1
    if len(mine) < len(results):
        print(f"the package's functions stand in for the {len(results) - len(mine)} that are not written yet")
    from in_place import compare_curves
    return compare_curves(module, args.iterations, mine)


if __name__ == "__main__":
    sys.exit(main())
