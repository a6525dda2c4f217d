"""The same as independent libraries, on many inputs; statsmodels takes a second to import, hence one file."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa

from service.statistics.agreement import kappa
from service.statistics.mcnemar import fixed_exact_p

DRAWS = np.random.default_rng(11)
TABLES = DRAWS.integers(0, 60, (30, 2, 2))


def test_mcnemar_is_that_of_statsmodels() -> None:
    for table in TABLES:
        wins, losses = int(table[0, 1]), int(table[1, 0])
        assert fixed_exact_p(wins, losses) == pytest.approx(mcnemar(table).pvalue, rel=1e-9)


def test_kappa_is_that_of_statsmodels() -> None:
    for table in DRAWS.integers(0, 60, (30, 4, 4)):
        assert kappa(table) == pytest.approx(cohens_kappa(table, return_results=False), rel=1e-9)
