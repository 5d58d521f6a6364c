"""docker-compose.yml: closed to the outside, without secrets, and true to the settings.

Its form is checked against the schema of compose files by `make check`.
"""

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from infra.settings import operations
from infra.settings import sections as settings
from infra.settings.sections import Section, StackSettings, WorkerSettings
from infra.stack.services.application import _WORKER_STOP_SECONDS
from tests.architecture.support.kustomize import LOADER
from tests.architecture.support.source import ROOT

Compose = dict[str, Any]
Rule = Callable[[Compose], Iterator[str]]

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCUMENT = ROOT / "docs" / "deployment.md"
OUR_IMAGE = "${PRODUCT_IMAGES_IMAGE:-product-images:local}"

# The command line and the local stack alone read these.
NOT_IN_CONTAINERS = {
    "API_URL",
    "PREFECT_PORT",
    "STACK_DIRECTORY",
    "STACK_SAMPLES",
    "WORKERS",
} | {"PREFECT_API_DATABASE_CONNECTION_URL"}
# Read by Prefect's client in a process of ours.
PREFECT_CLIENT = {"PREFECT_SERVER_ANALYTICS_ENABLED", "DO_NOT_TRACK"}

SECRET_NAME = re.compile(r"PASS|SECRET|ACCESS_KEY|AUTH|ROOT_USER")
REQUIRED = re.compile(r"\$\{[A-Z0-9_]+:\?[^}]+\}")
URL_PASSWORD = re.compile(r"://[^:/@]*:(?P<password>.+)@")
PART_URL = re.compile(r"^(DATABASE|AMQP|REDIS)_URL$|CONNECTION_URL$")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)")
# Its name in a variable, for those who pull from a mirror; a default that does not move.
IMAGE = re.compile(r"\$\{[A-Z0-9_]+_IMAGE:-.+:(?!latest\b)[^:/@]+(@sha256:[0-9a-f]{64})?\}")
# Where each service may go. Prefect reaches PostgreSQL alone; no data can leave by themselves.
NETWORKS = {
    "api": {"edge", "data", "control"},
    "worker": {"edge", "data", "control"},
    "prefect": {"edge", "control"},
    "postgres": {"data", "control"},
    "deploy": {"data", "control"},
    "rabbitmq": {"data", "operators"},
    "store": {"data", "operators"},
}


def services(compose: Compose) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def ours(compose: Compose) -> dict[str, dict[str, Any]]:
    """The services that run the project's own image."""
    return {n: s for n, s in services(compose).items() if s["image"] == OUR_IMAGE}


def environments(compose: Compose) -> Iterator[tuple[str, str, str | None]]:
    for service, described in services(compose).items():
        for name, value in described.get("environment", {}).items():
            yield service, name, value


def ports_beyond_loopback(compose: Compose) -> Iterator[str]:
    for service, described in services(compose).items():
        if described.get("network_mode"):
            yield f"{service} chooses its own network"
        for port in described.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{service} publishes {port}: write 127.0.0.1: before it"


def literal_secrets(compose: Compose) -> Iterator[str]:
    for service, name, value in environments(compose):
        in_url = URL_PASSWORD.search(value or "")
        secret = in_url["password"] if in_url else value if SECRET_NAME.search(name) else None
        if secret is not None and REQUIRED.fullmatch(secret) is None:
            yield f"{service}: {name} must come from the environment: ${{NAME:?what to do}}"


def parts_without_password(compose: Compose) -> Iterator[str]:
    for service, name, value in environments(compose):
        if PART_URL.search(name) and URL_PASSWORD.search(value or "") is None:
            yield f"{service} reaches a part without a password: {name}"


def open_caches(compose: Compose) -> Iterator[str]:
    """What a container of Redis needs to ask for a password, and to notice a wrong one itself."""
    redis = services(compose)["redis"]
    if "REDISCLI_AUTH" not in redis.get("environment", {}):
        yield "redis is told no password"
    if "\nrequirepass $$REDISCLI_AUTH\n" not in redis["command"][-1]:
        yield "redis asks for no password"
    if " -e " not in redis["healthcheck"]["test"][-1]:
        yield "redis is healthy even if it refuses its own health check"


def shown_secrets(compose: Compose) -> Iterator[str]:
    """Secrets in arguments, which everybody on the machine may read."""
    for service, described in services(compose).items():
        lines = yaml.safe_dump([described.get("command"), described.get("healthcheck")])
        if any(SECRET_NAME.search(match["name"]) for match in VARIABLE.finditer(lines)):
            yield f"{service} has a secret among its arguments"


