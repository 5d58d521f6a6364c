"""The local store on a disk of 100 MB: it keeps pictures, and says so when it takes no more."""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.contract.errors import ServiceUnavailable
from infra.contract.object_keys import original_key
from infra.objectstore import ObjectStore
from infra.settings.sections import StackSettings, StoreSettings
from infra.stack.account import erase
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tests.waiting import eventually

_DISK = "100M"
_PICTURE_BYTES = 1_000_000
_PICTURES = 50  # half of the disk: these must fit
_LOOK_SECONDS = 150  # the store looks once a minute how much of the disk is free


@pytest.fixture
def small() -> Iterator[ObjectStore]:
    """The bucket of a local store whose data lie on a small disk of their own."""
    with ExitStack() as opened:
        directory = Path(tempfile.mkdtemp(prefix="small-disk-"))
        opened.callback(erase, directory)
        mount = ("mount", "-t", "tmpfs", "-o", f"size={_DISK}", "small", str(directory))
        subprocess.run(mount, check=True)
        opened.callback(subprocess.run, ("umount", "--lazy", str(directory)), check=True)
        settings = StackSettings(
            stack_directory=directory,
            api_port=free_port(),
            prefect_port=free_port(),
            database_url="postgresql://u:p@127.0.0.1:9/d",
            amqp_url="amqp://u:p@127.0.0.1:9/",
            redis_url="redis://127.0.0.1:9/0",
            prefect_api_url="http://127.0.0.1:9/api",
            s3_endpoint=None,
        )
        stack = opened.enter_context(Stack(settings, lambda _: None, application=False))
        described = stack.description
        bucket = StoreSettings(
            endpoint=described.s3_endpoint,
            access_key=described.s3_access_key,
            secret_key=described.s3_secret_key,
            bucket=described.s3_bucket,
        )
        yield opened.enter_context(ObjectStore(bucket))


def put_all(store: ObjectStore, picture: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        store.put_verified(original_key(f"{number:064x}", "jpg"), picture, media_type="image/jpeg")


def refusal(store: ObjectStore) -> str | None:
    """Return why the probe says no, or None when it says yes."""
    try:
        store.probe_writes()
    except ServiceUnavailable as exc:
        return exc.detail
    return None


def test_a_small_disk_keeps_pictures_and_a_full_one_says_so(
    small: ObjectStore, tmp_path: Path
) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(b"x" * _PICTURE_BYTES)
    put_all(small, picture, range(_PICTURES))
    assert refusal(small) is None
    with pytest.raises(ServiceUnavailable):
        put_all(small, picture, range(_PICTURES, 4 * _PICTURES))
    why = eventually(lambda: refusal(small), "the probe says no", seconds=_LOOK_SECONDS)
    assert "refuses writes" in why
