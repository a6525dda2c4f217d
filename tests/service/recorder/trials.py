"""Experiments to test the process that records with."""

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.experiments.design import Mode
from service.experiments.live import Live, LiveArm


def live(*arms: str, mode: Mode = "shadow_randomized", audit_share: float = 0.1) -> Live:
    refs = [VersionRef(name, int(version)) for name, version in (arm.split("/") for arm in arms)]
    declared = tuple(Arm(arm, ref.name, ref.version, 1) for arm, ref in zip(arms, refs, strict=True))
    experiment = Experiment("trial", declared, mode=mode, audit_share=audit_share)
    return Live(experiment, 3, tuple(LiveArm(arm, ref, 1) for arm, ref in zip(arms, refs, strict=True)))
