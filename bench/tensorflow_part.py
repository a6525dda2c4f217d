"""The TensorFlow engine through HTTP, against the same without XLA and without batches."""

from bench import servers
from bench.findings import Bar, Part
from bench.saturation import against, saturate, saturation_table
from bench.workplace import Workplace


def measure(workplace: Workplace) -> Part:
    """Load both as much as they bear."""
    found = saturate(workplace, (servers.COMPILED, servers.PLAIN))
    gain = against(found, servers.COMPILED.name, servers.PLAIN.name)
    bar = Bar("TensorFlow engine through HTTP, against the same without XLA and batching", 4, 8, "x", gain)
    text = f"{_TEXT}\n\n{saturation_table(found, servers.COMPILED.name)}"
    return Part("The TensorFlow engine through HTTP", text, [bar])


_TEXT = """Our service with `NUNCHI_ENGINE=tensorflow`, once as it is and once with an engine that calls the
SavedModel's signature for one text at a time; closed loop as above."""
