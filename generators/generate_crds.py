"""Writes ``crds/`` from the models: ``python -m generators.generate_crds [--check]``."""

from pathlib import Path
from typing import Any

import yaml

from generators.committed import main
from landlord.api.crd import KINDS, render

HEADER = "# Generated from operator/landlord/api by `python -m generators.generate_crds`; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Plain YAML without anchors: the same schema stands in many places."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def files() -> dict[Path, str]:
    """Path and content of each CRD."""
    return {Path("crds") / f"{kind.crd_name}.yaml": HEADER + _yaml(render(kind)) for kind in KINDS}


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


if __name__ == "__main__":
    main(files())
