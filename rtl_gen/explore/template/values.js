// The data, what is measured of a point, and how numbers are shown.

const front = JSON.parse(document.getElementById("data").textContent);
const NOT_MEASURED = "not measured";

const points = front.points.map((point) => ({ ...point, config: { ...front.shared, ...point.config } }));
// Parameters in which points differ come first: they are what one chooses.
const varying = [...new Set(front.points.flatMap((point) => Object.keys(point.config)))];
const parameters = [...varying, ...Object.keys(front.shared)];
const memoryKinds = [...new Set(points.flatMap((point) => Object.keys(point.memories)))];

function decimal(digits) {
  return (value) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const whole = decimal(0);

function rounded(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

function percent(value) {
  return `${(100 * value).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}%`;
}

function briefPercent(value) {
  return `${(100 * value).toLocaleString("en", { maximumFractionDigits: 2 })}%`;
}

// The data have no infinite numbers: "exact" is an SQNR without any error.
function decibels(value) {
  return value === "exact" ? Infinity : value;
}

function shownDecibels(value) {
  return value === Infinity ? "exact" : decimal(2)(value);
}

// Short enough for an axis: 12.5M.
function brief(value) {
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 });
}

const share = { better: 1, show: percent, tick: briefPercent, most: 1 };
const count = { better: -1, show: whole, tick: brief };

// `better`: 1 where more is better, -1 where less is. `tick`: how an axis shows a value. `most`: what none is above.
const MEASURES = [
  { key: "accuracy", name: "Accuracy", of: (p) => p.accuracy, ...share },
  { key: "agreement", name: "Agreement with float", of: (p) => p.agreement, ...share },
  { key: "sqnr", name: "Output SQNR (dB)", of: (p) => decibels(p.sqnr_db), better: 1, show: shownDecibels, tick: brief },
  { key: "cost", name: "LUTs \u00d7 cycles", of: (p) => p.luts * p.cycles, ...count },
  { key: "luts", name: "LUTs", of: (p) => p.luts, ...count },
  { key: "cycles", name: "Cycles per inference", of: (p) => p.cycles, ...count },
  { key: "mhz", name: "MHz", of: (p) => p.mhz, better: 1, show: decimal(1), tick: brief },
  { key: "rate", name: "Inferences per second", of: (p) => p.inferences_per_second, better: 1, show: rounded, tick: brief },
];
const QUALITIES = MEASURES.slice(0, 3);
const COSTS = MEASURES.slice(3);

function measure(key) {
  return MEASURES.find((found) => found.key === key);
}

function shown(found, point) {
  const value = found.of(point);
  return value === null ? NOT_MEASURED : found.show(value);
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
