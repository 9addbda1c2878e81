"""The engine's block diagram as SVG."""

from hw.config import ArrayConfig
from verif.docs.blocks import Sheet
from verif.docs.waveform import HELD, MOVES


def engine_diagram(config: ArrayConfig) -> str:
    """The engine around an array: loader and stores, sequencer, addresses, memory, requantizer, writer, ports."""
    sheet = Sheet(1160, 435)
    _boxes(sheet, config)
    sheet.arrow((10, 55), (76, 55), label="program")
    for y, name in ((45, "job"), (140, ""), (215, ""), (290, "")):
        sheet.arrow((206, 55), (230, 55), (230, y), (340, y))
        sheet.text((240, y - 6), name or "bus words", anchor="start")
    sheet.arrow((340, 55), (322, 55), (322, 230), (340, 230), bus=False)
    sheet.text((326, 182), "beat", anchor="start")
    sheet.arrow((340, 62), (312, 62), (312, 370), (340, 370), bus=False)
    sheet.arrow((470, 45), (560, 45), label="element", bus=False)
    sheet.arrow((470, 140), (520, 140), (520, 75), (560, 75))
    sheet.text((474, 134), "step", anchor="start")
    sheet.arrow((470, 200), (540, 200), (540, 95), (560, 95), bus=False)
    sheet.text((474, 194), "flags", anchor="start")
    sheet.arrow((470, 225), (560, 225))
    sheet.text((474, 219), "tiles", anchor="start")
    sheet.arrow((690, 65), (780, 65), label="address")
    sheet.arrow((780, 205), (690, 205), label="acts")
    sheet.arrow((625, 240), (625, 275))
    sheet.text((632, 262), "sums", anchor="start")
    sheet.arrow((470, 290), (560, 290))
    sheet.arrow((470, 370), (515, 370), (515, 320), (560, 320), bus=False)
    sheet.text((405, 406), "ends of positions")
    sheet.arrow((780, 305), (690, 305), label="word to add")
    sheet.arrow((625, 335), (625, 375))
    sheet.text((632, 360), "codes", anchor="start")
    sheet.arrow((690, 400), (850, 400), (850, 345))
    sheet.text((770, 394), "word")
    sheet.arrow((1150, 85), (1080, 85), label="inputs")
    sheet.arrow((960, 85), (915, 85), label="codes")
    sheet.arrow((915, 235), (960, 235), label="codes")
    sheet.arrow((1080, 235), (1150, 235), label="outputs")
    return sheet.svg()


def _boxes(sheet: Sheet, config: ArrayConfig) -> None:
    """The parts; what holds data for long is a memory."""
    sheet.box((76, 30), (130, 50), ["loader", "sections, checks"])
    sheet.box((340, 30), (130, 50), ["sequencer", "loops, positions"])
    sheet.box((340, 120), (130, 40), ["steps", "of two jobs"], HELD)
    sheet.box((340, 190), (130, 50), ["weight buffer", "of two groups"], HELD)
    sheet.box((340, 270), (130, 40), ["scales, offsets", "of two groups"], HELD)
    sheet.box((340, 350), (130, 40), ["event queue"], HELD)
    sheet.box((560, 30), (130, 80), ["address", "generator"])
    sheet.box((560, 190), (130, 50), ["array", f"{config.pe} x {config.lanes} MACs"], MOVES)
    sheet.box((560, 275), (130, 60), ["requantizer", "shift, add, clip"])
    sheet.box((560, 375), (130, 50), ["writer", "codes to words"])
    notes = ["port a: reads", "operands", "", "port b: writes,", "or reads what", "is added"]
    sheet.box((780, 30), (135, 315), ["activation memory", *notes], HELD)
    sheet.box((960, 60), (120, 50), ["inputs", "words to codes"])
    sheet.box((960, 210), (120, 50), ["outputs", "codes to words"])
