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
    const chars = Math.floor((boxWidth - 20) / 8.2);
    group.append(
      make("title", {}, `${node.type} ${node.value}: ${node.tie}`),
      make("rect", { class: "box", x: x + 1, y, width: boxWidth - 2, height: BOX, rx: 8 }),
      make("text", { class: "type", x: x + 11, y: y + 15 }, node.type),
      make("text", { class: "value", x: x + 11, y: y + 30 }, cut(node.value, chars)),
    );
    group.append(make("text", { class: "tie", x: x + 14, y: y + BOX + 14 }, cut(node.tie, (room - 12) / 5.7)));
    return group;
  }
}

function cut(text, chars) {
  const room = Math.max(4, Math.floor(chars));
  if (text.length <= room) return text;
  const head = Math.ceil((room - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (room - 1 - head))}`;
}
