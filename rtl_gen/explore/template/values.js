// The data, what is measured of a point, and how numbers are shown.

const front = JSON.parse(document.getElementById("data").textContent);
const NOT_MEASURED = "not measured";
const ABOUT = "\u2248 ";

const points = front.points.map((point) => ({ ...point, config: { ...front.shared, ...point.config } }));
// Parameters in which points differ come first: they are what one chooses.
const varying = [...new Set(front.points.flatMap((point) => Object.keys(point.config)))];
const parameters = [...varying, ...Object.keys(front.shared)];
const memoryKinds = [...new Set(points.flatMap((point) => Object.keys(point.memories)))];

// A formatter is made once: to make one takes longer than to format with it.
function formatter(options) {
  const made = new Intl.NumberFormat("en", options);
  return (value) => made.format(value);
}

function decimal(digits) {
  return formatter({ minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const whole = decimal(0);
const tenths = decimal(1);
const hundredths = decimal(2);
const rounded = formatter({ maximumSignificantDigits: 4 });
const percent = formatter({ style: "percent", minimumFractionDigits: 2 });
// Short enough for an axis: 12.5M; k and G as in the plots, where the language has K and B.
const compact = formatter({ notation: "compact", maximumSignificantDigits: 4 });
const brief = (value) => compact(value).replace("K", "k").replace("B", "G");
const briefPercent = formatter({ style: "percent", maximumFractionDigits: 2 });

// The data have no infinite numbers: "exact" is an SQNR without any error.
function decibels(value) {
  return value === "exact" ? Infinity : value;
}

function shownDecibels(value) {
  return value === Infinity ? "exact" : hundredths(value);
}

const share = { better: 1, show: percent, tick: briefPercent, most: 1 };
const count = { better: -1, show: whole, tick: brief };

const clock = { better: 1, fitted: true, tick: brief };

// `better`: 1 where more is better, -1 where less is. `tick`: how an axis shows a value. `most`: what none is above.
// `fitted`: what is not exact, but an estimate, until a point is measured.
const MEASURES = [
  { key: "accuracy", name: "Accuracy", of: (p) => p.accuracy, ...share },
  { key: "sqnr", name: "Output SQNR (dB)", of: (p) => decibels(p.sqnr_db), better: 1, show: shownDecibels, tick: brief },
  { key: "agreement", name: "Agreement with float", of: (p) => p.agreement, ...share },
  { key: "cost", name: `${front.logic} \u00d7 cycles`, of: (p) => p.luts * p.cycles, fitted: true, ...count },
  { key: "luts", name: front.logic, of: (p) => p.luts, fitted: true, ...count },
  { key: "cycles", name: "Cycles per inference", of: (p) => p.cycles, ...count },
  { key: "mhz", name: "MHz", of: (p) => p.mhz, show: tenths, ...clock },
  { key: "rate", name: "Inferences per second", of: (p) => p.inferences_per_second, show: rounded, ...clock },
];
// In the order in which `explore` judges by them. What nobody measured is none, but one there must be.
const QUALITIES = MEASURES.slice(0, 3).filter((found) => points.some((point) => found.of(point) !== null));
if (!QUALITIES.length) QUALITIES.push(MEASURES[0]);
const COSTS = MEASURES.slice(3);

function measure(key) {
  return MEASURES.find((found) => found.key === key);
}

function shown(found, point) {
  const value = found.of(point);
  if (value === null) return NOT_MEASURED;
  return `${found.fitted && !point.measured ? ABOUT : ""}${found.show(value)}`;
}

function memory(point, name) {
  return point.memories[name] ?? null;
}

function shownMemory(point, name) {
  return memory(point, name) === null ? NOT_MEASURED : whole(memory(point, name));
}

function kind(point) {
  return `${point.measured ? "measured" : "estimate"}${point.front ? ", on the front" : ""}`;
}

// Numbers by size, texts by letters; what was not measured is last in both directions.
function compare(one, other, direction) {
  if (one === null || other === null) return (one === null) - (other === null);
  if (typeof one === "number" && typeof other === "number") return direction * (one - other);
  return direction * String(one).localeCompare(String(other), "en", { numeric: true });
}

function parameter(point, name) {
  const text = point.config[name];
  if (text === undefined) return null;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
