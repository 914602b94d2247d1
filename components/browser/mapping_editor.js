// The mapping editor on the screen: columns left, fields right. It draws from data and says back the whole mapping.

const instances = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  let editor = instances.get(parentElement);
  if (!editor) instances.set(parentElement, (editor = new MappingEditor(parentElement)));
  editor.send = setStateValue;
  editor.receive(data);
  return () => { editor.root.querySelector(".picker")?.remove(); instances.delete(parentElement); };
}

class MappingEditor {
  constructor(shadow) {
    this.shadow = shadow;
    this.root = shadow.querySelector(".mapping");
    this.model = new MappingModel();
    this.held = null;          // the column picked up by keyboard or tap
    this.query = "";
    this.activeChip = null;    // one chip and one row are tab stops; arrow keys move between them
    this.activeRow = null;
    this.problems = new Map(); // row id -> what is wrong with a name typed there
    this.root.addEventListener("click", event => this.onClick(event));
    this.root.addEventListener("pointerdown", event => this.onPointerDown(event));
    this.root.addEventListener("keydown", event => this.onKey(event));
    this.root.addEventListener("input", event => { if (event.target.dataset.act === "query") this.search(event.target.value); });
    this.root.addEventListener("change", event => { if (event.target.dataset.act === "name" && !this.isDrawing) this.rename(event.target); });
    this.root.addEventListener("focusin", event => this.onFocus(event));
  }

  receive(data) {
    // A run of the page that changed nothing here costs no drawing; what a person did meanwhile is drawn already.
    const sign = JSON.stringify(data);
    if (sign === this.received) return;
    this.received = sign;
    this.model.adopt(data);
    // Only a change made outside the editor carries a new revision; what a person does here is never overwritten.
    if (data.rev !== this.rev) { this.rev = data.rev; this.model.load(data.entries); this.sent = JSON.stringify(this.model.toEntries()); }
    this.draw();
  }
  save(text) {
    this.problems.clear();
    const entries = this.model.toEntries(), sign = JSON.stringify(entries);
    if (sign !== this.sent) { this.sent = sign; this.send("mapping", { entries }); }
    this.draw();
    if (text) this.say(text);
  }
  say(text) { this.root.querySelector(".live").textContent = text; }

  // --- what a person can do -------------------------------------------------------------------------------------
  /** Put `value` where `place` (a row, a slot or the trait area) says. */
  put(place, value) {
    const { field, uid } = place, what = describeValue(value);
    this.held = null;
    if (uid) { this.model.setFree(uid, value); return this.save(`${what} mapped to ${this.model.row(uid).key}`); }
    const definition = this.model.fields.find(one => one.name === field);
    if (definition.free_keys) { const row = this.model.addFree(field, value.column ?? "trait", value); return this.save(`${what} added as ${row.key}`); }
    this.model.setFixed(field, value);
    return this.save(`${what} mapped to ${definition.label}`);
  }
  clear({ field, uid }) {
    const name = uid ? this.model.row(uid).key : this.model.fields.find(one => one.name === field).label;
    if (uid) this.model.removeFree(uid);
    else if (this.model.fixedRow(field)) this.model.clearFixed(field);
    else return;
    this.save(`${name || "Trait"} ${uid ? "removed" : "cleared"}`);
  }
  rename(input) {
    const { uid } = placeOf(input), wrong = this.model.renameFree(uid, input.value);
    if (wrong) { this.problems.set(uid, { text: wrong, typed: input.value }); this.draw(); this.say(wrong); }
    else this.save(this.model.row(uid).key ? `Named ${this.model.row(uid).key}` : "");
  }
  commitName(input) {
    const { uid } = placeOf(input);
    input.blur();  // fires the change event, if there is a change
    const isWrong = this.problems.has(uid);
    this.root.querySelector(`[data-id="k:${uid}"] ${isWrong ? ".key" : ".slot"}`)?.focus({ preventScroll: true });
  }
  hold(column) {
    this.held = this.held === column ? null : column;
    this.draw();
    this.say(this.held ? `${column} picked up. Choose a field and press Enter, or Escape to put it back.` : `${column} put back.`);
  }
  history(isUndo) {
    const done = isUndo ? this.model.undo() : this.model.redo();
    if (done) this.save(isUndo ? "Undone" : "Redone");
  }
  search(text) {
    this.query = text.toLowerCase();
    this.drawChips();
    this.say(`${this.visibleChips().length} columns shown`);
  }
  pick(slot) {
    const place = placeOf(slot), definition = this.model.fields.find(one => one.name === place.field);
    const row = place.uid ? this.model.row(place.uid) : this.model.fixedRow(place.field);
    const id = slot.closest("[data-id]").dataset.id;
    openPicker(this.root, slot, {
      label: (place.uid && row?.key) || definition.label, columns: this.model.columns, choices: definition.choices ?? [], current: row?.value,
      onPick: value => this.put(place, value),
      onClose: isPicked => { if (!isPicked || this.root.contains(slot)) this.focusRow(id); else queueMicrotask(() => this.focusRow(id)); },
    });
  }

