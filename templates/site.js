"use strict";
(() => {
  const box = document.querySelector(".filter");
  const table = document.querySelector("table.filterable");
  if (!box || !table) return;
  box.hidden = false;
  const input = box.querySelector("input");
  const status = box.querySelector("[role=status]");
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    status.textContent = words.length ? `${shown} of ${rows.length}` : "";
    history.replaceState(null, "", words.length ? `#q=${encodeURIComponent(input.value)}` : location.pathname);
  };
  const linked = /^#q=(.*)$/.exec(location.hash);
  if (linked) {
    try {
      input.value = decodeURIComponent(linked[1]);
    } catch {
      input.value = "";
    }
    apply();
  }
  input.addEventListener("input", apply);
})();
