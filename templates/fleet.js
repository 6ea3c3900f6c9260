// Filters and sorts the targets that the page already lists. It makes no request and writes no markup.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const tools = byId("tools");
  if (!tools) return;
  const matrix = byId("matrix");
  const controls = ["text", "verdict", "family", "sort"].map(byId);
  const [text, verdict, family, sort] = controls;
  const before = 3; // columns before those of the families
  const parts = [...matrix.querySelectorAll(".part")].map((part) => [part, part.querySelector("table")]);
  const together = parts[0][1].tBodies.length;
  const targets = parts.flatMap(([, table]) => [...table.tBodies]).map((body, order) => {
    const cells = body.rows[0].cells;
    return {
      body,
      order,
      name: cells[0].textContent,
      verdict: cells[1].textContent,
      violations: Number(cells[2].textContent) || 0,
      said: body.textContent.toLowerCase(),
      // One cell across all families says that nothing is known of any.
      notPassed: (number) => !/^(pass|none)$/.test((cells[before + number] ?? cells[before])?.className),
    };
  });
  const orders = {
    "": (a, b) => a.order - b.order,
    violations: (a, b) => b.violations - a.violations || a.order - b.order,
    name: (a, b) => (a.name < b.name ? -1 : 1),
  };

  function apply() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const filtering = Boolean(words.length || verdict.value || family.value);
    const fits = (each) =>
      words.every((word) => each.said.includes(word)) &&
      (!verdict.value || each.verdict === verdict.value) &&
      (!family.value || each.notPassed(Number(family.value)));
    for (const each of targets) each.body.hidden = !fits(each);
    const inOrder = [...targets].sort((a, b) => a.body.hidden - b.body.hidden || orders[sort.value](a, b));
    const shown = targets.filter((each) => !each.body.hidden).length;
    parts.forEach(([part, table], number) => {
      const first = number * together;
      const bodies = inOrder.slice(first, first + together).map((each) => each.body);
      if (bodies.some((body, place) => table.tBodies[place] !== body)) table.append(...bodies);
      part.hidden = first >= shown;
    });
    byId("count").textContent = filtering ? `${shown} of ${targets.length} targets` : `${targets.length} targets`;
    byId("clear").hidden = !filtering;
    byId("nothing").hidden = shown > 0;
    const kept = new URLSearchParams(controls.filter((each) => each.value).map((each) => [each.id, each.value]));
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
  }

  const linked = new URLSearchParams(location.hash.slice(1));
  for (const each of controls) {
    const value = linked.get(each.id) ?? "";
    if (each === text || [...each.options].some((option) => option.value === value)) each.value = value;
  }
  byId("clear").addEventListener("click", () => {
    text.value = verdict.value = family.value = "";
    apply();
    text.focus();
  });
  let waiting;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120); // milliseconds without a keystroke
  });
  for (const each of [verdict, family, sort]) each.addEventListener("change", apply);
  tools.hidden = false;
  apply();
})();
