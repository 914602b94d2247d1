// The step strip. Draws from data alone; the only thing it says back is the step a person asked for.
const make = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? "" });

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ol");
  const focused = parentElement.activeElement?.dataset?.step;
  list.replaceChildren(...data.steps.map(drawStep));
  const buttons = [...list.querySelectorAll("button")];
  if (focused) buttons.find(button => button.dataset.step === focused)?.focus({ preventScroll: true });
  const now = list.querySelector(".now");
  if (now) list.scrollLeft = now.offsetLeft - list.clientWidth / 2 + now.offsetWidth / 2;

  function drawStep(step, index) {
    const isNow = step.id === data.current;
    const before = data.steps[index - 1];
    const item = make("li", [isNow ? "now" : "", step.done && !isNow ? "done" : "", before?.done ? "reached" : ""].join(" ").trim());
    const button = make("button", "");
    button.type = "button";
    button.dataset.step = step.id;
    // aria-disabled, not disabled: a locked step can still be reached and says why it is locked.
    button.setAttribute("aria-disabled", String(!step.open));
    if (isNow) button.setAttribute("aria-current", "step");
    if (!step.open && step.reason) button.title = step.reason;
    const dot = make("span", "dot", step.done && !isNow ? "✓" : String(index + 1));
    dot.setAttribute("aria-hidden", "true");
    const state = step.done ? ", done" : step.open ? "" : `, locked${step.reason ? ": " + step.reason : ""}`;
    button.append(dot, make("span", "title", step.title), make("span", "hidden", state));
    button.onclick = () => { if (step.open && !isNow) setTriggerValue("go", step.id); };
    button.onkeydown = event => {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      buttons[buttons.indexOf(button) + move]?.focus();
    };
    item.append(button);
    return item;
  }
}
