"""`X-Request-ID`: the caller's own or a new one, on every answer, and with the job for its logs."""

import pytest
from sqlalchemy import select

from api.routes import jobs
from infra.db.engine import Database
from infra.db.models.jobs import Job
from infra.request_id import HEADER
from tests.contract.api.support.running import Api

GOOD = "https://supplier.example/request-id.jpg"


def test_a_caller_s_name_is_told_back_and_kept_with_the_job(api: Api, rows: Database) -> None:
    sent = {HEADER: "shop-42/checkout"}
    answer = api.call("POST", "/process-image", json={"image_url": GOOD}, headers=sent)

    assert (answer.status_code, answer.headers[HEADER]) == (202, "shop-42/checkout")
    with rows.transaction() as session:
        kept = session.scalar(select(Job.request_id).where(Job.id == answer.json()["job_id"]))
    assert kept == "shop-42/checkout"


@pytest.mark.parametrize("sent", [{}, {HEADER: "two words"}, {HEADER: "x" * 200}])
def test_a_request_without_a_usable_name_gets_one(api: Api, sent: dict[str, str]) -> None:
    names = {api.call("GET", "/healthz", headers=sent).headers[HEADER] for _ in range(2)}

    assert len(names) == 2
    assert not names & set(sent.values())


def test_refusals_and_surprises_carry_the_name_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_badly(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(jobs, "read_job", fail_badly)
    sent = {HEADER: "r-1"}
    job = "/jobs/019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"

    answers = [
        api.call("GET", "/nowhere", headers=sent),
        api.call("POST", "/process-image", data=b"{", headers=sent),
        api.call("GET", job, headers=sent),
    ]

    assert [answer.status_code for answer in answers] == [404, 400, 500]
    assert {answer.headers[HEADER] for answer in answers} == {"r-1"}
