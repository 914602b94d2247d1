// The SQL editor: CodeMirror 6 inside a Streamlit component. components/sql_editor.py loads the bundle made of this file.
import { autocompletion, closeCompletion } from "@codemirror/autocomplete";
import { PostgreSQL, SQLDialect, StandardSQL, schemaCompletionSource, keywordCompletionSource } from "@codemirror/lang-sql";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";

const BACKTICKS = SQLDialect.define({ ...StandardSQL.spec, identifierQuotes: "`", doubleQuotedStrings: true });
const DIALECTS = { duckdb: PostgreSQL, postgres: PostgreSQL, redshift: PostgreSQL, bigquery: BACKTICKS, snowflake: StandardSQL };
const DEBOUNCE_MS = 600;

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--st-violet-text-color)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--st-green-text-color)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--st-orange-text-color)" },
  { tag: tags.comment, color: "var(--st-gray-text-color)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--st-blue-text-color)" },
]);

const look = EditorView.theme({
  "&": {
    color: "var(--st-text-color)", backgroundColor: "var(--st-background-color)", fontSize: "13px",
    border: "1px solid var(--st-border-color)", borderRadius: "var(--st-base-radius)", height: "var(--editor-height)", overflow: "hidden",
  },
  "&.cm-focused": { outline: "2px solid var(--st-primary-color)", outlineOffset: "-1px" },
  // Ligatures would show <> as one glyph; SQL is read sign by sign.
  ".cm-scroller": { fontFamily: "var(--st-code-font)", fontVariantLigatures: "none", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { caretColor: "var(--st-primary-color)", padding: "8px 0" },
  "&.cm-focused .cm-cursor": { borderLeftColor: "var(--st-primary-color)", borderLeftWidth: "2px" },
  ".cm-gutters": { background: "var(--st-secondary-background-color)", color: "var(--st-gray-text-color)", border: "none" },
  ".cm-activeLine": { background: "color-mix(in srgb, var(--st-primary-color) 6%, transparent)" },
  ".cm-activeLineGutter": { background: "color-mix(in srgb, var(--st-primary-color) 12%, transparent)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { background: "color-mix(in srgb, var(--st-primary-color) 25%, transparent) !important" },
  ".cm-matchingBracket": { background: "color-mix(in srgb, var(--st-primary-color) 22%, transparent) !important", outline: "none" },
  ".cm-tooltip": { background: "var(--st-background-color)", border: "1px solid var(--st-border-color)", color: "var(--st-text-color)", borderRadius: "8px", boxShadow: "0 8px 24px rgb(0 0 0 / .18)", overflow: "hidden" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--st-code-font)", fontVariantLigatures: "none", maxHeight: "16em" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--st-primary-color)", color: "#fff" },
  ".cm-completionDetail": { opacity: ".75", marginLeft: "1em", fontStyle: "normal" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--st-red-color)", padding: "6px 10px" },
  ".cm-panels": { background: "var(--st-secondary-background-color)", color: "var(--st-text-color)" },
  ".cm-placeholder": { color: "var(--st-gray-text-color)" },
});

/** Split `salesforce.accounts` -> the columns, whatever schema, quotes and letter case it is written with. */
function findTable(catalog, name) {
  const plain = name.replace(/["`]/g, "").toLowerCase();
  const names = Object.keys(catalog);
  return names.find(n => n.toLowerCase() === plain) ?? names.find(n => n.toLowerCase().endsWith("." + plain));
}

/** Offer bare column names of the tables that the query reads: lang-sql itself only completes after `table.`. */
function columnsInScope(getCatalog) {
  return context => {
    const word = context.matchBefore(/[\w$]*/);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    if (context.state.sliceDoc(word.from - 1, word.from) === ".") return null;
    const catalog = getCatalog(), seen = new Map();
    for (const [, name] of context.state.doc.toString().matchAll(/\b(?:from|join)\s+([\w$."`]+)/gi)) {
      const table = findTable(catalog, name);
      for (const column of table ? catalog[table] : []) if (!seen.has(column)) seen.set(column, table);
    }
    if (!seen.size) return null;
    const options = [...seen].map(([label, detail]) => ({ label, detail, type: "property", boost: 20 }));
    return { from: word.from, options, validFor: /^[\w$]*$/ };
  };
}

function language(data) {
  const dialect = DIALECTS[data.dialect] ?? StandardSQL;
  const catalog = data.catalog ?? {};
  const options = { dialect, schema: catalog, defaultSchema: data.default_schema || undefined, upperCaseKeywords: false };
  return [
    dialect.extension,
    autocompletion({ override: [columnsInScope(() => catalog), schemaCompletionSource(options), keywordCompletionSource(dialect, false)] }),
  ];
}

/** The place of an error as the span of the word that stands there. */
function toDiagnostics(doc, error) {
  if (!error) return [];
  const line = doc.line(Math.min(Math.max(1, error.line || 1), doc.lines));
  const from = Math.min(line.from + Math.max(0, (error.column || 1) - 1), line.to);
  const rest = doc.sliceString(from, line.to).match(/^[\w$]+|^\S/);
  const start = from === line.to && line.length ? line.to - 1 : from;
  return [{ from: start, to: Math.min(doc.length, Math.max(from + (rest ? rest[0].length : 0), start)), severity: "error", message: error.message }];
}

const instances = new WeakMap();

function open(component) {
  const { data, parentElement } = component;
  const host = parentElement.querySelector(".editor");
  const s = { sent: data.value ?? "", timer: 0, language: new Compartment(), rev: data.rev };
  s.push = () => {
    clearTimeout(s.timer);
    const text = s.view.state.doc.toString();
    if (text !== s.sent) { s.sent = text; s.setStateValue("value", text); }
    return text;
  };
  const run = () => { closeCompletion(s.view); s.push(); s.setTriggerValue("run", s.view.state.doc.toString()); return true; };
  const watch = EditorView.updateListener.of(update => {
    if (update.docChanged) { clearTimeout(s.timer); s.timer = setTimeout(s.push, DEBOUNCE_MS); }
  });
  // At once, and not with the editor's own update a moment later: the press on a button that takes the focus away
  // has to find the text with the server.
  const leave = EditorView.domEventHandlers({ blur: () => { s.push(); } });
  s.view = new EditorView({
    parent: host,
    root: parentElement,
    state: EditorState.create({
      doc: s.sent,
      extensions: [
        Prec.highest(keymap.of([{ key: "Mod-Enter", run, preventDefault: true }])),
        basicSetup, s.language.of([]), syntaxHighlighting(colours), look, lintGutter(), watch, leave,
        placeholder(data.placeholder ?? ""),
        EditorView.contentAttributes.of({ "aria-label": data.label || "SQL editor", "aria-multiline": "true", spellcheck: "false" }),
      ],
    }),
  });
  instances.set(parentElement, s);
  return s;
}

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const s = instances.get(parentElement) ?? open(component);
  Object.assign(s, { setStateValue, setTriggerValue });
  const wanted = JSON.stringify([data.catalog, data.dialect, data.default_schema]);
  if (wanted !== s.wanted) { s.wanted = wanted; s.view.dispatch({ effects: s.language.reconfigure(language(data)) }); }
  if (data.rev !== s.rev) {
    // Only a change made outside the editor carries a new revision: what is being typed is never overwritten.
    s.rev = data.rev; s.sent = data.value ?? "";
    s.view.dispatch({ changes: { from: 0, to: s.view.state.doc.length, insert: s.sent } });
  }
  const mark = JSON.stringify(data.error ?? null);
  if (mark !== s.mark) { s.mark = mark; s.view.dispatch(setDiagnostics(s.view.state, toDiagnostics(s.view.state.doc, data.error))); }
  return () => { clearTimeout(s.timer); s.view.destroy(); instances.delete(parentElement); };
}
