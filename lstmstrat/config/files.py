"""YAML to values and back: config files, and single settings of the command line."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import yaml

from lstmstrat.config.classes import importable
from lstmstrat.config.schema import Config
from lstmstrat.config.validation import yaml_text
from lstmstrat.errors import ConfigError, did_you_mean_file

MERGE = "tag:yaml.org,2002:merge"  # tag of <<, a key that may occur in a mapping more than once
DEEPEST = 30  # levels of lists and mappings
MOST = 100_000  # values, each use of an anchor counted
LARGEST = 1_000_000  # bytes of a config
LONGEST = 10**300  # of whole numbers: beyond it there is no float of this size
WHOLE = re.compile(r"[-+]?(0|[1-9]\d*)")  # numbers that are in YAML what they look like
DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?\.inf|\.nan", re.IGNORECASE)
LONGEST_TEXT = 60  # letters of a value that are told in quotes
EXAMPLE = "such as --set forecast.members=3"


class _Loader(yaml.SafeLoader):
    """A safe YAML loader that rejects a key given twice; PyYAML would silently take the last one."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node, which may not lie too deep: the parser and all who read the values call themselves."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ConfigError(f"expected at most {DEEPEST} levels of lists and mappings, one in the other")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
    seen = set[Hashable]()
    for key in (loader.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE):
        if not isinstance(key, Hashable):
            break  # PyYAML has a sentence for it
        if key in seen:
            raise ConfigError(f"line {node.start_mark.line + 1}: {key!r} is given twice; keep one of them")
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    """A whole number as it is written: in YAML 1.1, 010 is 8, 0x10 is 16, 12:30 is 750 and 1_000 is 1000."""
    value: int = loader.construct_yaml_int(node)
    return value if WHOLE.fullmatch(node.value) else _refuse(node, value)


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> float:
    """A number as it is written: in YAML 1.1, 12:30.5 is 750.5 and 1_000.5 is 1000.5."""
    value: float = loader.construct_yaml_float(node)
    return value if DECIMAL.fullmatch(node.value) else _refuse(node, value)


def _refuse(node: yaml.ScalarNode, value: float) -> NoReturn:
    looks = [f"{int(node.value)}"] if re.fullmatch(r"[-+]?\d+", node.value) else []
    raise ConfigError(
        f"line {node.start_mark.line + 1}: {node.value} would be {value} in YAML; write "
        f'{" or ".join([str(value), *looks])}, or, if it is text, "{node.value}" in quotes'
    )


_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """The values of a YAML text, which may be a whole file or one ``--set`` value.

    Raises
    ------
    ConfigError
        The text is not YAML, gives a key twice, or has more levels or values than any config needs.
    """
    try:
        values = yaml.load(text, Loader=_Loader)  # a SafeLoader
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:  # a date such as 2005-02-30
        tab = "; a tab parts nothing in YAML, write spaces" if "'\\t'" in str(error) else ""
        raise ConfigError(f"not valid YAML: {error}{tab}") from None
    except KeyError as error:  # !!bool 120
        raise ConfigError(f"not valid YAML: {error} is neither true nor false") from None
    all_values = list(islice(_walk(values), MOST + 1))
    if len(all_values) > MOST:
        raise ConfigError(f"expected at most {MOST:,} values, each use of an anchor (*name) counted")
    if any(isinstance(value, int) and abs(value) > LONGEST for value in all_values):
        raise ConfigError("expected whole numbers of at most 300 digits")
    return values


def _walk(value: Any) -> Iterator[Any]:
    """`value` and all keys and values in it; without end where an anchor is used inside of itself."""
    left = [value]
    while left:
        value = left.pop()
        yield value
        left += [*value, *value.values()] if isinstance(value, dict) else []
        left += value if isinstance(value, (list, set)) else []


