import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from model_store.encoder import CharacterEncoder
from model_store.errors import VersionRefusedError
from model_store.layout import StoredVersion, VersionRef
from service.answers import PredictionWriter
from service.batching import Batcher, BatchLimits
from service.errors import EngineError, NoRoomError, NotReadyError, UnknownModelError
from service.metrics import Metrics
from service.model import Model
from service.registry import Registry, State
from tests.fakes import FakeEngine
from tests.versions import Shape, manifest_of

pytestmark = pytest.mark.anyio

GRU_1, GRU_2, RNN_1 = VersionRef("gru", 1), VersionRef("gru", 2), VersionRef("rnn", 1)


class Store:
    """Loads versions from memory; some are refused, as `refusals` says."""

    def __init__(self, refusals: dict[VersionRef, Exception] | None = None) -> None:
        self.metrics = Metrics()
        self.refusals = refusals or {}
        self.gate: Event | None = None
        self.loads = 0

    def registry(self, *loaded: VersionRef) -> Registry:
        registry = Registry(self.load, self.metrics)
        registry.announce(loaded)
        return registry

    def load(self, ref: VersionRef) -> Model:
        self.loads += 1
        if self.gate is not None:
            assert self.gate.wait(5)
        if ref in self.refusals:
            raise self.refusals[ref]
        manifest = replace(manifest_of(ref.name, 10, Shape()), version=ref.version)
        stored = StoredVersion(Path(), manifest, "digest")
        metrics = self.metrics.for_model(ref, manifest.labels)
        engine = FakeEngine()
        return Model(
            stored=stored,
            encoder=CharacterEncoder("가나다라마바사아"),
            max_tokens=16,
            engine=engine,
            batcher=Batcher(engine, metrics, BatchLimits(100, 1000, 0)),
            metrics=metrics,
            writer=PredictionWriter(ref, manifest.labels),
        )


async def ready(store: Store, *refs: VersionRef) -> Registry:
    registry = store.registry(*refs)
    for ref in refs:
        await registry.load(ref)
    return registry


async def swap(registry: Registry, old: VersionRef, new: VersionRef) -> bool:
    """Do what the watcher does with `latest(1)`."""
    if not await registry.load(new):
        return False
    await registry.unload(old)
    return True


async def test_the_latest_version_that_is_ready_answers_for_its_name() -> None:
    registry = await ready(Store(), GRU_2, GRU_1, RNN_1)
    assert registry.get("gru", None).ref == GRU_2
    assert registry.get("gru", 1).ref == GRU_1
    assert registry.get("rnn", None).ref == RNN_1


@pytest.mark.parametrize(("name", "version"), [("lstm", None), ("gru", 9), ("gru", 0), ("gru", -1), ("", None)])
async def test_what_is_not_known_is_told_with_what_is(name: str, version: int | None) -> None:
    registry = await ready(Store(), GRU_1)
    with pytest.raises(UnknownModelError, match="served: gru/1"):
        registry.get(name, version)


async def test_what_is_still_loading_is_worth_waiting_for() -> None:
    with pytest.raises(NotReadyError) as refusal:
        Store().registry(GRU_1).get("gru", None)
    assert refusal.value.retry_after_s


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (VersionRefusedError(Path("store/gru/2"), "altered: saved_model.pb"), "altered: saved_model.pb"),
        (EngineError("it has no fused graph"), "it has no fused graph"),
        (MemoryError("서울"), "it cannot be loaded: MemoryError"),
    ],
)
async def test_a_refused_version_says_why_and_never_stops_the_others(error: Exception, reason: str) -> None:
    store = Store({GRU_2: error})
    registry = await ready(store, GRU_1, GRU_2)
    assert registry.get("gru", None).ref == GRU_1
    assert registry.entries[GRU_2].state is State.REFUSED
    assert registry.entries[GRU_2].reason == reason
    assert store.metrics.registry.get_sample_value("sentiment_model_refused", {"model": "gru", "version": "2"}) == 1
    with pytest.raises(UnknownModelError, match="GET /models says why"):
        registry.get("gru", 2)


