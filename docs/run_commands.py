"""Runs every command of README and docs/ in a copy of the checkout, and looks for what they are said to print.

    python docs/run_commands.py                        # all of them: half an hour; before a release
    python docs/run_commands.py README.md tutorial.md  # those of some pages

The blocks of a page run one after the other, in one folder. Each line of a text block must be among the lines that
the block before it prints, whatever times, dates of runs and folders it has. Exit code 1 if one is not, or if a
command fails. Installations and the tests are left to CI.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"```(sh|python|text)\n(.*?)```", re.DOTALL)
CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d_\d{6}"), "TIME"),  # the folder of a run
    (re.compile(r"begun on \d{4}-\d\d-\d\d"), "begun on DATE"),
    (re.compile(r"\d+ so far on"), "N so far on"),
    (re.compile(r"\s+"), " "),
)


@dataclass
class Block:
    """What is run, and the lines that it is said to print."""

    language: str
    code: str
    said: list[str] = field(default_factory=list)


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a page that can be run, with the text behind each."""
    found: list[Block] = []
    for language, text in BLOCK.findall(path.read_text(encoding="utf-8")):
        kept = "\n".join(x for x in text.splitlines() if not re.match(r"(pip|python -m pytest)\b", x))
        if language == "text" and found:
            found[-1].said += [line for line in text.splitlines() if plain(line) not in ("", "...")]
        elif language != "text" and kept:
            found.append(Block(language, kept))
    yield from found


def plain(text: str) -> str:
    """A line without what changes from run to run."""
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text.strip()


def missing(block: Block, folder: Path, here: Path) -> list[str]:
    """The lines that a block does not print; the error of one that fails. `here` keeps the folder it ends in."""
    if block.language == "python":
        command = [sys.executable, "-c", block.code]
    else:
        command = ["bash", "-euc", f"{block.code}\npwd > {here}"]
    where = Path(here.read_text().strip()) if here.exists() else folder
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    if done.returncode:
        return [f"exit code {done.returncode}: {done.stderr[-500:]}"]
    printed = plain(done.stdout)
    return [line for line in block.said if plain(line) not in printed]


def main() -> int:
    """Run the command line."""
    names = sys.argv[1:] or ["README.md", *sorted(path.name for path in (ROOT / "docs").glob("*.md"))]
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        for key in ("CACHE", "LEDGER", "PRICES"):
            os.environ[f"LSTMSTRAT_{key}"] = str(Path(place) / key.lower())
        for name in names:
            folder, here = Path(place) / name, Path(place) / f"{name}.here"
            subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
            for block in blocks(ROOT / name if name == "README.md" else ROOT / "docs" / name):
                found = missing(block, folder, here)
                wrong += bool(found)
                sys.stdout.write(f"{'WRONG' if found else 'as said'}  {name}: {block.code.splitlines()[0]}\n")
                sys.stdout.write("".join(f"    not printed: {line}\n" for line in found))
                sys.stdout.flush()
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
