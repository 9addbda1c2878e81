"""The engine's block diagram as SVG."""

from hw.config import ArrayConfig
from verif.docs.blocks import Sheet
from verif.docs.waveform import HELD, MOVES


def engine_diagram(config: ArrayConfig) -> str:
    """The engine around an array: loader and stores, sequencer, addresses, memory, requantizer, writer, ports."""
    sheet = Sheet(1130, 435)
    _boxes(sheet, config)
    sheet.arrow((10, 55), (90, 55), label="program")
    for y, name in ((45, "job"), (140, ""), (215, ""), (290, "")):
        sheet.arrow((200, 55), (230, 55), (230, y), (340, y))
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
    sheet.arrow((690, 65), (770, 65), label="address")
    sheet.arrow((770, 205), (690, 205), label="acts")
    sheet.arrow((625, 240), (625, 275))
    sheet.text((632, 262), "sums", anchor="start")
    sheet.arrow((470, 290), (560, 290))
    sheet.arrow((470, 370), (515, 370), (515, 320), (560, 320), bus=False)
    sheet.text((405, 406), "ends of positions")
    sheet.arrow((770, 305), (690, 305), label="word to add")
    sheet.arrow((625, 335), (625, 375))
    sheet.text((632, 360), "codes", anchor="start")
    sheet.arrow((690, 400), (830, 400), (830, 345))
    sheet.text((740, 394), "word")
    sheet.arrow((1120, 85), (1045, 85), label="inputs")
    sheet.arrow((945, 85), (890, 85), label="codes")
    sheet.arrow((890, 235), (945, 235), label="codes")
    sheet.arrow((1045, 235), (1120, 235), label="outputs")
    return sheet.svg()


def _boxes(sheet: Sheet, config: ArrayConfig) -> None:
    """The parts; what holds data for long is a memory."""
    sheet.box((90, 30), (110, 50), ["loader", "sections, checks"])
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
    sheet.box((770, 30), (120, 315), ["activation memory", *notes], HELD)
    sheet.box((945, 60), (100, 50), ["inputs", "words to codes"])
    sheet.box((945, 210), (100, 50), ["outputs", "codes to words"])
