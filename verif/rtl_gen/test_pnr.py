"""`pnr`: frequency, utilisation and critical path on both families, and bad devices."""

import json
import os
import re
import sys
import time

import pytest

from rtl_gen import nextpnr, pnr, tools
from rtl_gen.errors import CheckError, FitError, TimeLimitError
from rtl_gen.manifest import load_build
from rtl_gen.targets import PLACED


@pytest.mark.parametrize(
    ("target", "device", "cells"), [("ice40", "up5k", "ICESTORM_LC"), ("ecp5", "25k", "TRELLIS_COMB")]
)
def test_targets(run, tmp_path, target, device, cells):
    build = tmp_path / "small"
    assert run("--pe", 1, "--lanes", 2, "--act-bits", 4, "--name", "mac", "--out", build).status == 0
    ran = run("pnr", build, "--target", target, "--device", device)
    assert ran.status == 0, ran
    result = json.loads((build / f"pnr-{target}.json").read_text())
    assert (result["target"], result["device"]) == (target, device)
    assert 10 < result["mhz"] < 1000
    assert f"{result['mhz']:,.1f} MHz" in ran.out
    assert 50 < result["utilisation"][cells]["used"] < 500
    # A period is at least as long as the path within it.
    assert 0 < result["critical_path"]["ns"] <= 1000 / result["mhz"] + 0.01
    assert result["critical_path"]["nets"]
    # Reset; 2 valid, 1 ready, 2 x 3 + 2 bits of words, 8 of activations; outputs: 2 ready, 1 valid, a sum of 22 bits.
    assert result["harness"] == (
        {"ICESTORM_LC": 1 + 19 + 25} if target == "ice40" else {"TRELLIS_FF": 1 + 19 + 25, "TRELLIS_COMB": 25}
    )


def test_too_large_for_the_device(refused, run, tmp_path):
    assert run("--pe", 10, "--out", tmp_path).status == 0
    said = refused("pnr", tmp_path, "--target", "ice40", "--device", "up5k", status=1)
    assert re.search(
        r"^stlq: the array does not fit an up5k: it needs [6-9],\d{3} of 5,280 logic cells; "
        r"`stlq generate` makes it smaller with --for ice40 or a smaller --pe; --device hx8k has more$",
        said,
    )
    assert not (tmp_path / "pnr-ice40.json").exists()


@pytest.mark.parametrize(("used", "placer"), [(5759, "static"), (5760, "heap"), (7680, "heap")])
def test_the_placer_of_a_nearly_full_device_is_another(used, placer):
    log = f"Info:\t ICESTORM_LC: {used:7}/ 7680 75%\nInfo:\t SB_GB: 8/ 8 100%\n"
    assert nextpnr.choose_placer(log) == placer


ENDLESS = """\
import sys, time
print(*sys.argv[1:], file=open("calls", "a"))
if "heap" in sys.argv:
    time.sleep(1.5)  # as it does before it opens its log
log = open("nextpnr.log", "w")
print("Info: TRELLIS_COMB: 3/ 10 30%", file=log, flush=True)
if "static" in sys.argv:
    print("Info: iter=1999 steplen=1.9\\nInfo: iter=2001 steplen=1.9\\nInfo:    iter", file=log, flush=True)
    time.sleep(60)
"""
"""A nextpnr of which the "static" placer never ends."""


def test_a_placer_that_never_ends_is_left_for_the_other(tmp_path):
    nextpnr_of = nextpnr.Nextpnr(target=PLACED["ecp5"], device="25k", speed=6, kind="engine")
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "program").write_text(f"#!{sys.executable}\n{ENDLESS}")
    (tmp_path / "program").chmod(0o755)
    assert nextpnr_of.run(str(tmp_path / "program"), tmp_path, freq=200.0, seed=3) == {}
    said = (tmp_path / "calls").read_text().splitlines()
    assert ["--pack-only" in line for line in said] == [True, False, False]
    assert [line.split("--placer ")[1].split()[0] for line in said[1:]] == ["static", "heap"]
    assert all("--seed 3" in line for line in said[1:])


def test_where_no_placer_ends_the_design_does_not_fit(tmp_path, monkeypatch):
    def never_ends(command, **options):
        if "--placer" in command:
            raise TimeLimitError("nextpnr goes on for ever")
        (tmp_path / "nextpnr.log").write_text("Info: TRELLIS_COMB: 3/ 10 30%\n")

    monkeypatch.setattr(tools, "run", never_ends)
    nextpnr_of = nextpnr.Nextpnr(target=PLACED["ecp5"], device="25k", speed=6, kind="engine")
    with pytest.raises(
        FitError, match=r"^the engine does not fit an 25k: nextpnr found no place for all of its cells$"
    ):
        nextpnr_of.run("nextpnr", tmp_path, freq=200.0, seed=1)


