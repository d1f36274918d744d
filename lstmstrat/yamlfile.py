"""YAML to values and back: files, and single settings of the command line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from lstmstrat.config import Config, written
from lstmstrat.errors import ConfigError, did_you_mean

MERGE = "tag:yaml.org,2002:merge"  # <<, which may stand in a mapping more than once


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is a mistake and not a silent choice of the last."""


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value if key.tag != MERGE]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        raise ConfigError(f"line {node.start_mark.line + 1}: {twice[0]!r} is given twice; keep one of them")
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """The values of YAML text (also of one ``--set`` value).

    Raises
    ------
    ConfigError
        Not YAML, or a key given twice.
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
        No such file, not YAML, or no mapping at the top.
    """
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise ConfigError(f"no config file {path}{did_you_mean(path.name, known)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected sections such as data: and strategies:; found {values!r}")
    return values


def override(values: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """`values` with each ``section.key=value`` of the command line put in.

    A path names keys, and positions in a list: ``strategies.0.params.threshold=0.001``.
    """
    for setting in settings:
        path, found, value = setting.partition("=")
        if not found or not path:
            raise ConfigError(f"--set {setting}: expected KEY=VALUE, such as --set forecast.members=3")
        try:
            values = _put(values, path.split("."), parse(value))
        except ConfigError as error:
            raise ConfigError(f"--set {setting}: {error}") from None
    return values


def _put(node: Any, keys: list[str], value: Any) -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(node, list):
        if not key.isdigit() or int(key) >= len(node):
            raise ConfigError(f"{key!r} is no position in a list of {len(node)}, whose first is 0")
        return [_put(x, rest, value) if i == int(key) else x for i, x in enumerate(node)]
    if not isinstance(node, dict):
        raise ConfigError(f"there is no {key!r} in {written(node)}, which has no keys")
    return {**node, key: _put(node.get(key, {}), rest, value)}


def dump(config: Config) -> str:
    """`config` as YAML, every default filled in; running it again gives the same numbers."""
    return yaml.safe_dump(config.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)
