"""infra/kubernetes: valid for Kubernetes, closed by default, and true to the settings.

The schemas of Kubernetes come with a package. KEDA's kinds are not among them:
tests/integration/tasks/reports/test_worker_scaler.py runs what they ask PostgreSQL.
"""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import Any

import kubernetes_validate
import pytest

from infra.contract.states import Lane
from infra.settings.sections import BulkSettings, WorkerSettings
from infra.stack.services.application import _WORKER_STOP_SECONDS
from tests.architecture.support.kustomize import HASH, Manifest, build, containers, pod_of
from tests.architecture.support.source import ROOT
from tests.architecture.test_compose import PREFECT_CLIENT, settings_names

Rule = Callable[[list[Manifest]], Iterator[str]]

FOLDER = ROOT / "infra" / "kubernetes"
KUBERNETES = "1.31"  # the oldest version that the documentation promises
ALL = build(FOLDER / "example")
FOREIGN_KINDS = {"keda.sh/v1alpha1"}
SECRET = re.compile(
    r"PASSWORD|SECRET|ACCESS_KEY|AUTH_STRING|(DATABASE|AMQP|REDIS|MESSAGING|DOCKET)_URL|CONNECTION_URL"
)
CLOSED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
PRIVATE = (
    *("10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1"),
    *("::1", "fd00::1", "fe80::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1"),
)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """By name; that of a generated ConfigMap without its hash."""
    found = {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}
    return {name.removesuffix(HASH): m for name, m in found.items()}


