"""Broken designs: exact edits of the generated Verilog, each with the in-simulator test that must reject it.

An edit is a regular expression with the number of places where it must apply, so that a design that was written
anew cannot leave a mutant unbroken.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A design with a fault.

    `test` must fail with a message that begins with `complaint`; `places`: how often `pattern` occurs;
    `simulator`: the only one that shows the fault, if there is one.
    """

    pattern: str
    replacement: str | Callable[[re.Match[str]], str]
    test: str
    complaint: str = "mismatch"
    places: int = 1
    config: str = "odd_3x5"
    simulator: str | None = None

    def apply(self, verilog: str) -> str:
        """The broken text. Raises ``ValueError`` if the edit does not apply exactly as often as it should."""
        broken, places = re.subn(self.pattern, self.replacement, verilog, flags=re.MULTILINE)
        if places != self.places or broken == verilog:
            raise ValueError(f"{self.pattern!r} applies in {places} places; allowed: exactly {self.places}")
        return broken


RANDOM, RESET = "random_tiles_random_flags", "reset_in_the_middle"
STALLS, WAIT = "stalls_lose_repeat_and_reorder_nothing", "sums_wait_until_taken"
CYCLES, DEPTH = "cycles_are_beats_plus_latency", "extremes_at_full_depth"
RULE = "stream rule"
BUFFERED = "buffered_3x5"

