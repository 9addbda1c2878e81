// Filters: which points are shown.

const MOST_CHOICES = 12; // a parameter with more values gets no list; the search finds it

// `limits`: at least or at most so much, by measure; `values`: texts of parameters; `words`: parts of NAME=VALUE.
function noFilters() {
  return { points: "all", limits: {}, values: {}, words: [] };
}

// A point whose value is not measured passes no limit on it.
function passes(point, filters) {
  if (filters.points === "front" && !point.front) return false;
  if (filters.points === "measured" && !point.measured) return false;
  const within = ([key, limit]) => {
    const found = measure(key);
    return found.of(point) !== null && found.better * (found.of(point) - limit) >= -1e-9; // 58.1% / 100 is not 0.581
  };
  if (!Object.entries(filters.limits).every(within)) return false;
  if (!Object.entries(filters.values).every(([name, value]) => point.config[name] === value)) return false;
  const texts = [`id=${point.id}`, ...Object.entries(point.config).map(([name, value]) => `${name}=${value}`)];
  return filters.words.every((word) => texts.some((text) => text.toLowerCase().includes(word)));
}

function limitField(key, filters, changed) {
  const found = measure(key);
  const percents = found.show === percent;
  const label = `${found.name} at ${found.better > 0 ? "least" : "most"}${percents ? " (%)" : ""}`;
  const input = html("input", { type: "number", step: "any", inputmode: "decimal", id: `limit-${key}` });
  input.addEventListener("input", () => {
    if (Number.isFinite(input.valueAsNumber)) filters.limits[key] = input.valueAsNumber / (percents ? 100 : 1);
    else delete filters.limits[key];
    changed();
  });
  return html("label", {}, html("span", {}, label), input);
}

function parameterField(name, filters, changed) {
  const found = new Set(points.filter((point) => name in point.config).map((point) => point.config[name]));
  if (found.size < 2 || found.size > MOST_CHOICES) return [];
  const values = [...found].sort((a, b) => compare(a, b, 1));
  // Positions, as a value may itself be the text "any".
  const options = [["", "any"], ...values.map((value, i) => [String(i), value])];
  return [select(name, options, "", (i) => {
    if (i === "") delete filters.values[name];
    else filters.values[name] = values[Number(i)];
    changed();
  })];
}

function searchField(filters, changed) {
  const input = html("input", { type: "search", id: "search", placeholder: "pe=8 bits=3" });
  input.addEventListener("input", () => {
    filters.words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    changed();
  });
  return html("label", {}, html("span", {}, "Configuration has"), input);
}

// `changed(filters)` is called now and on every change.
function makeFilters(form, changed) {
  const filters = noFilters();
  const now = () => changed(filters);
  const shownPoints = [["all", "all"], ["measured", "measured"], ["front", "on the front"]];
  form.replaceChildren(
    select("Engines", shownPoints, "all", (value) => {
      filters.points = value;
      now();
    }),
    ...[QUALITIES[0].key, "luts", "rate"].map((key) => limitField(key, filters, now)),
    ...varying.flatMap((name) => parameterField(name, filters, now)),
    searchField(filters, now),
    button("Reset filters", () => {
      makeFilters(form, changed);
      place("reset").focus();
    }, { id: "reset" }),
  );
  now();
}
