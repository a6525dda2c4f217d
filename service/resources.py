"""What the process uses, as `process_…` metrics: read from /proc (Linux; elsewhere there are none)."""

from collections.abc import Mapping

from prometheus_client import ProcessCollector

from service.exposition import Exposition
from service.ledger import Ledger
from service.tallies import Combine, CounterFamily, Declared, GaugeFamily

_GAUGES: Mapping[str, tuple[str, Combine]] = {
    "process_virtual_memory_bytes": ("Virtual memory of the process.", "sum"),
    "process_resident_memory_bytes": ("Resident memory of the process.", "sum"),
    "process_start_time_seconds": ("When the process started, in seconds since the epoch.", "min"),
    "process_open_fds": ("File descriptors that are open.", "sum"),
    "process_max_fds": ("File descriptors that may be open.", "sum"),
}


class Resources:
    """Writes down what this process uses, each time that it is published.

    Args:
        ledger: where the numbers stand.
        exposition: what shows them, those of all workers combined.
    """

    def __init__(self, ledger: Ledger, exposition: Exposition) -> None:
        self._process = ProcessCollector(registry=None)
        self._gauges = {
            name: exposition.add(GaugeFamily(ledger, Declared(name, documentation), combine))
            for name, (documentation, combine) in _GAUGES.items()
        }
        cpu = Declared("process_cpu_seconds_total", "Processor time, in user and in kernel mode.")
        self._cpu = exposition.add(CounterFamily(ledger, cpu))
        exposition.publishers.append(self._publish)

    def _publish(self) -> None:
        """Write down the figures of now."""
        for metric in self._process.collect():
            [sample] = metric.samples
            if sample.name == self._cpu.name:
                cpu = self._cpu.labels()
                cpu.add(sample.value - cpu.value)
            else:
                self._gauges[sample.name].labels().set(sample.value)
