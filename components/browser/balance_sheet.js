// Five boxes that add up, and the same as a bar drawn to scale.
const make = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? "" });

export default function ({ data, parentElement }) {
  const sheet = parentElement.querySelector(".sheet");
  const sum = make("div", "sum");
  sum.append(drawTerm({ id: "extracted", label: "Extracted", text: data.extracted, share: "", count: 1 }));
  data.parts.forEach((part, index) => sum.append(drawSign(index ? "+" : data.closes ? "=" : "≠"), drawTerm(part)));
  const bar = make("div", "bar");
  bar.setAttribute("aria-hidden", "true");
  for (const part of data.parts.filter(part => part.count > 0)) {
    const piece = make("i", part.id);
    piece.style.setProperty("--size", part.count);
    piece.title = `${part.label}: ${part.text}`;
    bar.append(piece);
  }
  sheet.replaceChildren(sum, bar);
}

function drawSign(text) {
  return make("span", "sign", text);
}

function drawTerm({ id, label, text, share, count }) {
  const term = make("div", `term ${id}${count ? "" : " zero"}`);
  term.append(make("div", "label", label), make("div", "count", text), make("div", "share", share));
  return term;
}
