import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from model_store.errors import VersionRefusedError
from model_store.layout import EXTRA, MANIFEST, SIGNATURE, StoredVersion, VersionRef, seal, verify
from service.errors import StartError
from service.security.signatures import TrustedKeys, make_key, read_key, sign
from tests.versions import Shape, publish_version

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs Debian's package openssl")

GRU_1, GRU_2 = VersionRef("gru", 1), VersionRef("gru", 2)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two versions of gru; the first is signed with `signing.pem`, whose public key is in `trusted.pem`."""
    store = tmp_path / "store"
    for seed in (1, 2):
        publish_version(store, "gru", Shape(seed=seed))
    (tmp_path / "trusted.pem").write_text(make_key(tmp_path / "signing.pem"), encoding="utf-8")
    sign(verify(store, GRU_1), read_key(tmp_path / "signing.pem"))
    return store


def trusted(store: Path) -> TrustedKeys:
    return TrustedKeys.read(store.parent / "trusted.pem")


def version(store: Path, ref: VersionRef = GRU_1) -> Path:
    return store / ref.name / str(ref.version)


def openssl(*arguments: str | Path) -> None:
    """Run OpenSSL; fail if it does, as it does over a wrong signature."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def refused(store: Path, ref: VersionRef = GRU_1) -> str:
    with pytest.raises(VersionRefusedError) as raised:
        verify(store, ref, trusted(store))
    return raised.value.reason


def test_a_version_that_a_trusted_key_signed_is_taken(store: Path) -> None:
    assert verify(store, GRU_1, trusted(store)).ref == GRU_1


def test_a_signature_is_not_asked_for_where_no_keys_are_trusted(store: Path) -> None:
    assert [verify(store, ref).ref for ref in (GRU_1, GRU_2)] == [GRU_1, GRU_2]


def test_a_version_without_a_signature_is_refused(store: Path) -> None:
    assert refused(store, GRU_2) == "it is not signed: assets.extra/manifest.sig is missing"


def test_a_version_that_another_key_signed_is_refused(store: Path) -> None:
    make_key(store.parent / "another.pem")
    sign(verify(store, GRU_1), read_key(store.parent / "another.pem"))
    assert refused(store) == "none of the 1 trusted keys signed this manifest as it is"


def test_a_signature_of_another_version_is_worth_nothing(store: Path) -> None:
    shutil.copy(version(store) / SIGNATURE, version(store, GRU_2) / SIGNATURE)
    assert "none of the 1 trusted keys" in refused(store, GRU_2)


def test_a_signed_version_in_the_place_of_another_is_refused(store: Path) -> None:
    shutil.rmtree(version(store, GRU_2))
    shutil.copytree(version(store), version(store, GRU_2))
    assert refused(store, GRU_2) == "the manifest is that of gru/1"


def test_a_manifest_that_was_altered_and_sealed_again_is_refused(store: Path) -> None:
    manifest = version(store) / MANIFEST
    manifest.write_text(manifest.read_text("utf-8").replace('"positive"', '"awesome"'), encoding="utf-8")
    seal(version(store))
    assert verify(store, GRU_1).manifest.labels == ("negative", "awesome")  # nothing else would tell
    assert "none of the 1 trusted keys" in refused(store)


@pytest.mark.parametrize("place", range(0, 64, 7))
def test_a_signature_with_a_wrong_bit_is_refused(store: Path, place: int) -> None:
    path = version(store) / SIGNATURE
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    assert "none of the 1 trusted keys" in refused(store)


@pytest.mark.parametrize("raw", [b"", b"short", b"x" * 65])
def test_a_signature_that_is_none_is_refused(store: Path, raw: bytes) -> None:
    (version(store) / SIGNATURE).write_bytes(raw)
    assert "none of the 1 trusted keys" in refused(store)


def test_nothing_of_an_unsigned_version_is_interpreted(store: Path) -> None:
    (version(store, GRU_2) / MANIFEST).write_bytes(b"{" * 100_000)
    assert "it is not signed" in refused(store, GRU_2)


