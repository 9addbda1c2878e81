// The layers of the chosen point: bars of cycles and SQNR, and when each runs.

function bar(share, from = 0) {
  const filled = html("i");
  filled.style.left = `${100 * from}%`;
  filled.hidden = share <= 0;
  filled.style.width = `${100 * Math.max(0, share)}%`;
  return html("span", { class: "bar" }, filled);
}

function layerName(name) {
  return html("th", { scope: "row", title: name }, html("span", { class: "name" }, name));
}

function headings(...names) {
  return html("thead", {}, html("tr", {}, ...names.map((name) => html("th", { scope: "col" }, name))));
}

function withoutLayers() {
  return html("p", { class: "note" }, "This page has layers for points on the front only, to stay small.");
}

function bars(point) {
  if (!point.layer_cycles) return withoutLayers();
  const most = Math.max(1, ...point.layer_cycles);
  const sum = Math.max(1, point.layer_cycles.reduce((a, b) => a + b, 0));
  const noises = point.layer_sqnr_db.map(decibels);
  const cleanest = Math.max(1, ...noises.filter(Number.isFinite));
  const rows = front.layers.map((name, i) => {
    const cycles = point.layer_cycles[i];
    const sqnr = noises[i];
    return html("tr", {}, layerName(name),
      html("td", {}, `${whole(cycles)} (${tenths((100 * cycles) / sum)}%)`, bar(cycles / most)),
      sqnr === null
        ? html("td", { class: "missing" }, NOT_MEASURED)
        : html("td", {}, shownDecibels(sqnr), bar(Math.min(1, sqnr / cleanest))),
    );
  });
  return html("table", { class: "layers" }, headings("Layer", "Cycles", "SQNR (dB)"), html("tbody", {}, ...rows));
}

function timeline(point) {
  if (!point.layer_cycles) return withoutLayers();
  const sum = point.layer_cycles.reduce((a, b) => a + b, 0);
  const end = Math.max(1, sum, point.cycles);
  const spans = front.layers.map((name, i) => [name, point.layer_cycles[i]]);
  if (point.cycles > sum) spans.push(["in no layer", point.cycles - sum]);
  let start = 0;
  const rows = spans.map(([name, cycles]) => {
    const track = bar(cycles / end, start / end);
    const text = `${whole(start)} to ${whole(start + cycles)}`;
    start += cycles;
    return html("tr", {}, layerName(name), html("td", { title: text }, html("span", { class: "unseen" }, text), track));
  });
  const ticks = linearTicks(0, end, 5).map((value) => {
    const tick = html("span", {}, brief(value));
    tick.style.left = `${(100 * value) / end}%`;
    return tick;
  });
  const axis = html("span", { class: "ticks", "aria-hidden": "true" }, ...ticks);
  const cycles = html("th", { scope: "col" }, "Cycles, from the start", axis);
  const head = html("tr", {}, html("th", { scope: "col" }, "Layer"), cycles);
  return html("table", { class: "layers time" }, html("thead", {}, head), html("tbody", {}, ...rows));
}

function showLayers(point) {
  place("layer-bars").lastElementChild.replaceChildren(bars(point));
  place("timeline").lastElementChild.replaceChildren(timeline(point));
}
