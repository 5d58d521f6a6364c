"""Puts kustomizations together, as far as ours go: resources, components, patches, images, maps.

Everything else is refused, so that what is checked here is what `kubectl kustomize` makes.
"""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

Manifest = dict[str, Any]

LOADER = yaml.CSafeLoader  # ten times as fast as the one in Python

_KNOWN = {
    *("apiVersion", "kind", "resources", "components"),
    *("patches", "images", "namespace", "configMapGenerator"),
}
HASH = "-0123456789"  # ends a generated name, instead of the one that kustomize computes


def build(folder: Path) -> list[Manifest]:
    """Return the manifests that a kustomization makes."""
    manifests = _build(folder)
    _name_maps(manifests)
    return manifests


def _build(folder: Path) -> list[Manifest]:
    kustomization = yaml.load((folder / "kustomization.yaml").read_text(encoding="utf-8"), LOADER)
    unknown = set(kustomization) - _KNOWN
    if unknown:
        raise ValueError(f"{folder.name}: this test does not understand {sorted(unknown)}.")
    manifests = [
        manifest for name in kustomization.get("resources", ()) for manifest in _read(folder / name)
    ]
    _generate_maps(folder, kustomization, manifests)
    for name in kustomization.get("components", ()):
        manifests = _apply_component((folder / name).resolve(), manifests)
    _patch(kustomization, manifests)
    _finish(kustomization, manifests)
    return manifests


def containers(manifest: Manifest) -> list[Manifest]:
    """Return the containers that a manifest would start."""
    pod = pod_of(manifest)
    return [] if pod is None else [*pod.get("initContainers", ()), *pod["containers"]]


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return the description of the pods that a manifest would start."""
    template: Manifest | None = manifest.get("spec", {}).get("template")
    return None if template is None else template["spec"]


def _read(path: Path) -> list[Manifest]:
    if path.is_dir():
        return _build(path.resolve())
    return [read for read in yaml.load_all(path.read_text(encoding="utf-8"), LOADER) if read]


def _generate_maps(folder: Path, kustomization: Manifest, manifests: list[Manifest]) -> None:
    for generator in kustomization.get("configMapGenerator", ()):
        lines = list(generator.get("literals", ()))
        for name in generator.get("envs", ()):
            lines += (folder / name).read_text(encoding="utf-8").splitlines()
        data = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
        if generator.get("behavior") == "merge":
            named = (m for m in manifests if m["metadata"]["name"] == generator["name"])
            (found,) = (m for m in named if m["kind"] == "ConfigMap")
            found["data"] |= data
        else:
            metadata = {"name": generator["name"], **generator.get("options", {})}
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            manifests.append(made)


def _name_maps(manifests: list[Manifest]) -> None:
    """Add to a generated map's name what changes with it, also where it is referred to."""
    generated = set()
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            generated.add(manifest["metadata"]["name"])
            manifest["metadata"]["name"] += HASH
    for manifest in manifests:
        for container in containers(manifest):
            for source in container.get("envFrom", ()):
                if source.get("configMapRef", {}).get("name") in generated:
                    source["configMapRef"]["name"] += HASH


def _apply_component(folder: Path, manifests: list[Manifest]) -> list[Manifest]:
    component = yaml.load((folder / "kustomization.yaml").read_text(encoding="utf-8"), LOADER)
    added = [one for name in component.get("resources", ()) for one in _read(folder / name)]
    everything = [*manifests, *added]
    _patch(component, everything)
    return everything


def _patch(kustomization: Manifest, manifests: list[Manifest]) -> None:
    for patch in kustomization.get("patches", ()):
        target = patch["target"]
        (found,) = (
            manifest
            for manifest in manifests
            if (manifest["kind"], manifest["metadata"]["name"]) == (target["kind"], target["name"])
        )
        for step in yaml.load(patch["patch"], LOADER):
            _remove(found, step)


def _remove(manifest: Manifest, step: Manifest) -> None:
    if step["op"] != "remove":
        raise ValueError(f"this test does not understand the operation {step['op']}.")
    *parents, last = step["path"].strip("/").split("/")
    for parent in parents:
        manifest = manifest[parent]
    del manifest[last]


def _finish(kustomization: Manifest, manifests: list[Manifest]) -> None:
    images = {
        image["name"]: f"{image['newName']}:{image['newTag']}"
        for image in kustomization.get("images", ())
    }
    for manifest in manifests:
        if "namespace" in kustomization:
            manifest["metadata"]["namespace"] = kustomization["namespace"]
        for container in containers(manifest):
            container["image"] = images.get(container["image"], container["image"])
