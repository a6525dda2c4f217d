import re
from pathlib import Path

import pytest

from service.errors import StartError
from service.experiments.declaration import Arm, Experiment, parse, read
from service.experiments.design import Guardrails
from service.experiments.fields import DeclarationError
from service.metrics import LATENCY_S
from tests.service.experiments.declarations import FULL, SMALL, experiment_of

EXAMPLE = Path(__file__).parents[3] / "deploy" / "experiments.toml"


def changed(old: str, new: str, text: str = SMALL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def with_key(line: str) -> str:
    return changed('name = "gru-or-lstm"', f'name = "gru-or-lstm"\n{line}')


def with_arm_key(line: str) -> str:
    return changed('model = "lstm"', f'model = "lstm"\n{line}')


def test_two_models_and_a_name_are_enough() -> None:
    assert parse(SMALL) == (experiment_of(),)


def test_everything_can_be_said() -> None:
    assert parse(FULL) == (
        Experiment(
            name="gru-or-lstm",
            arms=(Arm("old", "gru", 1, 3.0), Arm("new", "gru", None, 0.5)),
            state="stopped",
            mode="split",
            coverage=0.5,
            margin=0.02,
            alpha=0.1,
            audit_share=1.0,
            minimum_labels=7,
            maturity_s=60.0,
            guardrails=Guardrails(0.05, 0.0, 0.002),
        ),
    )


def test_whole_numbers_are_numbers_so_that_how_they_are_written_opens_no_phase() -> None:
    [experiment] = parse(FULL)
    assert isinstance(experiment.arms[0].weight, float)
    assert isinstance(experiment.audit_share, float)


def test_no_experiment_is_a_declaration_too() -> None:
    assert parse("# nothing yet\n") == ()


def test_any_number_may_be_stopped_while_one_runs() -> None:
    texts = [changed("gru-or-lstm", f"e{n}", FULL) for n in range(3)] + [SMALL]
    assert [experiment.state for experiment in parse("\n".join(texts))] == ["stopped"] * 3 + ["running"]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("coverage = 0", "coverage is 0"),
        ("coverage = 1.001", "coverage is 1.001"),
        ("coverage = true", "coverage is True"),
        ("coverage = nan", "coverage is nan"),
        ('coverage = "1"', "coverage is '1'"),
        ("margin = 0.0", "margin is 0.0"),
        ("margin = 1", "margin is 1"),
        ("alpha = 0.0", "alpha is 0.0"),
        ("alpha = 1.0", "alpha is 1.0"),
        ("alpha = -0.05", "alpha is -0.05"),
        ("audit_share = -0.1", "audit_share is -0.1"),
        ("audit_share = 1.1", "audit_share is 1.1"),
        ("audit_share = false", "audit_share is False"),
        ("minimum_labels = 0", "minimum_labels is 0"),
        ("minimum_labels = 1.5", "minimum_labels is 1.5"),
        ("minimum_labels = true", "minimum_labels is True"),
        ("maturity_s = -1", "maturity_s is -1"),
        ("maturity_s = inf", "maturity_s is inf"),
        ('state = "paused"', "state is 'paused'; it must be one of running, stopped"),
        ("state = true", "state is True"),
        ('mode = "off"', "mode is 'off'; it must be one of split, shadow, shadow_randomized"),
        ("guardrails = 3", "guardrails is 3; it must be a table"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(line: str, key: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(with_key(line))
    assert str(raised.value).startswith(f"experiment 'gru-or-lstm': {key}")
    assert "; it must be " in str(raised.value)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("weight = 0", "weight is 0; it must be a number from 1e-06 to 1000000"),
        ("weight = -1", "weight is -1"),
        ("weight = inf", "weight is inf"),
        ("weight = nan", "weight is nan"),
        (f"weight = 1{'0' * 400}", "weight is 1000"),
        ("weight = true", "weight is True"),
        ("version = 0", 'version is 0; it must be a whole number from 1 to 1000000000, an alias, or "latest"'),
        ("version = 1.0", "version is 1.0"),
        ("version = true", "version is True"),
        ('version = "2"', "version is '2'"),
        ('name = "Best!"', "name is 'Best!'; it must be a name that matches"),
        ('name = "lstm\\n"', "name is 'lstm\\n'"),
        ('name = "coverage"', "name is 'coverage'; it must be another than coverage"),
    ],
)
def test_what_is_not_allowed_in_an_arm_is_named_with_its_place(line: str, key: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(with_arm_key(line))
    assert str(raised.value).startswith(f"experiment 'gru-or-lstm', arm 2: {key}".replace("\n", "\\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            with_key("covrage = 0.5"),
            "experiment 'gru-or-lstm': unknown key 'covrage'; the nearest known one is coverage",
        ),
        (
            with_arm_key("wieght = 2"),
            "experiment 'gru-or-lstm', arm 2: unknown key 'wieght'; the nearest known one is weight",
        ),
        (
            SMALL + "[experiment.guardrails]\nlatency_slo = 0.1",
            "experiment 'gru-or-lstm', guardrails: unknown key 'latency_slo'; the nearest known one is latency_slo_s",
        ),
        (
            SMALL.replace("[[experiment", "[[experiments"),
            "the file: unknown key 'experiments'; the nearest known one is",
        ),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_known(text: str, said: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(text)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("missing", ["name", "model"])
def test_what_must_be_there_is_missed(missing: str) -> None:
    text = "\n".join(line for line in SMALL.splitlines() if not line.startswith(missing))
    with pytest.raises(
        DeclarationError, match=rf"^experiment .*: {missing} is missing; it must be a name that matches"
    ):
        parse(text)


@pytest.mark.parametrize("name", ["Gru", "-gru", "gru_lstm", "g" * 64, "gru\n", ""])
def test_a_name_of_an_experiment_fits_into_urls_and_metrics(name: str) -> None:
    with pytest.raises(DeclarationError, match=r"name is .*; it must be a name that matches"):
        parse(SMALL.replace('"gru-or-lstm"', repr(name).replace("'", '"')))


def test_the_latency_that_is_watched_must_be_one_that_is_counted() -> None:
    text = SMALL + "[experiment.guardrails]\nlatency_slo_s = {}"
    assert [parse(text.format(bound))[0].guardrails.latency_slo_s for bound in LATENCY_S] == list(LATENCY_S)
    with pytest.raises(
        DeclarationError, match=r"guardrails: latency_slo_s is 0\.11; it must be one of 1e-05, .* 2\.5$"
    ):
        parse(text.format(0.11))
    with pytest.raises(DeclarationError, match="latency_slo_s is True"):
        parse(text.format("true"))


def test_one_arm_is_none_to_compare() -> None:
    one = SMALL[: SMALL.rindex("[[")]
    with pytest.raises(
        DeclarationError, match=r"arms is .*; it must be two or more, each under \[\[experiment.arms\]\]"
    ):
        parse(one)
    with pytest.raises(DeclarationError, match="arms is missing"):
        parse('[[experiment]]\nname = "none"')


def test_two_arms_of_one_model_need_names_of_their_own() -> None:
    with pytest.raises(
        DeclarationError, match="experiment 'gru-or-lstm': two arms have the name gru; give each its own"
    ):
        parse(changed('"lstm"', '"gru"'))


def test_two_experiments_of_one_name_are_refused() -> None:
    with pytest.raises(DeclarationError, match="two experiments have the name gru-or-lstm"):
        parse(SMALL + FULL)


def test_two_running_experiments_are_refused() -> None:
    with pytest.raises(
        DeclarationError, match='gru-or-lstm and other are running; it must be one, set state = "stopped"'
    ):
        parse(SMALL + changed("gru-or-lstm", "other"))


@pytest.mark.parametrize(
    "text", ["[experiment]\nname = 'x'", "experiment = 3", "experiment = [1]", SMALL + "\n[[experiment]]\narms = 'gru'"]
)
def test_headings_in_single_brackets_are_told_from_double_ones(text: str) -> None:
    with pytest.raises(DeclarationError, match="a list of tables, each under a heading in double brackets"):
        parse(text)


@pytest.mark.parametrize("text", ["[[experiment", "a = 1\na = 2", "x = " + "[" * 20_000, f"x = {'9' * 5000}"])
def test_what_is_no_toml_is_told(text: str) -> None:
    with pytest.raises(DeclarationError, match="this is no TOML"):
        parse(text)


def test_a_broken_file_stops_the_start() -> None:
    assert issubclass(DeclarationError, StartError)


def test_a_file_is_read_with_or_without_a_mark_of_its_order_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    path.write_text(SMALL, encoding="utf-8-sig")
    assert read(path) == (experiment_of(),)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"nothing\.toml cannot be read: No such file or directory"):
        read(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes("# été".encode("latin-1"))
    with pytest.raises(DeclarationError, match=r"latin\.toml is not UTF-8, from byte 2 on"):
        read(tmp_path / "latin.toml")


def test_the_example_compares_gru_with_lstm_by_the_defaults() -> None:
    assert read(EXAMPLE) == (experiment_of(),)


def test_a_file_that_says_nonsense_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nonsense.toml"
    path.write_text("[[experiment]]", encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"nonsense\.toml: experiment 1: arms is missing"):
        read(path)


def test_what_the_example_says_of_defaults_is_so() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    spoken, lines = re.subn(r"(?m)^# (?=[a-z_]+ = |\[)", "", text)
    assert lines == 15
    assert parse(spoken) == (experiment_of(),)
