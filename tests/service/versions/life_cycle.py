"""Drives the registry through everything that can happen to versions, in any order (hypothesis).

All of it is real but for the versions: a directory stands for each, and loading one does nothing but succeed, fail or
wait, as it is told. Nothing runs in threads, so that the same rules in the same order always do the same.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from model_store.encoder import CharacterEncoder
from model_store.layout import StoredVersion, VersionRef
from service.answers import PredictionWriter
from service.batching import Batcher, BatchLimits
from service.errors import EngineError, NoRoomError, ServiceError
from service.metrics import Metrics
from service.model import Model
from service.registry import Registry, State
from service.settings import Settings
from service.versions.changes import Changes, Help
from service.versions.orders import Orders, Step
from service.versions.orders_file import OrdersFile
from service.versions.policy import parse
from service.versions.wishes import Wishes
from service.watching import Watcher
from tests.fakes import FakeEngine
from tests.versions import Shape, manifest_of

DEFAULT = "gru"
_TURNS = 60
"""Of the event loop, in which everything happens that waits for nothing."""

names, aliases = st.sampled_from([DEFAULT, "lstm"]), st.sampled_from(["stable", "canary"])
refs: st.SearchStrategy[VersionRef] = st.builds(VersionRef, names, st.integers(1, 4))
seen = st.sampled_from([True, True, False])
"""Whether the watcher looks right after something has happened."""
Result = TypeVar("Result")


async def at_once(function: Callable[..., Result], *arguments: Any) -> Result:
    """Stand for a call in a thread."""
    await asyncio.sleep(0)
    return function(*arguments)


class Loader:
    """Loads versions from nowhere: those that are not bad, and slow ones only once they may."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.bad: dict[VersionRef, Exception] = {}
        self.slow: dict[VersionRef, asyncio.Event] = {}
        self.loading: set[VersionRef] = set()
        self.made: list[Model] = []

    @property
    def in_memory(self) -> list[Model]:
        return [model for model in self.made if not closed(model)]

    async def call_aside(self, function: Callable[[VersionRef], Model], ref: VersionRef) -> Model:
        """Stand for the thread in which a version is loaded."""
        assert ref not in self.loading, f"{ref} is loaded twice at once"
        assert all(model.ref != ref for model in self.in_memory), f"{ref} is in memory already"
        self.loading.add(ref)
        try:
            await asyncio.sleep(0)
            if ref in self.slow:
                await self.slow[ref].wait()
        finally:
            self.loading.remove(ref)
        return function(ref)

    def load(self, ref: VersionRef) -> Model:
        if ref in self.bad:
            raise self.bad[ref]
        manifest = replace(manifest_of(ref.name, 10, Shape()), version=ref.version)
        metrics, engine = self.metrics.for_model(ref, manifest.labels), FakeEngine()
        model = Model(
            stored=StoredVersion(Path(), manifest, "digest"),
            encoder=CharacterEncoder("가나다라마바사아"),
            max_tokens=16,
            engine=engine,
            batcher=Batcher(engine, metrics, BatchLimits(100, 1000, 0)),
            metrics=metrics,
            writer=PredictionWriter(ref, manifest.labels),
        )
        self.made.append(model)
        return model


def closed(model: Model) -> bool:
    return model.batcher._executor._shutdown


