"""Every page as GitHub shows it, with its style sheet and typeset formulas; what fails or scrolls is listed.

    python -m pip install -e ".[pages]"
    npm install --prefix runs/pages katex github-markdown-css       # once
    python tests/render_pages.py [PAGE ...] [--out DIR]

Writes an HTML file per page. Where Chromium is found it also measures the tables, formulas and blocks of code that
scroll sideways, and saves PNG files at 1012 and 390 pixels, light and dark. Ends with 1 if a formula cannot be typeset,
or if a table or formula scrolls at 1012 pixels. GitHub itself typesets with MathJax; KaTeX stands in for it.
"""
import argparse
import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from markdown_it import MarkdownIt
from pages import PAGES, ROOT, anchor

WIDTHS, THEMES, TALLEST = (1012, 390), ("light", "dark"), 12_000  # pixels; Chromium's pictures have a largest height
MATH = re.compile(r"^(?P<fence> *)```math\n(?P<display>.*?)^ *```$|(?P<code>^ *```.*?^ *```$|(?<![`$])`[^`\n]+`(?!`))"
                  r"|\$`(?P<quoted>[^`]+)`\$|\$(?P<inline>[^$\n]+)\$", re.M | re.S)
TYPESET = """const katex = require(process.argv[1]);
const formulas = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(formulas.map(([tex, displayMode]) => {
  try { return [katex.renderToString(tex, {displayMode}), ""]; } catch (error) { return ["", error.message]; } })));"""
PAGE = """<!doctype html><meta charset="utf-8"><title>{name}</title><base href="{folder}/">
<link rel="stylesheet" href="{modules}/katex/dist/katex.min.css">
<link rel="stylesheet" id="style" href="{modules}/github-markdown-css/github-markdown-light.css">
<style>.markdown-body {{ box-sizing: border-box; padding: 45px; width: 1012px }}
body {{ margin: 0; overflow-x: hidden }}
.math {{ display: block; overflow-x: auto; overflow-y: hidden }}</style>
<article class="markdown-body">{body}</article>
<script>
const [width, theme, top_] = (location.hash.slice(1) || "1012-light-0").split("-");
const page = document.querySelector("article");
document.getElementById("style").href = "{modules}/github-markdown-css/github-markdown-" + (theme || "light") + ".css";
Object.assign(page.style, {{width: width + "px", padding: width < 768 ? "15px" : "45px", marginTop: -top_ + "px"}});
onload = () => {{
  const folded = [...document.querySelectorAll("details:not([open])")], found = [];
  folded.forEach(e => e.open = true);
  for (const [kind, selector] of [["table", "table"], ["formula", ".math"], ["code", "pre"]])
    for (const e of document.querySelectorAll(selector))
      if (e.scrollWidth > e.clientWidth + 1)
        found.push([kind, e.scrollWidth - e.clientWidth, e.textContent.slice(0, 60)]);
  folded.forEach(e => e.open = false);
  if (!theme) document.body.textContent = JSON.stringify([page.offsetHeight, found]);
}};
</script>"""


def with_formulas_apart(text):
    """text with a word in place of each formula, and [[the formula, whether it has a line of its own]]."""
    formulas = []

    def word(match):
        if match["code"]:
            return match[0]
        formulas.append([match["display"] or match["quoted"] or match["inline"], match["display"] is not None])
        return f"{match['fence'] or ''}FORMULA{len(formulas) - 1}X"

    return MATH.sub(word, text), formulas


def typeset(formulas, modules):
    """[[HTML, error]] of formulas."""
    run = subprocess.run(["node", "-e", TYPESET, str(modules / "katex")], input=json.dumps(formulas), text=True,
                         capture_output=True, check=True)
    return json.loads(run.stdout)


def render(name, modules):
    """A page in HTML, and the formulas of it that cannot be typeset, with the reason."""
    text, formulas = with_formulas_apart(PAGES[name].read_text())
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    for token, inline in zip(tokens, tokens[1:]):
        if token.type == "heading_open":
            token.attrSet("id", anchor(inline.content))
    body = markdown.renderer.render(tokens, markdown.options, {})
    results = typeset(formulas, modules)
    for i, ((tex, display), (typeset_tex, error)) in enumerate(zip(formulas, results)):
        shown = typeset_tex or f"<b>{html.escape(tex)}</b>"
        body = body.replace(f"FORMULA{i}X", f'<span class="math">{shown}</span>' if display else shown)
    page = PAGE.format(name=name, folder=PAGES[name].parent.as_uri(), modules=modules.as_uri(), body=body)
    return page, [f"{tex.strip()}: {error}" for (tex, _), (_, error) in zip(formulas, results) if error]


def browse(chromium, url, *options):
    """What Chromium prints about a page."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--virtual-time-budget=5000", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def photograph(chromium, file):
    """Saves the PNG files of an HTML file. Returns what scrolls: [(width, kind, pixels too wide, text)].

    Code may scroll on a phone.
    """
    scrolling = []
    for width in WIDTHS:
        window = max(width, 500)  # Chromium has no narrower one
        out = browse(chromium, f"{file.as_uri()}#{width}--0", "--dump-dom", f"--window-size={window},1000")
        height, found = json.loads(html.unescape(re.search(r"<body>(.*)</body>", out, re.S)[1]))
        scrolling += [(width, *item) for item in found if width == WIDTHS[0] or item[0] != "code"]
        for theme in THEMES:
            for top in range(0, height, TALLEST):
                picture = file.with_name(f"{file.stem}-{width}-{theme}-{top // TALLEST}.png")
                browse(chromium, f"{file.as_uri()}#{width}-{theme}-{top}", f"--screenshot={picture}",
                       f"--window-size={window},{min(TALLEST, height - top)}")
    return scrolling


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as tutorials/results.md (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "pages", metavar="DIR")
    args = parser.parse_args()
    modules = args.out.resolve() / "node_modules"
    if not (modules / "katex").exists():
        parser.error(f"wanted KaTeX in {modules}: npm install --prefix {args.out} katex github-markdown-css")
    if unknown := set(args.pages) - set(PAGES):
        parser.error(f"got {', '.join(unknown)}, wanted some of {', '.join(PAGES)}")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    bad = 0
    for name in args.pages or PAGES:
        page, failed = render(name, modules)
        file = args.out.resolve() / f"{name.removesuffix('.md').replace('/', '-')}.html"
        file.write_text(page)
        scrolling = photograph(chromium, file) if chromium else []
        print(f"{name}: {len(failed)} formulas fail, {len(scrolling)} blocks scroll", flush=True)
        for formula in failed:
            print(f"    fails: {formula}")
        for width, kind, pixels, text in scrolling:
            print(f"    {width} px: {kind} is {pixels} px too wide: {' '.join(text.split())}")
        bad += len(failed) + sum(width == WIDTHS[0] and kind != "code" for width, kind, *_ in scrolling)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
