"""Writes the parts of docs/ that the code knows: commands, keys of a config, metrics, glossary.

python docs/generate.py            # write them
python docs/generate.py --check    # say which are old; exit code 1 if any is
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lstmstrat.commands import new
from lstmstrat.commands.main import COMMANDS, parser
from lstmstrat.config import BrokerConfig, Config, DataConfig, ForecastConfig, ReportConfig, StrategyConfig
from lstmstrat.evaluation.metrics import FORMULAS
from lstmstrat.report.page.glossary import GLOSSARY, OF_A_UNIVERSE

DOCS = Path(__file__).parent
SECTIONS: dict[str, type[BaseModel]] = {
    "": Config,
    "data": DataConfig,
    "forecast": ForecastConfig,
    "broker": BrokerConfig,
    "strategies": StrategyConfig,
    "report": ReportConfig,
}


def commands() -> str:
    """Every command with its options, as ``--help`` prints them."""
    made = parser()
    chosen = next(a for a in made._actions if isinstance(a, argparse._SubParsersAction))
    for command in (made, *chosen.choices.values()):
        command.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    blocks = [f"```text\n{made.format_help()}```"]
    blocks += [f"## {name}\n\n```text\n{chosen.choices[name].format_help()}```" for name in COMMANDS]
    return "\n\n".join(blocks)


def keys() -> str:
    """Every key with its default and what it says, a table for each section."""
    schema: dict[str, Any] = json.loads(new.schema())
    blocks = []
    for section, model in SECTIONS.items():
        said = (schema["$defs"][model.__name__] if section else schema)["properties"]
        rows = [_key(info.alias or name, info, said) for name, info in model.model_fields.items()]
        heading = f"## {section}" if section else "## The whole"
        blocks.append("\n".join([heading, "", "| key | default | what |", "|---|---|---|", *rows]))
    return "\n\n".join(blocks)


def _key(name: str, info: FieldInfo, said: dict[str, Any]) -> str:
    shown = (
        "required"
        if info.is_required()
        else _default(info.get_default(call_default_factory=True, validated_data={}))
    )
    what = " ".join(said.get(name, {}).get("description", "").split()).replace("|", "\\|")
    return f"| `{name}` | {shown} | {what} |"


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "see below"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "null" if value is None else str(value)
    return f"`{text}`" if text else "none"


def metrics() -> str:
    """Every metric with its formula."""
    return "\n".join(["| name | formula |", "|---|---|", *(f"| `{n}` | {f} |" for n, f in FORMULAS.items())])


def glossary() -> str:
    """Every term of the page of a run on one asset."""
    return _terms(GLOSSARY)


def universe() -> str:
    """The terms of a universe, and those that mean something else there."""
    return _terms(OF_A_UNIVERSE)


def _terms(terms: dict[str, str]) -> str:
    return "\n\n".join(f"**{name}**: {text}" for name, text in sorted(terms.items(), key=lambda t: t[0].lower()))


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("commands.md", commands),
    "keys": ("keys.md", keys),
    "metrics": ("results.md", metrics),
    "glossary": ("glossary.md", glossary),
    "universe": ("glossary.md", universe),
}


def with_parts(text: str) -> str:
    """`text` with every part between its two marks written anew."""

    def made(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n\n{PARTS[found[1]][1]()}\n\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->.*?<!-- end -->", made, text, flags=re.DOTALL)


def main() -> int:
    """Run the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true")
    check = options.parse_args().check
    old = []
    for path in sorted({DOCS / name for name, _ in PARTS.values()}):
        text = path.read_text(encoding="utf-8")
        if (new := with_parts(text)) != text:
            old.append(path.name)
            if not check:
                path.write_text(new, encoding="utf-8")
    sys.stdout.write(f"{'old' if check else 'written'}: {', '.join(old) or 'none'}\n")
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
