"""The drivers that there are do what a driver must."""

from __future__ import annotations

import inspect

import pytest

from certsuite.core.errors import UsageError
from certsuite.devices.driver import Driver
from certsuite.devices.drivers import DRIVERS, driver_class
from certsuite.devices.drivers.process import ProcessDriver


def as_driver(driver: ProcessDriver) -> Driver:
    """For the type checker: a ProcessDriver is a Driver."""
    return driver


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_has_what_a_driver_has(name: str) -> None:
    wanted = {attribute for attribute in vars(Driver) if not attribute.startswith("_")}
    assert wanted <= set(dir(driver_class(name)))
    for attribute in wanted:
        ours, theirs = getattr(Driver, attribute), getattr(driver_class(name), attribute)
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


def test_an_absent_driver_is_told() -> None:
    with pytest.raises(UsageError, match="'ssh' is not in this version; it has operator, process"):
        driver_class("ssh")
