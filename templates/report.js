// Filters, sorts, groups and leads to what the page already says. It makes no request, keeps nothing and writes no
// markup: it hides, reorders, unfolds, and clones what the page itself holds.
"use strict";
{
  const byId = (id) => document.getElementById(id);
  const within = byId("findings");
  const tools = byId("tools");
  const flat = byId("flat");
  const grouped = byId("grouped");
  const table = byId("table");
  const isNew = (row) => row.state === "new" || row.state === "reopened";
  const filters = ["severity", "rule", "type", "project", "team", "state"].filter(byId).map((name) => [name, byId(name)]);
  const text = byId("text");
  const group = byId("group");
  const sort = byId("sort");
  const wait = 120; // milliseconds without a keystroke before it filters
  const longest = 1000; // lines of the table: browsers lay out a table as a whole

  // What is only listed again, such as findings reported as incorrect, is of no rule, and is not filtered.
  const listed = [...within.querySelectorAll(".findings > li")].filter((row) => row.closest("[data-rule]"));
  const findings = listed.map((row, order) => {
    const about = row.closest("[data-rule]"); // the row itself, or the section of its rule
    const { rule, severity } = about.dataset;
    const { type = "", project = "", team = "", state = "" } = row.dataset;
    const section = about === row ? null : about; // null: not a violation
    return { row, order, home: row.parentElement, section, rule, severity, type, project, team, state };
  });
  const rules = [...within.querySelectorAll(".rule")];
  const lists = [...within.querySelectorAll(".findings")];
  const sections = [...within.querySelectorAll("section")];
  const unfolded = new Map([...within.querySelectorAll("details")].map((each) => [each, each.open])); // unfiltered
  let together = []; // findings in order: { heading, members } for each group
  let groups = []; // those of a list that have a section of their own: { section, list, count, total }
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
  const asTable = () => !table.hidden;

  // Show what matches every filter, and only those lists and sections that have something to show.
  function filter() {
    const looked = words();
    const picked = chosen();
    const filtering = looked.length > 0 || picked.length > 0;
    const many = new Map(); // rows to be seen, by their list
    let shown = 0;
    for (const finding of findings) {
      const fits =
        picked.every(([name, control]) => finding[name] === control.value) &&
        looked.every((word) => has(finding, word));
      if (finding.row.hidden === fits) finding.row.hidden = !fits;
      if (!fits) continue;
      const list = finding.row.parentElement;
      many.set(list, (many.get(list) ?? 0) + 1);
      shown += 1;
    }
    const holding = new Set(); // what has something to show, and all that is around it
    for (const list of many.keys()) for (let each = list; each && !holding.has(each); each = each.parentElement) holding.add(each);
    if (asTable()) tabulate(shown);
    for (const each of sections) each.hidden = (filtering && !holding.has(each)) || asTable();
    if (group.value !== "rule") for (const each of rules) each.hidden = true;
    flat.hidden = !many.has(flat);
    for (const { section, list, count, total } of groups) {
      const here = many.get(list) ?? 0;
      section.hidden = !here;
      count.textContent = filtering ? `${here} of ${total} shown` : `${total} ${total === 1 ? "finding" : "findings"}`;
    }
    for (const [details, open] of unfolded) {
      if (filtering && !filtered) unfolded.set(details, details.open);
      if (filtering) details.open = holding.has(details);
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
  const named = (finding) => (finding.named ??= finding.row.querySelector(".who").textContent.trim().replace(/\s+/g, " "));
  const orders = {
    severity: () => 0, // the page's own order
    rule: (a, b) => alphabet.compare(titles.get(a.rule), titles.get(b.rule)),
    resource: (a, b) => alphabet.compare(named(a), named(b)),
    new: (a, b) => isNew(b) - isNew(a),
  };
  const option = (name, finding) => byId(name).querySelector(`[value="${finding[name]}"]`).text;
  const groupings = { // what is equal for those that are listed together, and what heads them
    rule: [(finding) => finding.rule, (finding) => titles.get(finding.rule)],
    resource: [(finding) => [finding.type, finding.project, finding.team, named(finding)].join("\n"), named],
    project: [(finding) => finding.project, (finding) => option("project", finding)],
    team: [(finding) => finding.team, (finding) => option("team", finding)],
    nothing: [() => "", () => ""],
  };

  // Put findings in order, and together by what is chosen; the groups come in the order of their first findings.
  function arrange() {
    const [keyOf, headingOf] = groupings[group.value];
    const ordered = [...findings].sort((a, b) => orders[sort.value](a, b) || a.order - b.order);
    const byKey = new Map();
    for (const finding of ordered) {
      const key = keyOf(finding);
      if (!byKey.has(key)) byKey.set(key, { heading: headingOf(finding), members: [] });
      byKey.get(key).members.push(finding);
    }
    within.dataset.by = group.value;
    together = [...byKey.values()];
    if (!asTable()) list(ordered);
    filter();
  }

  // Violations under their rules, or in lists of their own; what else there is stays in its section.
  function list(ordered) {
    const places = new Map();
    const lay = (place, finding) => {
      if (!places.has(place)) places.set(place, document.createDocumentFragment());
      places.get(place).append(finding.row);
    };
    for (const finding of ordered) if (group.value === "rule" || !finding.section) lay(finding.home, finding);
    grouped.replaceChildren();
    groups = [];
    for (const { heading, members } of group.value === "rule" ? [] : together) {
      const violations = members.filter((finding) => finding.section);
      if (!violations.length) continue;
      const place = group.value === "nothing" ? flat : addGroup(heading, violations);
      for (const finding of violations) {
        label(finding);
        lay(place, finding);
      }
    }
    for (const [place, rows] of places) place.append(rows);
    if (group.value !== "rule") return;
    const inOrder = new Set([...ordered.map((finding) => finding.section).filter(Boolean), ...rules]);
    for (const each of inOrder) each.parentElement.append(each);
  }

  // Add a heading with the worst severity and a count, and a list below it.
  function addGroup(heading, members) {
    const section = made("section", "group");
    const title = made("div", "title");
    const worst = members.reduce((a, b) => (a.order <= b.order ? a : b));
    const count = made("span", "count");
    title.append(worst.section.querySelector(".badge").cloneNode(true), " ", made("h3", "", heading), " ", count);
    const list = made("ul", "findings");
    section.append(title, list);
    grouped.append(section);
    groups.push({ section, list, count, total: members.length });
    return list;
  }

  // A line for each finding that is shown, below a line for each group. What groups them has no column then.
  function tabulate(shown) {
    const columns = table.querySelectorAll(`thead th:not([data-of="${group.value}"])`).length;
    const body = document.createDocumentFragment();
    let room = longest;
    for (const { heading, members } of together) {
      const fitting = members.filter((finding) => !finding.row.hidden);
      if (!fitting.length || !room) continue;
      const section = made("tbody");
      if (heading) {
        const cell = made("th", "", heading);
        cell.scope = "rowgroup";
        cell.colSpan = columns;
        cell.append(" ", made("span", "count", `${fitting.length} ${fitting.length === 1 ? "finding" : "findings"}`));
        section.insertRow().append(cell);
      }
      section.append(...fitting.slice(0, room).map((finding) => (finding.line ??= lineOf(finding))));
      room -= Math.min(room, fitting.length);
      body.append(section);
    }
    table.querySelector("table").replaceChildren(table.querySelector("caption"), table.querySelector("thead"), body);
    byId("cut").hidden = shown <= longest;
    byId("cut").textContent = `The table has the first ${longest} of ${shown}: filter it to see the others.`;
  }

  function lineOf(finding) {
    const line = made("tr");
    const { row, section } = finding;
    const copies = (from) => [...from.childNodes].map((each) => each.cloneNode(true));
    const message = row.querySelector(".what > p:not(.of, .waiver)");
    const cells = {
      severity: [(section ?? row).querySelector(".badge").cloneNode(true)],
      rule: [section ? linkTo(section, titles.get(finding.rule)) : titles.get(finding.rule)],
      resource: copies(row.querySelector(".who")),
      finding: [...copies(message), " ", row.querySelector(".link").cloneNode(true)],
    };
    for (const { dataset } of table.querySelectorAll("thead th")) {
      const cell = made("td");
      cell.dataset.of = dataset.of;
      cell.append(...(cells[dataset.of] ?? [option(dataset.of, finding)]));
      line.append(cell);
    }
    return line;
  }

  // Say of a finding that stands apart from its rule's section which rule's it is.
  function label(finding) {
    if (finding.labelled) return;
    finding.labelled = true;
    const line = made("p", "of");
    const badge = finding.section.querySelector(".badge").cloneNode(true);
    line.append(badge, " ", linkTo(finding.section, titles.get(finding.rule)));
    finding.row.querySelector(".what").prepend(line);
  }

  function made(tag, name = "", content = "") {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.textContent = content;
    return element;
  }

  function linkTo(section, title) {
    const link = made("a", "", title);
    link.href = `#${section.id}`;
    return link;
  }

  function show(inTable) {
    table.hidden = !inTable;
    byId("as-list").setAttribute("aria-pressed", !inTable);
    byId("as-table").setAttribute("aria-pressed", inTable);
    arrange();
  }

  // Lead to what the address names, even if it is filtered out, folded away or in another view.
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
    if (tools && target.closest("[hidden]")) {
      if (rules.includes(target)) group.value = "rule";
      clear();
      show(false);
    }
    for (let each = target.closest("details"); each; each = each.parentElement.closest("details")) each.open = true;
    for (const each of document.querySelectorAll(".linked")) each.classList.remove("linked");
    if (target.matches(".findings > li")) target.classList.add("linked");
    const centred = () => target.scrollIntoView({ block: target.matches("li") ? "center" : "start" });
    centred();
    requestAnimationFrame(centred); // again, once those above are as tall as they are
  }

  if (tools) {
    for (const details of unfolded.keys()) details.querySelector("summary").append(made("span", "shown"));
    let waiting;
    text.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, wait);
    });
    for (const [, control] of filters) control.addEventListener("change", filter);
    for (const control of [group, sort]) control.addEventListener("change", arrange);
    byId("as-list").addEventListener("click", () => show(false));
    byId("as-table").addEventListener("click", () => show(true));
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
