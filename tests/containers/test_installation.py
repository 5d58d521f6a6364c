"""The life of an installation: made, used, broken, restarted, upgraded, destroyed, restored.

The tests run in this order and leave the system whole. Only the first start is of an older tree.
"""

from pathlib import Path

import pytest
import requests

from infra.contract.errors import ServiceUnavailable
from infra.objectstore import IMMUTABLE, ObjectStore
from infra.settings.sections import StoreSettings
from tasks.keys.form import new_key
from tests.containers.engine import EngineError, docker
from tests.containers.installation import PROJECT, Installation, first_variants, headers_of
from tests.waiting import eventually

_CRASHING = ("postgres", "rabbitmq", "store", "redis", "prefect", "api", "worker")
_SCHEDULE_SECONDS = 420  # the sweep runs every five minutes


def test_an_upgrade_keeps_the_data_and_the_keys(installation: Installation) -> None:
    old = installation.old_job

    assert installation.call("GET", f"/jobs/{old['id']}") == old
    for variant in first_variants(old):
        assert headers_of(variant["url"])["Cache-Control"] == IMMUTABLE


def test_a_posted_url_becomes_variants_that_everybody_can_read(installation: Installation) -> None:
    job = installation.process_image()

    formats = {variant["format"] for variant in first_variants(job)}
    assert formats == {"webp", "jpeg"}
    for variant in first_variants(job):
        assert headers_of(variant["url"]) == {
            "Content-Type": f"image/{variant['format']}",
            "Cache-Control": IMMUTABLE,
            "Content-Length": str(variant["bytes"]),
        }


def test_the_job_is_a_completed_run_in_prefect(installation: Installation) -> None:
    job = installation.process_image()

    completed = {"id": {"any_": [job["flow_run_id"]]}, "state": {"type": {"any_": ["COMPLETED"]}}}
    eventually(
        lambda: installation.prefect("/flow_runs/filter", {"flow_runs": completed}),
        "the job's run is completed",
    )


def test_presets_of_the_operator_are_offered(installation: Installation) -> None:
    job = installation.process_image("moving")

    assert {variant["format"] for variant in first_variants(job)} == {"avif", "webp", "jpeg"}


def test_the_keys_of_our_processes_may_use_their_bucket_only(installation: Installation) -> None:
    env = installation.env
    settings = {"endpoint": f"http://127.0.0.1:{env['S3_PORT']}", "region": "us-east-1"}
    own = {"access_key": env["S3_ACCESS_KEY"], "secret_key": env["S3_SECRET_KEY"]}
    root = {"access_key": env["S3_ROOT_USER"], "secret_key": env["S3_ROOT_PASSWORD"]}

    with ObjectStore(StoreSettings(**settings, **root, bucket="other")) as store:
        store.create()
        store.probe_writes()
    with ObjectStore(StoreSettings(**settings, **own)) as store:
        store.probe_writes()
    with (
        ObjectStore(StoreSettings(**settings, **own, bucket="other")) as store,
        pytest.raises(ServiceUnavailable),
    ):
        store.probe_writes()


def test_originals_are_private_and_nothing_can_be_listed(installation: Installation) -> None:
    url = first_variants(installation.process_image())[0]["url"]
    base, _, rest = url.partition("/variants/")
    original = f"{base}/originals/{rest.partition('/')[0]}.jpg"

    assert requests.get(original, timeout=30).status_code == 403
    for path in ("/", "/?list-type=2", "/?list-type=2&prefix=variants/"):
        assert requests.get(base + path, timeout=30).status_code == 403, path


def test_callers_behind_a_proxy_on_this_machine_are_counted_apart(
    installation: Installation,
) -> None:
    def refused(address: str) -> int:
        headers = {"Authorization": f"Bearer {new_key()}", "X-Forwarded-For": address}
        return requests.get(installation.url("/jobs"), headers=headers, timeout=30).status_code

    eventually(lambda: refused("192.0.2.1") == 429, "too many wrong keys", seconds=60)
    assert refused("192.0.2.2") == 401


def test_metrics_need_a_key_since_no_caller_is_local(installation: Installation) -> None:
    assert requests.get(installation.url("/metrics"), timeout=30).status_code == 401
    headers = {"Authorization": f"Bearer {installation.key}"}
    metrics = requests.get(installation.url("/metrics"), headers=headers, timeout=30)
    assert 'product_images_up{dependency="database"} 1.0' in metrics.text


