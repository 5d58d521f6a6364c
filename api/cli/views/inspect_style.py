"""How the page of `inspect` looks and moves; it must not know what is on it."""

from string import Template

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ground: #f6f5f3; --card: #fff; --ink: #1d1c1a; --soft: #6b6862;
  --line: #e2dfd9; --accent: #1d6b3a; --board: #ececec; --square: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #151517; --card: #1f1f22; --ink: #eceae6; --soft: #9d9a94; --line: #34343a;
    --accent: #6fce93; --board: #2b2b2f; --square: #232327; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 2rem 1.25rem 4rem; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.5rem; margin-bottom: 2rem; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; margin-bottom: 1rem; }
h2 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 2rem 0 .75rem; }
header p { flex-basis: 100%; }
header p, .fine, figcaption, .note { color: var(--soft); margin: 0; font-size: .87rem; }
.stage { border-radius: 8px; overflow: hidden; display: grid; grid-template-columns: 100%;
  background: var(--ground); }
.frame { background: repeating-conic-gradient(var(--board) 0 25%, var(--square) 0 50%) 0/20px 20px;
  position: relative; --cut: 50%; touch-action: pan-y; cursor: ew-resize; user-select: none;
  aspect-ratio: var(--ratio); width: min(100%, var(--width), calc(72vh * var(--ratio)));
  justify-self: center; overflow: hidden; }
.frame img { position: absolute; inset: 0; width: 100%; height: 100%; display: block;
  pointer-events: none; }
.frame .source { clip-path: inset(0 calc(100% - var(--cut)) 0 0); }
.frame .variant { clip-path: inset(0 0 0 var(--cut)); }
.frame [hidden] { display: none; }
.handle { position: absolute; inset: 0 auto 0 var(--cut); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / .45); pointer-events: none; }
.handle::after { content: "\\2194"; position: absolute; top: 50%; left: 50%; width: 34px;
  height: 34px; border-radius: 50%; transform: translate(-50%, -50%); background: #fff;
  color: #222; font: 18px/33px system-ui; text-align: center; box-shadow: 0 1px 5px #0008; }
.stage.actual { overflow: auto; max-height: 80vh; }
.stage.actual .frame { width: var(--width); justify-self: start; }
.end { min-width: 8em; } .end b { font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; gap: .4rem .9rem; align-items: center;
  margin: .75rem 0 1.25rem; font-size: .87rem; }
.controls input[type=range] { flex: 1 1 140px; accent-color: var(--accent); }
.toggle { white-space: nowrap; }
.wide { overflow-x: auto; padding-left: .2rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: .82rem; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
td button { font: inherit; color: var(--accent); background: none; border: 1px solid transparent;
  border-radius: 6px; padding: .1rem .5rem; margin-left: -.55rem; cursor: pointer; }
td button:hover { border-color: var(--line); }
td button[aria-pressed=true] { background: var(--accent); color: var(--card); font-weight: 600; }
.weight { display: inline-block; min-width: 5.6em; }
.bar { display: inline-block; vertical-align: middle; width: 90px; height: 6px; margin-right: .6rem;
  background: linear-gradient(90deg, var(--accent) var(--share), var(--line) 0);
  border-radius: 3px; }
.arrival { display: grid; grid-template-columns: repeat(3, minmax(0, 200px)); gap: 1rem; }
figure { margin: 0; }
figure > div, figure > img { display: block; width: 100%; aspect-ratio: var(--ratio);
  border-radius: 8px; object-fit: cover; outline: 1px solid var(--line); }
figcaption { margin-top: .35rem; }
pre { margin: .5rem 0 0; padding: .9rem 1rem; background: var(--ground); border: 1px solid
  var(--line); border-radius: 8px; font: 12.5px/1.55 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 26rem; overflow-y: auto; }
pre code { user-select: all; }
.fine { margin-top: 1rem; overflow-wrap: anywhere; }
@media (max-width: 560px) {
  body { padding: .75rem .6rem 2rem; } section { padding: 1rem .9rem; border-radius: 10px; }
  .bar, th:nth-child(2), td:nth-child(2) { display: none; }
  th, td { padding: .4rem .35rem; font-size: .85rem; }
  .weight { min-width: 0; } .arrival { gap: .5rem; } }
</style>
</head>
<body>
<main>
$sections
</main>
<script>
for (const section of document.querySelectorAll("section")) {
  const frame = section.querySelector(".frame"), range = section.querySelector("[type=range]");
  const cut = (percent) => {
    range.value = percent;
    frame.style.setProperty("--cut", range.value + "%");
  };
  const follow = (event) => {
    const box = frame.getBoundingClientRect();
    cut((100 * (event.clientX - box.left)) / box.width);
  };
  range.addEventListener("input", () => cut(range.value));
  frame.addEventListener("pointerdown", (event) => {
    frame.setPointerCapture(event.pointerId);
    follow(event);
  });
  frame.addEventListener("pointermove", (event) => event.buttons && follow(event));
  section.querySelector("[type=checkbox]").addEventListener("change", (event) =>
    frame.parentNode.classList.toggle("actual", event.target.checked));
  for (const button of section.querySelectorAll("button"))
    button.addEventListener("click", () => {
      for (const each of section.querySelectorAll("button"))
        each.setAttribute("aria-pressed", each === button);
      for (const image of frame.querySelectorAll(".variant"))
        image.hidden = image.dataset.index !== button.dataset.index;
      section.querySelector("output").textContent = button.dataset.caption;
    });
}
</script>
</body>
</html>
""")
