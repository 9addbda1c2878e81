// All shown points as a table that sorts.

const FIRST_ROWS = 25;

const COLUMNS = [
  { name: "Engine", of: (p) => (/^\d+$/.test(p.id) ? Number(p.id) : p.id), show: (p) => p.id },
  { name: "Kind", of: kind, show: kind },
  ...MEASURES.map((found) => ({ name: found.name, of: found.of, show: (p) => shown(found, p), number: true })),
  ...memoryKinds.map((name) => ({
    name, of: (p) => memory(p, name), show: (p) => shownMemory(p, name), number: true,
  })),
  ...varying.map((name) => ({ name, of: (p) => parameter(p, name), show: (p) => p.config[name] ?? "" })),
];

class Table {
  // `state`: { shown, chosen }; `choose(point)` when a row is chosen.
  constructor(state, choose) {
    Object.assign(this, { state, choose, column: 2 + MEASURES.indexOf(QUALITIES[0]), direction: -1, all: false });
    this.more = place("more");
    this.more.addEventListener("click", () => {
      this.all = true;
      this.draw();
    });
  }

  sort(column) {
    this.direction = this.column === column ? -this.direction : 1;
    this.column = column;
    this.draw();
    place("table").querySelectorAll("thead button")[column].focus();
  }

  draw() {
    const { of } = COLUMNS[this.column];
    const sorted = [...this.state.shown].sort((a, b) => compare(of(a), of(b), this.direction));
    const kept = this.all ? sorted : sorted.slice(0, FIRST_ROWS);
    const heads = COLUMNS.map((column, i) => {
      const order = this.direction > 0 ? "ascending" : "descending";
      const look = { scope: "col", "aria-sort": i === this.column && order };
      return html("th", look, button(column.name, () => this.sort(i)));
    });
    this.rows = new Map(kept.map((point) => [point, this.row(point)]));
    const body = html("tbody", {}, ...this.rows.values());
    place("table").replaceChildren(html("table", {}, html("thead", {}, html("tr", {}, ...heads)), body));
    this.more.hidden = kept.length === sorted.length;
    this.more.textContent = `Show all ${sorted.length}`;
    this.highlight();
  }

  row(point) {
    const pick = button(point.id, () => this.choose(point), { "aria-label": `Select engine ${point.id}` });
    const cells = COLUMNS.slice(1).map((column) => {
      const looks = [column.number && "number", column.of(point) === null && "missing"];
      return html("td", { class: looks.filter(Boolean).join(" ") }, column.show(point));
    });
    return html("tr", {}, html("th", { scope: "row" }, pick), ...cells);
  }

  highlight() {
    for (const [point, row] of this.rows) row.classList.toggle("chosen", point === this.state.chosen);
  }
}