async def test_a_swap_serves_the_new_version_and_drops_the_old_one() -> None:
    store = Store()
    registry = await ready(store, GRU_1)
    assert await swap(registry, GRU_1, GRU_2)
    assert registry.get("gru", None).ref == GRU_2
    assert registry.entries[GRU_1].state is State.UNLOADED
    labels = {"model": "gru", "version": "1"}
    assert store.metrics.registry.get_sample_value("sentiment_model_loaded", labels) == 0
    assert store.metrics.registry.get_sample_value("sentiment_requests_total", labels) is None


async def test_a_swap_to_a_version_that_is_refused_keeps_the_old_one() -> None:
    registry = await ready(Store({GRU_2: EngineError("no")}), GRU_1)
    assert not await swap(registry, GRU_1, GRU_2)
    assert registry.get("gru", None).ref == GRU_1


async def test_draining_gives_no_new_requests_and_waits_for_old_ones() -> None:
    registry = await ready(Store(), GRU_1, GRU_2)
    with registry.get("gru", 2).batcher.admit(1):
        unloading = asyncio.create_task(registry.unload(GRU_2))
        await asyncio.sleep(0.01)
        assert registry.entries[GRU_2].state is State.DRAINING
        assert registry.get("gru", None).ref == GRU_1
        with pytest.raises(NotReadyError):
            registry.get("gru", 2)
        assert not unloading.done()
    await unloading
    assert registry.entries[GRU_2].state is State.UNLOADED


async def test_without_an_admission_a_swap_closes_the_version_in_between() -> None:
    registry = await ready(Store(), GRU_1)
    model = registry.get("gru", None)
    await swap(registry, GRU_1, GRU_2)
    failed: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    text = model.batcher.submit([[3]])
    await asyncio.sleep(0)
    assert "after shutdown" in str(failed[0]["exception"])
    assert not text.done()


async def test_what_is_ready_is_not_loaded_again() -> None:
    store = Store()
    registry = await ready(store, GRU_1)
    model = registry.get("gru", 1)
    assert await registry.load(GRU_1)
    assert registry.get("gru", 1) is model
    assert store.loads == 1


async def test_of_several_loads_at_once_only_one_happens() -> None:
    store = Store()
    store.gate = Event()
    registry = store.registry(GRU_1)
    loads = [asyncio.create_task(registry.load(GRU_1)) for _ in range(5)]
    await asyncio.sleep(0.01)
    store.gate.set()
    assert await asyncio.gather(*loads) == [True] * 5
    assert store.loads == 1


async def test_what_is_loaded_goes_on_although_the_one_who_wanted_it_has_left() -> None:
    store = Store()
    store.gate = Event()
    registry = store.registry(GRU_1)
    left = asyncio.create_task(registry.load(GRU_1))
    await asyncio.sleep(0.01)
    left.cancel()
    await asyncio.wait([left])
    waiting = asyncio.create_task(registry.load(GRU_1))
    store.gate.set()
    assert await waiting
    assert store.loads == 1


async def test_what_is_wanted_again_while_it_drains_is_loaded_once_it_has() -> None:
    store = Store()
    registry = await ready(store, GRU_1)
    with registry.get("gru", 1).batcher.admit(1):
        unloading = asyncio.create_task(registry.unload(GRU_1))
        await asyncio.sleep(0.01)
        loading = asyncio.create_task(registry.load(GRU_1))
        await asyncio.sleep(0.01)
        assert registry.entries[GRU_1].state is State.DRAINING
    await unloading
    assert await loading
    assert registry.get("gru", 1).ref == GRU_1
    assert store.loads == 2


