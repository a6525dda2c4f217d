import logging
import os
from pathlib import Path

import hypothesis
import pytest

# A busy machine is no reason to fail: no example has a deadline.
hypothesis.settings.register_profile("calm", deadline=None)
hypothesis.settings.load_profile("calm")

# TensorFlow puts a handler on the root logger that outlives the stream it writes to.
logging.getLogger("httpx").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def data_directory() -> Path:
    """The public data; named by NUNCHI_DATA_DIR, and then it must be there."""
    if "NUNCHI_DATA_DIR" not in os.environ:
        pytest.skip("NUNCHI_DATA_DIR does not say where the public data lies")
    return Path(os.environ["NUNCHI_DATA_DIR"])
