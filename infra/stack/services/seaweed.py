"""The S3 store: SeaweedFS, all its servers in one process on loopback.

The S3 port is the only door: one identity may do everything, with generated keys, and everybody
may read `variants/*`. The servers behind it talk to each other only: over gRPC with certificates
of their own, and in HTTP with signed tokens; their other HTTP routes are switched off.
"""

import json
import secrets
import shutil
import sys
from pathlib import Path

from infra.contract.errors import ServiceUnavailable
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from infra.stack.context import StackContext
from infra.stack.services.certificate import make_certificate
from infra.stack.supervisor.errors import INSTALL, ProgramMissing
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.probe import LOOPBACK, http_answers

_FILER_SOCKETS = ("master", "volume", "filer", "s3")
_TRY_SECONDS = 5.0
_GRPC_SERVERS = ("master", "volume", "filer", "s3", "client")
_VOLUME_LIMIT_MB = 1024
# Volumes are files that grow with what is in them. By default their number is what fits on the
# disk when all are full; on a small disk the first bucket that is written to would get them all.
_VOLUMES = 10_000
_MIN_FREE_SPACE = "16MiB"  # with less, all volumes are read-only: no image is stored by halves
_TOKENS = ("signing", "signing.read", "filer_signing", "filer_signing.read")


def s3_endpoint(context: StackContext) -> str:
    """Return the URL of the local store."""
    return f"http://{LOOPBACK}:{context.ports['s3']}"


def seaweed_part(context: StackContext) -> Part:
    """Describe the local S3 store."""
    beside_python = Path(sys.executable).parent / "weed"
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise ProgramMissing(f"SeaweedFS is missing: {INSTALL}, or set S3_ENDPOINT.")
    weed = context.account.reachable(Path(found))
    folder = context.account.folder("s3")
    return Part(
        name="s3",
        command=(str(weed), "-logtostderr=true", "server", *_options(context, folder)),
        environment=context.service_environment(folder),
        directory=folder,
        uid=context.account.uid,
        gid=context.account.gid,
        port=context.ports["s3"],
        prepare=lambda: _prepare(context, folder),
        probe=lambda: _is_ready(context),
        clean=lambda: _remove_sockets(context),
        wave=2,
        # Asked to stop, the filer waits 15 s for its own subscribers. Nothing is in flight by
        # then and every write is in its file: the kill that follows loses nothing.
        stop_seconds=1,
    )


def _options(context: StackContext, folder: Path) -> tuple[str, ...]:
    ports, api_port = context.ports, context.settings.api_port
    return (
        *(f"-dir={folder}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", "-filer", "-s3"),
        *(f"-master.port={ports['s3-master']}", f"-master.port.grpc={ports['s3-master-grpc']}"),
        *(f"-volume.port={ports['s3-volume']}", f"-volume.port.grpc={ports['s3-volume-grpc']}"),
        *(f"-filer.port={ports['s3-filer']}", f"-filer.port.grpc={ports['s3-filer-grpc']}"),
        *(f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3-grpc']}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"),
        # Of the master and the filer: assigning, looking up, listing, reading, writing, deleting.
        *("-disableHttp", "-filer.disableHttp"),
        f"-s3.allowedOrigins=http://{LOOPBACK}:{api_port},http://localhost:{api_port}",
        *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
        f"-s3.config={folder / 'identities.json'}",
        # One server, whose ports may change: no memory of who was elected last time.
        *("-master.resumeState=false", "-master.telemetry=false"),
        *(f"-master.volumeSizeLimitMB={_VOLUME_LIMIT_MB}", f"-volume.max={_VOLUMES}"),
        *(f"-volume.minFreeSpace={_MIN_FREE_SPACE}", "-volume.preStopSeconds=0"),
    )


def _prepare(context: StackContext, folder: Path) -> None:
    keys = context.credentials
    credentials = [{"accessKey": keys.s3_access_key, "secretKey": keys.s3_secret_key}]
    admin = {"name": "admin", "credentials": credentials, "actions": ["Admin"]}
    public = f"Read:{context.settings.s3_bucket}/variants/*"
    identities = [admin, {"name": "anonymous", "actions": [public]}]
    context.account.write(folder / "identities.json", json.dumps({"identities": identities}))
    # What the servers trust each other by is made anew for each start: they all end together.
    certificate, key = folder / "servers.crt", folder / "servers.key"
    made = make_certificate(LOOPBACK)
    lines = ["[grpc]", f'ca = "{certificate}"']
    for server in _GRPC_SERVERS:
        lines += [f"[grpc.{server}]", f'cert = "{certificate}"', f'key = "{key}"']
    for token in _TOKENS:
        lines += [f"[jwt.{token}]", f'key = "{secrets.token_hex(32)}"']
    contents = {
        certificate: made.certificate,
        key: made.key,
        folder / "security.toml": "\n".join(lines) + "\n",
    }
    for path, text in contents.items():
        context.account.write(path, text)


def _is_ready(context: StackContext) -> bool:
    """Whether the bucket exists, an object can be written and the identities are loaded."""
    own, bucket = context.credentials, context.settings.s3_bucket
    settings = StoreSettings(
        endpoint=s3_endpoint(context),
        access_key=own.s3_access_key,
        secret_key=own.s3_secret_key,
        bucket=bucket,
        connect_timeout_seconds=_TRY_SECONDS,
        read_timeout_seconds=_TRY_SECONDS,
    )
    try:
        with ObjectStore(settings) as store:
            store.create()
            store.probe_writes()
    except ServiceUnavailable:
        return False
    return http_answers(context.ports["s3"], f"/{bucket}/", statuses=(403,))


def _remove_sockets(context: StackContext) -> None:
    # The servers also listen on sockets in the system's temporary folder, whatever TMPDIR says.
    for name in _FILER_SOCKETS:
        port = context.ports["s3-grpc" if name == "s3" else f"s3-{name}-grpc"]
        Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108 - its choice
