// The popup of a field: search over the columns (W33), the choices of a closed field, or a constant.

const CONSTANT_TYPES = [["text", "Text"], ["number", "Number"], ["boolean", "Yes or no"], ["null", "Null (empty)"]];

/** Open the popup under `anchor`. `onPick` gets a value; the focus goes back to the anchor's row by the caller. */
function openPicker(root, anchor, { label, columns, choices, current, onPick, onClose }) {
  root.querySelector(".picker")?.remove();
  const popup = make("div", { class: "picker", role: "dialog", "aria-label": `Value for ${label}`, popover: "manual" });
  let closed = false;
  const close = picked => {
    if (closed) return;
    closed = true;
    document.removeEventListener("pointerdown", leave, true);
    popup.remove();
    onClose(picked);
  };
  const leave = event => { if (!event.composedPath().includes(popup)) close(false); };
  document.addEventListener("pointerdown", leave, true);
  popup.addEventListener("keydown", event => {
    event.stopPropagation();
    if (event.key === "Escape") { event.preventDefault(); close(false); }
  });
  popup.addEventListener("focusout", event => { if (event.relatedTarget && !popup.contains(event.relatedTarget)) close(false); });
  const pick = value => { close(true); onPick(value); };
  const options = choices.length
    ? choices.map(([value, text]) => ({ value: { constant: value }, text, detail: value === text ? "" : value, search: `${text} ${value}` }))
    : columns.map(column => ({ value: { column: column.name }, text: column.name, detail: column.type, sample: column.sample, search: `${column.name} ${column.type}` }));
  const showSearch = () => popup.replaceChildren(...drawSearch(options, { label, current, pick, withConstant: choices.length ? null : showConstant }));
  const showConstant = () => popup.replaceChildren(drawConstant(current, pick, () => { showSearch(); popup.querySelector("input").focus(); }));
  showSearch();
  root.append(popup);
  popup.showPopover?.();
  place(popup, anchor);
  popup.querySelector("input").focus({ preventScroll: true });
}

/** Under the anchor where there is room, else above it, and never outside the window. */
function place(popup, anchor) {
  const box = anchor.getBoundingClientRect(), width = Math.min(Math.max(box.width, 300), window.innerWidth - 16);
  popup.style.width = `${width}px`;
  popup.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - width - 8))}px`;
  const below = window.innerHeight - box.bottom - 12, above = box.top - 12;
  const isUnder = below >= Math.min(popup.offsetHeight, 320) || below >= above;
  popup.style.maxHeight = `${Math.max(160, Math.min(360, isUnder ? below : above))}px`;
  popup.style.top = `${isUnder ? box.bottom + 4 : Math.max(8, box.top - popup.offsetHeight - 4)}px`;
}

function drawSearch(options, { label, current, pick, withConstant }) {
  const list = make("div", { class: "options", role: "listbox", id: "options", "aria-label": `Values for ${label}`, tabindex: "-1" });
  const input = make("input", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "options", "aria-autocomplete": "list", autocomplete: "off",
    "aria-label": `Search a value for ${label}`, placeholder: withConstant ? "Search columns" : "Search",
  });
  let shown = [], at = -1;
  const mark = index => {
    list.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
    at = Math.max(-1, Math.min(index, shown.length - 1));
    const option = list.children[at];
    if (!option || at < 0) { input.removeAttribute("aria-activedescendant"); return; }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  };
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = options.filter(option => words.every(word => option.search.toLowerCase().includes(word)));
    list.replaceChildren(...shown.map((option, index) => drawOption(option, index, sameValue(option.value, current), () => pick(option.value))));
    if (!shown.length) list.append(make("p", { class: "none", text: "Nothing matches." }));
    mark(words.length ? 0 : Math.max(0, shown.findIndex(option => sameValue(option.value, current))));
  };
  input.addEventListener("input", filter);
  input.addEventListener("keydown", event => {
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (move) { event.preventDefault(); mark(Math.max(0, at + move)); }
    else if (event.key === "Enter") { event.preventDefault(); if (shown[at]) pick(shown[at].value); }
  });
  filter();
  const constant = withConstant && makeButton("link", "constant", null, { text: "Use a constant instead …" });
  constant?.addEventListener("click", withConstant);
  return [make("div", { class: "search" }, input), list, constant && make("div", { class: "foot" }, constant)].filter(Boolean);
}

function drawOption({ text, detail, sample }, index, isCurrent, onPick) {
  const option = make("div", { class: "option", role: "option", id: `option-${index}`, "aria-selected": "false" },
    make("span", { class: "name", text }),
    make("span", { class: "type", text: isCurrent ? `${detail} ✓`.trim() : detail }),
    sample ? make("span", { class: "sample", text: sample }) : null);
  // pointerdown would close the popup before the choice; click keeps touch scrolling of the list possible.
  option.addEventListener("click", onPick);
  return option;
}

function drawConstant(current, pick, back) {
  const now = current && "constant" in current ? current.constant : "";
  const kind = now === null ? "null" : typeof now === "number" ? "number" : typeof now === "boolean" ? "boolean" : "text";
  const type = make("select", { "aria-label": "Type of the constant" }, ...CONSTANT_TYPES.map(([value, text]) => make("option", { value, text, selected: value === kind })));
  const slot = make("div", { class: "value" }), error = make("p", { class: "wrong", role: "alert" });
  const form = make("form", { class: "constant-form", novalidate: true }, make("b", { text: "The same value for every record" }), type, slot, error);
  const draw = () => {
    error.textContent = "";
    const text = typeof now === "string" || typeof now === "number" ? String(now) : "";
    if (type.value === "boolean") slot.replaceChildren(make("select", { "aria-label": "Value" }, make("option", { value: "true", text: "Yes (true)", selected: now === true }), make("option", { value: "false", text: "No (false)", selected: now === false })));
    else if (type.value === "null") slot.replaceChildren(make("p", { class: "none", text: "The field is sent as null." }));
    else slot.replaceChildren(make("input", { type: "text", "aria-label": "Value", inputmode: type.value === "number" ? "decimal" : null, value: text, placeholder: type.value === "number" ? "42.5" : "Value", maxlength: "4000" }));
  };
  type.addEventListener("change", draw);
  form.addEventListener("submit", event => {
    event.preventDefault();
    const raw = slot.querySelector("input, select")?.value ?? "";
    if (type.value === "null") pick({ constant: null });
    else if (type.value === "boolean") pick({ constant: raw === "true" });
    else if (type.value === "text") pick({ constant: raw });
    else if (raw.trim() === "" || !Number.isFinite(Number(raw))) { error.textContent = "This is not a number. Write it as 42 or 42.5."; slot.firstChild.focus(); }
    else pick({ constant: Number(raw) });
  });
  const cancel = makeButton("link", "back", null, { text: "Back to columns" });
  cancel.addEventListener("click", back);
  form.append(make("div", { class: "foot" }, cancel, make("button", { type: "submit", class: "solid", text: "Use constant" })));
  draw();
  queueMicrotask(() => type.focus());
  return form;
}
