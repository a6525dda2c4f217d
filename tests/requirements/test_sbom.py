"""The bills of materials say what the locks say, all of it and nothing else."""

import json
from pathlib import Path

import pytest

from requirements.lock import LOCKS
from requirements.sbom import IMAGES, write
from tests.deploy import files
from tests.requirements.locks import REQUIREMENTS, read

Package = tuple[str, str, frozenset[str]]


def billed(bill: Path) -> list[Package]:
    """Return name, version and hashes of every package of a bill."""
    document = json.loads(bill.read_text(encoding="utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "nunchi"
    return sorted(
        (
            component["name"],
            component["version"],
            frozenset(
                f"sha256:{each['content']}"
                for reference in component["externalReferences"]
                for each in reference["hashes"]
                if each["alg"] == "SHA-256"
            ),
        )
        for component in document["components"]
    )


def locked(lock: Path) -> list[Package]:
    return sorted((each.requirement.name, each.version, each.hashes) for each in read(lock.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bill = tmp_path_factory.mktemp("sbom") / "slim.cdx.json"
    write(REQUIREMENTS / "service.txt", bill)
    return bill


def test_a_bill_lists_the_packages_of_its_lock_with_their_hashes(bill: Path) -> None:
    assert len(billed(bill)) > 40
    assert billed(bill) == locked(REQUIREMENTS / "service.txt")


def test_a_lock_with_one_package_less_has_another_bill(bill: Path, tmp_path: Path) -> None:
    lines = (REQUIREMENTS / "service.txt").read_text(encoding="utf-8").partition("annotated-doc==")
    (tmp_path / "less.txt").write_text("annotated-doc==" + lines[2], encoding="utf-8")
    assert billed(bill) != locked(tmp_path / "less.txt")


def test_there_is_a_bill_for_every_image_from_the_lock_that_it_installs() -> None:
    copied = {i.stage: i.text.split()[0] for i in files.dockerfile() if i.name == "COPY" and "requirements" in i.text}
    assert {f"install-{image}": f"requirements/{lock}.txt" for image, lock in IMAGES.items()} == copied
    assert set(IMAGES.values()) <= LOCKS.keys()
