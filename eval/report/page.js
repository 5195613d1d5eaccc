/* The living part of the report: charts in the reader's colours, two languages, and the questions to browse.
   Every text of a document reaches the page as a text node. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const PAGE = 25;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const good = new Set(data.good);
  let ui = data.ui;
  let at = 0; // first row shown, among those that the filters leave
  let left = [];

  const own = (map, key) => (Object.hasOwn(map, key) ? map[key] : key);
  const say = (english) => (ui === "zh" ? own(data.words, english) : english);

  /** An element; a string among the children becomes a text node, nothing and false are left out. */
  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.flat().filter((child) => child || child === 0).map((child) => (child.nodeType ? child : String(child))));
    return made;
  }

  /* ---- charts ---- */

  /** A figure with every colour and word that has a counterpart replaced. */
  function worded(part, night) {
    if (typeof part === "string") return night ? own(data.palette, say(part)) : say(part);
    if (Array.isArray(part)) return part.map((inner) => worded(inner, night));
    if (part && typeof part === "object")
      return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, worded(inner, night)]));
    return part;
  }

  function drawCharts() {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const made = data.charts[figure.dataset.chart];
      if (!made || !window.Plotly) continue;
      const [plot, picture] = [figure.querySelector(".plot"), figure.querySelector("img")];
      const shown = worded(made, dark.matches);
      Plotly.react(plot, shown.data, shown.layout, { displayModeBar: false, responsive: true });
      const paper = worded(made, false);
      const size = { width: 640, height: paper.layout.height };
      Plotly.toImage({ data: paper.data, layout: { ...paper.layout, ...size } }, { format: "svg", ...size }).then((url) => {
        picture.src = url;
      });
    }
  }

  /* ---- one question ---- */

  const close = (text) => (text || "").replace(/\n\s*\n/g, "\n"); // a blank line of a document is much white here
  const place = ([source, start, end]) => el("code", {}, `${source} ${start}–${end}`);
  const lines = (texts) => el("ul", {}, texts.map((text) => el("li", {}, text)));
  const term = (name, ...held) => [el("dt", {}, say(name)), el("dd", {}, ...held)];

  function cited(quote, short) {
    const text = close(quote.q);
    const found = short ? text.indexOf(short) : -1;
    const parts = found < 0 ? [text] : [text.slice(0, found), el("b", {}, short), text.slice(found + short.length)];
    const where = [place(quote.at)];
    if (quote.page) where.push(` ${say("page")} ${quote.page}`);
    if (quote.row) where.push(` ${say("row")} ${quote.row}`);
    if (quote.gold) where.push(" ", el("span", { class: "yes" }, "✓ " + say("touches the gold evidence")));
    if (quote.bad) where.push(" ", el("span", { class: "no" }, "✗ " + say("offsets do not reproduce the quote")));
    if (quote.dead) where.push(" ", el("span", { class: "no" }, "✗ " + say("link does not open there")));
    return el("blockquote", {}, el("p", {}, quote.b && "…" + close(quote.b), el("mark", {}, parts), quote.a && close(quote.a) + "…"), el("footer", {}, where));
  }

  function measured(row) {
    const held = Object.entries(data.labels).filter(([name]) => name in row.values);
    return held.map(([name, called]) => el("span", { class: "measure" }, `${say(called)} `, el("b", {}, (row.values[name] ?? 0).toFixed(2))));
  }

  function ranks(row) {
    const all = Object.entries(row.first);
    return all.map(([name, rank], i) => [i ? " · " : "", say(name) + " ", el("b", {}, rank || say("not found"))]).flat();
  }

  /** Everything known of a question, as a list of terms. */
  function body(row) {
    const out = [];
    if (row.history) out.push(...term("before", lines(row.history)));
    if (row.understood) out.push(...term("understood as", row.understood));
    out.push(...term("expected", row.answers ? row.answers.join(" / ") : row.answerable ? (row.facts || row.evidence || ["–"]).join(" + ") : say("(no answer)")));
    if (row.facts && row.answers) out.push(...term("facts", row.facts.join(" + ")));
    const text = row.error || close(row.text);
    out.push(...term("shown", row.found ? text : el("span", {}, el("em", {}, say(row.error ? "error" : "refused")), text && " — " + text)));
    if (row.short) out.push(...term("short answer", el("b", {}, row.short)));
    out.push(...term("confidence", `${(row.conf ?? 0).toFixed(2)}${row.reason ? " · " + row.reason : ""}${row.kind ? " · " + row.kind : ""}`));
    if (row.quotes) out.push(...term("cited", row.quotes.map((quote) => cited(quote, row.short))));
    if (row.nearest) out.push(...term("nearest, shown as not answering", row.nearest.map((quote) => cited(quote))));
    if (row.evidence || row.gold)
      out.push(...term("gold evidence", row.evidence && lines(row.evidence), row.gold && el("p", {}, row.gold.flatMap((p) => [place(p), " "]))));
    if (row.docs) out.push(...term("relevant documents", row.docs.flatMap(([source, grade]) => [el("code", {}, source), ` ${grade}  `])));
    if (row.hits) {
      const hits = row.hits.map((hit) => el("li", {}, place(hit.at), hit.rel && [" ", el("span", { class: "yes" }, "✓ " + say("relevant"))]));
      out.push(...term("first hits", el("ol", {}, hits)));
    }
    if (row.first) out.push(...term("first relevant at rank", ranks(row)));
    if (row.values) out.push(...term("measures", measured(row)));
    return el("dl", { class: "question" }, out);
  }

  const mark = (row) => (good.has(row.verdict) ? "✓" : "✗");

  function listed(row) {
    const said = row.found ? row.short || row.text || "" : "";
    const summary = el(
      "summary", {},
      el("span", { class: "mark " + (good.has(row.verdict) ? "yes" : "no"), "aria-hidden": "true" }, mark(row)),
      el("span", { class: "q" }, row.q || "–"),
      el("span", { class: "meta" }, el("span", { class: good.has(row.verdict) ? "yes" : "no" }, say(row.verdict)), el("span", {}, row.type), el("span", {}, row.id), said && el("span", { class: "said" }, "→ " + said.slice(0, 80))),
    );
    const made = el("details", {}, summary);
    made.addEventListener("toggle", () => {
      if (made.open && made.childElementCount === 1) made.append(body(row));
    });
    return made;
  }

  /* ---- filters and pages ---- */

  const hay = (row) =>
    [row.id, row.q, row.text, row.short, ...(row.answers || []), ...(row.facts || []), ...(row.history || []), ...(row.quotes || []).map((q) => q.at[0]), ...(row.gold || []).map((p) => p[0])]
      .join("\n").toLowerCase();
  const ORDERS = {
    "worst first": (a, b) => good.has(a.verdict) - good.has(b.verdict) || a.good - b.good || b.conf - a.conf || a.at - b.at,
    "as in the set": (a, b) => a.at - b.at,
    "surest first": (a, b) => b.conf - a.conf || a.at - b.at,
  };
  const worst = () => data.rows.filter((row) => !good.has(row.verdict)).sort(ORDERS["worst first"]);

  function fill(select, pairs) {
    const kept = select.value;
    select.replaceChildren(...pairs.map(([value, text]) => el("option", { value }, text)));
    if (pairs.some(([value]) => value === kept)) select.value = kept;
  }

  function counted(key) {
    const counts = new Map();
    for (const row of data.rows) counts.set(row[key], (counts.get(row[key]) || 0) + 1);
    return counts;
  }

  function fillFilters() {
    const [verdicts, kinds] = [counted("verdict"), counted("type")];
    const held = data.verdicts.filter((name) => verdicts.has(name)).map((name) => ["=" + name, `${say(name)} (${verdicts.get(name)})`]);
    const mend = data.rows.filter((row) => !good.has(row.verdict)).length;
    fill($("verdict"), [["", `${say("all")} (${data.rows.length})`], ["!", `${say("everything to mend")} (${mend})`], ...held]);
    const types = [...kinds].sort((a, b) => b[1] - a[1]).map(([name, n]) => ["=" + name, `${name} (${n})`]);
    fill($("kind"), [["", say("all")], ...types]);
    fill($("order"), Object.keys(ORDERS).map((name) => [name, say(name)]));
    $("find").placeholder = say("text in question, answer or source");
  }

  function sift() {
    const [text, verdict, kind] = [$("find").value.trim().toLowerCase(), $("verdict").value, $("kind").value];
    left = data.rows.filter(
      (row) =>
        (!verdict || (verdict === "!" ? !good.has(row.verdict) : "=" + row.verdict === verdict)) &&
        (!kind || "=" + row.type === kind) && (!text || (row.hay ??= hay(row)).includes(text)),
    );
    left.sort(ORDERS[$("order").value]);
    at = 0;
    show();
  }

  function show() {
    const last = Math.min(left.length, at + PAGE);
    $("list").replaceChildren(...left.slice(at, last).map(listed));
    $("count").textContent = left.length ? `${left.length} ${say("questions")}` : say("No question matches.");
    $("at").textContent = left.length ? `${at + 1}–${last} ${say("of")} ${left.length}` : "";
    $("previous").disabled = at === 0;
    $("next").disabled = last >= left.length;
  }

  function turn(by) {
    at = Math.max(0, at + by);
    show();
    $("browse").scrollIntoView();
  }

  function fillPaper() {
    const paper = $("paper");
    const rows = worst().slice(0, data.paper);
    paper.querySelectorAll("article").forEach((old) => old.remove());
    paper.append(...rows.map((row) => el("article", {}, el("h4", {}, `${mark(row)} ${row.q || "–"}`), el("p", { class: "meta" }, `${say(row.verdict)} · ${row.type} · ${row.id}`), body(row))));
    paper.hidden = !rows.length;
  }

  /* ---- the whole page ---- */

  function speak() {
    document.documentElement.lang = ui === "zh" ? "zh-CN" : "en";
    for (const word of document.querySelectorAll("[data-t]")) word.textContent = say(word.dataset.t);
    drawCharts();
    if (!$("browse")) return;
    fillFilters();
    show();
    fillPaper();
  }

  $("switch").hidden = false;
  $("switch").addEventListener("click", () => {
    ui = ui === "zh" ? "en" : "zh";
    speak();
  });
  dark.addEventListener("change", drawCharts);
  if ($("browse")) {
    data.rows.forEach((row, place) => (row.at = place));
    $("browse").hidden = false;
    fillFilters();
    $("find").addEventListener("input", sift);
    for (const id of ["verdict", "kind", "order"]) $(id).addEventListener("change", sift);
    $("browse").querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    $("previous").addEventListener("click", () => turn(-PAGE));
    $("next").addEventListener("click", () => turn(PAGE));
    for (const link of document.querySelectorAll("[data-type]"))
      link.addEventListener("click", () => {
        $("kind").value = "=" + link.dataset.type;
        sift();
        $("browse").scrollIntoView();
        $("kind").focus({ preventScroll: true });
      });
    sift();
  }
  speak();
})();
