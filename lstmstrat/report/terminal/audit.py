"""The findings of an audit, from the dict of `AuditResult.to_dict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from lstmstrat.report.terminal.console import console_on

if TYPE_CHECKING:
    from rich.table import Table

FINDING_STATUSES = ("passed", "warning", "failed", "not assessed")

JsonObject = Mapping[str, Any]


def print_audit(record: JsonObject, file: TextIO | None = None) -> None:
    """Print the findings of an audit (`AuditResult.to_dict`) to `file`, standard output by default."""
    console = console_on(file or sys.stdout)
    findings = record["findings"]
    if record["controls"]:
        console.print(_controls(record["controls"]))
    console.print(_table(findings))
    for finding in findings:
        if finding["status"] in ("failed", "warning"):
            for line in _difference(finding):
                console.print(line, soft_wrap=True)
    groups = _not_assessed(findings)
    if groups:
        console.print()
    for (probe, reason), subjects in groups.items():
        console.print(f"Not assessed: {probe}, {', '.join(subjects)}: {reason}", soft_wrap=True)
    for sentence in record["blind"]:
        console.print(f"\nNot assessable: {sentence}", soft_wrap=True)
    found = "Nothing was found that looks ahead. " if record["exit_code"] == 0 else ""
    console.print(
        f"\n{found}{record['sentence']} Not to be found this way: {'; '.join(record['not_detectable'])}."
    )


def _controls(controls: Sequence[JsonObject]) -> str:
    """How many planted leaks the audit found, how many clean controls passed, and which did not."""
    leaks = [control for control in controls if control["probe"]]
    hits = sum(bool(leak["caught"]) for leak in leaks)
    clean = [control for control in controls if not control["probe"]]
    wrong = [str(control["name"]) for control in clean if not control["caught"]]
    passed = f"clean controls passed: {len(clean) - len(wrong)} of {len(clean)}"
    not_passed = f"; NOT PASSED: {'; '.join(wrong)}" if wrong else ""
    return f"Planted leaks found: {hits} of {len(leaks)}; {passed}{not_passed}.\n"


def _table(findings: Sequence[JsonObject]) -> Table:
    """One row per probe: the number of strategies with each status, of comparisons and of cuts."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("probe", *FINDING_STATUSES, "comparisons", "cuts"):
        table.add_column(heading, justify="left" if heading == "probe" else "right")
    for probe in sorted({f["probe"] for f in findings}, key=lambda probe: int(probe.split()[0][1:])):
        rows = [f for f in findings if f["probe"] == probe]
        counts = [str(sum(f["status"] == status for f in rows)) for status in FINDING_STATUSES]
        cuts = len({cut for f in rows for cut in f["cuts"]})
        table.add_row(probe, *counts, f"{sum(f['comparisons'] for f in rows):,}", str(cuts) if cuts else "")
    return table


def _difference(finding: JsonObject) -> Iterator[str]:
    """The failure or warning, its first difference if there is one, and the command that shows it again."""
    yield f"\n{finding['status'].upper()} {finding['probe']}, {finding['subject']}: {finding['detail']}"
    if first := finding["difference"]:
        change = f" [{first['perturbation']}; cut {first['cut'] or 'none'}]" if first["perturbation"] else ""
        values = f"{first['original']}, then {first['changed']}"
        yield f"  {first['date']}, bar {first['bar']}: {first['line']} was {values}{change}"
    yield f"  {finding['command']}"


def _not_assessed(findings: Sequence[JsonObject]) -> dict[tuple[str, str], list[str]]:
    """The strategies that a probe could not assess, by the probe and the reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding["status"] == "not assessed":
            groups.setdefault((finding["probe"], finding["detail"]), []).append(finding["subject"])
    return groups