@pytest.mark.parametrize(
    ("service", "host", "port", "reached"),
    [
        ("worker", "store", 9000, True),
        ("prefect", "postgres", 5432, True),
        ("prefect", "store", 9000, False),
        ("prefect", "rabbitmq", 5672, False),
        ("prefect", "redis", 6379, False),
    ],
)
def test_a_service_reaches_what_it_needs_and_no_more(
    installation: Installation, service: str, host: str, port: int, *, reached: bool
) -> None:
    connect = f"import socket; socket.create_connection(({host!r}, {port}), 5)"
    try:
        installation.compose("exec", "-T", service, "python", "-c", connect)
    except EngineError:
        assert not reached
    else:
        assert reached


def test_neither_postgresql_nor_the_cache_has_a_way_out(installation: Installation) -> None:
    for service in ("postgres", "redis"):
        (container,) = installation.containers(service)
        form = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
        for network in docker("inspect", "--format", form, container).decode().split():
            internal = docker("network", "inspect", "--format", "{{.Internal}}", network)
            assert internal.strip() == b"true", (service, network)


def test_every_service_is_bounded(installation: Installation) -> None:
    for each in installation.states():
        form = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}"
        memory, pids = docker("inspect", "--format", form, each["ID"]).decode().split()
        assert int(memory) > 0, each["Service"]
        assert int(pids) > 0, each["Service"]


def test_three_workers_share_the_work(installation: Installation) -> None:
    installation.set("WORKERS", "3")
    installation.up()

    assert len(installation.containers("worker")) == 3
    jobs = [installation.post_image() for _ in range(12)]
    assert {installation.wait_for_job(job)["state"] for job in jobs} == {"ready"}
    installation.set("WORKERS", "1")
    installation.up()


@pytest.mark.parametrize("service", _CRASHING)
def test_what_crashes_comes_back_and_no_job_is_lost(
    installation: Installation, service: str
) -> None:
    jobs = [installation.post_image() for _ in range(3)]
    installation.crash(service)

    installation.wait()
    jobs.append(installation.post_image())
    assert {installation.wait_for_job(job)["state"] for job in jobs} == {"ready"}


def test_a_restart_of_everything_keeps_the_data(installation: Installation) -> None:
    before = installation.process_image()
    installation.compose("restart")
    installation.wait()
    installation.compose("down")
    installation.up()
    installation.start_supplier()

    assert installation.call("GET", f"/jobs/{before['id']}") == before
    installation.process_image()


def test_the_schedules_run(installation: Installation) -> None:
    wanted = {
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
        "deployments": {"name": {"any_": ["sweep"]}},
    }

    eventually(
        lambda: installation.prefect("/flow_runs/filter", wanted),
        "a scheduled sweep is completed",
        seconds=_SCHEDULE_SECONDS,
        every_seconds=5,
    )


def test_a_backup_restores_all_of_it_even_into_the_other_store(
    installation: Installation, rclone: str, seaweedfs: str, tmp_path: Path
) -> None:
    job = installation.process_image()
    before = {v["url"]: headers_of(v["url"]) for v in first_variants(job)}
    dump = ("pg_dump", "-U", "postgres", "-Fc", "product_images")
    rows = installation.compose("exec", "-T", "postgres", *dump)
    _rclone(installation, rclone, tmp_path, "sync", "store:product-images", "/backup")
    env = installation.env_file.read_text()

    installation.destroy()
    assert installation.remains() == []

    installation.env_file.write_text(env)
    installation.set("S3_IMAGE", seaweedfs)
    for one_shot in ("databases", "bucket", "account"):
        installation.compose("run", "--rm", one_shot)
    restore = ("pg_restore", "-U", "postgres", "-d", "product_images", "--clean", "--if-exists")
    installation.compose("exec", "-T", "postgres", *restore, input_bytes=rows)
    header = f"Cache-Control: {IMMUTABLE}"
    _rclone(
        *(installation, rclone, tmp_path, "sync", "--header-upload", header),
        *("/backup", "store:product-images"),
    )
    installation.up()
    installation.start_supplier()

    assert installation.call("GET", f"/jobs/{job['id']}") == job
    assert {url: headers_of(url) for url in before} == before
    installation.process_image()


def test_down_with_volumes_leaves_nothing(installation: Installation) -> None:
    installation.destroy()

    assert installation.remains() == []


def _rclone(installation: Installation, image: str, folder: Path, *arguments: str) -> None:
    env = installation.env
    told = {
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORE_ENDPOINT": "http://store:9000",
        "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": env["S3_ACCESS_KEY"],
        "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": env["S3_SECRET_KEY"],
        "RCLONE_S3_NO_CHECK_BUCKET": "true",
    }
    options = [word for name in told for word in ("--env", name)]
    docker(
        *("run", "--rm", "--network", f"{PROJECT}_data", "--volume", f"{folder}:/backup"),
        *(*options, image, *arguments),
        environment=told,
    )
