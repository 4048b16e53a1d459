"""Not in the paper: what the command line prints while a run goes on."""
import sys
from time import perf_counter

LINE = ("{iteration:>5} {timesteps:>9} {episodes:>8} {mean_return:>11.5g} {L_improvement:>9.4f} {kl:>8.5f} "
        "{backtracks:>10} {entropy:>8.3f} {explained_variance:>9.3f} {left:>9}{note}")
HEADER = "iter. timesteps episodes mean_return L_improv.       kl backtracks  entropy expl_var. time_left"
ROWS = 50  # of the table on a terminal


def print_row(row, timesteps, done, start):
    """Prints a row of progress.csv; timesteps is the run's end, `done` the steps that were done before `start`.

    On a terminal only about ROWS of a run's rows are printed, and below them a line of status, which the next replaces.
    """
    speed = (row["timesteps"] - done) / (perf_counter() - start)
    left = int(max(0, timesteps - row["timesteps"]) / speed)
    left = f"{left // 60}:{left % 60:02d}"
    terminal, is_last = sys.stdout.isatty(), row["timesteps"] >= timesteps
    every = 1 + int(timesteps * row["iteration"] / row["timesteps"] / ROWS) if terminal else 1
    if terminal:
        print(end="\r\x1b[K")  # erases the line of status
    if row["iteration"] % every == 0 or is_last:
        note = "" if row["status"] == "accepted" else "  " + row["status"]
        print(LINE.format(**row, left=left, note=note), flush=True)
    if terminal and not is_last:
        print(f"{row['timesteps']} of {timesteps} steps, {speed:.0f} steps/s, {left} left", end="", flush=True)


def print_note(message, *_, **__):
    """A warning in one line: warnings.showwarning of the command line."""
    print(f"note: {message}", file=sys.stderr)
