"""The pages of the project as text: their headings, anchors and links, by GitHub's rules."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = {str(path.relative_to(ROOT)): path for pattern in ("*.md", "tutorials/**/*.md")
         for path in sorted(ROOT.glob(pattern)) if "runs" not in path.parts}


def anchor(heading):
    """GitHub's rule: in lower case, without punctuation, with hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(text):
    """text without its blocks of code and formulas."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)


def headings(text):
    """The headings of a page below its title."""
    return re.findall(r"^##+ (.*)$", prose(text), re.M)


def links(text):
    """Where the links and pictures of a page lead, those to other sites left out."""
    text = re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", prose(text))
    return re.findall(r"\]\((?!https?:)([^)]+)\)", text) + re.findall(r'src="([^"]+)"', text)


def lost(text, path):
    """The links of text, a page at path, to files that are not there or headings that their page does not have."""
    def leads_somewhere(link):
        file, _, fragment = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or ROOT not in (target, *target.parents):
            return False
        if not fragment:
            return True
        if target.suffix != ".md":
            return re.fullmatch(r"L\d+(-L\d+)?", fragment) is not None
        return fragment in map(anchor, headings(text if target == path else target.read_text()))

    return [link for link in links(text) if not leads_somewhere(link)]


def exercise_fragments():
    """{exercise: [where the links to its functions end, #L17 for example]}.

    If comments below its heading define arguments, the link to its first function has the lines of the whole exercise.
    """
    lines = ["", *(ROOT / "tutorials" / "exercises" / "exercises.py").read_text().splitlines()]
    starts = [i for i, line in enumerate(lines) if re.match(r"# \d+\. ", line)]
    fragments = {}
    for n, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)]), 1):
        assert lines[start].startswith(f"# {n}. ")
        places = [f"L{i}" for i in range(start, end) if lines[i].startswith("def ")]
        if lines[start + 1]:
            last = max(i for i in range(start, end) if lines[i])
            places[0] = f"L{start}-L{last}"
        fragments[n] = places
    return fragments


def wrong_formulas(text):
    """The formulas of a page that GitHub would not take: a letter touches them, or Markdown takes a part for its own.

    $`...`$ may have all but a | in a table.
    """
    text = prose(text)
    in_rows = re.findall(r"\$[^$]*\$", "\n".join(re.findall(r"^ *\|.*$", text, re.M)))
    wrong = [formula for formula in in_rows if "|" in formula and "\\|" not in formula]
    text = re.sub(r"\$`[^`]*`\$", "X", re.sub(r"(?<!\$)`[^`$]*`(?!\$)", "", text))
    formulas = re.findall(r"(\S?)\$([^$]+)\$(\S?)", text)
    wrong += [formula for before, formula, after in formulas
              if re.search(r"[}\])]_|[*|`\n]|\\[^a-zA-Z ]", formula) or formula != formula.strip()
              or before not in ("", *"(*[") or after not in ("", *".,:;?!)*]")]
    return wrong + ["$"] * (text.count("$") != 2 * len(formulas))