def test_a_placer_is_hopeless_by_its_log(tmp_path):
    log, now = tmp_path / "log", time.time()
    assert not nextpnr.hopeless(log, now)
    log.write_text("Info: no step\n" * 1000)
    assert not nextpnr.hopeless(log, now)
    many = "Info: iter=2001 steplen=1\n" + "Info: x\n" * 1000
    for last, expected in ((2000, False), (2001, True)):
        log.write_text(f"{many}Info: iter={last} steplen=1\nInfo: x\n")
        assert nextpnr.hopeless(log, now) is expected


@pytest.mark.parametrize(
    ("last", "before", "silent", "expected"),
    [
        ("Info: Strict legalising 15 cells...\n", 300, 290, False),
        ("Info: Strict legalising 15 cells...\n", 300, 310, True),
        ("Info: Strict legalising 15 cells...\n", 10, 50, False),
        ("Info: Strict legalising 15 cells...\n", 10, 70, True),
        ("Info: Strict legalising 15 cells...\nInfo: HPWL after legalise: 1.0\n", 10, 7000, False),
        ("Info: Running main analytical placer, max placement attempts per cell = 9.\n", 10, 290, False),
        ("Info: Running main analytical placer, max placement attempts per cell = 9.\n", 10, 310, True),
    ],
)
def test_a_placer_may_search_as_long_as_it_took_before(tmp_path, last, before, silent, expected):
    """`before`: seconds until it wrote the `last` line; `silent`: since then."""
    (tmp_path / "log").write_text(f"Info: iter=500 steplen=1\n{last}")
    written = time.time() - silent
    os.utime(tmp_path / "log", (written, written))
    assert nextpnr.hopeless(tmp_path / "log", written - before) is expected


def test_every_kind_of_cells_must_fit():
    log = "Info:\t ICESTORM_LC: 5281/ 5280 100%\nInfo:\t ICESTORM_RAM: 30/ 30 100%\nInfo:\t SB_GB: 9/ 8 112%\n"
    with pytest.raises(
        FitError, match=r"^the engine does not fit X: it needs 5,281 of 5,280 logic cells and 9 of 8 SB_GB$"
    ):
        nextpnr.check_fit(log, "X", "engine")
    with pytest.raises(FitError, match=r"it needs 31 of 30 block RAMs$"):
        nextpnr.check_fit(log.replace("5281", "5280").replace("30/", "31/").replace(" 9/", " 8/"), "X", "engine")
    nextpnr.check_fit(log.replace("5281", "5280").replace(" 9/", " 8/"), "X", "engine")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "xilinx"), "argument --target: invalid choice: 'xilinx'"),
        (("--target", "ecp5", "--device", "hx8k"), "--device is 'hx8k'; allowed for ecp5: 25k, 85k"),
        (("--target", "ecp5", "--speed", 5), "--speed is 5; allowed: 6, 7, 8"),
        (("--target", "ice40", "--speed", 6), "--speed is 6; allowed: none for ice40"),
        (("--target", "ecp5", "--freq", 0), "--freq is 0.0; allowed: 1 to 1000 MHz"),
        (("--target", "ecp5", "--freq", "nan"), "--freq is nan; allowed: 1 to 1000 MHz"),
        (("--target", "ecp5", "--seed", -1), "--seed is -1; allowed: a whole number from 0"),
    ],
)
def test_bad_options(refused, build, options, message):
    assert message in refused("pnr", build, *options)


def test_a_device_without_a_place_for_the_last_cell_is_too_small(run, tmp_path, monkeypatch):
    assert run("--pe", 1, "--choices", 1, "--out", tmp_path).status == 0
    start = tools.run

    def fails_to_place(command, **options):
        if "--placer" in command:
            raise CheckError("nextpnr failed (status 125): ERROR: Unable to find legal placement for cell 'x'")
        return start(command, **options)

    monkeypatch.setattr(tools, "run", fails_to_place)
    with pytest.raises(
        FitError, match=r"^the array does not fit an hx8k: nextpnr found no place for all of its cells$"
    ):
        pnr.place_and_route(load_build(tmp_path), "ice40", "hx8k")
