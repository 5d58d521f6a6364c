// What moves on the console's pages. Without it all can be read, and every form works.
"use strict";

const inZone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

// Times in the reader's zone and language; the page has them in UTC.
function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.textContent = inZone.format(at);
      time.title = exact.format(at);
    }
  }
}

// A slider over two pictures on one another: the source to its left, the variant to its right.
function showSliders(root) {
  for (const picture of root.querySelectorAll("[data-compare]:not([data-shown])")) {
    picture.dataset.shown = "";
    const before = picture.querySelector("[data-before]");
    const slider = picture.parentElement.querySelector("[data-slider]");
    if (!before || !slider) continue;
    const split = () => picture.style.setProperty("--split", `${slider.value}%`);
    const begin = () => {
      picture.classList.add("split");
      slider.closest("label").hidden = false;
      for (const tag of picture.querySelectorAll(".tag")) tag.hidden = false;
      split();
    };
    slider.addEventListener("input", split);
    picture.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || !picture.classList.contains("split")) return;
      const box = picture.getBoundingClientRect();
      slider.value = Math.round((100 * (event.clientX - box.left)) / box.width);
      split();
    });
    before.addEventListener("error", () => before.remove()); // a format that this browser lacks
    before.hidden = false;
    if (before.complete && before.naturalWidth) begin();
    else before.addEventListener("load", begin);
  }
}

function showVariants(root) {
  for (const choice of root.querySelectorAll("[data-variant]")) {
    choice.addEventListener("change", () => {
      const image = choice.closest("[data-image]").querySelector("[data-after]");
      const { width, height } = choice.selectedOptions[0].dataset;
      Object.assign(image, { src: choice.value, width, height });
    });
  }
}

function showCopying(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = button.closest(".markup").querySelector("[data-copy-source]");
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

// A choice that filters does so at once, and what is empty stays out of the address.
function showFilters(root) {
  for (const input of root.querySelectorAll("[data-submit]")) {
    input.addEventListener("change", () => input.form.requestSubmit());
  }
  for (const form of root.querySelectorAll("form[method=get]")) {
    form.addEventListener("submit", () => {
      for (const input of form.elements) input.disabled = input.name !== "" && input.value === "";
    });
  }
}

// A file may be dropped anywhere on its field.
function showDrops(root) {
  for (const field of root.querySelectorAll("[data-drop]")) {
    const input = field.querySelector("input[type=file]");
    for (const name of ["dragenter", "dragover"]) {
      field.addEventListener(name, (event) => {
        event.preventDefault();
        field.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) {
      field.addEventListener(name, () => field.classList.remove("over"));
    }
    field.addEventListener("drop", (event) => {
      event.preventDefault();
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}

// Images change places by drag; the buttons beside them do the same without it.
function showOrders(root) {
  for (const form of root.querySelectorAll("[data-order]")) {
    const list = form.querySelector("ol");
    let dragged = null;
    list.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("li");
      dragged.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
    });
    list.addEventListener("dragover", (event) => {
      const over = event.target.closest("li");
      if (!dragged || !over) return;
      event.preventDefault();
      const box = over.getBoundingClientRect();
      const isBehind = event.clientX > box.left + box.width / 2;
      if (over !== dragged) list.insertBefore(dragged, isBehind ? over.nextSibling : over);
    });
    list.addEventListener("dragend", () => {
      dragged?.classList.remove("dragged");
      dragged = null;
      form.querySelector("[data-order-save]").hidden = false;
    });
  }
}

// A click on the picture names its focal point.
function showFocus(root) {
  for (const form of root.querySelectorAll("[data-focus]")) {
    const picture = form.querySelector("[data-focus-picture]");
    picture?.addEventListener("click", (event) => {
      const ratio = Math.min(
        picture.clientWidth / picture.naturalWidth,
        picture.clientHeight / picture.naturalHeight,
      );
      for (const [name, at, length, natural] of [
        ["x", event.offsetX, picture.clientWidth, picture.naturalWidth],
        ["y", event.offsetY, picture.clientHeight, picture.naturalHeight],
      ]) {
        const shown = natural * ratio;
        const share = (at - (length - shown) / 2) / shown;
        form.elements[name].value = Math.round(100 * Math.min(1, Math.max(0, share)));
      }
    });
  }
}

const parts = [showTimes, showSliders, showVariants, showCopying, showFilters, showDrops, showOrders, showFocus];

function showAll(root) {
  for (const show of parts) show(root);
}

// What ended is shown with what may be done next: the whole page again.
document.addEventListener("htmx:sseClose", (event) => {
  if (event.detail.type === "message" && event.target.closest("[data-reload-at-end]")) {
    location.reload();
  }
});

// What takes a while says so.
document.addEventListener("htmx:beforeRequest", (event) => {
  const told = event.target.querySelector?.("[data-busy-text]");
  if (told) told.textContent = event.target.dataset.busy;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const told = event.target.querySelector?.("[data-busy-text]");
  if (told) told.textContent = "";
});
document.addEventListener("htmx:afterSwap", (event) => showAll(event.target));

// A page from the browser's memory may hold a form of a session that has ended.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
window.addEventListener("pagehide", () => {
  for (const input of document.querySelectorAll(":disabled[name]")) input.disabled = false;
});

for (const link of document.querySelectorAll("[data-back]")) {
  if (history.length > 1) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      history.back();
    });
  }
}

showAll(document);
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