class LifeCycle(RuleBasedStateMachine):
    """What may happen, and what must always hold."""

    registry_class: type[Registry] = Registry

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp())
        self.store = self.directory / "models"
        self.loader = Loader(Metrics())
        self.pins: set[VersionRef] = set()
        self.tasks: list[asyncio.Task[Any]] = []
        self.looking: asyncio.Task[None] | None = None
        self.held: list[Model] = []
        self.answered: dict[tuple[str, str], VersionRef] = {}
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("asyncio.to_thread", at_once)
        self.patch.setattr("service.registry.call_aside", self.loader.call_aside)
        self.patch.setattr("service.versions.memory.free_bytes", lambda: None)
        self.patch.setattr("service.registry.give_back", lambda: None)

    @initialize(versions=st.sampled_from(["latest(1)", "latest(2)", "all", "specific(1,3)", "latest(1); lstm=all"]))
    def start(self, versions: str) -> None:
        settings = Settings(model_store=self.store, versions=versions, default_model=DEFAULT)
        self.registry = self.registry_class(self.loader.load, self.loader.metrics)
        self.orders = OrdersFile(self.directory / "versions.json")
        self.wishes = Wishes(parse(versions), self.orders, self.registry, lambda: self.pins)
        self.watcher = Watcher(self.registry, settings, self.orders, self.wishes)

        async def no_texts(_: int) -> list[str]:
            return []

        helped = Help(no_texts, lambda _: None)
        self.changes = Changes(self.registry, self.orders, self.wishes, settings, helped)
        for name in ("00003", ".staging", "3.tmp", "x"):
            (self.store / DEFAULT / name).mkdir(parents=True)
        (self.store / DEFAULT / "1").mkdir()
        self.watcher.begin([VersionRef(DEFAULT, 1)])
        self.look()

    def teardown(self) -> None:
        try:
            if hasattr(self, "registry"):
                self.come_to_rest()
        finally:
            self.patch.undo()
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.directory)

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start something, and let it go as far as it comes."""
        task = self.loop.create_task(work)
        self.tasks.append(task)
        self.turn()
        return task

    def turn(self) -> None:
        async def turns() -> None:
            for _ in range(_TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            if (error := task.exception()) and not isinstance(error, ServiceError):
                raise error

    # What happens on the disk.

    @rule(ref=refs, bad=st.none() | st.sampled_from([EngineError("bad"), NoRoomError("no room")]), seen=seen)
    def publish(self, ref: VersionRef, bad: Exception | None, seen: bool) -> None:
        """Put a version into the store, or change the one that is there."""
        directory = self.store / ref.name / str(ref.version)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"file{len(list(directory.iterdir()))}").touch()
        self.loader.bad.pop(ref, None)
        if bad:
            self.loader.bad[ref] = bad
        self.look(seen)

    @rule(ref=refs, seen=seen)
    def remove(self, ref: VersionRef, seen: bool) -> None:
        shutil.rmtree(self.store / ref.name / str(ref.version), ignore_errors=True)
        self.look(seen)

    # What takes long.

    @rule(ref=refs)
    def become_slow(self, ref: VersionRef) -> None:
        self.loader.slow.setdefault(ref, asyncio.Event())

    @rule(ref=refs)
    def be_done(self, ref: VersionRef) -> None:
        if ref in self.loader.slow:
            self.loader.slow.pop(ref).set()
            self.turn()

    @rule(place=st.integers(0, 30))
    def ask(self, place: int) -> None:
        answering = list(self.registry._ready)
        if answering:
            model = self.registry.get(*answering[place % len(answering)])
            model.batcher.admit(1).__enter__()
            self.held.append(model)

    @precondition(lambda self: self.held)
    @rule(place=st.integers(0, 9))
    def answer(self, place: int) -> None:
        self.held.pop(place % len(self.held)).batcher.release(1)
        self.turn()

    # What people and experiments want, and what comes of it.

    @rule()
    def look(self, seen: bool = True) -> None:
        if seen and (self.looking is None or self.looking.done()):
            self.looking = self.begin(self.watcher.look())

    @rule(ref=refs)
    def load(self, ref: VersionRef) -> None:
        self.begin(self.changes.load(ref))

    @rule(ref=refs)
    def unload(self, ref: VersionRef) -> None:
        self.begin(self.changes.unload(ref))

    @rule(alias=aliases, ref=refs)
    def move(self, alias: str, ref: VersionRef) -> None:
        self.begin(self.changes.move(alias, ref, force=True))

    @rule(alias=aliases, ref=refs, seen=seen)
    def move_elsewhere(self, alias: str, ref: VersionRef, seen: bool) -> None:
        """Move an alias in another process."""

        def pointed(orders: Orders) -> Orders:
            return orders.pointed(ref.name, alias, Step(ref.version, ""))

        self.begin(OrdersFile(self.directory / "versions.json").change(pointed))
        self.look(seen)

    @rule(name=names, alias=aliases)
    def roll_back(self, name: str, alias: str) -> None:
        self.begin(self.changes.roll_back(name, alias, None))

    @rule(name=names, alias=aliases)
    def remove_alias(self, name: str, alias: str) -> None:
        self.begin(self.changes.remove(name, alias))

    @rule(ref=refs, seen=seen)
    def pin(self, ref: VersionRef, seen: bool) -> None:
        """Begin or end an experiment that needs a version."""
        self.pins ^= {ref}
        self.look(seen)

    # What must always hold.

    def ready(self, name: str) -> list[VersionRef]:
        entries = self.registry.entries.items()
        return [ref for ref, entry in entries if entry.state is State.READY and ref.name == name]

    @invariant()
    def no_version_is_closed_while_it_has_requests(self) -> None:
        assert not [model.ref for model in self.held if closed(model)]

    @invariant()
    def what_is_in_memory_is_known_and_nothing_else(self) -> None:
        if not hasattr(self, "registry"):
            return
        states = {State.READY, State.DRAINING}
        known = [entry.model for entry in self.registry.entries.values() if entry.state in states]
        assert {id(model) for model in known} == {id(model) for model in self.loader.in_memory}
        rest = [entry for entry in self.registry.entries.values() if entry.state not in states]
        assert not [entry for entry in rest if entry.model]

    @invariant()
    def every_version_that_is_ready_answers_and_no_other(self) -> None:
        if not hasattr(self, "registry"):
            return
        for ref, entry in self.registry.entries.items():
            answering = self.registry.answering(ref.name, ref.version)
            assert answering == (ref if entry.state is State.READY else None)
            if entry.state is State.READY:
                assert self.registry.get(ref.name, ref.version) is entry.model

    @invariant()
    def latest_is_the_newest_that_is_ready(self) -> None:
        if hasattr(self, "registry"):
            for name in (DEFAULT, "lstm"):
                assert self.registry.answering(name, "latest") == max(self.ready(name), default=None)

    @invariant()
    def an_alias_answers_by_its_version_once_that_is_ready_and_always_by_one_that_is(self) -> None:
        if not hasattr(self, "registry"):
            return
        for (name, alias), target in self.registry.aliases.items():
            ready, answering = self.ready(name), self.registry.answering(name, alias)
            assert answering in [target] if target in ready else answering in (None, *ready)

    @invariant()
    def an_alias_that_answers_goes_on_to_until_its_version_is_dropped(self) -> None:
        if not hasattr(self, "registry"):
            return
        now = {key: self.registry.answering(*key) for key in self.registry.aliases}
        for key, before in self.answered.items():
            if before in self.ready(key[0]) and key in now:
                assert now[key]
        self.answered = {key: ref for key, ref in now.items() if ref}

    @invariant()
    def a_name_is_answered_by_stable_or_else_by_the_latest(self) -> None:
        if not hasattr(self, "registry"):
            return
        for name in (DEFAULT, "lstm"):
            answering = self.registry.answering(name)
            if (name, "stable") not in self.registry.aliases:
                assert answering == self.registry.answering(name, "latest")
            elif stable := self.registry.answering(name, "stable"):
                assert answering == stable

    @invariant()
    def the_default_model_never_ceases_to_answer(self) -> None:
        if hasattr(self, "registry") and self.loader.made:
            default = [model for model in self.loader.made if model.ref.name == DEFAULT]
            assert not default or self.registry.answering(DEFAULT) is not None

    def come_to_rest(self) -> None:
        """Let everything end, and see that what is served is what is wanted."""
        for waiting in self.loader.slow.values():
            waiting.set()
        self.loader.slow.clear()
        while self.held:
            self.held.pop().batcher.release(1)
        for _ in range(4):
            self.turn()
            self.look()
        assert not self.tasks, "something never ends"
        listed = frozenset(
            VersionRef(model.name, int(version.name))
            for model in self.store.iterdir()
            for version in model.iterdir()
            if version.name in "1234"
        )
        if not listed:
            return  # a store that is empty is one that is not there for the moment
        wanted = self.wishes.wanted(listed)
        for name in (DEFAULT, "lstm"):
            ready = set(self.ready(name))
            assert {ref for ref in wanted.serve if ref.name == name} <= ready
            assert ready <= wanted.keep
