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
  const { width, height } = tip.getBoundingClientRect();
  const right = at.x + 16 + width <= innerWidth - 8;
  tip.style.left = `${Math.max(8, right ? at.x + 16 : at.x - 16 - width)}px`;
  tip.style.top = `${Math.max(8, Math.min(at.y - height / 2, innerHeight - height - 8))}px`;
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