def read(path: Path) -> dict[str, Any]:
    """The values of a YAML file.

    Raises
    ------
    ConfigError
        The file does not exist, is not YAML, or has no mapping at the top.
    """
    text = _text(path)
    try:
        values = parse(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected sections such as data: and strategies:; found {values!r:.60}")
    return values


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size <= LARGEST:
            return path.read_text(encoding="utf-8-sig")
        if path.is_file():
            raise ConfigError(f"{path}: {path.stat().st_size:,} bytes; expected a config, {LARGEST:,} at most")
        if path.exists():
            raise ConfigError(f"cannot read {path}: it is no file; expected a config, such as configs/aapl.yaml")
    except ConfigError:
        raise
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {path}: {error}; save it as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a name that holds a zero byte
        raise ConfigError(f"cannot read {path}: {error}") from None
    names = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    raise ConfigError(f"no config file {path}{did_you_mean_file(path.name, names)}")


def override(values: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """A copy of `values` with each ``section.key=value`` of `settings` put in.

    A path consists of keys and of positions in a list: ``strategies.0.params.threshold=0.001``.

    Raises
    ------
    ConfigError
        A setting is not of this form, or its path does not fit `values`.
    """
    for setting in settings:
        try:
            values = changed(values, setting)
        except ConfigError as error:
            raise ConfigError(f"--set {setting}: {error}") from None
    return values


def changed(values: dict[str, Any], setting: str) -> dict[str, Any]:
    """A copy of `values` with one ``section.key=value`` put in; the errors of `override`, without the setting."""
    path, equals, value = setting.partition("=")
    if not equals or not path:
        raise ConfigError(f"expected KEY=VALUE, {EXAMPLE}")
    keys = path.split(".")
    if len(keys) > DEEPEST:
        raise ConfigError(f"expected at most {DEEPEST} keys, {EXAMPLE}")
    found: dict[str, Any] = _put(values, keys, _value(path, value))
    return found


def _value(path: str, value: str) -> Any:
    """The value of one ``--set``; text that YAML cannot read, as %d/%m/%Y, is told to stand in quotes."""
    try:
        return parse(value)
    except ConfigError as error:
        of_grammar = str(error).startswith("not valid YAML")
        if not of_grammar or len(value) > LONGEST_TEXT or not value.isprintable() or set(value) & set("\"'\\"):
            raise
        quoted = f"--set '{path}=\"{value}\"'"
        raise ConfigError(f"{error}; if it is text, put it in quotes: {quoted}") from None


def _put(node: Any, keys: list[str], value: Any) -> Any:
    """A copy of `node` with `value` at the path `keys`."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, (list, tuple)):
        if not (key.isascii() and key.isdecimal() and len(key) < 10 and int(key) < len(node)):
            raise ConfigError(f"{key!r} is no position in a list of {len(node)}, whose first is 0")
        return [_put(x, rest, value) if i == int(key) else x for i, x in enumerate(node)]
    if not isinstance(node, dict):
        raise ConfigError(f"there is no {key!r} in {yaml_text(node)}, which has no keys")
    return {**node, key: _put(node.get(key, {}), rest, value)}


def files_beside(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A copy in which each file of ``data:`` that is not there, and lies in `folder`, is named by its place there.

    The values need not be valid: what is no name of a file stays as it is.

    >>> files_beside({"data": {"path": "nowhere.csv"}}, Path("configs"))
    {'data': {'path': 'nowhere.csv'}}
    """
    data = values.get("data")
    if not isinstance(data, dict):
        return values
    moved = _beside(data, folder)
    for key in ("extra", "peers"):
        entries = moved.get(key)
        if isinstance(entries, list):
            moved[key] = [_beside(one, folder) if isinstance(one, dict) else one for one in entries]
    return {**values, "data": moved}


def _beside(section: dict[str, Any], folder: Path) -> dict[str, Any]:
    name = section.get("path")
    if not isinstance(name, str) or not name:
        return dict(section)
    try:
        found = not Path(name).exists() and (folder / name).is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        found = False
    return {**section, "path": str(folder / name)} if found else dict(section)


def dump(config: Config) -> str:
    """`config` as YAML with every default filled in; a run of this YAML gives the same numbers.

    Comments at its head name what a file cannot hold, and what to do about it.
    """
    values = config.model_dump(mode="json", by_alias=True)
    comments = [f"# {line}\n" for line in _not_in_a_file(config)]
    return "".join(comments) + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _not_in_a_file(config: Config) -> Iterator[str]:
    if config.data.source == "frame":
        yield 'data: the prices were handed over in Python; do so again: lstmstrat.run("config.yaml", prices=...)'
    for k, strategy in enumerate(config.strategies):
        if not importable(strategy.path):
            name = re.split(r"[:.]", strategy.path)[-1]
            yield (
                f"strategies.{k}: {name} was defined in a notebook, a script or a function, where no other "
                f"program finds it; put it into a file mine.py and write class: mine:{name}"
            )


def one_line(value: Any) -> str:
    """A value as YAML on one line, as ``--set`` takes it: `parse` gives the same value.

    >>> one_line(1e-05), one_line("ridge"), one_line([1, 2.5]), one_line("yes")
    ('1.0e-05', 'ridge', '[1, 2.5]', "'yes'")

    Raises
    ------
    ConfigError
        It is no value of YAML.
    """
    try:
        text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True)
    except yaml.YAMLError:
        raise ConfigError(
            f"{value!r:.60} given, expected text, numbers, true or false, or lists of them"
        ) from None
    return text.removesuffix("\n").removesuffix("\n...")
