// Filters, sorts and leads to what the page already says. It makes no request and writes no markup: it hides,
// reorders, unfolds, and clones what the page itself holds.
"use strict";
{
  const byId = (id) => document.getElementById(id);
  const within = byId("findings");
  const tools = byId("tools");
  const flat = byId("flat");
  const isNew = (row) => row.state === "new" || row.state === "reopened";
  const filters = ["severity", "rule", "type", "project", "team", "state"].filter(byId).map((name) => [name, byId(name)]);
  const text = byId("text");
  const sort = byId("sort");
  const wait = 120; // milliseconds without a keystroke before it filters

  const findings = [...within.querySelectorAll(".findings > li")].map((row, order) => {
    const about = row.closest("[data-rule]"); // the row itself, or the section of its rule
    const { rule, severity } = about.dataset;
    const { type = "", project = "", team = "", state = "" } = row.dataset;
    const group = about === row ? null : about;
    return { row, order, home: row.parentElement, group, rule, severity, type, project, team, state };
  });
  const groups = [...within.querySelectorAll(".rule")];
  const sections = [...within.querySelectorAll("section")];
  const lists = [...within.querySelectorAll(".findings")];
  const unfolded = new Map([...within.querySelectorAll("details")].map((each) => [each, each.open])); // unfiltered
  let filtered = false;

  // What free text is looked for in: what a finding says, and its rule's id, title and severity. A fingerprint is
  // known by its beginning alone: its digits would be in the way of those that people look for.
  const titles = new Map(tools ? [...byId("rule").options].map((each) => [each.value, each.text]) : []);
  const said = (finding) =>
    (finding.said ??= [
      ...[finding.severity, finding.rule, titles.get(finding.rule)],
      ...[...finding.row.querySelectorAll(".who, p, .evidence")].map((each) => each.textContent),
    ].join("\n").replace(/ *\n\s*/g, "\n").toLowerCase());
  const has = (finding, word) =>
    said(finding).includes(word) || (word.length > 7 && finding.row.id.startsWith(`f-${word.replace(/^#/, "")}`));

  const chosen = () => filters.filter(([, control]) => control.value);
  const words = () => text.value.toLowerCase().split(/\s+/).filter(Boolean);

  // Show what matches every filter, and only those lists and sections that have something to show.
  function filter() {
    const looked = words();
    const picked = chosen();
    const filtering = looked.length > 0 || picked.length > 0;
    const matching = new Set(); // lists
    const many = new Map(lists.map((list) => [list, 0]));
    let shown = 0;
    for (const finding of findings) {
      const fits =
        picked.every(([name, control]) => finding[name] === control.value) &&
        looked.every((word) => has(finding, word));
      if (finding.row.hidden === fits) finding.row.hidden = !fits;
      if (!fits) continue;
      const list = finding.row.parentElement;
      matching.add(list);
      many.set(list, many.get(list) + 1);
      shown += 1;
    }
    if (flat) flat.hidden = !matching.has(flat);
    const holds = (place) => [...matching].some((list) => place.contains(list));
    for (const each of sections) each.hidden = filtering && !holds(each);
    if (matching.has(flat)) for (const each of groups) each.hidden = true;
    for (const [details, open] of unfolded) {
      if (filtering && !filtered) unfolded.set(details, details.open);
      if (filtering) details.open = holds(details);
      else if (filtered) details.open = open;
      const count = details.querySelector(".shown");
      count.hidden = !filtering;
      count.textContent = `, ${many.get(details.querySelector(".findings")) ?? 0} shown`;
    }
    filtered = filtering;
    document.documentElement.classList.toggle("filtered", filtered);
    byId("count").textContent = filtering
      ? `${shown} of ${findings.length} findings shown`
      : `${findings.length} ${findings.length === 1 ? "finding" : "findings"}`;
    byId("clear").hidden = !filtering;
    byId("nothing").hidden = shown > 0;
  }

  function clear() {
    text.value = "";
    for (const [, control] of filters) control.value = "";
    filter();
  }

  const alphabet = new Intl.Collator("en", { numeric: true });
  const named = (finding) => (finding.named ??= finding.row.querySelector(".who").textContent.trim());
  const title = (each) => titles.get(each.rule ?? each.dataset.rule);
  const orders = {
    severity: () => 0, // the page's own order
    rule: (a, b) => alphabet.compare(title(a), title(b)),
    project: (a, b) => a.project - b.project,
    team: (a, b) => a.team - b.team,
    resource: (a, b) => alphabet.compare(named(a), named(b)),
    new: (a, b) => isNew(b) - isNew(a),
  };

  // Put findings in order: under their rules, or all in one list where the order is another than the rules'.
  function arrange() {
    const by = sort.value;
    const together = by !== "severity" && by !== "rule";
    const places = new Map();
    for (const finding of [...findings].sort((a, b) => orders[by](a, b) || a.order - b.order)) {
      const place = together && finding.group ? flat : finding.home;
      if (place === flat) label(finding);
      if (!places.has(place)) places.set(place, document.createDocumentFragment());
      places.get(place).append(finding.row);
    }
    for (const [place, rows] of places) place.append(rows);
    const placed = by === "rule" ? [...groups].sort(orders.rule) : groups;
    for (const each of placed) each.parentElement.append(each);
    filter();
  }

  // Say of a finding that stands apart from its rule's section which rule's it is.
  function label(finding) {
    if (finding.labelled) return;
    finding.labelled = true;
    const line = document.createElement("p");
    line.className = "of";
    const link = document.createElement("a");
    link.href = `#${finding.group.id}`;
    link.append(titles.get(finding.rule));
    line.append(finding.group.querySelector(".badge").cloneNode(true), " ", link);
    finding.row.querySelector(".what").prepend(line);
  }

  // Lead to what the address names, even if it is filtered out, folded away or in another order.
  function follow() {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      // a lone % in it; it is then looked for as it is
    }
    const key = id.startsWith("f-") ? id.slice(2) : null;
    const target = byId(id) ?? (key && (byId(`r-${key}`) ?? byId(`u-${key}`)));
    byId("absent").hidden = key === null || Boolean(target);
    if (key !== null && !target) byId("absent").scrollIntoView({ block: "center" });
    if (!target) return;
    if (target.closest("[hidden]")) {
      sort.value = groups.includes(target) ? "severity" : sort.value;
      clear();
      arrange();
    }
    for (let each = target.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
    for (const each of document.querySelectorAll(".linked")) each.classList.remove("linked");
    if (target.matches(".findings > li")) target.classList.add("linked");
    const centred = () => target.scrollIntoView({ block: target.matches("li") ? "center" : "start" });
    centred();
    requestAnimationFrame(centred); // again, once those above are as tall as they are
  }

  if (tools) {
    for (const details of unfolded.keys()) {
      const count = document.createElement("span");
      count.className = "shown";
      details.querySelector("summary").append(count);
    }
    let waiting;
    text.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, wait);
    });
    for (const [, control] of filters) control.addEventListener("change", filter);
    sort.addEventListener("change", arrange);
    byId("clear").addEventListener("click", () => {
      clear();
      text.focus();
    });
    filter();
    tools.hidden = false;
    document.documentElement.classList.add("filterable");
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) follow(); // the address stays, so nothing else would tell
  });
  if (location.hash) follow();
}