MUTANTS = {
    # arithmetic
    "residual shift on the wrong word": Mutant(r"= beat\[1\] \?", "= !beat[1] ?", RANDOM),
    "no residual shift": Mutant(r"\? \{ values, carry \}", "? { values[13], values }", RANDOM),
    "gap of the residual shift not filled": Mutant(r"(\{ values, )carry", r"\g<1>1'h0", RANDOM),
    "one place too few": Mutant(r"= decoder0__select\[0\] \? \{.*\} : (\{.*\});", r"= \1;", RANDOM),
    "two places too many": Mutant(r"= decoder2__select\[1\] \? (\{.*\}) : \{.*\};", r"= \1;", RANDOM),
    "not cleared where another option is selected": Mutant(r"clear3_2 = enable & \w+;", "clear3_2 = 1'h0;", RANDOM),
    "cleared while it should stay": Mutant(r"clear3_2 = enable & (\w+);", r"clear3_2 = \1;", STALLS),
    "top shift of a 5-bit word lost": Mutant(
        r"= decoder0__select\[1\] \? \{.*\} : (\{.*\});", r"= \1;", DEPTH, config="widest_word"
    ),
    "wrong sign": Mutant(r"assign negative = word\[2\];", "assign negative = word[1];", RANDOM),
    "sign of one lane lost": Mutant(r"negative3 <= decoder3__negative;", "negative3 <= 1'h0;", RANDOM),
    "carry of one lane lost": Mutant(r"product2_carry <= decoder2__negative;", "product2_carry <= 1'h0;", RANDOM),
    "no carry with the ones' complement": Mutant(r"partial0_0_carry( \} \+ )", r"1'h0\1", RANDOM),
    "carry of nothing accumulated": Mutant(r", beat\[0\], 1'h0 \};", ", 1'h1, 1'h0 };", STALLS),
    "zero word counts": Mutant(r"assign zero = ! word;", "assign zero = 1'h0;", RANDOM),
    "unsigned activations sign-extended": Mutant(
        r"= amount\[0\] \? \{ acts, 1'h0 \} : \{ 1'h0, acts \};",
        "= amount[0] ? { acts, 1'h0 } : { acts[6], acts };",
        RANDOM,
        config="odd_7x9",
    ),
    "sum one bit short": Mutant(r"sums <= total;", "sums <= { total[16], total[16:0] };", DEPTH),
    "lanes exchanged": Mutant(r"\.acts\(acts\[15:8\]\)", ".acts(acts[7:0])", RANDOM),
    "sums of pixels exchanged": Mutant(
        r"sums = \{ (\w+), (\w+) \};", r"sums = { \2, \1 };", RANDOM, config="two_pixels"
    ),
    "one pixel not accumulated": Mutant(
        r"else accumulator_x1 <= total_x1;", "else accumulator_x1 <= accumulator;", RANDOM, config="two_pixels"
    ),
    "sign of another lane in one pixel": Mutant(r"(product0_x1 <= )(\w+);", r"\1~\2;", RANDOM, config="two_pixels"),
    "pixels exchanged": Mutant(
        r"\.acts\(\{ acts\[(\d+:\d+)\], acts\[(\d+:\d+)\] \}\)",
        r".acts({ acts[\2], acts[\1] })",
        RANDOM,
        places=5,
        config="two_pixels",
    ),
    "sums exchanged": Mutant(r"\{ pe2__sums, pe1__sums, pe0__sums \}", "{ pe2__sums, pe0__sums, pe1__sums }", RANDOM),
    # words and flags
    "second word dropped": Mutant(
        r"& \{ (?:beat\[0\], )+beat\[0\]", lambda found: found[0].replace("[0]", "[1]"), RANDOM
    ),
    "second word dropped, its flag ignored": Mutant(r"(two_word_next = )[^;]*;", r"\g<1>1'h0;", RANDOM),
    "two_word read from the second beat": Mutant(
        r"tile_done = residual \| (\w+);([\s\S]*)two_word_next = \w+ \?",
        r"tile_done = \1;\2two_word_next = accept_tile ?",
        RANDOM,
    ),
    "last read from the second beat": Mutant(r"last_next = \w+ \?", "last_next = tiles__ready ?", RANDOM),
    "activations let go after one word": Mutant(r"(_\w+_) = acts_full & \w+;", r"\1 = acts_full & ~issue;", RANDOM),
    "operand added again while it waits": Mutant(
        r"(\{ \w+, \w+ \}) & \{ enable_next, enable_next \}", r"\1", STALLS, RULE, config=BUFFERED
    ),
    "operand added to both": Mutant(
        r"else if \(ping_pong__add\[0\]\) accumulator0", "else accumulator0", RANDOM, config=BUFFERED
    ),
    "accumulator not cleared for its next turn": Mutant(
        r"if \(ping_pong__move\[1\]\) (accumulator1 <= )", r"if (rst) \1", RANDOM, config=BUFFERED
    ),
    "cleared before its sum has left": Mutant(
        r"else move <= \{ \w+, \w+ \};", "else move <= ended;", STALLS, RULE, config=BUFFERED
    ),
    "sum that is offered overwritten": Mutant(
        r"if \(ping_pong__move\[0\]\) sum0", "sum0", STALLS, RULE, config=BUFFERED
    ),
    "sums offered in the wrong order": Mutant(
        r"sums = ping_pong__read \? (sum1) : (sum0);", r"sums = ping_pong__read ? \2 : \1;", RANDOM, config=BUFFERED
    ),
    "second register never offered": Mutant(r"else read <= \w+;", "else read <= 1'h0;", STALLS, config=BUFFERED),
    "accumulators do not take turns": Mutant(r"else turn <= \w+;", "else turn <= 1'h0;", RANDOM, config=BUFFERED),
    "kept sum forgotten": Mutant(r"= kept \| ended;", "= ended;", STALLS, config=BUFFERED),
    "goes on while a sum is kept": Mutant(
        r"else enable <= enable_next;", "else enable <= 1'h1;", STALLS, config=BUFFERED
    ),
    "turn survives reset": Mutant(r"if \(reset\) turn <= 1'h0;\n    else turn", "turn", RESET, config=BUFFERED),
    "accumulators survive reset": Mutant(
        r"if \(reset\) move <= 2'h3;", "if (reset) move <= 2'h0;", RESET, config=BUFFERED
    ),
    "sum not cleared for the next": Mutant(r"if \(\w+\) (accumulator <= \d+'h0*;)", r"if (rst) \1", RANDOM),
    # streams
    "beat lost under stall": Mutant(r"= enable \? (beat\d) : beat\d;", r"= \1;", STALLS),
    "beat accumulated twice": Mutant(r"pe__beat_next = \w+ \? 3'h0 : (\w+);", r"pe__beat_next = \1;", STALLS),
    "ready whether or not there is room": Mutant(r"else tiles__ready <= \w+;", "else tiles__ready <= 1'h1;", STALLS),
    "waiting sum overwritten": Mutant(r"assign finish = (\w+) & \w+;", r"assign finish = \1;", STALLS, RULE),
    "payload follows the total": Mutant(r"if \(finish\) sums <=", "sums <=", STALLS, RULE),
    "valid falls before the transfer": Mutant(r"(else valid <=) \w+;", r"\1 ends;", WAIT, RULE),
    "valid waits for ready": Mutant(r"else valid <= (\w+);", r"else valid <= \1 & ready;", WAIT),
    "sums repeated": Mutant(r"else valid <= (\w+);", r"else valid <= \1 | valid;", STALLS),
    "sums never come": Mutant(r"else valid <= (\w+);", "else valid <= 1'h0;", STALLS),
    "nothing is ever worked off": Mutant(r"(beat_next.valid  = ).*;", r"\g<1>1'h0;", STALLS),
    "sum of one PE unknown": Mutant(
        r"\{ pe2__sums, pe1__sums, pe0__sums \}", "{ pe2__sums, pe1__sums, 18'hx }", RANDOM, RULE, simulator="icarus"
    ),
    "valid unknown": Mutant(r"(else valid <=) \w+;", r"\1 1'hx;", RANDOM, RULE, simulator="icarus"),
    # time and reset
    "bubble between dot products": Mutant(r"(beat_next.valid  = .*);", r"\1 & ~ \\beat.ends ;", CYCLES),
    "a tile every other cycle": Mutant(
        r"else tiles__ready <= (\w+);", r"else tiles__ready <= \1 & ~accept_tile;", CYCLES
    ),
    "sum survives reset": Mutant(r"if \(rst\) beat <= 3'h4;", "if (rst) beat <= 3'h0;", RESET),
    "residual state survives reset": Mutant(r"if \(rst\) residual <= 1'h0;\n    else residual", "residual", RESET),
    "beats survive reset": Mutant(r"if \(rst\) beat0 <= 3'h0;\n    else if", "if", RESET),
    "ready in reset": Mutant(r"if \(rst\) acts__ready <= 1'h0;", "if (rst) acts__ready <= 1'h1;", RESET, RULE),
}