async def test_what_was_left_out_keeps_its_labels() -> None:
    registry = await ready(Store(), GRU_1)
    await registry.unload(GRU_1, "NUNCHI_VERSIONS says latest(1)")
    registry.leave_out({GRU_1: "it was unloaded by an administrator", GRU_2: "NUNCHI_VERSIONS says latest(1)"})
    assert registry.entries[GRU_1].manifest
    assert [(entry.state, entry.reason) for entry in registry.entries.values()] == [
        (State.UNLOADED, "it was unloaded by an administrator"),
        (State.UNLOADED, "NUNCHI_VERSIONS says latest(1)"),
    ]


async def test_a_version_that_is_forgotten_leaves_no_series() -> None:
    store = Store({GRU_1: EngineError("no")})
    registry = await ready(store, GRU_1)
    assert registry.idle(GRU_1)
    registry.forget(GRU_1)
    assert registry.entries == {}
    labels = {"model": "gru", "version": "1"}
    assert store.metrics.registry.get_sample_value("sentiment_model_refused", labels) is None


async def test_what_is_loading_or_in_memory_is_not_idle() -> None:
    store = Store()
    store.gate = Event()
    registry = store.registry(GRU_1)
    loading = asyncio.create_task(registry.load(GRU_1))
    await asyncio.sleep(0.01)
    assert not registry.idle(GRU_1)
    store.gate.set()
    await loading
    assert not registry.idle(GRU_1)
    await registry.unload(GRU_1)
    assert registry.idle(GRU_1)


async def test_an_alias_answers_for_its_version_and_stable_for_the_name_too() -> None:
    registry = await ready(Store(), GRU_1, GRU_2)
    registry.point({("gru", "canary"): GRU_2, ("gru", "stable"): GRU_1})
    assert registry.answering("gru", "canary") == GRU_2
    assert registry.answering("gru", "stable") == GRU_1
    assert registry.answering("gru") == GRU_1
    assert registry.answering("gru", "latest") == GRU_2
    registry.point({})
    assert registry.answering("gru") == GRU_2
    with pytest.raises(UnknownModelError, match="no such model, version or alias"):
        registry.get("gru", "canary")


async def test_an_alias_leaves_its_version_only_when_the_next_is_ready() -> None:
    store = Store()
    registry = await ready(store, GRU_1)
    registry.point({("gru", "stable"): GRU_1})
    store.gate = Event()
    registry.point({("gru", "stable"): GRU_2})
    loading = asyncio.create_task(registry.load(GRU_2))
    await asyncio.sleep(0.01)
    assert registry.answering("gru", "stable") == GRU_1
    assert registry.answering("gru") == GRU_1
    store.gate.set()
    await loading
    assert registry.answering("gru", "stable") == GRU_2
    assert registry.answering("gru") == GRU_2


async def test_until_the_version_of_a_new_stable_is_ready_the_name_is_answered_as_before() -> None:
    registry = await ready(Store(), GRU_1)
    registry.point({("gru", "stable"): GRU_2})
    assert registry.answering("gru") == GRU_1
    assert registry.answering("gru", "stable") is None


async def test_after_a_start_nothing_answers_for_a_name_before_its_stable_version_is_ready() -> None:
    store = Store({GRU_1: EngineError("no")})
    registry = store.registry(GRU_1, GRU_2)
    registry.point({("gru", "stable"): GRU_1})
    await registry.load(GRU_2)
    with pytest.raises(NotReadyError):
        registry.get("gru", None)
    await registry.load(GRU_1)
    for named in (None, "stable"):
        with pytest.raises(UnknownModelError, match="this version is not served; GET /models says why"):
            registry.get("gru", named)


async def test_the_metric_of_an_alias_names_the_version_that_answers() -> None:
    store = Store()
    registry = await ready(store, GRU_1, GRU_2)

    def shown() -> set[str]:
        return {
            number
            for number in ("1", "2")
            if store.metrics.registry.get_sample_value(
                "sentiment_model_alias", {"model": "gru", "alias": "canary", "version": number}
            )
        }

    for aliases, versions in (({("gru", "canary"): GRU_1}, {"1"}), ({("gru", "canary"): GRU_2}, {"2"}), ({}, set())):
        registry.point(aliases)
        assert shown() == versions


