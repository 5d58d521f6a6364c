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
