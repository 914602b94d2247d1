// A search box that Streamlit draws: in sight and with the focus when it comes; Enter says what was typed.
const FRAMES = 120; // the box may be drawn after this

export default function ({ data, parentElement, setTriggerValue }) {
  const find = () => document.querySelector(`.st-key-${data.box} input`);
  const listen = event => {
    if (event.key === "Enter" && event.target === find()) setTriggerValue("enter", event.target.value);
  };
  document.addEventListener("keydown", listen, true);
  let frame = 0;
  const greet = left => {
    const box = find();
    if (box) receive(box, parentElement);
    else if (left) frame = requestAnimationFrame(() => greet(left - 1));
  };
  greet(FRAMES);
  return () => {
    cancelAnimationFrame(frame);
    document.removeEventListener("keydown", listen, true);
  };
}

function receive(box, root) {
  if (root.received === box) return;
  root.received = box;
  box.closest("[data-testid=stMain]")?.scrollTo(0, 0); // a longer page was read before
  // not while something else has the focus, nor on a touch screen, where a keyboard would cover half of the page
  if (document.activeElement === document.body && matchMedia("(hover: hover)").matches) box.focus();
}
