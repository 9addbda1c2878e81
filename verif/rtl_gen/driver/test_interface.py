"""What drivers know of a network: which steps they can have."""

from dataclasses import replace

import numpy as np
import pytest

from rtl_gen.driver.interface import STEPS, interface_of
from rtl_gen.driver.stlq import Interface
from rtl_gen.errors import UsageError
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network


def made(end: str, step: float) -> Interface:
    """Of a network whose only input or output has this step."""
    network = pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 3))
    (name,) = getattr(network, end)
    infos = {**network.tensors, name: replace(network.tensors[name], step=step)}
    return interface_of(CONFIG, replace(network, tensors=infos), 512)


@pytest.mark.parametrize("step", [1e300, 3.5e38, 1e-38, 1e-60, 5e-324])
@pytest.mark.parametrize(("end", "name"), [("inputs", "in"), ("outputs", "a")])
def test_a_step_that_is_no_float32_is_refused(end: str, name: str, step: float) -> None:
    with pytest.raises(UsageError) as error:
        made(end, step)
    allowed = "allowed where a driver needs it: 1.17549e-38 to 3.40282e+38, as it is a float32 number there"
    assert str(error.value) == f"tensor {name} has step {step!r}; {allowed}"


@pytest.mark.parametrize("step", STEPS)
def test_the_least_and_the_largest_step(step: float) -> None:
    assert (made("inputs", step).inputs[0].step, made("outputs", step).outputs[0].step) == (step, step)
