// Copies a finding as Markdown, the command that waives it, or a link to it. What others wrote shows in that Markdown
// as it is, by the rules of the Markdown report (northflank_audit/formats/markdowntext.py): nothing of it is markup, a
// mention or a link.
{
  const template = document.getElementById("copies");
  const spoken = document.getElementById("copied");

  const meaning = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;" };
  const plain = (word) => word.replace(/[\\`*_[\]~$&<>|]/g, (each) => meaning[each] ?? `\\${each}`);
  const reference = /:\/\/|(?<![\p{L}\p{N}_])www\.|[@#]|(?<![\p{L}\p{N}_])[!$~%^&](?=[\p{L}\p{N}_"])|[!$~%^&](?=\p{Nd})/iu;
  const inert = (word) =>
    word
      .split(/([`|])/)
      .filter(Boolean)
      .map((part) => (part === "`" || part === "|" ? `&#${part.charCodeAt(0)};` : `\`${part}\``))
      .join("");
  const escaped = (text) =>
    text
      .replace(/\s+/g, " ")
      .trim()
      .replace(/\S+/g, (word) => (reference.test(word) ? inert(word) : plain(word)))
      .replace(/^([-+=]|\d{1,9}(?=[.)](?:\s|$)))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`));
  const code = (text) => (/[`|]/.test(text) ? `<code>${escaped(text)}</code>` : `\`${text.trim()}\``);

  const texts = (row, selector) => [...row.querySelectorAll(selector)].map((each) => each.textContent.trim());
  const advice = (about, term) => {
    const found = [...about.querySelectorAll(".plain dt")].find((each) => each.textContent === term);
    return found ? [`**${term}:** ${escaped(found.nextElementSibling.textContent)}`] : [];
  };

  // What the Markdown of a finding says: its rule and resource, what is wrong, the evidence, and what to do.
  function markdown(row) {
    const { rule, severity } = origin(row).dataset;
    const title = [...document.getElementById("rule").options].find((each) => each.value === rule).text;
    const badges = texts(row, ".what > p:not(.of, .waiver) > .badge");
    const message = row.querySelector(".what > p:not(.of, .waiver)").cloneNode(true);
    for (const badge of message.querySelectorAll(".badge")) badge.remove();
    const named = [...row.querySelectorAll(".who b, .who code, .who span")].map((each) =>
      each.tagName === "CODE" ? code(each.textContent) : escaped(each.textContent));
    const page = row.querySelector(".who a")?.href;
    return [
      `**${[...badges, severity].join(", ")}: ${escaped(title)}**`,
      `${named.join(" ")}: ${escaped(message.textContent)}`,
      texts(row, ".evidence code").map((field) => `- ${code(field)}`).join("\n"),
      ...texts(row, ".waiver, .annotation").map(escaped),
      ...advice(origin(row), "Why it matters"),
      ...advice(origin(row), "What to do"),
      `Rule ${code(rule)}, finding ${code(row.id.slice(2))}${page ? `, <${page}>` : ""}`,
    ].filter(Boolean).join("\n\n") + "\n";
  }

  const waiver = (row) =>
    `python audit.py waivers add ${row.id.slice(2)} --reason "WHY" --owner "WHO" --expires YYYY-MM-DD`;
  const link = (row) => `${location.href.replace(/#.*$/, "")}#${row.id}`;
  const ways = { markdown, waiver, link };

  // The rule's section, or the row itself where it names its rule. A row keeps it when it is put elsewhere.
  const origins = new Map();
  const origin = (row) => origins.get(row);

  async function copy(button) {
    const row = button.closest("li");
    const text = ways[button.dataset.copy](row);
    const done = await written(text, row);
    spoken.textContent = done ? `Done: ${button.ariaLabel}` : "The browser copies nothing here: copy the selected text";
    if (!done) return;
    const label = (button.dataset.label ??= button.textContent);
    button.textContent = "copied";
    setTimeout(() => (button.textContent = label), 1500);
  }

  // Put a text on the clipboard. Where a browser lets no page do it, show the text, selected.
  async function written(text, row) {
    row.querySelector("textarea")?.remove();
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.readOnly = true;
      area.ariaLabel = "The text to copy";
      area.value = text;
      row.querySelector(".what").append(area);
      area.select();
      const done = document.execCommand("copy");
      if (done) area.remove();
      return done;
    }
  }

  for (const row of template ? document.querySelectorAll("#findings .findings > li") : []) {
    if (!row.querySelector(".link")) continue; // it is only listed again
    origins.set(row, row.closest("[data-rule]"));
    const copies = template.content.cloneNode(true);
    const name = `finding #${row.id.slice(2, 14)}`;
    const violated = row.closest(".rule") !== null && /^f-[0-9a-f]+$/.test(row.id);
    if (!violated) copies.querySelector("[data-copy='waiver']").remove();
    for (const button of copies.querySelectorAll("button")) button.ariaLabel += `: ${name}`;
    row.querySelector(".link").after(copies);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
