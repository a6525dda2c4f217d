from service.security.headers import PAGE_POLICY, guarded

JSON = (b"content-type", b"application/json")
HTML = (b"content-type", b"text/html; charset=utf-8")


def test_a_page_runs_nothing_but_its_own_files_and_is_shown_nowhere_else() -> None:
    found = dict(guarded([HTML]))
    policy = found[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in policy
    for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for"):
        assert part in policy
    assert found[b"x-content-type-options"] == b"nosniff"
    assert found[b"referrer-policy"] == b"no-referrer"
    assert found[b"cross-origin-opener-policy"] == b"same-origin"
    assert found[b"cross-origin-resource-policy"] == b"same-origin"
    assert found[b"cache-control"] == b"no-store"
    assert b"camera=()" in found[b"permissions-policy"]


def test_other_answers_get_what_concerns_them() -> None:
    assert set(dict(guarded([JSON]))) == {
        b"content-type",
        b"x-content-type-options",
        b"cache-control",
        b"cross-origin-resource-policy",
    }


def test_what_an_answer_says_itself_stands() -> None:
    own = [HTML, (b"cache-control", b"no-cache"), (b"content-security-policy", b"default-src 'none'")]
    found = guarded(own)
    assert found[:3] == own
    assert len(dict(found)) == len(found)
    assert PAGE_POLICY not in dict(found).values()


def test_headers_that_come_twice_stay() -> None:
    twice = [(b"set-cookie", b"a"), (b"set-cookie", b"b")]
    assert guarded(twice)[:2] == twice
