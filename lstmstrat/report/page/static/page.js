"use strict";
(() => {
  const text = document.getElementById("payload").textContent;
  const {trades} = JSON.parse(text);
  const menu = document.getElementById("strategy");
  const settings = {responsive: true, displaylogo: false, displayModeBar: false};
  const places = {answer: "answer-plot", time: "time-plot"};  // of the charts whose section has their name
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const chosen = () => menu ? Number(menu.value) : -1;  // a comparison has no menu
  const on = (id, kind, work) => { const part = document.getElementById(id); if (part) part.addEventListener(kind, work); };

  // ---- charts ------------------------------------------------------------------------------------------------

  const {dates, series, figures} = JSON.parse(text);
  const names = Object.keys(figures).filter(name => document.getElementById(places[name] || name));
  const drawn = new Set();
  let paper = false;  // while the page is printed
  const widths = [[".two", 325], [".answer", 385], ["main", 680]];  // of charts on A4, in pixels

  function template() {
    const axis = {gridcolor: css("--rule"), linecolor: css("--rule"), zeroline: false, zerolinecolor: css("--zero"), zerolinewidth: 1.5};
    const label = {bgcolor: css("--card"), bordercolor: css("--rule"), font: {color: css("--ink")}};
    return {layout: {
      font: {family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--soft")},
      paper_bgcolor: css("--paper"), plot_bgcolor: css("--paper"), hoverlabel: label, hovermode: "x unified",
      margin: {t: 12, r: 10, b: 40, l: 58}, xaxis: axis, yaxis: axis, uirevision: "kept", dragmode: "zoom",
    }};
  }

  const coloured = value => JSON.parse(JSON.stringify(value), (key, v) => typeof v === "string" && v.startsWith("--") ? css(v) : v);

  function trace(raw) {
    const made = coloured(raw);
    if (made.x === "dates") Object.assign(made, {x: dates, y: series[raw.y]});
    if (made.meta && made.meta.always) {
      const own = made.meta.of === chosen();
      made.line = {color: css(own ? "--chosen" : "--others"), width: own ? 2.2 : 1};
      made.hoverinfo = own ? undefined : "skip";
      if (!own) delete made.hovertemplate;
    } else if (made.meta) {
      made.visible = made.meta.of === chosen();
    }
    return made;
  }

  // Names at the ends of the lines of the first chart, apart from each other.
  function ends(traces, layout) {
    const named = traces.filter(t => t.name === "holding" || (t.meta && t.meta.of === chosen()));
    const last = named.map(t => ({t, y: t.y.findLast(v => v !== null)})).filter(e => e.y > 0).sort((a, b) => a.y - b.y);
    const [low, high] = [Math.min(...traces.flatMap(t => t.y.filter(v => v > 0))), Math.max(...traces.flatMap(t => t.y))];
    const apart = last.length === 2 ? Math.log(last[1].y / last[0].y) / Math.log(high / low || 2) * (layout.height - 40) : 99;
    const shift = Math.max(0, (36 - apart) / 2);  // pixels; a name has two lines
    return last.map(({t, y}, place) => ({
      x: 1, xref: "paper", xanchor: "left", y: Math.log10(y), yref: "y", yshift: place ? shift : -shift, showarrow: false,
      text: `<b>${t.name.length > 14 ? t.name.slice(0, 13) + "…" : t.name}</b><br>${Math.round(y).toLocaleString("en-US")}`, align: "left", font: {color: t.line.color, size: 12},
    }));
  }

  function draw(name) {
    const element = document.getElementById(places[name] || name);
    const {data, layout} = figures[name];
    const traces = data.map(trace);
    // the strategy of the menu lies above the others
    traces.sort((a, b) => (a.meta && a.meta.of === chosen() ? 1 : 0) - (b.meta && b.meta.of === chosen() ? 1 : 0));
    const made = {...coloured(layout), template: template(), autosize: true};
    if (innerWidth < 600 && made.height > 400) made.height = Math.round(made.height * .8);
    if (name === "answer") {
      if (innerWidth < 600) made.height = 300;
      if (menu) made.annotations = ends(traces, made);
      if (!drawn.has(name)) element.replaceChildren();
    }
    const log = document.getElementById("log");
    if (name === "time" && log && !log.checked) made.yaxis = {...made.yaxis, type: "linear", tickvals: undefined};
    if (paper) made.width = widths.find(([place]) => element.closest(place))[1];
    drawn.add(name);
    Plotly.react(element, traces, made, settings);
  }

  const redraw = () => drawn.forEach(draw);

  // A chart is drawn when it comes near the window, the first one at once.
  const watcher = new IntersectionObserver(entries => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      draw(names.find(name => (places[name] || name) === entry.target.id));
    }
  }, {rootMargin: "600px"});

  // ---- the strategy of the menu ------------------------------------------------------------------------------

  function show() {
    for (const part of document.querySelectorAll("[data-of]")) part.hidden = Number(part.dataset.of) !== chosen();
    if (menu) document.querySelectorAll("#results tbody tr").forEach(row => row.classList.toggle("picked", row.dataset.place === String(chosen())));
    list();
    redraw();
  }

  // ---- round trips -------------------------------------------------------------------------------------------

  const filter = document.getElementById("trade-filter"), count = document.getElementById("trade-count");
  const body = document.querySelector("#trades-table tbody"), most = 500;
  const columns = ["opened", "closed", "side", "size", "entry_price", "exit_price", "pnl", "bars"];
  const keeps = {
    "": () => true, win: r => r.pnl > 0, loss: r => r.pnl < 0, long: r => r.side === "long", short: r => r.side === "short",
    open: r => r.closed === null,
  };
  let order = {column: "opened", down: false};

  function rows() {
    const table = trades[chosen()];
    if (!table) return [];
    const all = table.opened.map((_, k) => Object.fromEntries(columns.map(c => [c, table[c][k]])));
    const {column, down} = order;
    return all.filter(keeps[filter.value]).sort((a, b) => {
      if (a[column] === b[column]) return 0;
      if (a[column] === null) return 1;
      if (b[column] === null) return -1;
      return (a[column] < b[column] ? -1 : 1) * (down ? -1 : 1);
    });
  }

  const number = (value, digits) => value === null ? "" : value.toLocaleString("en-US", {maximumFractionDigits: digits, minimumFractionDigits: digits}).replace("-", "−");

  function list() {
    if (!body) return;
    const found = rows();
    body.replaceChildren(...found.slice(0, most).map(row => {
      const line = document.createElement("tr");
      const shown = [row.opened, row.closed ?? "open", row.side, number(row.size, 0), number(row.entry_price, 2), number(row.exit_price, 2), number(row.pnl, 0), number(row.bars, 0)];
      shown.forEach((value, k) => {
        const cell = document.createElement(k ? "td" : "th");
        if (!k) cell.scope = "row";
        cell.textContent = value;
        line.append(cell);
      });
      return line;
    }));
    count.textContent = `${found.length.toLocaleString("en-US")} round trips` + (found.length > most ? `, the first ${most} shown` : "");
  }

  document.querySelectorAll("#trades-table thead th").forEach((head, k) => sortBy(head, down => {
    order = {column: columns[k], down};
    list();
  }));
  on("trade-filter", "change", list);
  on("trade-csv", "click", () => {
    const lines = [columns.join(","), ...rows().map(row => columns.map(c => row[c] ?? "").join(","))];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], {type: "text/csv"}));
    link.download = "trades.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });

  // ---- tables that sort --------------------------------------------------------------------------------------

  function sortBy(head, sort) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `sort by ${head.textContent.replaceAll("\u00ad", "")}`);
    head.append(button);
    head.addEventListener("click", event => {
      if (event.target.closest("a")) return;  // to the glossary
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(down);
    });
  }

  for (const table of document.querySelectorAll("table.sortable:not(#trades-table table)")) {
    const lines = [...table.tBodies[0].rows];
    lines.forEach((line, k) => { line.dataset.place = String(k - 1); });
    [...table.tHead.rows[0].cells].forEach((head, k) => {
      if (!lines.some(line => line.cells[k].dataset.sort || k === 0)) return;
      sortBy(head, down => {
        const value = line => k ? Number(line.cells[k].dataset.sort ?? NaN) : line.cells[0].textContent;
        const sorted = [...lines].sort((a, b) => {
          const x = value(a), y = value(b);
          if (x === y) return 0;
          if (x !== x || y !== y) return x !== x ? 1 : -1;
          return (x < y ? -1 : 1) * (down ? -1 : 1);
        });
        table.tBodies[0].append(...sorted);
      });
    });
  }

  // ---- what a term means -------------------------------------------------------------------------------------

  let tip = null;
  const hide = () => { if (tip) tip.remove(); tip = null; };
  function explain(event) {
    const term = event.target.closest && event.target.closest("[data-tip]");
    if (!term && document.activeElement.closest("[data-tip]")) return;  // the one that a keyboard chose
    hide();
    if (!term) return;
    tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "tooltip");
    tip.textContent = term.dataset.tip;
    document.body.append(tip);
    const at = term.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(at.left + scrollX, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${at.bottom + scrollY + 6}px`;
  }
  for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, explain);
  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });

  // ---- begin -------------------------------------------------------------------------------------------------

  on("strategy", "change", show);
  on("log", "change", () => draw("time"));
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach(part => { part.open = true; });
    paper = true;
    names.forEach(draw);
  });
  addEventListener("afterprint", () => {
    paper = false;
    names.forEach(draw);
  });
  show();
  if (names.includes("answer")) draw("answer");
  names.filter(name => name !== "answer").forEach(name => watcher.observe(document.getElementById(places[name] || name)));
})();
