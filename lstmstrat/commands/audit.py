"""``lstmstrat audit CONFIG``: checks whether a strategy or a forecast depends on later bars."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lstmstrat.commands.console import (
    add_cache_options,
    add_price_options,
    anywhere,
    at_home,
    cache_of,
    check_file,
    exit_code,
    read_config,
)
from lstmstrat.errors import ConfigError

if TYPE_CHECKING:
    from lstmstrat.audit.case import Command
    from lstmstrat.audit.finding import AuditResult, Control, Finding
    from lstmstrat.config.identity import Identity
    from lstmstrat.config.schema import Config
    from lstmstrat.prices import Prices
    from lstmstrat.store import Store


DESCRIPTION = (
    "Change bars and look whether a strategy of a config, or its forecast, did anything else before them. "
    "Strategies are looked at over the whole traded period, the forecast at its beginning, middle and end, with a "
    "small network: a leak does not depend on how well a network is trained. Files, connections and tables with "
    "dates that come with the code are named. Planted leaks are looked for first."
)
EPILOG = (
    "Exit code: 0 no difference found, with or without warnings; 1 a leak found; 2 for what you can mend; 3 not "
    "assessable."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("config", type=at_home, metavar="CONFIG", help="YAML file, such as configs/aapl.yaml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the config"
    )
    parser.add_argument("--strategy", metavar="NAME", help="one strategy, by its name; forecast: the forecast")
    parser.add_argument("--only", default="", metavar="PROBE", help="one probe, such as P2; no planted leaks")
    parser.add_argument("--cut", default="", metavar="DATE", help="change bars at this one date, in every way")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the cuts and of the other futures (0)"
    )
    add_cache_options(parser)
    parser.add_argument("--json", type=anywhere, metavar="FILE", help="write every finding there")
    add_price_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print no progress, only what was found")


def work(options: argparse.Namespace) -> int:
    """Run the command and return the exit code."""
    return exit_code(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    result = _run_audit(options)
    if options.json is not None:
        _write(options.json, result)
    from lstmstrat.report import terminal

    terminal.print_audit(result.to_dict())
    return result.exit_code


def _run_audit(options: argparse.Namespace) -> AuditResult:
    from lstmstrat.study.prepare import prepare

    config = read_config(options.config, options.set)
    if config.data.universe is not None:
        return _audit_universe(config, options)
    from lstmstrat.audit import subjects, suite
    from lstmstrat.audit.finding import AuditResult
    from lstmstrat.report import terminal
    from lstmstrat.study.fingerprint import of_code

    check_file("--json", options.json)
    store = cache_of(options)
    suite.probe_ids(options.only)  # raises if there is no such probe
    config, prices = prepare(config, options.offline, options.refresh)
    code = {s.label: of_code(config, s) for s in config.strategies}  # before anything runs
    config_subjects = subjects.of_config(config, prices)
    names = list(dict.fromkeys(subject.name for subject in config_subjects))
    if options.strategy is not None and options.strategy not in names:
        raise ConfigError(f"--strategy {options.strategy}: there is none; known: {', '.join(names)}")
    selected = [(s, _command(options, s.name)) for s in config_subjects if options.strategy in (None, s.name)]
    controls: tuple[Control, ...] = ()
    with terminal.stages(quiet=options.quiet) as stages:
        if not options.only:
            with stages("planted leaks and clean controls", "controls") as show:
                controls = suite.controls(show)
        with stages("audit", "probes") as show:
            findings = suite.findings(
                selected, seed=options.seed, only=options.only, cut=options.cut, progress=show
            )
    result = AuditResult(findings, controls)
    if not (options.only or options.cut):
        _keep(store, config, prices, code, result)
    return result


def _audit_universe(config: Config, options: argparse.Namespace) -> AuditResult:
    """The audit of the portfolio of a universe."""
    from lstmstrat.audit.finding import AuditResult
    from lstmstrat.forecasting.session import Session
    from lstmstrat.report import terminal
    from lstmstrat.study.panel.audit import audit_panel, check_options, decider
    from lstmstrat.study.panel.audits import keep_audit
    from lstmstrat.study.panel.leaks import controls
    from lstmstrat.study.panel.own_audit import own_findings
    from lstmstrat.study.panel.run import prepare_panel
    from lstmstrat.study.panel.simulate import simulate_panel

    check_file("--json", options.json)
    name = config.portfolio.label if config.portfolio else ""
    check_options(config, options.strategy, options.only, options.cut)
    with terminal.stages(quiet=options.quiet) as stages, Session(cache_of(options)) as session:
        with stages("prices", ""):
            config, panel = prepare_panel(config, options.offline, options.refresh)
        run = simulate_panel(config, panel, session, stages)
        planted: tuple[Control, ...] = ()
        if not options.only:
            with stages("planted leaks and clean controls", "controls") as show:
                planted = controls(show, bool(config.own_code_of_universe))
        command = _command(options, name)("", options.cut)
        own: tuple[Finding, ...] = ()
        if config.own_code_of_universe:
            with stages("code of your own", "probes") as show:
                own = own_findings(config, panel, name, command, show, options.only)
        with stages("audit", "cuts") as show:
            findings = audit_panel(decider(config), panel, name, command, show, options.only, options.cut)
        result = AuditResult((*own, *findings), planted)
        if not (options.only or options.cut):
            keep_audit(run, session, result)
    return result


def _keep(store: Store, config: Config, prices: Prices, code: Mapping[str, Identity], result: AuditResult) -> None:
    """Keeps a record of each strategy that was audited. A leak in the forecast is one in every strategy."""
    from lstmstrat.audit.finding import AuditResult
    from lstmstrat.forecasting.session import Session
    from lstmstrat.study.audits import AuditRecord, keep_audit
    from lstmstrat.study.fingerprint import not_identified

    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    audited = {finding.subject for finding in result.findings}
    with Session(store) as session:
        for strategy in config.strategies:
            if strategy.label not in audited:
                continue
            findings = tuple(f for f in result.findings if f.subject in (strategy.label, "forecast"))
            own = AuditResult(findings, result.controls)
            record = AuditRecord(own.exit_code, own.sentence, today)
            own_code = code[strategy.label]
            if not keep_audit(config, prices, strategy, own_code, session, record):
                why = not_identified(own_code)
                print(f"{strategy.label}: {why}, so no report will know of this audit", file=sys.stderr)


def _command(options: argparse.Namespace, strategy: str) -> Command:
    def command(probe: str, day: str) -> str:
        words = ["lstmstrat", "audit", str(options.config)]
        words += [word for setting in options.set for word in ("--set", setting)]
        words += ["--strategy", strategy, *(["--only", probe] if probe else []), *(["--cut", day] if day else [])]
        return shlex.join([*words, "--seed", str(options.seed)])

    return command


def _write(path: Path, result: AuditResult) -> None:
    try:
        path.write_text(json.dumps(result.to_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--json {path}: {error.strerror}") from None
