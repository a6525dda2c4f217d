import gzip
import re
import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from model_store.layout import REPORT, VersionRef, list_versions, verify
from service.app import Application
from service.settings import Settings
from service.web.files import TABLE
from tests.service.conftest import client_of, running
from tests.service.routes.test_predictions import assert_problem

pytestmark = pytest.mark.anyio

SHIPPED = Path(__file__).parents[3] / "model_store" / "models"
PAGES = ("/", "/docs", "/ui/models", "/ui/models/gru/1", "/ui/experiments")
KOREAN = {"accept-language": "ko"}
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a version that has a report."""
    store = tmp_path_factory.mktemp("shipped")
    shutil.copytree(SHIPPED / "gru", store / "gru")
    return store


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_what_is_ours_and_nothing_else(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for address in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert re.match(r"[/?#](?!/)", address)
    for address in re.findall(r'"(/ui/static/[^"]+)"', answer.text):
        assert (await client.get(address)).status_code == 200
    assert not re.findall(r"<script(?! type=\"module\" src=| type=\"application/json\")", answer.text)
    assert "<style" not in answer.text
    assert not re.findall(r"<[^>]+ (?:style|on\w+)=", answer.text)


@pytest.mark.parametrize("path", PAGES)
async def test_the_browser_is_told_to_run_nothing_but_our_files(client: httpx.AsyncClient, path: str) -> None:
    policy = (await client.get(path)).headers["content-security-policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_speaks_the_language_that_is_asked_for(client: httpx.AsyncClient, path: str) -> None:
    english, korean = await client.get(path), await client.get(path, headers=KOREAN)
    assert '<html lang="en">' in english.text
    assert '<html lang="ko">' in korean.text
    assert re.search("[가-힣]{2} [가-힣]{2}", korean.text)
    assert 'href="?lang=ko">한국어' in english.text
    assert 'href="?lang=en">English' in korean.text
    assert {"accept-language", "cookie"} <= set(korean.headers["vary"].split(", "))


async def test_a_language_that_was_chosen_is_remembered(client: httpx.AsyncClient) -> None:
    chosen = await client.get("/", params={"lang": "ko"})
    assert '<html lang="ko">' in chosen.text
    cookie = chosen.headers["set-cookie"].partition(";")[0]
    assert '<html lang="ko">' in (await client.get("/ui/models", headers={"cookie": cookie})).text
    assert "set-cookie" not in (await client.get("/", params={"lang": "fr"})).headers
    client.cookies.clear()


async def test_a_page_that_the_browser_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get("/", headers={"if-none-match": first.headers["etag"], **KOREAN})
    assert other.status_code == 200


async def test_a_file_is_kept_for_good_under_the_name_of_this_release_only(client: httpx.AsyncClient) -> None:
    [address] = set(re.findall(r'"(/ui/static/\w+/style\.css)"', (await client.get("/")).text))
    assert "immutable" in (await client.get(address)).headers["cache-control"]
    older = await client.get("/ui/static/0000000000000000/style.css")
    assert (older.status_code, older.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", sorted(TABLE))
async def test_a_file_is_sent_compressed_to_whoever_takes_it(client: httpx.AsyncClient, name: str) -> None:
    plain = await client.get(f"/ui/static/x/{name}", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"] == TABLE[name]
    async with client.stream("GET", f"/ui/static/x/{name}", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    if answer.headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    assert raw == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "/ui/static/x/nothing.js",
        "/ui/static/x/%2e%2e%2fwords.py",
        "/ui/static/../words.py",
        "/ui/static/x/..%2f..%2fapp.py",
        "/ui/static/x/",
        "/ui/static/",
        "/ui/",
        "/ui",
    ],
)
async def test_nothing_is_found_by_a_path_from_outside(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "nothing at this path")


async def test_without_documentation_no_page_leads_to_it(store: Path) -> None:
    async with running(Settings(model_store=store, docs=False)) as app, client_of(app) as client:
        assert (await client.get("/docs")).status_code == 404
        for path in ("/", "/ui/models"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "/docs" not in answer.text


async def test_every_version_is_shown_beside_those_that_it_can_be_compared_with(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    (tmp_path / "gru" / "2" / "saved_model.pb").write_bytes(b"half of")
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        page = (await client.get("/ui/models")).text
        refused = (await client.get("/ui/models/gru/2")).text
    for ref in list_versions(tmp_path):
        assert f'<a href="/ui/models/{ref}">{ref}</a>' in page
    assert page.count("<table>") == 2
    assert '<span class="badge refused">refused</span>' in page
    assert "altered: saved_model.pb" in page
    assert "altered: saved_model.pb" in refused
    assert "<img" not in refused


async def test_a_version_shows_its_figures_and_the_plots_of_its_report(shipped: Path) -> None:
    async with running(Settings(model_store=shipped)) as app, client_of(app) as client:
        page = (await client.get("/ui/models/gru/1")).text
        plots = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page)
        assert len(plots) >= 7
        for address, _ in plots:
            answer = await client.get(address)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
            assert answer.content.startswith(b"\x89PNG")
        [digest] = [entry.digest for entry in app.registry.entries.values()]
        assert digest is not None
        assert digest in page
        metrics = verify(shipped, VersionRef("gru", 1)).manifest.metrics
        assert f"{metrics['parameters']:,.0f}" in page
        assert f"{metrics['accuracy']:.4f}" in page
        report = await client.get("/ui/models/gru/1/report/report.md")
        assert report.text.startswith("# gru")


@pytest.mark.parametrize(
    "name",
    ["nothing.png", "..%2fmanifest.json", "manifest.json", "golden.json", "report.md%00", "%2e%2e/pieces.model"],
)
async def test_a_version_shows_no_file_but_those_of_its_report(shipped: Path, name: str) -> None:
    async with running(Settings(model_store=shipped)) as app, client_of(app) as client:
        assert (await client.get(f"/ui/models/gru/1/report/{name}")).status_code == 404


async def test_a_file_that_was_changed_since_is_not_shown(shipped: Path, tmp_path: Path) -> None:
    shutil.copytree(shipped, tmp_path, dirs_exist_ok=True)
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        plot = tmp_path / "gru" / "1" / REPORT / "memory.png"
        assert (await client.get("/ui/models/gru/1/report/memory.png")).status_code == 200
        plot.write_bytes(plot.read_bytes()[:-1] + b"x")
        assert (await client.get("/ui/models/gru/1/report/memory.png")).status_code == 404
        plot.unlink()
        assert (await client.get("/ui/models/gru/1/report/memory.png")).status_code == 404


@pytest.mark.parametrize("path", ["/ui/models/gru/9", "/ui/models/nobody/1", "/ui/models/gru/9/report/memory.png"])
async def test_a_version_that_is_not_there_is_unknown(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "no such model or version")


async def test_what_a_version_says_of_itself_cannot_become_markup(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    ref = VersionRef("gru", 1)
    entry = fresh_app.registry.entries[ref]
    assert entry.manifest is not None
    evil = "<script>alert(1)</script>"
    provenance = {"evaluated_on": evil, "published": evil, "settings": {evil: evil}}
    manifest = replace(entry.manifest, variant=evil, labels=(evil, "b"), metrics={evil: 0.5}, provenance=provenance)
    changed = replace(entry, manifest=manifest, reason=evil, digest=f'{evil}"')
    fresh_app.registry.entries = {**fresh_app.registry.entries, ref: changed}
    for path in ("/ui/models", "/ui/models/gru/1"):
        page = (await fresh_client.get(path)).text
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page


async def test_a_person_who_follows_a_dead_link_gets_a_page_and_a_program_the_problem(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/ui/models/nobody/1", headers=BROWSER | KOREAN)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "여기에는 아무것도 없습니다" in page.text
    assert "content-security-policy" in page.headers
    wrong = await client.get("/predict", headers=BROWSER)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.text.startswith("<!doctype html>")
    assert_problem(await client.get("/ui/models/nobody/1"), 404, "no such model")
    assert_problem(await client.post("/ui/models", headers=BROWSER), 405, "GET")


async def test_no_experiment_is_told_as_that(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ui/experiments")).text
    assert "No experiment is declared" in page
    assert "NUNCHI_EXPERIMENTS" in page
