from collections import Counter
from pathlib import Path

import pytest

from tests.prove import leaving
from tests.prove.leaving import Found, Service

FINE = Found(1000, 1000, Counter(), 0.1, 700, (2000, 1500), 0)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (FINE, None),
        (FINE._replace(faults=Counter(wrong=3)), "3 times wrong"),
        (FINE._replace(pending=1), "1 texts are still under way"),
        (FINE._replace(counted=0), "nobody was seen to leave"),
        (FINE._replace(rows=(2000, 2000)), "2000 of 2000 texts were scored"),
    ],
)
def test_whatever_is_not_as_promised_is_named(found: Found, fault: str | None) -> None:
    assert leaving.faults(found) == ([fault] if fault else [])


@pytest.mark.system
@pytest.mark.anyio
async def test_nobodys_answer_suffers_from_those_who_leave(tmp_path: Path) -> None:
    found = await leaving.prove(leaving.SMALL, tmp_path)
    assert leaving.faults(found) == []
    assert min(found.stayed, found.left, found.counted) > 100


@pytest.mark.system
@pytest.mark.anyio
async def test_an_answer_that_goes_to_the_wrong_client_is_found(tmp_path: Path) -> None:
    for number in range(5):  # it takes somebody who leaves while the answer is on its way
        directory = tmp_path / str(number)
        directory.mkdir()
        found = await leaving.prove(leaving.SMALL, directory, service=Service("onnx", module="tests.prove.shifted"))
        if found.faults["wrong"]:
            return
    pytest.fail("no answer went to the wrong client")