async def test_what_was_unloaded_can_be_loaded_again() -> None:
    registry = await ready(Store(), GRU_1)
    await registry.unload(GRU_1)
    assert await registry.load(GRU_1)
    assert registry.get("gru", 1).ref == GRU_1


async def test_only_what_is_ready_can_be_unloaded() -> None:
    registry = await ready(Store({GRU_1: EngineError("no")}), GRU_1)
    with pytest.raises(ValueError, match="gru/1 is refused, not ready"):
        await registry.unload(GRU_1)


async def test_nothing_waits_while_a_version_loads() -> None:
    store = Store()
    registry = await ready(store, GRU_1)
    store.gate = Event()
    loading = asyncio.create_task(registry.load(GRU_2))
    await asyncio.sleep(0.01)
    assert registry.get("gru", None).ref == GRU_1
    assert registry.entries[GRU_2].state is State.LOADING
    store.gate.set()
    assert await loading


async def test_swaps_under_traffic_lose_no_answer_and_mix_no_versions() -> None:
    registry = await ready(Store(), VersionRef("gru", 1))
    answered = 0

    async def ask(until: Callable[[], bool]) -> None:
        nonlocal answered
        while not until():
            model = registry.get("gru", None)
            with model.batcher.admit(1):
                [answer] = await model.batcher.submit([[3]])
            assert answer[1] == pytest.approx(3 / 97)
            answered += 1

    swaps = asyncio.create_task(_swap_often(registry, 30))
    await asyncio.gather(swaps, *(ask(swaps.done) for _ in range(8)))
    assert answered > 30
    assert registry.get("gru", None).ref == VersionRef("gru", 31)


async def _swap_often(registry: Registry, times: int) -> None:
    for number in range(1, times + 1):
        assert await swap(registry, VersionRef("gru", number), VersionRef("gru", number + 1))


async def test_closing_unloads_everything() -> None:
    registry = await ready(Store(), GRU_1, RNN_1)
    await registry.close()
    assert {entry.state for entry in registry.entries.values()} == {State.UNLOADED}


async def test_closing_waits_for_what_drains_and_for_nothing_that_loads() -> None:
    store = Store()
    registry = await ready(store, GRU_1, RNN_1)
    store.gate = Event()
    loading = asyncio.create_task(registry.load(GRU_2))
    with registry.get("gru", 1).batcher.admit(1):
        unloading = asyncio.create_task(registry.unload(GRU_1))
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(registry.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
    await closing
    await unloading
    with pytest.raises(asyncio.CancelledError):
        await loading
    store.gate.set()
    await asyncio.sleep(0.05)
    assert {entry.state for entry in registry.entries.values() if entry.model} == set()


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, object]]:
    """What was logged, of which version, and why."""
    lines = [(record.getMessage(), record.__dict__["fields"]) for record in caplog.records]
    return [(event, fields["version"], fields.get("reason")) for event, fields in lines]


