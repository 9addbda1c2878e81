// The page: what is shown and chosen, and who must hear of it.

function bestPoint() {
  const worth = (point) => 2 * point.front + point.measured;
  return [...points].sort((a, b) => worth(b) - worth(a) || compare(QUALITIES[0].of(a), QUALITIES[0].of(b), -1))[0];
}

const state = { shown: points, chosen: bestPoint(), hovered: null, quality: QUALITIES[0].key };
const actions = {
  point(point, at) {
    if (point === state.hovered) return;
    state.hovered = point;
    plots.forEach((plot) => plot.highlight(point));
    showTip(point, at);
  },
  leave() {
    state.hovered = null;
    plots.forEach((plot) => plot.highlight(null));
    hideTip();
  },
  choose(point) {
    state.chosen = point;
    showDetails(point);
    showLayers(point);
    plots.forEach((plot) => plot.highlight(null));
    table.highlight();
    say(`Selected engine ${point.id}`);
  },
};
const hasRate = points.some((point) => point.inferences_per_second !== null);
const plots = ["cost", hasRate ? "rate" : "cycles"].map((x, i) => new Plot(`plot-${i + 1}`, x, state, actions));
const table = new Table(state, (point) => {
  actions.choose(point);
  place("details-title").focus();
});

function redraw() {
  actions.leave();
  plots.forEach((plot) => plot.draw());
}

// The box follows a mark that the keyboard reached; the pointer has left its mark.
function scrolled() {
  const plot = plots.find((found) => found.active);
  actions.leave();
  if (plot) plot.activate(plot.placeOf(plot.active));
}

function showAll(filters) {
  state.shown = points.filter((point) => passes(point, filters));
  place("count").textContent = `${state.shown.length} of ${points.length} engines`;
  redraw();
  table.draw();
}

function legend() {
  const kinds = [
    ["measured, on the front", { measured: true, front: true }],
    ["measured", { measured: true, front: false }],
    ["estimate", { measured: false, front: false }],
    ["estimate, on the front", { measured: false, front: true }],
  ];
  const used = kinds.filter(([name]) => points.some((point) => kind(point) === name));
  const pictures = used.map(([name, look]) => [name, mark(look, 5.5)]);
  pictures.push(["no shown measured engine is better on both axes", svg("path", { class: "best", d: "M-8 0H8" })]);
  return pictures.map(([name, picture]) => {
    const frame = { width: 18, height: 18, viewBox: "-9 -9 18 18", "aria-hidden": "true" };
    return html("li", {}, svg("svg", frame, picture), html("span", {}, name));
  });
}

function qualityChooser() {
  return select("Vertical axis", QUALITIES.map((found) => [found.key, found.name]), state.quality, (key) => {
    state.quality = key;
    redraw();
  });
}

function start() {
  const measured = points.filter((point) => point.measured).length;
  const onFront = points.filter((point) => point.front).length;
  document.title = `${front.network}: engines`;
  place("network").textContent = front.network;
  const counts = `${measured} measured, ${points.length - measured} estimated, ${onFront} on the front`;
  place("summary").textContent = `${points.length} engines for this network: ${counts}.`;
  place("legend").replaceChildren(...legend());
  place("plots").replaceChildren(...plots.map((plot) => plot.figure));
  place("command").replaceChildren(command(front.command, "the command that made this page"));
  place("versions").replaceChildren(...facts(Object.entries(front.versions)));
  place("filters").addEventListener("submit", (event) => event.preventDefault());
  place("filter-box").open = innerWidth > 640;
  place("view").replaceChildren(qualityChooser(), html("output", { id: "count" }));
  makeFilters(place("filters"), showAll);
  actions.choose(state.chosen);
  say("");
  let width = innerWidth;
  addEventListener("resize", () => {
    // Phones change the height while they scroll.
    if (innerWidth !== width) redraw();
    width = innerWidth;
  });
  addEventListener("scroll", scrolled, { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && actions.leave());
}

start();
