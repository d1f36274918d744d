"use strict";
(() => {
  const text = document.getElementById("payload").textContent;
  const menu = document.getElementById("strategy");
  const settings = {responsive: true, displaylogo: false, displayModeBar: false};
  const places = {answer: "answer-plot", time: "time-plot"};  // of the charts whose section has their name
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const chosen = () => menu ? Number(menu.value) : -1;  // a comparison has no menu
  const on = (id, kind, work) => { const part = document.getElementById(id); if (part) part.addEventListener(kind, work); };

  // ---- charts ------------------------------------------------------------------------------------------------

  // Numbers and times are packed: whole numbers, each the difference from the one before; null is a gap.
  function unpacked(steps) {
    let sum = 0;
    return steps.map(step => step === null ? null : sum += step);
  }
  const numbers = ({decimals, steps}) => unpacked(steps).map(v => v === null ? null : v / 10 ** decimals);
  const times = ({seconds, steps}) => unpacked(steps).map(v => new Date(v * seconds * 1000).toISOString().slice(0, seconds === 86400 ? 10 : 19));

  const packed = JSON.parse(text), figures = packed.figures;
  const dates = times(packed.dates), series = packed.series.map(numbers);
  const trades = packed.trades.map(table => {
    const closed = times(table.closed);
    for (const place of table.closed.missing) closed.splice(place, 0, null);
    return {...table, entry_price: numbers(table.entry_price), exit_price: numbers(table.exit_price), opened: times(table.opened), closed, side: table.side.map(short => short ? "short" : "long")};
  });
  const names = Object.keys(figures).filter(name => document.getElementById(places[name] || name));
  const drawn = new Set();
  let paper = false;  // while the page is printed
  const widths = [[".two > figure:last-child:nth-child(odd)", 684], [".two", 325], [".answer", 378], ["main", 684]];  // of charts on A4, in pixels

  function template() {
    const axis = {gridcolor: css("--rule"), linecolor: css("--rule"), zeroline: false, zerolinecolor: css("--zero"), zerolinewidth: 1.5};
    const label = {bgcolor: css("--card"), bordercolor: css("--rule"), font: {color: css("--ink")}};
    return {layout: {
      font: {family: getComputedStyle(document.body).fontFamily, size: paper ? 9 : 12, color: css("--soft")},
      paper_bgcolor: css("--paper"), plot_bgcolor: css("--paper"), hoverlabel: label, hovermode: "x unified",
      margin: {t: 12, r: 10, b: 40, l: 58}, xaxis: axis, yaxis: axis, uirevision: "kept", dragmode: "zoom",
    }};
  }

  const coloured = value => JSON.parse(JSON.stringify(value), (key, v) => typeof v === "string" && v.startsWith("--") ? css(v) : v);

  function trace(raw) {
    const made = coloured(raw);
    if (made.x === "dates") Object.assign(made, {x: dates, y: series[raw.y]});
    else if (made.x === "closed") Object.assign(made, {x: trades[raw.meta.of].closed, y: trades[raw.meta.of].pnl.map((v, k) => trades[raw.meta.of].closed[k] === null ? null : v)});
    else if (made.x && made.x.steps) Object.assign(made, {x: times(made.x), y: numbers(made.y)});
    if (made.meta && made.meta.strategies) {  // a dot for each: one colour, one meaning
      made.marker.color = made.meta.strategies.map(k => css(k === chosen() ? "--chosen" : "--soft"));
    } else if (made.meta && made.meta.always) {
      const own = made.meta.of === chosen();
      made.line = {color: css(own ? "--chosen" : "--others"), width: own ? 2.2 : 1};
      made.hoverinfo = own ? undefined : "skip";
      if (!own) delete made.hovertemplate;
    } else if (made.meta) {
      made.visible = made.meta.of === chosen();
    }
    return made;
  }

  const escaped = name => name.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  // A long name loses its middle: names that differ often differ at the end.
  const short = name => escaped(name.length > 14 ? `${name.slice(0, 6)}…${name.slice(-7)}` : name);

  // Names at the ends of the lines of the first chart, apart from each other.
  function ends(traces, layout) {
    const named = traces.filter(t => !t.meta || t.meta.of === chosen());
    const last = named.map(t => ({t, y: t.y.findLast(v => v !== null)})).filter(e => e.y > 0).sort((a, b) => a.y - b.y);
    const [low, high] = [Math.min(...traces.flatMap(t => t.y.filter(v => v > 0))), Math.max(...traces.flatMap(t => t.y))];
    const apart = last.length === 2 ? Math.log(last[1].y / last[0].y) / Math.log(high / low || 2) * (layout.height - 40) : 99;
    const shift = Math.max(0, (36 - apart) / 2);  // pixels; a name has two lines
    return last.map(({t, y}, place) => ({
      x: 1, xref: "paper", xanchor: "left", y: Math.log10(y), yref: "y", yshift: place ? shift : -shift, showarrow: false,
      text: `<b>${t.meta ? short(menu.options[chosen()].textContent) : t.name}</b><br>${Math.round(y).toLocaleString("en-US")}`, align: "left", font: {color: t.line.color, size: 12},
    }));
  }

  // The width of a name at the end of a line, in pixels.
  function wide(text) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `bold 12px ${getComputedStyle(document.body).fontFamily}`;
    return Math.max(...text.split("<br>").map(line => pen.measureText(plain(line)).width));
  }

  const plain = text => new DOMParser().parseFromString(text, "text/html").documentElement.textContent;  // plotly.js names are escaped

  // What the lines and dots mean, as text below the chart: it wraps, and can lie on nothing.
  function key(traces) {
    const named = new Map(traces.filter(t => t.visible !== false && t.showlegend !== false).map(t => [t.name, t]));
    const line = document.createElement("p");
    line.className = "key";
    for (const [name, t] of named.size > 1 ? named : []) {
      const item = document.createElement("span"), colour = t.mode && t.mode.startsWith("markers") ? t.marker.color : (t.line || t.marker).color;
      const dash = {dash: "6 3", dot: "2 3", dashdot: "7 3 2 3"}[t.line && t.line.dash] || "";
      const mark = t.fill === "tonexty" || t.type === "bar" || t.line && t.line.width > 9 ? ["rect", {y: 0, width: 22, height: 10, fill: t.fillcolor || colour || t.marker.color}]
        : t.mode === "markers" ? t.marker.symbol ? ["path", {d: t.marker.symbol === "triangle-up" ? "M5 10 L11 0 L17 10Z" : "M5 0 L11 10 L17 0Z", fill: colour}] : ["circle", {cx: 11, cy: 5, r: 4.5, fill: Array.isArray(colour) ? css("--soft") : colour}]
          : ["path", {d: "M0 5H22", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash}];
      const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg"), shape = document.createElementNS("http://www.w3.org/2000/svg", mark[0]);
      picture.setAttribute("aria-hidden", "true");
      for (const [attribute, value] of Object.entries(mark[1])) shape.setAttribute(attribute, value);
      picture.append(shape);
      item.append(picture, plain(name));
      line.append(item);
    }
    return line;
  }

  // An axis whose values hardly differ shows a least span around them, not their last decimals.
  function roomy(layout, traces) {
    for (const side of ["x", "y"]) {
      for (const name of Object.keys(layout).filter(n => n.startsWith(`${side}axis`))) {
        const axis = layout[name], own = name.replace("axis", "");
        if (axis.range || axis.type === "date" || axis.type === "category") continue;
        const values = traces.filter(t => t.visible !== false && (t[`${side}axis`] || side) === own)
          .flatMap(t => t[side]).filter(v => typeof v === "number" && (axis.type !== "log" || v > 0)).map(v => axis.type === "log" ? Math.log10(v) : v);
        const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
        const least = axis.type === "log" ? .01 : .01 * Math.max(Math.abs(low), Math.abs(high)) || .1;
        if (high - low < least && values.length) axis.range = [(low + high - 1.2 * least) / 2, (low + high + 1.2 * least) / 2];
      }
    }
  }

  function draw(name) {
    const element = document.getElementById(places[name] || name);
    const {data, layout, why} = figures[name];
    const reason = Array.isArray(why) ? why[chosen()] : why;
    if (element.nextElementSibling && element.nextElementSibling.className === "key") element.nextElementSibling.remove();
    drawn.add(name);
    if (reason) {  // in place of an empty box
      Plotly.purge(element);
      const line = document.createElement("p");
      line.className = "why";
      line.textContent = reason;
      element.replaceChildren(line);
      return;
    }
    if (element.querySelector(":scope > .why, :scope > svg")) element.replaceChildren();
    const traces = data.map(trace);
    // the strategy of the menu lies above the others
    traces.sort((a, b) => (a.meta && a.meta.of === chosen() ? 1 : 0) - (b.meta && b.meta.of === chosen() ? 1 : 0));
    const made = {...coloured(layout), template: template(), autosize: true};
    if (innerWidth < 600 && made.height > 400) made.height = Math.round(made.height * .8);
    if (name === "answer") {
      if (innerWidth < 600) made.height = 300;
      if (menu) {
        made.annotations = ends(traces, made);
        made.margin = {...made.margin, r: 12 + Math.max(0, ...made.annotations.map(end => wide(end.text)))};
      }
    }
    const log = document.getElementById("log");
    if (name === "time" && log && !log.checked) made.yaxis = {...made.yaxis, type: "linear", tickvals: undefined};
    if (paper) made.height = Math.max(Math.min(made.height, 120), Math.round(made.height * .6));
    if (paper) made.width = widths.find(([place]) => element.closest(place))[1];
    roomy(made, traces);
    if (made.showlegend !== false) element.after(key(traces));
    made.showlegend = false;
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

  function number(value, digits) {
    if (value === null) return "";
    const fine = value !== 0 && Math.abs(value) < 1 ? Math.max(digits, 4) : digits;
    return value.toLocaleString("en-US", {maximumFractionDigits: fine, minimumFractionDigits: fine, signDisplay: "negative"}).replace("-", "−");
  }

  function list() {
    if (!body) return;
    const found = rows(), {all, opened: {length: kept}} = trades[chosen()] || {all: 0, opened: []};
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
    count.textContent = `${found.length.toLocaleString("en-US")} round trip${found.length === 1 ? "" : "s"}` + (found.length > most ? `, the first ${most} shown` : "")
      + (kept < all ? ` of the newest ${kept.toLocaleString("en-US")}; all ${all.toLocaleString("en-US")} are in trades.csv` : "");
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

  const others = document.getElementById("other-answers");
  if (others) document.getElementById("chosen-answer").append(...others.children);
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