async def test_the_log_tells_what_becomes_of_each_version(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    registry = await ready(Store({GRU_2: EngineError("no"), RNN_1: MemoryError()}), GRU_1, GRU_2, RNN_1)
    await registry.unload(GRU_1)
    assert said(caplog) == [
        ("model_ready", "gru/1", None),
        ("model_refused", "gru/2", "no"),
        ("model_load_failed", "rnn/1", None),
        ("model_refused", "rnn/1", "it cannot be loaded: MemoryError"),
        ("model_unloaded", "gru/1", None),
    ]
    opened = next(record.__dict__["fields"] for record in caplog.records if record.getMessage() == "model_ready")
    assert opened["engine"] == "onnx"
    assert 0 <= opened["seconds"] < 5


async def test_why_a_version_is_still_served_is_kept_and_logged_until_it_is_taken_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = await ready(Store(), GRU_1, GRU_2)
    caplog.clear()
    registry.explain(GRU_1, "its directory is gone")
    assert [entry.reason for entry in registry.entries.values()] == ["its directory is gone", None]
    assert registry.get("gru", 1).ref == GRU_1
    assert said(caplog) == [("model_kept", "gru/1", "its directory is gone")]
    assert caplog.records[0].levelname == "WARNING"
    registry.explain(GRU_1, None)
    assert registry.entries[GRU_1].reason is None
    assert len(caplog.records) == 1


async def test_only_the_want_of_room_may_pass_by_itself() -> None:
    registry = await ready(Store({GRU_1: NoRoomError("no room"), GRU_2: EngineError("no")}), GRU_1, GRU_2)
    assert [entry.may_pass for entry in registry.entries.values()] == [True, False]


async def test_a_file_name_that_is_no_unicode_can_be_told_all_the_same() -> None:
    registry = await ready(Store({GRU_1: VersionRefusedError(Path("store"), "extra: \udcff")}), GRU_1)
    assert registry.entries[GRU_1].reason == "extra: \\udcff"


async def test_a_refused_version_that_is_left_out_is_refused_no_longer_and_says_why() -> None:
    registry = await ready(Store({GRU_1: EngineError("no")}), GRU_1)
    registry.leave_out({GRU_1: "NUNCHI_VERSIONS says all", RNN_1: "it is small"})
    assert [(entry.state, entry.reason) for entry in registry.entries.values()] == [
        (State.UNLOADED, "NUNCHI_VERSIONS says all"),
        (State.UNLOADED, "it is small"),
    ]
    before = registry.entries
    registry.leave_out({GRU_1: "NUNCHI_VERSIONS says all"})
    assert registry.entries is before  # nothing was new


async def test_while_it_drains_a_version_says_why() -> None:
    registry = await ready(Store(), GRU_1)
    with registry.get("gru", 1).batcher.admit(1):
        unloading = asyncio.create_task(registry.unload(GRU_1, "NUNCHI_VERSIONS says latest(1)"))
        await asyncio.sleep(0.01)
        assert registry.entries[GRU_1].reason == "NUNCHI_VERSIONS says latest(1)"
        with pytest.raises(ValueError, match="gru/1 is draining, not ready"):
            await registry.unload(GRU_1)
    await unloading


async def test_whoever_names_an_alias_is_told_what_becomes_of_its_version_and_no_other() -> None:
    registry = await ready(Store({GRU_1: EngineError("no")}), GRU_1)
    registry.announce([GRU_2])
    registry.point({("gru", "canary"): GRU_1, ("gru", "next"): GRU_2, ("gru", "gone"): VersionRef("gru", 9)})
    waiting = "this version is not ready to answer: it is loading or draining"
    refused = "this version is not served; GET /models says why"
    unknown = "there is no such model, version or alias"
    for named, says in (("next", waiting), (2, waiting), (None, waiting), ("canary", refused), (1, refused)):
        with pytest.raises((NotReadyError, UnknownModelError)) as refusal:
            registry.get("gru", named)
        assert str(refusal.value).startswith(says)
    for named, says in (("gone", refused), ("nobody", unknown), (9, unknown)):
        with pytest.raises(UnknownModelError) as missing:
            registry.get("gru", named)
        assert str(missing.value).startswith(says)
    registry.point({("gru", "stable"): GRU_1})
    with pytest.raises(UnknownModelError, match="not served"):
        registry.get("gru", None)  # not the one that is loading: `stable` is what the name means


async def test_the_traces_of_all_that_is_in_memory_are_added_up() -> None:
    store = Store()
    registry = await ready(store, GRU_1, GRU_2)
    for ref, traces in ((GRU_1, 3), (GRU_2, 4)):
        registry.get(*ref).engine.traces = traces  # type: ignore[misc]
    assert store.metrics.registry.get_sample_value("sentiment_tensorflow_traces") == 7
    await registry.unload(GRU_1)
    assert store.metrics.registry.get_sample_value("sentiment_tensorflow_traces") == 4
