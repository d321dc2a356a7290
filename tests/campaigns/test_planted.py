"""The planted defects still fit the code that they are planted in, and one that matters is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns import planted, weather
from campaigns.scenarios import SCENARIOS


@pytest.mark.parametrize("defect", planted.defects().values(), ids=lambda defect: defect.name)
def test_each_defect_fits_its_module(defect: planted.Defect) -> None:
    assert set(defect.weather) <= set(weather.KINDS)
    assert bool(defect.weather) is (defect.scenario is None)
    assert defect.scenario is None or defect.scenario in SCENARIOS
    assert defect.slips
    for slip in defect.slips:
        text = (planted.ROOT / "rotator" / f"{slip.module}.py").read_text()
        assert text.count(slip.before) == 1
        compile(text.replace(slip.before, slip.after), slip.module, "exec")


def test_a_slip_that_fits_nowhere_is_said(tmp_path: Path) -> None:
    (tmp_path / "rotator").mkdir()
    (tmp_path / "rotator" / "plan.py").write_text("a = 1\n")
    with pytest.raises(ValueError, match="'b = 2' stands there 0 times"):
        planted.Slip("plan", "b = 2", "b = 3").plant(tmp_path)


def test_a_floor_that_is_off_is_noticed() -> None:
    scale = planted.Scale(range(1, 3), servers=6, hours=1)
    of_all_weather = next(planted.noticed(planted.defects()["the floor is off"], scale))
    assert of_all_weather is not None
    assert "never below the floor" in of_all_weather.found[0]
