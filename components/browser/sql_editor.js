// Loads the built editor (frontend/sql_editor.mjs) and hands the component over to it.
let loading;

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const host = parentElement.querySelector(".editor");
  host.style.setProperty("--editor-height", `${data.height}px`);
  let close, isGone = false;
  loading ??= import(new URL(data.src, document.baseURI).href);
  loading.then(editor => { if (!isGone) close = editor.default(component); })
    // Python draws a plain text box instead.
    .catch(error => { loading = undefined; console.warn("The SQL editor could not be loaded.", error); setStateValue("unavailable", true); });
  return () => { isGone = true; close?.(); };
}
