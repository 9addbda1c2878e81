// What is known of one point: the box at the pointer, and the section of the chosen one.

function figures(point) {
  const memories = memoryKinds.map((name) => [name, shownMemory(point, name)]);
  return [...MEASURES.map((found) => [found.name, shown(found, point)]), ...memories];
}

function configuration(point) {
  return parameters.filter((name) => name in point.config).map((name) => [name, point.config[name]]);
}

function showTip(point, at) {
  const tip = place("tip");
  tip.replaceChildren(
    html("strong", {}, `Engine ${point.id}: ${kind(point)}`),
    html("dl", { class: "facts" }, ...facts(figures(point))),
    html("dl", { class: "facts config" }, ...facts(configuration(point))),
    html("code", {}, point.build_command),
  );
  tip.hidden = false;
  putBeside(tip, at);
}

// To the right of a mark, or to the left; where neither has room, below or above: it never covers the mark.
function putBeside(tip, at) {
  const [gap, edge] = [16, 8];
  tip.style.maxHeight = "";
  const { width, height } = tip.getBoundingClientRect();
  const beside = [at.x + gap, at.x - gap - width].find((left) => left >= edge && left + width <= innerWidth - edge);
  const below = at.y < innerHeight / 2;
  const room = (below ? innerHeight - at.y : at.y) - gap - edge;
  const lowest = innerHeight - height - edge;
  const level = below ? at.y + gap : at.y - gap - Math.min(height, room);
  if (beside === undefined) tip.style.maxHeight = `${room}px`;
  tip.style.left = `${beside ?? edge}px`;
  tip.style.top = `${beside === undefined ? level : Math.max(edge, Math.min(at.y - height / 2, lowest))}px`;
}

function hideTip() {
  place("tip").hidden = true;
}

function showDetails(point) {
  place("details-title").textContent = `Engine ${point.id}: ${kind(point)}`;
  place("details-body").replaceChildren(
    html("dl", { class: "facts" }, ...facts(figures(point))),
    html("h3", {}, "Configuration"),
    html("dl", { class: "facts config" }, ...facts(configuration(point))),
    html("h3", {}, "The command that builds it"),
    command(point.build_command, "the command that builds it"),
  );
}
