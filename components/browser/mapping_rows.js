// The chips and rows of the mapping editor, each drawn from its own values only.

/** Which field, or which row of a free-form field, an element stands for. */
function placeOf(element) {
  const holder = element.closest("[data-field]");
  return { field: holder.dataset.field, uid: holder.dataset.uid ? Number(holder.dataset.uid) : null };
}

/** Arrow keys, Home and End move the focus along `elements`. */
function moveFocus(event, elements, element) {
  const at = elements.indexOf(element);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: elements.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  elements[Math.max(0, Math.min(to, elements.length - 1))]?.focus();
}

function drawChip(column, isUsed, isHeld) {
  const label = `${column.name}, ${column.type}${isUsed ? ", used" : ""}. Press Enter to pick up.`;
  const grip = make("span", { class: "grip", "aria-hidden": "true", text: "⠿" });
  return makeButton(`chip${isUsed ? " used" : ""}${isHeld ? " held" : ""}`, "chip", label,
    { "aria-pressed": String(isHeld), title: column.sample ? `${column.name} · e.g. ${column.sample}` : column.name, data: { column: column.name, type: column.type } },
    grip, make("span", { class: "name", text: column.name }), isUsed && make("span", { class: "tick", "aria-hidden": "true", text: "✓" }),
    make("span", { class: "type", text: column.type }));
}

function drawSlot(name, value, isGone, empty) {
  const isConstant = value && "constant" in value, text = describeValue(value);
  const label = !value ? `${name}: empty. Press Enter to search.` : isGone ? `${name}: column ${text} no longer exists` : `${name}: ${isConstant ? "constant " : "column "}${text}`;
  const kind = isConstant ? "constant" : isGone ? "column is gone" : "";
  return makeButton(`slot${value ? " full" : ""}${isConstant ? " constant" : ""}${isGone ? " gone" : ""}`, "slot", label, { "aria-haspopup": "dialog", title: text },
    value ? make("span", { class: "name", text }) : make("span", { class: "empty", text: empty }), kind && make("span", { class: "type", text: kind }));
}

function drawNote(note) {
  return note && make("p", { class: `note ${note.tone ?? ""}`, text: note.text });
}

function drawHint(suggestion, key) {
  const what = describeValue(suggestion.value);
  return makeButton("hint", "accept", null, { data: { field: suggestion.field, key: suggestion.key ?? "" } },
    make("span", { class: "use", text: key ? `+ ${key}` : `Use ${what}` }), make("span", { class: "why", text: key && key !== what ? `from ${what} · ${suggestion.reason}` : suggestion.reason }));
}

const drawGroup = text => ({ id: `g:${text}`, sign: text, draw: () => make("h4", { class: "group", text }) });

const drawArrow = () => make("span", { class: "arrow", "aria-hidden": "true", text: "→" });

function drawFixedRow(field, value, hint, note, isGone) {
  const badge = field.required && make("span", { class: "badge", text: "required" });
  const closed = (field.choices ?? []).length > 0, choice = closed && value && field.choices.find(([one]) => one === value.constant);
  const slot = drawSlot(field.label, value, isGone, closed ? "Choose …" : "Drop a column or choose …");
  if (choice) { slot.classList.add("choice"); slot.querySelector(".name").textContent = choice[1]; }
  if (closed) slot.querySelector(".type")?.remove();
  const target = make("div", { class: "field" }, make("div", { class: "label" }, make("span", { class: "title", text: field.label, title: field.description || field.label }), badge), drawNote(note));
  const clear = makeButton("icon", "clear", `Clear ${field.label}`, { text: "✕", title: "Clear" });
  clear.style.visibility = value ? "visible" : "hidden";
  const row = make("div", { class: "row", data: { field: field.name } }, slot, drawArrow(), target, clear);
  if (hint && !value) row.append(drawHint(hint));
  return row;
}

function drawFreeRow(field, row, note, problem, isGone) {
  const name = row.key || "New trait";
  const input = make("input", { type: "text", class: "key", "aria-label": `Name of trait ${name}`, placeholder: "trait_name", data: { act: "name" }, autocomplete: "off", spellcheck: "false", "aria-invalid": problem ? "true" : null });
  input.value = problem ? problem.typed : row.key;
  const wrong = problem && make("p", { class: "note bad", text: problem.text });
  return make("div", { class: "row free-row", data: { field: field.name, uid: row.uid } },
    drawSlot(name, row.value, isGone, "Drop a column or choose …"), drawArrow(),
    make("div", { class: "field" }, input, wrong ?? drawNote(row.value ? note : { text: "Not sent: it has no value yet.", tone: "" })),
    makeButton("icon", "clear", `Remove ${name}`, { text: "✕", title: "Remove" }));
}

/** Below the traits: a place to drop any number of columns, and the two ways to add without dragging. */
function drawFreeFoot(field, left) {
  return make("div", { class: "free", data: { field: field.name } },
    make("span", { class: "invite", text: "Drop a column here to add it" }),
    makeButton("tool", "add", null, { text: "+ Add trait", data: { field: field.name } }),
    left > 0 && makeButton("tool", "remaining", null, { text: `Add all ${left} remaining columns as traits`, data: { field: field.name } }));
}