  // --- events -----------------------------------------------------------------------------------------------------
  onClick(event) {
    const target = event.target.closest("[data-act]");
    if (!target || target.closest(".picker")) return;
    const act = target.dataset.act;
    if (act === "chip") return this.hold(target.dataset.column);
    if (act === "slot") return this.held ? this.put(placeOf(target), { column: this.held }) : this.pick(target);
    if (act === "clear") return this.clearAndStay(target);
    if (act === "undo" || act === "redo") return this.history(act === "undo");
    if (act === "accept") return this.acceptOne(target);
    if (act === "accept-all") { const open = this.model.openSuggestions(); this.model.accept(open); return this.save(`${open.length} suggestions accepted. Undo takes them back.`); }
    if (act === "clear-all") { this.model.change([]); return this.save("Everything cleared. Undo brings it back."); }
    if (act === "remaining") { const count = this.model.addRemaining(target.dataset.field); return this.save(`${count} traits added`); }
    if (act === "add") return this.addTrait(target);
  }
  acceptOne(target) {
    const { field, key } = target.dataset;
    const one = this.model.openSuggestions().find(open => open.field === field && (open.key ?? "") === (key ?? ""));
    if (!one) return;
    this.model.accept([one]);
    this.save(`${describeValue(one.value)} mapped to ${one.key ?? field}`);
    if (!one.key) this.focusRow(`f:${field}`);
  }
  addTrait(target) {
    const { field } = target.dataset;
    if (this.held) return this.put({ field }, { column: this.held });
    const row = this.model.addFree(field);
    this.save("Trait added. Type its name.");
    this.root.querySelector(`[data-id="k:${row.uid}"] [data-act="name"]`)?.focus();
  }
  clearAndStay(target) {
    const place = placeOf(target), rows = this.rowElements(), index = rows.indexOf(target.closest(".row"));
    this.clear(place);
    if (!place.uid) return this.focusRow(`f:${place.field}`);
    const next = this.rowElements();
    (next[Math.min(index, next.length - 1)]?.querySelector(".slot"))?.focus({ preventScroll: true });
  }
  onPointerDown(event) {
    const source = event.target.closest(".chip, .slot.full");
    if (!source || event.target.closest(".picker")) return;
    const from = source.matches(".slot") ? placeOf(source) : null;
    const value = from ? (from.uid ? this.model.row(from.uid) : this.model.fixedRow(from.field))?.value : { column: source.dataset.column };
    if (!value) return;
    followPointer(event, {
      root: this.root, label: describeValue(value), source,
      findTarget: element => element?.closest?.(".slot, .free") ?? null,
      onStart: () => { this.held = null; this.root.querySelector(".picker")?.remove(); },
      onDrop: target => { if (target && target !== source) this.drop(target, value, from); },
    });
  }
  /** A drop; a value dragged out of a field moves, one dragged off a column is used once more. */
  drop(target, value, from) {
    const to = placeOf(target), depth = this.model.past.length, before = this.model.rows;
    if (from?.uid && !to.uid && this.model.fields.find(one => one.name === to.field).free_keys) return;
    if (from && !from.uid) this.model.clearFixed(from.field);
    if (from?.uid) this.model.setFree(from.uid, undefined);
    this.put(to, value);
    if (this.model.past.length > depth + 1) { this.model.past.length = depth; this.model.past.push(before); this.draw(); }
  }
  onKey(event) {
    const target = event.target.closest("[data-act]");
    if (!target || target.closest(".picker")) return;
    const isTyping = target.matches("input");
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !isTyping && /^[zy]$/i.test(event.key)) {
      event.preventDefault();
      return this.history(event.key.toLowerCase() === "z" && !event.shiftKey);
    }
    if (event.key === "Escape" && this.held) { event.preventDefault(); const column = this.held; this.hold(column); return this.focusChip(column); }
    const act = target.dataset.act;
    if (act === "chip") return this.onChipKey(event, target);
    if (act === "slot") return this.onSlotKey(event, target);
    if (act === "query" && event.key === "ArrowDown") { event.preventDefault(); this.visibleChips()[0]?.focus(); }
    if (act === "name" && event.key === "Enter") { event.preventDefault(); this.commitName(target); }
    if (act === "name" && event.key === "Escape") { target.value = this.model.row(placeOf(target).uid).key; this.problems.clear(); this.draw(); }
  }
  onChipKey(event, chip) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.hold(chip.dataset.column);
      if (this.held) (this.root.querySelector(".slot:not(.full)") ?? this.root.querySelector(".slot"))?.focus();
      return;
    }
    moveFocus(event, this.visibleChips(), chip);
  }
  onSlotKey(event, slot) {
    if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); return this.clearAndStay(slot); }
    moveFocus(event, this.rowElements().map(row => row.querySelector(".slot")), slot);
  }
  onFocus(event) {
    const chip = event.target.closest(".chip"), row = event.target.closest(".row");
    if (chip && chip.dataset.column !== this.activeChip) { this.activeChip = chip.dataset.column; this.setTabStops(); }
    if (row && row.dataset.id !== this.activeRow) { this.activeRow = row.dataset.id; this.setTabStops(); }
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  draw() {
    const focus = readFocus(this.shadow);
    this.isDrawing = true;  // a field that is replaced while it has the focus fires a change event of its own
    if (!this.root.childElementCount) this.drawFrame();
    this.root.classList.toggle("holding", Boolean(this.held));
    this.drawBar();
    this.drawChips();
    this.drawFields();
    this.setTabStops();
    this.isDrawing = false;
    restoreFocus(this.shadow, this.root, focus);
  }
  drawFrame() {
    const query = make("input", { type: "search", class: "query", "aria-label": "Search columns", data: { act: "query" }, autocomplete: "off" });
    this.root.append(
      make("div", { class: "live", "aria-live": "polite", role: "status" }),
      make("div", { class: "bar", role: "toolbar", "aria-label": "Mapping" }),
      make("div", { class: "panes" },
        make("section", { class: "pane source", "aria-label": "Columns" }, make("div", { class: "head" }, query), make("div", { class: "list chips" })),
        make("section", { class: "pane target", "aria-label": "Fields" }, make("div", { class: "list rows" }))),
    );
  }
  drawBar() {
    const { model } = this, rows = model.toEntries(), open = model.openSuggestions().length;
    const required = model.fields.filter(field => field.required && !field.free_keys);
    const missing = required.filter(field => !model.fixedRow(field.name)?.value).length;
    const text = this.held ? `${this.held} is picked up: choose a field, or press Escape.` : `${rows.length} mapped${missing ? ` · ${missing} required field${missing > 1 ? "s" : ""} empty` : ""}`;
    reconcile(this.root.querySelector(".bar"), [
      { id: "count", sign: text, draw: () => make("span", { class: "count", text }) },
      ...(open ? [{ id: "all", sign: String(open), draw: () => makeButton("solid", "accept-all", null, { text: `Accept ${open === 1 ? "1 suggestion" : `all ${open} suggestions`}` }) }] : []),
      { id: "undo", sign: String(model.past.length > 0), draw: () => makeButton("tool", "undo", "Undo", { title: "Undo (Ctrl+Z)", disabled: !model.past.length, text: "↶ Undo" }) },
      { id: "redo", sign: String(model.future.length > 0), draw: () => makeButton("tool", "redo", "Redo", { title: "Redo (Ctrl+Shift+Z)", disabled: !model.future.length, text: "↷ Redo" }) },
      { id: "clear-all", sign: String(model.rows.length > 0), draw: () => makeButton("tool", "clear-all", "Clear all", { disabled: !model.rows.length, text: "Clear all" }) },
    ]);
  }
  drawChips() {
    const used = this.model.usedColumns(), list = this.root.querySelector(".chips");
    this.root.querySelector(".query").placeholder = `Search ${this.model.columns.length} columns`;
    reconcile(list, this.model.columns.map(column => {
      const isUsed = used.has(column.name), isHeld = this.held === column.name;
      return { id: `c:${column.name}`, sign: `${isUsed}${isHeld}${column.type}${column.sample}`, draw: () => drawChip(column, isUsed, isHeld) };
    }));
    for (const chip of list.children) chip.hidden = Boolean(this.query) && !`${chip.dataset.column} ${chip.dataset.type}`.toLowerCase().includes(this.query);
    this.root.querySelector(".source").classList.toggle("nothing", !this.visibleChips().length);
  }
  drawFields() {
    const { model } = this, items = [], open = model.openSuggestions();
    let group = null;
    for (const field of model.fields) {
      if (field.group !== group) items.push(drawGroup(group = field.group));
      if (field.free_keys) items.push(...this.freeItems(field, open));
      else items.push(this.fixedItem(field, open));
    }
    reconcile(this.root.querySelector(".rows"), items);
  }
  fixedItem(field, open) {
    const value = this.model.fixedRow(field.name)?.value, hint = open.find(one => one.field === field.name), note = this.model.noteOf(field.name, null, value);
    const isGone = this.model.isGone(value);
    return { id: `f:${field.name}`, sign: JSON.stringify([value, hint, note, isGone, field]), draw: () => drawFixedRow(field, value, hint, note, isGone) };
  }
  freeItems(field, open) {
    const { model } = this, rows = model.freeRows(field.name);
    const items = rows.map(row => {
      const note = model.noteOf(field.name, row.key, row.value), problem = this.problems.get(row.uid), isGone = model.isGone(row.value);
      return { id: `k:${row.uid}`, sign: JSON.stringify([row, note, problem, isGone]), draw: () => drawFreeRow(field, row, note, problem, isGone) };
    });
    for (const one of open.filter(one => one.field === field.name && one.key != null)) {
      items.push({ id: `s:${field.name}:${one.key}`, sign: JSON.stringify(one), draw: () => make("div", { class: "offer" }, drawHint(one, one.key)) });
    }
    const used = model.usedColumns(), left = model.columns.filter(column => !used.has(column.name)).length;
    items.push({ id: `a:${field.name}`, sign: String(left), draw: () => drawFreeFoot(field, left) });
    return items;
  }

  // --- focus ------------------------------------------------------------------------------------------------------
  visibleChips() { return [...this.root.querySelectorAll(".chip")].filter(chip => !chip.hidden); }
  rowElements() { return [...this.root.querySelectorAll(".row")]; }
  focusRow(id) { this.root.querySelector(`[data-id="${CSS.escape(id)}"] .slot`)?.focus({ preventScroll: true }); }
  focusChip(column) { this.root.querySelector(`[data-id="${CSS.escape(`c:${column}`)}"]`)?.focus({ preventScroll: true }); }
  setTabStops() {
    const chips = this.visibleChips(), rows = this.rowElements();
    const chip = chips.find(one => one.dataset.column === this.activeChip) ?? chips[0];
    const row = rows.find(one => one.dataset.id === this.activeRow) ?? rows[0];
    for (const one of chips) one.tabIndex = one === chip ? 0 : -1;
    for (const one of rows) for (const part of one.querySelectorAll("button, input")) part.tabIndex = one === row ? 0 : -1;
  }
}
