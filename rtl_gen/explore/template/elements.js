// Elements of the page. Texts become text nodes, never HTML: names in the data cannot add elements.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function place(id) {
  return document.getElementById(id);
}

function say(text) {
  place("said").textContent = text;
}

function button(text, action, attributes = {}) {
  const made = html("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", action);
  return made;
}

// Options are pairs of value and text.
function select(label, options, chosen, action) {
  const list = html("select", {}, ...options.map(([value, text]) => html("option", { value }, text)));
  list.value = chosen;
  list.addEventListener("change", () => action(list.value));
  return html("label", {}, html("span", {}, label), list);
}

function facts(pairs) {
  return pairs.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value)));
}

async function copy(code, pressed) {
  let done = "Copied";
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Not every browser lets a local file do that.
    getSelection().selectAllChildren(code);
    done = "Selected: press Ctrl+C";
  }
  pressed.textContent = done;
  say(done);
  setTimeout(() => (pressed.textContent = "Copy"), 2000);
}

function command(text, label) {
  const code = html("code", {}, text);
  const pressed = button("Copy", () => copy(code, pressed), { "aria-label": `Copy ${label}` });
  return html("div", { class: "command" }, html("pre", {}, code), pressed);
}
