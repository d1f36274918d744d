"""YAML to values and back: config files, and single settings of the command line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from lstmstrat.config.schema import Config
from lstmstrat.config.validation import yaml_text
from lstmstrat.errors import ConfigError, did_you_mean

MERGE = "tag:yaml.org,2002:merge"  # tag of <<, a key that may occur in a mapping more than once


class _Loader(yaml.SafeLoader):
    """A safe YAML loader that rejects a key given twice; PyYAML would silently take the last one."""


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE]
    duplicates = [key for key in keys if keys.count(key) > 1]
    if duplicates:
        raise ConfigError(f"line {node.start_mark.line + 1}: {duplicates[0]!r} is given twice; keep one of them")
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """The values of a YAML text, which may be a whole file or one ``--set`` value.

    Raises
    ------
    ConfigError
        The text is not YAML, or gives a key twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2005-02-30
        raise ConfigError(f"not valid YAML: {error}") from None


def read(path: Path) -> dict[str, Any]:
    """The values of a YAML file.

    Raises
    ------
    ConfigError
        The file does not exist, is not YAML, or has no mapping at the top.
    """
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise ConfigError(f"no config file {path}{did_you_mean(path.name, names)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected sections such as data: and strategies:; found {values!r}")
    return values


def override(values: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """A copy of `values` with each ``section.key=value`` of `settings` put in.

    A path consists of keys and of positions in a list: ``strategies.0.params.threshold=0.001``.

    Raises
    ------
    ConfigError
        A setting is not of this form, or its path does not fit `values`.
    """
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set {setting}: expected KEY=VALUE, such as --set forecast.members=3")
        try:
            values = _put(values, path.split("."), parse(value))
        except ConfigError as error:
            raise ConfigError(f"--set {setting}: {error}") from None
    return values


def _put(node: Any, keys: list[str], value: Any) -> Any:
    """A copy of `node` with `value` at the path `keys`."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, list):
        if not key.isdigit() or int(key) >= len(node):
            raise ConfigError(f"{key!r} is no position in a list of {len(node)}, whose first is 0")
        return [_put(x, rest, value) if i == int(key) else x for i, x in enumerate(node)]
    if not isinstance(node, dict):
        raise ConfigError(f"there is no {key!r} in {yaml_text(node)}, which has no keys")
    return {**node, key: _put(node.get(key, {}), rest, value)}


def dump(config: Config) -> str:
    """`config` as YAML with every default filled in; a run of this YAML gives the same numbers."""
    return yaml.safe_dump(config.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)
