"""Volumes of the real node: a folder for each claim of the default storage class, removed with the claim."""

import shutil
from pathlib import Path
from typing import Any, Final

from sandbox.api import Api
from sandbox.pki import NODE

CLASS: Final = "sandbox"
CLASS_PATH: Final = f"/apis/storage.k8s.io/v1/storageclasses/{CLASS}"
_PROVISIONER: Final = "sandbox.landlord.dev/folder"
# Where the node sees the folder's `node/lib/volumes`.
_INSIDE: Final = "/var/lib/volumes"
_VOLUMES: Final = "/api/v1/persistentvolumes"

Object = dict[str, Any]


def storage_class() -> Object:
    """The class that claims get which name none."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": _PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def volume(claim: Object) -> Object:
    """The manifest of the volume for a claim."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    claimed = {key: meta[key] for key in ("name", "namespace", "uid")}
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": _PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": "Filesystem",
            "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claimed},
            "hostPath": {"path": f"{_INSIDE}/{name}", "type": "Directory"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }


def serve(api: Api, folder: Path) -> None:
    """Give every waiting claim of the class its volume, and remove those that were let go of."""
    for claim in api.items("/api/v1/persistentvolumeclaims"):
        waits = claim["status"].get("phase") == "Pending" and not claim["spec"].get("volumeName")
        if waits and claim["spec"].get("storageClassName") == CLASS:
            manifest = volume(claim)
            place = folder / manifest["metadata"]["name"]
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o777)  # pods run as whomever they like
            api.create(_VOLUMES, manifest)
    for one in api.items(_VOLUMES):
        if one["status"].get("phase") == "Released" and one["spec"].get("storageClassName") == CLASS:
            api.delete(f"{_VOLUMES}/{one['metadata']['name']}")
            shutil.rmtree(folder / one["metadata"]["name"], ignore_errors=True)