def invalid(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        if manifest["apiVersion"] in FOREIGN_KINDS:
            continue
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as exc:
            yield f"{manifest['kind']} {manifest['metadata']['name']}: {exc.message}"


def privileged(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        pod, name = pod_of(manifest), manifest["metadata"]["name"]
        if pod is None:
            continue
        if not pod.get("securityContext", {}).get("runAsNonRoot"):
            yield f"{name} may run as root"
        if pod.get("automountServiceAccountToken", True):
            yield f"{name} gets a token of Kubernetes"
        for container in containers(manifest):
            if container.get("securityContext") != CLOSED:
                yield f"{name} may more than it needs"


def unbounded(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        for container in containers(manifest):
            resources = container.get("resources", {})
            if "memory" not in resources.get("limits", {}) or "cpu" not in resources["requests"]:
                yield f"{manifest['metadata']['name']} has no bounds"


def unwatched(manifests: list[Manifest]) -> Iterator[str]:
    for name in ("api", "worker", "prefect"):
        (container,) = containers(of_kind(manifests, "Deployment")[name])
        for probe in ("startupProbe", "readinessProbe"):
            if probe not in container:
                yield f"{name} has no {probe}"
        if name not in of_kind(manifests, "PodDisruptionBudget"):
            yield f"{name} may be drained all at once"


def moving_images(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        for container in containers(manifest):
            if not re.fullmatch(r".+:(?!latest\b)[^:/@]+", container["image"]):
                yield f"{manifest['metadata']['name']}: {container['image']} needs a version"


def literal_secrets(manifests: list[Manifest]) -> Iterator[str]:
    if of_kind(manifests, "Secret"):
        yield "a secret lies in the repository"
    maps = of_kind(manifests, "ConfigMap").values()
    for key in (key for found in maps for key in found["data"] if SECRET.search(key)):
        yield f"{key} belongs into a secret"
    for variable in variables(manifests):
        if "secretKeyRef" not in variable.get("valueFrom", {}):
            yield f"{variable['name']} is no reference"


def variables(manifests: list[Manifest]) -> list[Any]:
    each = (container for manifest in manifests for container in containers(manifest))
    return [variable for container in each for variable in container.get("env", ())]


def strange_settings(manifests: list[Manifest]) -> Iterator[str]:
    known = settings_names() | PREFECT_CLIENT
    names = set(of_kind(manifests, "ConfigMap")["product-images"]["data"])
    for manifest in manifests:
        if manifest["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") != "prefect":
            names |= {v["name"] for c in containers(manifest) for v in c.get("env", ())}
    for name in sorted(names - known):
        yield f"no process of ours reads {name}"


def strange_modules(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        for container in containers(manifest):
            program, *rest = container["command"]
            if program == "python" and (rest[0] != "-m" or find_spec(rest[1]) is None):
                yield f"{manifest['metadata']['name']} runs no module: {container['command']}"


def hasty_stops(manifests: list[Manifest]) -> Iterator[str]:
    worker = pod_of(of_kind(manifests, "Deployment")["worker"]) or {}
    data = of_kind(manifests, "ConfigMap")["product-images"]["data"]
    grace = float(data["WORKER_SHUTDOWN_GRACE_SECONDS"])
    if worker["terminationGracePeriodSeconds"] < max(_WORKER_STOP_SECONDS, grace + 30):
        yield "worker is killed while it still gives jobs back"
    if grace != WorkerSettings.load(None).shutdown_grace_seconds:
        yield "the worker's grace is not the default: then its pod's grace has to follow"


def open_networks(manifests: list[Manifest]) -> Iterator[str]:
    policy = of_kind(manifests, "NetworkPolicy")["product-images"]["spec"]
    if policy.get("ingress") != [] or set(policy["policyTypes"]) != {"Ingress", "Egress"}:
        yield "everybody may come in"
    for rule in policy["egress"]:
        ports = {port["port"] for port in rule.get("ports", ())}
        for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
            for address in PRIVATE:
                if lets_through(block, address):
                    yield f"{address} can be reached at {ports}"


def open_pages(manifests: list[Manifest]) -> Iterator[str]:
    """What can be fetched as an image must never be at a private address."""
    parts = of_kind(manifests, "NetworkPolicy")["private-parts"]["spec"]
    for rule in parts["egress"]:
        ports = {port["port"] for port in rule.get("ports", ())}
        if not ports or ports & {80, 443}:
            yield f"private pages can be fetched at {ports or 'any port'}"


def forgotten_jobs(manifests: list[Manifest]) -> Iterator[str]:
    """A job that vanishes is run again by whoever compares the cluster with these files."""
    for name, job in of_kind(manifests, "Job").items():
        if "ttlSecondsAfterFinished" in job["spec"]:
            yield f"{name} vanishes"
        if "argocd.argoproj.io/hook" not in job["metadata"].get("annotations", {}):
            yield f"{name} cannot be replaced by its next version"


def unnoticed_changes(manifests: list[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap" and not manifest["metadata"]["name"].endswith(HASH):
            yield f"a change of {manifest['metadata']['name']} starts no pod anew"


def blocks(policy: Manifest) -> list[Any]:
    return [
        peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer
    ]


def lets_through(block: Any, address: str) -> bool:
    ip = ip_address(address)
    if ip not in ip_network(block["cidr"]):
        return False
    return not any(ip in ip_network(hole) for hole in block.get("except", ()))


def unscaled_lanes(manifests: list[Manifest]) -> Iterator[str]:
    data = of_kind(manifests, "ConfigMap")["product-images"]["data"]
    wanted = {
        Lane.INTERACTIVE: int(data["WORKER_SLOTS"]),
        Lane.BULK: 2 * BulkSettings.load(None).chunk_jobs,
    }
    scaler = of_kind(manifests, "ScaledObject")["worker"]["spec"]
    found = {t["name"]: int(t["metadata"]["targetQueryValue"]) for t in scaler["triggers"]}
    if found != wanted:
        yield f"KEDA has {found} jobs of each lane for one worker instead of {wanted}"
    if "replicas" in of_kind(manifests, "Deployment")["worker"]["spec"]:
        yield "the number of workers is set in two places"


def deployment(manifests: list[Manifest], name: str) -> Any:
    return of_kind(manifests, "Deployment")[name]["spec"]


def policy(manifests: list[Manifest]) -> Any:
    return of_kind(manifests, "NetworkPolicy")["product-images"]["spec"]


def config_map(manifests: list[Manifest]) -> Any:
    return of_kind(manifests, "ConfigMap")["product-images"]


def settings(manifests: list[Manifest]) -> Any:
    return config_map(manifests)["data"]


def private_parts(manifests: list[Manifest]) -> Any:
    return of_kind(manifests, "NetworkPolicy")["private-parts"]["spec"]


def job(manifests: list[Manifest]) -> Any:
    return of_kind(manifests, "Job")["deploy"]


def worker(manifests: list[Manifest]) -> Any:
    return deployment(manifests, "worker")["template"]["spec"]


def container(manifests: list[Manifest]) -> Any:
    return worker(manifests)["containers"][0]


def triggers(manifests: list[Manifest]) -> Any:
    return of_kind(manifests, "ScaledObject")["worker"]["spec"]["triggers"]


# Each rule, and a change of the manifests that breaks it.
RULES: list[tuple[Rule, Callable[[list[Manifest]], Any]]] = [
    (invalid, lambda all_: deployment(all_, "api").update(replica=3)),
    (invalid, lambda all_: deployment(all_, "api").update(replicas="three")),
    (invalid, lambda all_: policy(all_).update(policyTypes="Egress")),
    (privileged, lambda all_: worker(all_)["securityContext"].pop("runAsNonRoot")),
    (privileged, lambda all_: worker(all_).pop("automountServiceAccountToken")),
    (privileged, lambda all_: container(all_).pop("securityContext")),
    (unbounded, lambda all_: container(all_).pop("resources")),
    (unwatched, lambda all_: container(all_).pop("readinessProbe")),
    (unwatched, lambda all_: all_.remove(of_kind(all_, "PodDisruptionBudget")["worker"])),
    (moving_images, lambda all_: container(all_).update(image="product-images")),
    (moving_images, lambda all_: container(all_).update(image="product-images:latest")),
    (literal_secrets, lambda all_: settings(all_).update(S3_SECRET_KEY="hunter2")),
    (literal_secrets, lambda all_: settings(all_).update(REDIS_URL="redis://cache:6379/0")),
    (literal_secrets, lambda all_: settings(all_).update(PREFECT_SERVER_DOCKET_URL="redis://r")),
    (literal_secrets, lambda all_: container(all_)["env"].append({"name": "A", "value": "b"})),
    (strange_settings, lambda all_: settings(all_).update(WORKER_SLOT="8")),
    (strange_modules, lambda all_: container(all_).update(command=["python", "-m", "flows.no"])),
    (hasty_stops, lambda all_: worker(all_).update(terminationGracePeriodSeconds=30)),
    (hasty_stops, lambda all_: settings(all_).update(WORKER_SHUTDOWN_GRACE_SECONDS="60")),
    (open_networks, lambda all_: policy(all_).update(ingress=[{}])),
    *((open_networks, lambda all_, n=n: blocks(policy(all_))[n]["except"].clear()) for n in (1, 2)),
    (open_pages, lambda all_: private_parts(all_)["egress"][0].pop("ports")),
    (open_pages, lambda all_: private_parts(all_)["egress"][0]["ports"].append({"port": 443})),
    (forgotten_jobs, lambda all_: job(all_)["spec"].update(ttlSecondsAfterFinished=60)),
    (forgotten_jobs, lambda all_: job(all_)["metadata"].pop("annotations")),
    (unnoticed_changes, lambda all_: config_map(all_)["metadata"].update(name="settings")),
    (unscaled_lanes, lambda all_: triggers(all_).pop()),
    (unscaled_lanes, lambda all_: settings(all_).update(WORKER_SLOTS="4")),
    (unscaled_lanes, lambda all_: deployment(all_, "worker").update(replicas=2)),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES))
def test_the_manifests_keep_the_rule(rule: Rule) -> None:
    assert list(rule(deepcopy(ALL))) == []


@pytest.mark.parametrize(("rule", "spoil"), RULES)
def test_a_manifest_that_breaks_a_rule_is_found(
    rule: Rule, spoil: Callable[[list[Manifest]], Any]
) -> None:
    spoiled = deepcopy(ALL)
    spoil(spoiled)

    assert list(rule(spoiled)) != []


def test_public_addresses_can_be_reached_from_the_workers() -> None:
    allowed = blocks(policy(ALL))

    assert all(any(lets_through(block, ip) for block in allowed) for ip in ("8.8.8.8", "2600::1"))


def test_the_part_without_options_stands_alone() -> None:
    kinds = {manifest["apiVersion"] for manifest in build(FOLDER / "base")}

    assert not kinds & FOREIGN_KINDS
    assert deployment(build(FOLDER / "base"), "worker")["replicas"] == 2


def test_whatever_a_pod_refers_to_by_name_is_there_or_a_documented_secret() -> None:
    document = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    maps = {m["metadata"]["name"] for m in ALL if m["kind"] == "ConfigMap"}
    for manifest in ALL:
        for described in containers(manifest):
            for source in described.get("envFrom", ()):
                assert source["configMapRef"]["name"] in maps
            for variable in described.get("env", ()):
                reference = variable["valueFrom"]["secretKeyRef"]
                assert f"`{reference['key']}`" in document, reference