def hopeless_waits(compose: Compose) -> Iterator[str]:
    known = services(compose)
    for service, described in known.items():
        for other, wait in described.get("depends_on", {}).items():
            awaited, condition = known.get(other, {}), wait["condition"]
            if condition == "service_healthy" and "healthcheck" not in awaited:
                yield f"{service} waits for the health of {other}, which has no check"
            if condition == "service_completed_successfully" and awaited.get("restart") != "no":
                yield f"{service} waits for the end of {other}, which is started again"
            if condition == "service_started":
                yield f"{service} waits for {other} without knowing that it works"


def loose_images(compose: Compose) -> Iterator[str]:
    for service, described in services(compose).items():
        if IMAGE.fullmatch(described["image"]) is None:
            yield f"{service}: {described['image']} needs a variable, and a tag that stays"


def wide_networks(compose: Compose) -> Iterator[str]:
    for service, described in services(compose).items():
        if set(described.get("networks", ["default"])) != NETWORKS.get(service, {"data"}):
            yield f"{service} is in other networks than it needs"
    for network in ("data", "control"):
        if not (compose["networks"][network] or {}).get("internal"):
            yield f"{network} leads out"


def unbounded(compose: Compose) -> Iterator[str]:
    for service, described in services(compose).items():
        limits = described.get("deploy", {}).get("resources", {}).get("limits", {})
        if not {"memory", "pids"} <= set(limits):
            yield f"{service} may take all memory, or all processes, of the machine"


def folders_lost_on_restart(compose: Compose) -> Iterator[str]:
    """A tmpfs where the image has no folder takes, at the second start, the mode of the first."""
    for service, described in ours(compose).items():
        for place in described.get("tmpfs", []):
            if place != "/tmp" and "mode=" not in place:
                yield f"{service} cannot write to {place} when its container is started again"


def presets_that_only_some_see(compose: Compose) -> Iterator[str]:
    """A preset is read by whoever offers it, makes it and publishes its target."""
    mounted = [n for n, s in services(compose).items() if compose["x-presets"] in volumes(s)]
    told = [n for n, s in ours(compose).items() if s["environment"].get("PRESETS_FILE")]
    if not mounted == told == ["deploy", "api", "worker"]:
        yield f"told of the presets: {told}, given the file: {mounted}"


def volumes(service: dict[str, Any]) -> list[Any]:
    found: list[Any] = service.get("volumes", [])
    return found


def privileged(compose: Compose) -> Iterator[str]:
    for service, described in services(compose).items():
        if "no-new-privileges:true" not in described.get("security_opt", []):
            yield f"{service} may gain privileges"
        if described.get("privileged") or described.get("cap_add"):
            yield f"{service} has privileges that nothing here needs"
    for service, described in ours(compose).items():
        if described.get("cap_drop") != ["ALL"] or "user" in described:
            yield f"{service} is not the plain user of the image"


def settings_names() -> set[str]:
    modules = {settings.__name__, operations.__name__}
    sections = (s for s in Section.__subclasses__() if s.__module__ in modules)
    return {
        (str(section.model_config.get("env_prefix", "")) + name).upper()
        for section in sections
        for name in section.model_fields
    }


def strange_settings(compose: Compose) -> Iterator[str]:
    for service, described in ours(compose).items():
        if service != "prefect":  # tests/unit/stack compares it with the local one
            names = set(described["environment"])
            for name in sorted(names - settings_names() - PREFECT_CLIENT):
                yield f"{service}: no process of ours reads {name}"


def missing_settings(compose: Compose) -> Iterator[str]:
    for service in ("api", "worker"):
        passed = set(services(compose)[service]["environment"])
        for name in sorted(settings_names() - NOT_IN_CONTAINERS - passed):
            yield f"{service} cannot be told {name}: add `{name}:` to x-settings"


def unknown_variables(compose: Compose) -> Iterator[str]:
    explained = set(re.findall(r"`([A-Z0-9_]+)`", DOCUMENT.read_text(encoding="utf-8")))
    used = {match["name"] for match in VARIABLE.finditer(yaml.safe_dump(compose))}
    for name in sorted(used - settings_names() - explained):
        yield f"{name} is in neither .env.example nor docs/deployment.md"


def strange_modules(compose: Compose) -> Iterator[str]:
    for service, described in ours(compose).items():
        python, option, module, *_ = described["command"]
        if (python, option) != ("python", "-m") or find_spec(module) is None:
            yield f"{service} runs no module: {described['command']}"


def undeclared_volumes(compose: Compose) -> Iterator[str]:
    for service, described in services(compose).items():
        for volume in (each for each in volumes(described) if isinstance(each, str)):
            source = volume.partition(":")[0]
            exists = (ROOT / source).is_file() if "/" in source else source in compose["volumes"]
            if not exists:
                yield f"{service} mounts {source}, which does not exist"


