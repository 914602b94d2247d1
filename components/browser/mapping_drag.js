// Dragging with mouse, pen and finger. A mouse drags at once; a finger drags from the grip at once, elsewhere on a
// chip after a short hold, so that a quick swipe still scrolls the list.

const START_PX = 5, HOLD_MS = 260, EDGE_PX = 36, SCROLL_PX = 9;

/** Follow a pointer that went down on something draggable. `onDrop` gets the element under the pointer, or null. */
function followPointer(event, { root, label, source, findTarget, onStart, onDrop }) {
  if (event.button !== 0) return;
  const needsHold = event.pointerType === "touch" && !event.target.closest(".grip");
  const from = { x: event.clientX, y: event.clientY };
  const shadow = root.getRootNode(), lists = [...root.querySelectorAll(".list")], page = findScroller(shadow.host ?? root);
  let at = from, ghost = null, over = null, frame = 0, hold = 0;

  const start = () => {
    ghost = make("div", { class: "ghost", text: label, "aria-hidden": "true" });
    root.append(ghost);
    root.classList.add("dragging");
    onStart();
    frame = requestAnimationFrame(tick);
    show();
  };
  const show = () => {
    ghost.style.transform = `translate(${at.x + 10}px, ${at.y + 10}px)`;
    const target = findTarget(shadow.elementFromPoint(at.x, at.y));
    if (target !== over) { over?.classList.remove("over"); target?.classList.add("over"); over = target; }
  };
  const tick = () => {
    for (const list of lists) scrollAtEdge(list, list.getBoundingClientRect(), at);
    scrollAtEdge(page, { top: 0, bottom: window.innerHeight, left: 0, right: window.innerWidth }, at);
    show();
    frame = requestAnimationFrame(tick);
  };
  const move = next => {
    if (next.pointerId !== event.pointerId) return;
    at = { x: next.clientX, y: next.clientY };
    const far = Math.hypot(at.x - from.x, at.y - from.y) >= START_PX;
    if (ghost) show();
    else if (far && needsHold) end(null);
    else if (far) start();
  };
  const end = last => {
    if (last && last.pointerId !== event.pointerId) return;
    clearTimeout(hold);
    cancelAnimationFrame(frame);
    for (const [type, handler] of listeners) window.removeEventListener(type, handler, true);
    if (!ghost) return;
    over?.classList.remove("over");
    ghost.remove();
    root.classList.remove("dragging");
    // The click that follows a drag is not a click on the chip.
    source.addEventListener("click", swallow, { once: true, capture: true });
    setTimeout(() => source.removeEventListener("click", swallow, true), 50);
    onDrop(last?.type === "pointerup" ? over : null);
  };
  const escape = key => { if (key.key === "Escape" && ghost) { key.preventDefault(); over?.classList.remove("over"); over = null; end({ type: "pointercancel", pointerId: event.pointerId }); } };
  const keepStill = touch => { if (ghost && touch.cancelable) touch.preventDefault(); };
  const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end], ["keydown", escape], ["touchmove", keepStill], ["contextmenu", keepStill]];
  for (const [type, handler] of listeners) window.addEventListener(type, handler, { capture: true, passive: false });
  if (needsHold) hold = setTimeout(start, HOLD_MS);
}

function swallow(event) { event.stopImmediatePropagation(); event.preventDefault(); }

function scrollAtEdge(element, box, at) {
  if (!element || at.x < box.left || at.x > box.right) return;
  if (at.y > box.bottom - EDGE_PX && at.y < box.bottom + EDGE_PX) element.scrollTop += SCROLL_PX;
  else if (at.y < box.top + EDGE_PX && at.y > box.top - EDGE_PX) element.scrollTop -= SCROLL_PX;
}

function findScroller(element) {
  for (let node = element; node; node = node.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(node).overflowY) && node.scrollHeight > node.clientHeight) return node;
  }
  return document.scrollingElement;
}
