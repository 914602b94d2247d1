// Drawing helpers: elements, and lists that keep their unchanged rows (and with them focus and scroll).

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

function makeButton(className, act, label, attributes = {}, ...children) {
  const { data, ...rest } = attributes;
  return make("button", { type: "button", class: className, "aria-label": label, data: { act, ...data }, ...rest }, ...children);
}

/** Bring `parent` to show `items` ({id, sign, draw}); a row is drawn anew only when its sign changed. */
function reconcile(parent, items) {
  const old = new Map([...parent.children].map(node => [node.dataset.id, node]));
  let before = null;
  for (const item of items) {
    let node = old.get(item.id);
    if (!node || node.sign !== item.sign) {
      const fresh = item.draw();
      fresh.dataset.id = item.id;
      fresh.sign = item.sign;
      node?.replaceWith(fresh);
      node = fresh;
    }
    old.delete(item.id);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    before = node;
  }
  for (const node of old.values()) node.remove();
}

/** Where the focus is, as something that survives a redraw. */
function readFocus(shadow) {
  const active = shadow.activeElement;
  if (!active?.dataset?.act) return null;
  return { id: active.closest("[data-id]")?.dataset.id, act: active.dataset.act };
}
function restoreFocus(shadow, root, focus) {
  if (!focus || shadow.activeElement?.isConnected) return;
  const home = focus.id ? root.querySelector(`[data-id="${CSS.escape(focus.id)}"]`) : root;
  const target = home?.querySelector(`[data-act="${focus.act}"]:not([disabled])`) ?? (home?.matches("[data-act]") ? home : home?.querySelector("[data-act]"));
  target?.focus({ preventScroll: true });
}
