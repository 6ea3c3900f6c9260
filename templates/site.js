"use strict";
(() => {
  const box = document.querySelector(".filter");
  const table = document.querySelector("table.filterable");
  if (!box || !table) return;
  box.hidden = false;
  const fields = [...box.querySelectorAll("input, select")];
  const status = box.querySelector("[role=status]");
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
  const matches = (row, text) =>
    fields.every((field) =>
      field.id === "filter"
        ? field.value.toLowerCase().split(/\s+/).every((word) => text.includes(word))
        : !field.value || row.dataset[field.id] === field.value,
    );
  const apply = () => {
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !matches(row, text);
      shown += !row.hidden;
    }
    const set = fields.filter((field) => field.value.trim());
    status.textContent = set.length ? `${shown} of ${rows.length}` : "";
    return new URLSearchParams(set.map((field) => [field.id, field.value]));
  };
  const linked = new URLSearchParams(location.hash.slice(1));
  for (const field of fields) {
    const value = linked.get(field.id);
    if (value && (field.id === "filter" || [...field.options].some((option) => option.value === value))) {
      field.value = value;
    }
  }
  apply();
  box.addEventListener("input", () => {
    const query = apply().toString();
    history.replaceState(null, "", query ? `#${query}` : location.pathname);
  });
})();