def test_an_altered_file_of_a_signed_version_is_refused(store: Path) -> None:
    (version(store) / "saved_model.pb").write_bytes(b"another that was never publish")
    assert refused(store) == "altered: saved_model.pb"


def test_a_signature_is_no_reason_to_refuse_a_version_nor_part_of_its_digest(store: Path) -> None:
    before = verify(store, GRU_2).digest
    sign(verify(store, GRU_2), read_key(store.parent / "signing.pem"))
    assert verify(store, GRU_2).digest == before


def test_while_a_key_is_replaced_both_are_trusted(store: Path) -> None:
    with (store.parent / "trusted.pem").open("a", encoding="utf-8") as file:
        file.write("# from January on\n" + make_key(store.parent / "next.pem"))
    sign(verify(store, GRU_2), read_key(store.parent / "next.pem"))
    assert [verify(store, ref, trusted(store)).ref for ref in (GRU_1, GRU_2)] == [GRU_1, GRU_2]


@needs_openssl
def test_openssl_checks_what_was_signed_here(store: Path) -> None:
    key, manifest, signature = store.parent / "trusted.pem", version(store) / MANIFEST, version(store) / SIGNATURE
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key, "-in", manifest, "-sigfile", signature)


@needs_openssl
def test_what_openssl_signed_is_taken_here(store: Path) -> None:
    key, public = store.parent / "own.pem", store.parent / "trusted.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", public)
    manifest, signature = version(store) / MANIFEST, version(store) / SIGNATURE
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", manifest, "-out", signature)
    assert verify(store, GRU_1, trusted(store)).ref == GRU_1


def test_a_private_key_is_for_its_owner_only_and_never_replaced(store: Path) -> None:
    path = store.parent / "signing.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(StartError, match=r"no key was made: .+: File exists"):
        make_key(path)
    assert path.read_bytes() == before


def test_a_link_in_the_place_of_a_signature_is_refused(store: Path) -> None:
    path = version(store) / SIGNATURE
    path.rename(store.parent / "elsewhere.sig")
    os.symlink(store.parent / "elsewhere.sig", path)
    assert refused(store) == f"{EXTRA}/manifest.sig is not a plain file"


def _other_kind(path: Path) -> None:
    public = generate_private_key(SECP256R1()).public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_bytes(b""), "holds 0 that can be read"),
        (lambda path: path.write_bytes(b"ssh-ed25519 AAAA"), "holds 0 that can be read"),
        (lambda path: path.write_text(path.read_text().replace("\n-----END", "AAAA\n-----END")), "cannot be read"),
        (lambda path: path.write_text(path.read_text() + "-----BEGIN PUBLIC KEY-----\nMCow"), "holds 1 that can be"),
        (lambda path: shutil.copy(path.parent / "signing.pem", path), "holds a private key"),
        (_other_kind, "no Ed25519 key"),
    ],
)
def test_keys_that_cannot_be_used_stop_the_start(store: Path, write: Callable[[Path], None], reason: str) -> None:
    write(store.parent / "trusted.pem")
    with pytest.raises(StartError, match=reason):
        trusted(store)


def _encrypted(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")))


def _private_of_another_kind(path: Path) -> None:
    key = generate_private_key(SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_bytes(b"a key"), "no private key in PEM"),
        (lambda path: shutil.copy(path.parent / "trusted.pem", path), "no private key in PEM"),
        (_encrypted, "no private key in PEM without a password"),
        (_private_of_another_kind, "no Ed25519 key"),
    ],
)
def test_a_key_that_cannot_sign_is_told(store: Path, write: Callable[[Path], None], reason: str) -> None:
    write(store.parent / "signing.pem")
    with pytest.raises(StartError, match=reason):
        read_key(store.parent / "signing.pem")


def test_signing_again_replaces_the_signature(store: Path) -> None:
    make_key(store.parent / "another.pem")
    stored: StoredVersion = verify(store, GRU_1)
    for key in ("another.pem", "signing.pem"):
        sign(stored, read_key(store.parent / key))
    assert verify(store, GRU_1, trusted(store)) == stored