def hasty_stops(compose: Compose) -> Iterator[str]:
    grace = int(services(compose)["worker"]["stop_grace_period"].removesuffix("s"))
    if grace < max(_WORKER_STOP_SECONDS, WorkerSettings.load(None).shutdown_grace_seconds + 30):
        yield f"worker is killed after {grace} s, while it still gives jobs back"


# Each rule, and a change of the real file that breaks it.
RULES: list[tuple[Rule, str, str]] = [
    (ports_beyond_loopback, "127.0.0.1:${API_PORT", "${API_PORT"),
    (ports_beyond_loopback, "127.0.0.1:${PREFECT_PORT:-4200}:4200", "0.0.0.0:4200:4200"),
    (literal_secrets, "${POSTGRES_PASSWORD:?run infra/docker/make-env.sh}", "hunter2"),
    (literal_secrets, "product-images:${RABBITMQ_PASSWORD:?", "product-images:${PASSWORD:-"),
    (literal_secrets, "${PREFECT_AUTH_STRING:?", "${PREFECT_AUTH_STRING:-"),
    (literal_secrets, "redis://:${REDIS_PASSWORD:?", "redis://:${REDIS_PASSWORD:-"),
    (literal_secrets, "REDISCLI_AUTH: ${REDIS_PASSWORD:?", "REDISCLI_AUTH: ${REDIS_PASSWORD:-"),
    (parts_without_password, ":${REDIS_PASSWORD:?run infra/docker/make-env.sh}@", ""),
    (open_caches, "requirepass", "port"),
    (open_caches, "-e ping'", "ping'"),
    (open_caches, "REDISCLI_AUTH: ", "REDIS_AUTH: "),
    (shown_secrets, "requirepass $$REDISCLI_AUTH", "requirepass ${REDIS_PASSWORD:?}"),
    (shown_secrets, "-e ping'", "-a ${REDIS_PASSWORD} -e ping'"),
    (hopeless_waits, "store: {condition: service_healthy}", "api: {condition: service_started}"),
    (hopeless_waits, "prefect: {condition: service_healthy}", "x: {condition: service_healthy}"),
    (hopeless_waits, 'restart: "no"', "restart: always"),
    (loose_images, "valkey/valkey:9.0", "valkey/valkey:latest"),
    (loose_images, "valkey/valkey:9.0", "valkey/valkey"),
    (loose_images, "rabbitmq:4.2-management", "registry.example:5000/rabbitmq"),
    (loose_images, "${REDIS_IMAGE:-valkey/valkey:9.0}", "valkey/valkey:9.0"),
    (wide_networks, "networks: [edge, control]", "networks: [edge, data, control]"),
    (wide_networks, "    networks: [data, operators]\n", ""),
    (wide_networks, "control: {internal: true}", "control:"),
    (unbounded, "limits: {memory: 1g, pids: 512}", "limits: {memory: 1g}"),
    (unbounded, "          pids: 1024\n", ""),
    (folders_lost_on_restart, ":mode=0700,uid=10001,gid=10001", ""),
    (presets_that_only_some_see, "    volumes: [*presets]\n    depends_on", "    depends_on"),
    (presets_that_only_some_see, "      PRESETS_FILE: ${PRESETS_FILE:+/presets.toml}\n", ""),
    (privileged, '["no-new-privileges:true"]', "[]"),
    (privileged, "cap_drop: [ALL]", "cap_drop: [CHOWN]"),
    (privileged, "init: true", 'user: "0"'),
    (strange_settings, "WORKER_SLOTS:", "WORKER_SLOT:"),
    (missing_settings, "WORKER_SLOTS:", "WORKER_SLOT:"),
    (unknown_variables, "${API_PORT:", "${HTTP_PORT:"),
    (strange_modules, "[python, -m, flows.worker]", "[python, -m, flows.labourer]"),
    (undeclared_volumes, "minio:/data", "objects:/data"),
    (undeclared_volumes, "./infra/docker/databases.sql", "./infra/docker/tables.sql"),
    (hasty_stops, "stop_grace_period: 75s", "stop_grace_period: 40s"),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _, _ in RULES))
def test_the_containers_keep_the_rule(rule: Rule) -> None:
    assert list(rule(yaml.load(TEXT, LOADER))) == []


@pytest.mark.parametrize(("rule", "right", "wrong"), RULES)
def test_what_breaks_a_rule_is_found(rule: Rule, right: str, wrong: str) -> None:
    assert right in TEXT
    assert list(rule(yaml.load(TEXT.replace(right, wrong), LOADER))) != []


def test_every_setting_left_out_of_the_containers_exists() -> None:
    assert settings_names() >= NOT_IN_CONTAINERS
    of_the_stack = {name.upper() for name in StackSettings.model_fields}
    assert NOT_IN_CONTAINERS - of_the_stack == {"API_URL"}
