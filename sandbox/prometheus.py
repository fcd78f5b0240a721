"""A Prometheus that scrapes the pods of the real node that ask for it by annotation, every two seconds."""

import http.client
import json
from typing import Any, Final

from sandbox.controlplane import Part
from sandbox.folder import Folder
from sandbox.pki import NODE
from sandbox.site import LOOPBACK, Site

_EVERY: Final = "2s"
_POD: Final = "__meta_kubernetes_pod"


def part(folder: Folder, site: Site) -> Part:
    """Prometheus, with all it keeps in the sandbox's folder."""
    address = f"{LOOPBACK}:{site.ports['prometheus']}"
    arguments = (
        f"--config.file={folder.config / 'prometheus.json'}",
        f"--storage.tsdb.path={folder.path / 'prometheus'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    )
    return Part("prometheus", "prometheus", arguments, f"http://{address}")


def write_configuration(folder: Folder) -> None:
    """Write what is scraped; JSON is YAML too."""
    pods = {
        "job_name": "pods",
        "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(folder.kubeconfig)}],
        "relabel_configs": _relabelling(),
    }
    document = {"global": {"scrape_interval": _EVERY, "scrape_timeout": "1s"}, "scrape_configs": [pods]}
    (folder.config / "prometheus.json").write_text(json.dumps(document, indent=1))


def is_ready(site: Site) -> bool:
    """Whether Prometheus answers queries."""
    connection = http.client.HTTPConnection(LOOPBACK, site.ports["prometheus"], timeout=2)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _relabelling() -> list[dict[str, Any]]:
    """Only annotated pods on the real node: those of the fake one have addresses that nobody answers at."""
    annotation = f"{_POD}_annotation_prometheus_io"
    return [
        {"action": "keep", "source_labels": [f"{annotation}_scrape", f"{_POD}_node_name"], "regex": f"true;{NODE}"},
        {"action": "drop", "source_labels": [f"{_POD}_phase"], "regex": "Pending|Succeeded|Failed"},
        {
            "source_labels": [f"{_POD}_ip", f"{annotation}_port"],
            "regex": "([^;]+);(.+)",
            "target_label": "__address__",
            "replacement": "$1:$2",
        },
        {"source_labels": [f"{annotation}_path"], "regex": "(.+)", "target_label": "__metrics_path__"},
        # A pod with several containers, or ports, is still one target.
        {"action": "labelmap", "regex": f"{_POD}_label_(app.*)"},
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": [f"{_POD}_name"], "target_label": "pod"},
    ]
