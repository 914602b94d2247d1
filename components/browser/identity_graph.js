// The tree of a person's identifiers, each below the one that a message tied it to. Drawn to the width there is:
// a step to the right is wide where there is room and narrow on a phone.
const SPACE = "http://www.w3.org/2000/svg";
const ROW = 68, BOX = 38, GAP = 8;

const make = (tag, attributes, text) => {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

export default function ({ data, parentElement }) {
  const graph = parentElement.querySelector(".graph");
  const draw = () => {
    const width = graph.clientWidth;
    if (!width) return;
    const deepest = Math.max(0, ...data.nodes.map(node => node.depth));
    const step = Math.max(14, Math.min(48, (width - 230) / Math.max(deepest, 1)));
    const svg = make("svg", { height: data.nodes.length * ROW, role: "img", "aria-label": data.label });
    data.nodes.forEach((node, row) => svg.append(...drawTie(node, row, step)));
    data.nodes.forEach((node, row) => svg.append(drawNode(node, row, step, width)));
    graph.replaceChildren(svg);
    for (const text of svg.querySelectorAll("text[data-room]")) fit(text, Number(text.dataset.room));
  };
  const watcher = new ResizeObserver(draw);
  watcher.observe(graph);
  draw();
  return () => watcher.disconnect();

  function drawTie(node, row, step) {
    if (node.parent === null) return [];
    const x = 7 + data.nodes[node.parent].depth * step, y = row * ROW + GAP + BOX / 2;
    const top = node.parent * ROW + GAP + BOX;
    const end = node.depth * step + 1;
    const path = `M ${x} ${top} V ${y - 8} Q ${x} ${y} ${Math.min(x + 8, end)} ${y} H ${end}`;
    return [make("path", { class: node.merge ? "line merge" : "line", d: path })];
  }

  function drawNode(node, row, step, width) {
    const x = node.depth * step, y = row * ROW + GAP;
    const room = Math.max(120, width - x - 2);
    const classes = [node.parent === null ? "root" : "", node.merge ? "merge" : ""].join(" ").trim();
    const group = make("g", { class: classes });
    const longest = Math.max(node.value.length * 8.6, node.type.length * 6.5) + 24;
    const boxWidth = Math.min(room, Math.max(110, longest));
    group.append(
      make("title", {}, `${node.type} ${node.value}: ${node.tie}`),
      make("rect", { class: "box", x: x + 1, y, width: boxWidth - 2, height: BOX, rx: 8 }),
      make("text", { class: "type", x: x + 11, y: y + 15 }, node.type),
      make("text", { class: "value", x: x + 11, y: y + 30, "data-room": boxWidth - 20 }, node.value),
    );
    group.append(make("text", { class: "tie", x: x + 14, y: y + BOX + 14, "data-room": room - 14 }, node.tie));
    return group;
  }
}

// Leave out the middle of a text that is drawn longer than the room there is.
function fit(element, room) {
  const text = element.textContent;
  for (let chars = text.length; chars > 4 && element.getComputedTextLength() > room; ) {
    chars = Math.min(chars - 1, Math.floor((chars * room) / element.getComputedTextLength()));
    const head = Math.ceil((chars - 1) / 2);
    element.textContent = `${text.slice(0, head)}…${text.slice(text.length - (chars - 1 - head))}`;
  }
}
