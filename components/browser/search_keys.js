// Keys of a search box that Streamlit drew: it has the focus when the page opens, and Enter says what was typed.
export default function ({ data, setTriggerValue }) {
  const find = () => document.querySelector(`.st-key-${data.box} input`);
  const listen = event => {
    if (event.key === "Enter" && event.target === find()) setTriggerValue("enter", event.target.value);
  };
  document.addEventListener("keydown", listen, true);
  const box = find();
  // not while something else has it, nor on a touch screen, where a keyboard would cover half of the page
  if (box && document.activeElement === document.body && matchMedia("(hover: hover)").matches) box.focus();
  return () => document.removeEventListener("keydown", listen, true);
}
