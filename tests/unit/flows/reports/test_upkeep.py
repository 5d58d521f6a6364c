"""How a verification ends in Prefect, and what its page lists."""

import pytest
from prefect.client.schemas.objects import StateType

from flows.reports.upkeep import findings_state, findings_table
from tasks.upkeep.repair import Repair
from tasks.upkeep.verify import Damage, Finding, Findings


def found(*repairs: Repair) -> Findings:
    broken = [
        Finding(f"variants/{number}", Damage.MISSING, repair, f"S-{number}")
        for number, repair in enumerate(repairs)
    ]
    return Findings(variants=10, originals=5, broken=broken)


@pytest.mark.parametrize("repairs", [(), (Repair.REQUESTED, Repair.PENDING)])
def test_a_verification_is_green_when_all_is_whole_or_being_made_again(
    repairs: tuple[Repair, ...],
) -> None:
    state = findings_state(found(*repairs))

    assert state.type is StateType.COMPLETED
    assert f"{len(repairs)} of 10 variants" in str(state.message)


@pytest.mark.parametrize(
    ("repair", "advice"),
    [
        (Repair.IMPOSSIBLE, "2 cannot be regenerated: upload the files"),
        (Repair.PRESET_GONE, "2 belong to a preset that is gone: reprocess them with to_preset"),
        (Repair.NOT_WANTED, "run verify with repair"),
    ],
)
def test_a_verification_fails_with_what_to_do_while_something_stays_broken(
    repair: Repair, advice: str
) -> None:
    state = findings_state(found(Repair.REQUESTED, repair, repair))

    assert state.type is StateType.FAILED
    assert advice in str(state.message)


def test_the_table_begins_with_what_needs_somebody() -> None:
    lines = findings_table(found(Repair.REQUESTED, Repair.IMPOSSIBLE)).splitlines()

    assert "S-1" in lines[2]
    assert "upload the file again" in lines[2]
    assert "S-0" in lines[3]
