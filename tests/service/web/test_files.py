import gzip
import re

import pytest

from service.web.files import TABLE, File, Files
from service.web.pages import Pages
from tests.service.web.modules import STATIC, reached

MODULES = sorted(name for name in TABLE if name.endswith(".js"))


@pytest.fixture(scope="module")
def found() -> Files:
    return Files.read()


def test_the_table_holds_what_is_there_and_nothing_else(found: Files) -> None:
    assert set(TABLE) == {path.name for path in STATIC.iterdir()}
    for name in TABLE:
        file = found.get(name)
        assert file is not None
        assert file.body == (STATIC / name).read_bytes()


@pytest.mark.parametrize("name", ["", "..", "../words.py", "style.css/", "STYLE.CSS", "style.css\x00", "/etc/passwd"])
def test_a_name_that_is_not_in_the_table_is_nothing(found: Files, name: str) -> None:
    assert found.get(name) is None


def test_compressed_bytes_are_the_same_bytes_and_fewer(found: Files) -> None:
    for name in TABLE:
        file = found.get(name)
        assert file is not None
        if file.compressed is not None:
            assert gzip.decompress(file.compressed) == file.body
            assert len(file.compressed) < len(file.body)


def test_the_address_of_every_file_changes_with_any_of_them() -> None:
    one = {name: File.of(name.encode(), media) for name, media in TABLE.items()}
    other = one | {"home.js": File.of(b"other", TABLE["home.js"])}
    assert Files(one).url("style.css") == Files(dict(one)).url("style.css")
    assert Files(one).url("style.css") != Files(other).url("style.css")


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_file_loads_nothing_from_elsewhere(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\s\"']+", text) in ([], ["http://www.w3.org/2000/svg"])
    assert "@import" not in text
    assert not re.search(r"\burl\(", text)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_never_turns_text_into_markup_or_code(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "DOMParser"):
        assert way not in text
    assert not re.search(r'setAttribute\("(style|on)', text)


@pytest.mark.parametrize(("page", "script"), [("home", "home.js"), ("docs", "docs.js")])
def test_a_page_names_all_modules_that_it_will_need(page: str, script: str) -> None:
    pages = Pages(docs=True)
    markup = getattr(pages, page)("en").body.decode()
    named = set(re.findall(r'"/ui/static/\w+/(\w+\.js)"', markup))
    assert named == reached(script)
