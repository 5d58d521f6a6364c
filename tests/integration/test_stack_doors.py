"""The local stack's doors: what needs no secret gives nothing away, and no secret lies open.

Prefect's is tested in tests/e2e.
"""

import io
import json
import socket
import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
import requests
from minio import Minio

from infra.stack.stack import Stack
from infra.stack_description import StackDescription

ORIGINAL, VARIANT = "originals/secret.jpg", "variants/a/w800.webp"
BODY = b"the supplier's own file"
BUCKET = "product-images"
ELSEWHERE = "https://elsewhere.example"
OPEN_TO_ALL = stat.S_IRWXG | stat.S_IRWXO
PASS_THROUGH = stat.S_IXGRP | stat.S_IXOTH
GRPC_PORTS = ("s3-master-grpc", "s3-volume-grpc", "s3-filer-grpc", "s3-grpc")
HTTP_PORTS = ("s3-master", "s3-volume", "s3-filer")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""Begins HTTP/2, with empty settings."""
REQUESTS = (
    ("GET", f"/buckets/{BUCKET}/{ORIGINAL}"),
    ("GET", f"/buckets/{BUCKET}/originals/?limit=10"),
    ("GET", "/buckets/?pretty=y"),
    ("PUT", f"/buckets/{BUCKET}/originals/mine.jpg"),
    ("POST", f"/buckets/{BUCKET}/originals/"),
    ("DELETE", f"/buckets/{BUCKET}/{ORIGINAL}"),
    ("DELETE", f"/buckets/{BUCKET}?recursive=true"),
    ("GET", f"/{BUCKET}/{ORIGINAL}"),
    ("GET", "/dir/assign"),
    ("GET", "/dir/lookup?volumeId=1&collection=product-images"),
    ("GET", "/dir/status"),
    ("GET", "/vol/status"),
    ("GET", "/vol/grow?count=1&collection=mine"),
    ("GET", "/vol/vacuum?garbageThreshold=0"),
    ("GET", f"/col/delete?collection={BUCKET}"),
    ("POST", "/submit"),
    ("GET", "/1,01deadbeef"),
    ("POST", "/1,01deadbeef"),
    ("DELETE", "/1,01deadbeef"),
)


@pytest.fixture(scope="module")
def kept(stack: Stack) -> set[str]:
    """The keys of all that the bucket holds, an original and a variant among them."""
    for key in (ORIGINAL, VARIANT):
        store(stack.description).put_object(BUCKET, key, io.BytesIO(BODY), len(BODY))
    return keys_in(stack)


def keys_in(stack: Stack) -> set[str]:
    listed = store(stack.description).list_objects(BUCKET, recursive=True)
    return {str(each.object_name) for each in listed}


def store(description: StackDescription) -> Minio:
    return Minio(
        urlsplit(description.s3_endpoint).netloc,
        description.s3_access_key,
        description.s3_secret_key,
        secure=False,
        region="us-east-1",
    )


def ports(stack: Stack) -> dict[str, int]:
    known: dict[str, int] = json.loads((stack.directory / "ports.json").read_text())
    return known


def secrets_of(stack: Stack) -> set[str]:
    """Every secret of the stack, in all spellings that its files have."""
    credentials = json.loads((stack.directory / "credentials.json").read_text())
    words = {str(value).rpartition(":")[2] for value in credentials.values()}
    described = json.loads((stack.directory / "stack.json").read_text())
    urls = (urlsplit(described[name]) for name in ("postgres_url", "amqp_url", "redis_url"))
    return words | {url.password for url in urls if url.password}


def family(stack: Stack) -> dict[int, str]:
    """The command lines of the stack's processes and of all that they started."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            lines[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has ended
        parents[int(folder.name)] = int(fields[1])
    found = set(stack.description.processes.values())
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: lines[pid] for pid in found if pid in lines}


@pytest.mark.parametrize("port", HTTP_PORTS)
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_the_servers_behind_the_store_do_nothing_for_strangers(
    stack: Stack, kept: set[str], port: str, method: str, path: str
) -> None:
    url = f"http://127.0.0.1:{ports(stack)[port]}{path}"
    files = {"file": ("mine.jpg", b"mine")} if method in ("PUT", "POST") else None
    answer = requests.request(method, url, files=files, timeout=10)
    assert 400 <= answer.status_code < 500, answer.text
    assert BODY not in answer.content
    assert keys_in(stack) == kept


@pytest.mark.usefixtures("kept")
def test_a_file_id_opens_nothing_without_a_token(stack: Stack) -> None:
    """The volume port refuses before it looks whether there is such a file."""
    volume = ports(stack)["s3-volume"]
    for volume_id in range(1, 9):
        for method in ("GET", "HEAD", "POST", "DELETE"):
            url = f"http://127.0.0.1:{volume}/{volume_id},0100000000"
            assert requests.request(method, url, timeout=10).status_code == 401


def answer_over_tls(context: ssl.SSLContext, address: tuple[str, int]) -> bytes:
    """Return what the server says to the beginning of HTTP/2; nothing when it refuses."""
    with socket.create_connection(address, timeout=10) as raw:
        try:
            with context.wrap_socket(raw) as wrapped:
                wrapped.sendall(PREFACE)
                return wrapped.recv(64)
        except (ssl.SSLError, ConnectionError):
            return b""


@pytest.mark.parametrize("name", GRPC_PORTS)
def test_grpc_asks_for_a_certificate(stack: Stack, name: str) -> None:
    address = ("127.0.0.1", ports(stack)[name])
    with socket.create_connection(address, timeout=10) as plain:
        plain.sendall(PREFACE)
        assert plain.recv(1)[:1] != b"\x00", "it speaks without encryption"
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    assert answer_over_tls(context, address) == b"", "it speaks to those without a certificate"


@pytest.mark.usefixtures("kept")
def test_the_s3_port_tells_other_sites_pages_nothing(stack: Stack) -> None:
    url = f"{stack.description.s3_endpoint}/{BUCKET}/{VARIANT}"
    answer = requests.get(url, headers={"Origin": ELSEWHERE}, timeout=10)
    assert (answer.status_code, answer.content) == (200, BODY)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert requests.get(url.replace(VARIANT, ORIGINAL), timeout=10).status_code == 403


def test_the_cache_asks_for_its_password(stack: Stack) -> None:
    place = urlsplit(stack.description.redis_url)
    with (
        redis.Redis(host=place.hostname or "", port=place.port or 0) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_no_secret_stands_in_the_process_list(stack: Stack) -> None:
    lines = family(stack)
    assert len(lines) > len(stack.description.processes)  # workers of PostgreSQL
    secrets = secrets_of(stack)
    assert len(secrets) >= 6
    for line in lines.values():
        assert not [secret for secret in secrets if secret in line], line


def test_nothing_in_the_stack_directory_is_readable_by_others(stack: Stack) -> None:
    looked_at = [stack.directory, *stack.directory.rglob("*")]
    data = (stack.directory / "data").resolve()
    looked_at += [data, *data.rglob("*")]
    ways = {stack.directory, stack.directory / "data", data}
    for path in looked_at:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue  # a file of a running database
        if stat.S_ISLNK(mode):
            continue
        allowed = PASS_THROUGH if path in ways else 0
        inside_private = any(
            not parent.stat().st_mode & OPEN_TO_ALL
            for parent in path.parents
            if parent.is_relative_to(data) and parent != data
        )
        assert inside_private or not mode & OPEN_TO_ALL & ~allowed, f"{path}: {stat.filemode(mode)}"
