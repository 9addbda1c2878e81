// One plot of the shown points. Marks are reached by pointer and by arrow keys.

const MARGIN = { top: 14, right: 22, bottom: 34, left: 58 };
const REACH = 28; // pixels from a mark in which a pointer means it

// A mark's shape says whether its point was measured; its colour, whether it is on the front.
function mark(point, size) {
  const look = `mark ${point.measured ? "measured" : "estimate"} ${point.front ? "front" : ""}`;
  if (point.measured) return svg("circle", { class: look, r: size });
  const corner = size * 1.3;
  return svg("path", { class: look, d: `M0 ${-corner}L${corner} 0 0 ${corner} ${-corner} 0z` });
}

// The points that no other one beats on both axes, from the best x on.
function unbeaten(candidates, x, y) {
  const sorted = [...candidates].sort((a, b) => x.better * (x.of(b) - x.of(a)) || y.of(b) - y.of(a));
  let best = -Infinity;
  return sorted.filter((point) => {
    const better = y.of(point) > best;
    best = Math.max(best, y.of(point));
    return better;
  });
}

class Plot {
  // `state`: { shown, chosen, quality }; `actions`: { point(point, at), leave(), choose(point) }.
  constructor(name, xKey, state, actions) {
    Object.assign(this, { name, xKey, state, actions, places: [], active: null });
    this.canvas = svg("svg", { tabindex: 0, role: "listbox", class: "plot" });
    this.note = html("p", { class: "note" });
    this.yLabel = html("span", { class: "axis-label" });
    const choices = COSTS.map((found) => [found.key, found.name]);
    const chooser = select("", choices, xKey, (key) => {
      this.xKey = key;
      this.draw();
    });
    this.xLabel = chooser.firstElementChild;
    this.figure = html("figure", { id: name }, this.yLabel, this.canvas, chooser, this.note);
    this.listen();
  }

  listen() {
    this.canvas.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.actions.leave());
    this.canvas.addEventListener("click", (event) => {
      const found = this.nearest(event);
      if (found) this.actions.choose(found.point);
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", () => {
      if (this.canvas.matches(":focus-visible")) this.activate(this.placeOf(this.state.chosen) ?? this.places[0]);
    });
    this.canvas.addEventListener("blur", () => {
      this.active = null;
      this.actions.leave();
    });
  }

  draw() {
    const [x, y] = [measure(this.xKey), measure(this.state.quality)];
    const drawn = this.state.shown.filter((point) => Number.isFinite(x.of(point)) && Number.isFinite(y.of(point)));
    const width = Math.max(260, this.figure.clientWidth);
    const height = Math.round(Math.min(420, Math.max(250, width * 0.66)));
    const xScale = makeScale(drawn.map(x.of), MARGIN.left, width - MARGIN.right, 64);
    const yScale = makeScale(drawn.map(y.of), height - MARGIN.bottom, MARGIN.top, 44);
    this.places = drawn.map((point) => ({ point, x: xScale.at(x.of(point)), y: yScale.at(y.of(point)) }));
    this.places.sort((a, b) => a.x - b.x || b.y - a.y);
    fill(this.canvas, { viewBox: `0 0 ${width} ${height}`, height, "aria-label": `${y.name} over ${x.name}` }, []);
    const axes = svg("g", { "aria-hidden": "true" }, ...this.axes(xScale, yScale, x, y, width, height));
    this.canvas.replaceChildren(axes, this.line(drawn, x, y), ...this.marks(x, y));
    this.yLabel.textContent = `${y.name}${yScale.log ? " (logarithmic)" : ""}`;
    this.xLabel.textContent = `Horizontal axis${xScale.log ? " (logarithmic)" : ""}`;
    this.tell(drawn.length, x, y);
    this.highlight(null);
  }

  tell(count, x, y) {
    const missing = this.state.shown.length - count;
    const texts = count ? [] : ["Nothing to show."];
    if (missing) texts.push(`Not in this plot: ${missing}, without a number for ${x.name} or ${y.name}.`);
    this.note.textContent = texts.join(" ");
  }

  axes(xScale, yScale, x, y, width, height) {
    const [bottom, right] = [height - MARGIN.bottom, width - MARGIN.right];
    const allowed = (found) => (value) => found.most === undefined || value <= found.most;
    return [
      ...yScale.ticks.filter(allowed(y)).flatMap((value) => [
        svg("line", { class: "grid", x1: MARGIN.left, x2: right, y1: yScale.at(value), y2: yScale.at(value) }),
        svg("text", { class: "tick end", x: MARGIN.left - 8, y: yScale.at(value) + 4 }, y.tick(value)),
      ]),
      ...xScale.ticks.flatMap((value) => [
        svg("line", { class: "grid", x1: xScale.at(value), x2: xScale.at(value), y1: MARGIN.top, y2: bottom }),
        svg("text", { class: "tick middle", x: xScale.at(value), y: bottom + 18 }, x.tick(value)),
      ]),
      svg("path", { class: "frame", d: `M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}` }),
    ];
  }

  line(drawn, x, y) {
    const found = unbeaten(drawn.filter((point) => point.measured), x, y).map((point) => this.placeOf(point));
    const steps = found.slice(1).map((place) => `H${place.x}V${place.y}`);
    return svg("path", { class: "best", d: found.length ? `M${found[0].x} ${found[0].y}${steps.join("")}` : "" });
  }

  marks(x, y) {
    // The front is drawn last, above the others.
    const order = [...this.places].sort((a, b) => a.point.front - b.point.front || a.point.measured - b.point.measured);
    return order.map((place) => {
      const { point } = place;
      const values = [y, x].map((found) => `${found.name} ${shown(found, point)}`).join(", ");
      const label = `Engine ${point.id}, ${kind(point)}: ${values}`;
      const at = `translate(${place.x} ${place.y})`;
      const id = `${this.name}-${points.indexOf(point)}`;
      const look = { id, transform: at, role: "option", "aria-label": label };
      place.element = svg("g", look, mark(point, point.front ? 6 : 4.5));
      return place.element;
    });
  }

  placeOf(point) {
    return this.places.find((place) => place.point === point);
  }

  nearest(event) {
    const box = this.canvas.getBoundingClientRect();
    const distance = (place) => Math.hypot(place.x - (event.clientX - box.left), place.y - (event.clientY - box.top));
    const found = this.places.reduce((a, b) => (a && distance(a) <= distance(b) ? a : b), null);
    return found && distance(found) <= REACH ? found : null;
  }

  hover(event) {
    const found = this.nearest(event);
    if (found) this.actions.point(found.point, this.corner(found));
    else this.actions.leave();
  }

  corner(place) {
    const box = this.canvas.getBoundingClientRect();
    return { x: box.left + place.x, y: box.top + place.y };
  }

  activate(place) {
    if (!place) return;
    this.active = place.point;
    this.actions.point(place.point, this.corner(place));
    this.canvas.setAttribute("aria-activedescendant", place.element.id);
  }

  key(event) {
    const now = Math.max(0, this.places.findIndex((place) => place.point === this.active));
    const last = this.places.length - 1;
    const moves = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: last };
    if (event.key in moves) this.activate(this.places[Math.min(last, Math.max(0, moves[event.key]))]);
    else if ((event.key === "Enter" || event.key === " ") && this.active) this.actions.choose(this.active);
    else return;
    event.preventDefault();
  }

  highlight(hovered) {
    for (const { point, element } of this.places) {
      element.classList.toggle("hovered", point === hovered);
      element.classList.toggle("chosen", point === this.state.chosen);
      element.setAttribute("aria-selected", point === this.state.chosen);
    }
  }
}
