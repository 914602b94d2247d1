// What the mapping editor knows, without a screen: entries, undo, suggestions. components/mapping_editor.py joins the
// mapping_*.js files into one module, in the order model, list, picker, drag, editor.

/** A column reference or a constant, as text for people. */
function describeValue(value) {
  if (!value) return "";
  if ("column" in value) return value.column;
  return value.constant === null ? "null" : typeof value.constant === "string" ? `“${value.constant}”` : String(value.constant);
}

const sameValue = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const targetOf = (field, key) => (key === null || key === undefined ? field : `${field}.${key}`);
const MAX_UNDO = 100;


/** Rows of the mapping. A row of a free-form field (Traits) may wait for its value or its name; it is sent once it has both. */
class MappingModel {
  constructor() { this.rows = []; this.past = []; this.future = []; this.nextUid = 1; }

  adopt(data) {
    this.fields = data.fields;
    this.columns = data.columns;
    this.columnNames = new Set(data.columns.map(column => column.name));
    this.suggestions = data.suggestions ?? [];
    this.notes = data.notes ?? {};
    this.noted = new Map(data.entries.map(({ field, key, value }) => [targetOf(field, key), value]));
    this.maxKeyChars = data.max_key_chars;
  }
  load(entries) {
    this.rows = entries.map(entry => ({ uid: this.nextUid++, field: entry.field, key: entry.key ?? null, value: entry.value }));
    this.past = []; this.future = [];
  }

  toEntries() {
    return this.rows.filter(row => row.value && row.key !== "").map(({ field, key, value }) => ({ field, key, value }));
  }
  fixedRow(field) { return this.rows.find(row => row.field === field && row.key === null); }
  freeRows(field) { return this.rows.filter(row => row.field === field && row.key !== null); }
  /** The note on a place, as long as the place still holds what the note was written about. */
  noteOf(field, key, value) {
    const target = targetOf(field, key);
    return sameValue(this.noted.get(target), value) ? this.notes[target] : undefined;
  }
  row(uid) { return this.rows.find(row => row.uid === uid); }
  usedColumns() { return new Set(this.rows.map(row => row.value?.column).filter(Boolean)); }
  isGone(value) { return Boolean(value && "column" in value && !this.columnNames.has(value.column)); }

  /** Replace the rows, so that the change can be undone as one. */
  change(rows) {
    this.past.push(this.rows);
    if (this.past.length > MAX_UNDO) this.past.shift();
    this.future = [];
    this.rows = rows;
  }
  undo() { return this.step(this.past, this.future); }
  redo() { return this.step(this.future, this.past); }
  step(from, to) {
    if (!from.length) return false;
    to.push(this.rows);
    this.rows = from.pop();
    return true;
  }

  setFixed(field, value) {
    const row = this.fixedRow(field);
    if (row && sameValue(row.value, value)) return;
    const changed = { uid: row?.uid ?? this.nextUid++, field, key: null, value };
    this.change(row ? this.rows.map(other => (other === row ? changed : other)) : [...this.rows, changed]);
  }
  clearFixed(field) { this.change(this.rows.filter(row => !(row.field === field && row.key === null))); }

  addFree(field, key = "", value = undefined) {
    const row = { uid: this.nextUid++, field, key: key && this.freeKey(field, key), value };
    this.change([...this.rows, row]);
    return row;
  }
  setFree(uid, value) {
    this.change(this.rows.map(row => {
      if (row.uid !== uid) return row;
      const key = row.key || (value?.column ? this.freeKey(row.field, value.column) : this.freeKey(row.field, "trait"));
      return { ...row, key, value };
    }));
  }
  removeFree(uid) { this.change(this.rows.filter(row => row.uid !== uid)); }
  /** Rename a trait; return what is wrong with the name, or "". */
  renameFree(uid, name) {
    const row = this.row(uid), key = name.trim();
    if (!row || key === row.key) return "";
    if (!key) return "A trait needs a name.";
    if (key.length > this.maxKeyChars) return `A name has at most ${this.maxKeyChars} characters.`;
    if (this.freeRows(row.field).some(other => other !== row && other.key === key)) return `There is already a trait named ${key}.`;
    this.change(this.rows.map(other => (other === row ? { ...row, key } : other)));
    return "";
  }
  /** `name`, numbered where it is taken. */
  freeKey(field, name) {
    const taken = new Set(this.freeRows(field).map(row => row.key));
    let key = name, number = 2;
    while (taken.has(key)) key = `${name}_${number++}`;
    return key;
  }
  addRemaining(field) {
    const used = this.usedColumns(), rows = [...this.rows];
    let added = 0;
    const taken = new Set(this.freeRows(field).map(row => row.key));
    for (const { name } of this.columns) {
      if (used.has(name) || taken.has(name)) continue;
      rows.push({ uid: this.nextUid++, field, key: name, value: { column: name } });
      added += 1;
    }
    if (added) this.change(rows);
    return added;
  }

  /** Suggestions that still say something new: their place is empty, and their column is not in this object yet. */
  openSuggestions() {
    return this.suggestions.filter(({ field, key, value }) => {
      if (key == null) return !this.fixedRow(field);
      return !this.freeRows(field).some(row => row.value && (row.key === key || sameValue(row.value, value)));
    });
  }
  accept(suggestions) {
    const rows = [...this.rows];
    for (const { field, key, value } of suggestions) {
      const at = rows.findIndex(row => row.field === field && row.key === (key ?? null));
      const row = { uid: at < 0 ? this.nextUid++ : rows[at].uid, field, key: key ?? null, value };
      if (at < 0) rows.push(row); else rows[at] = row;
    }
    this.change(rows);
  }
}
