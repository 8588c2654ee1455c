// The script of report.html: draws the charts with uPlot and sorts the tables. All numbers come from the page; nothing is fetched.
"use strict";
(() => {
  const TIMES = [["ns", 1], ["us", 1e3], ["ms", 1e6], ["s", 1e9], ["min", 6e10], ["h", 3.6e12]];
  const BYTES = [["B", 1], ["kB", 1e3], ["MB", 1e6], ["GB", 1e9], ["TB", 1e12]];
  const digits = (n, most) => Number(n.toPrecision(most)).toLocaleString("en-US", { maximumFractionDigits: 6 });

  // As the rest of the report writes a time: three digits and a unit.
  const time = ns => {
    const [unit, size] = TIMES.slice(0, 4).findLast(([, size]) => ns >= size) ?? TIMES[0];
    return digits(ns / size, 3) + " " + unit;
  };
  const percentile = oneIn => "p" + Number((100 * (1 - 1 / oneIn)).toPrecision(8));
  const WRITE = {
    "ns": time,
    "second": s => digits(s, 6) + " s",
    "one-in": percentile,
    "share": share => digits(100 * share, 6) + " %",
    "per-second": n => digits(n, 4) + "/s",
    "count": n => digits(n, 6),
  };
  const ONE_IN = [1, 2, 4, 10, 20, 100, 1000, 10000, 100000, 1000000];

  const style = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const LINES = {
    "seen": { stroke: "seen", width: 2 },
    "model": { stroke: "model", width: 2, dash: [6, 4] },
    "other": { stroke: "other", width: 1.5 },
    "bad": { stroke: "bad", width: 1.5 },
    "unsure": { stroke: "unsure", width: 1.5, dash: [2, 3] },
  };

  const axis = (of, side) => {
    const known = { stroke: style("faint"), grid: { stroke: style("line"), width: 1 }, ticks: { stroke: style("line") }, label: of.label, labelSize: 18,
      font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", size: side === "y" ? 70 : 36 };
    if (of.unit === "one-in") {
      known.splits = u => ONE_IN.filter(n => n >= u.scales.x.min && n <= u.scales.x.max);
      known.filter = (u, splits) => splits;
    } else if (of.log) {
      // Each third of a decade has a line of its own, else a chart of less than a decade would have none.
      known.splits = (u, _, min, max) => {
        const all = [];
        for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++)
          for (const n of [1, 2, 5]) all.push(n * 10 ** power);
        return all.filter(n => n >= min && n <= max);
      };
      known.filter = (u, splits) => splits;
    }
    known.values = (u, splits) => splits.map(n => n == null ? "" : WRITE[of.unit](n));
    return known;
  };

  // The counts of each column and row, under the lines.
  const heatmap = (heat, xs) => u => {
    const { ctx } = u;
    const most = Math.max(1, ...heat.cells.flat().map(cell => cell[1]));
    const edge = row => u.valToPos(heat.low_ns * (heat.high_ns / heat.low_ns) ** (row / heat.rows), "y", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    ctx.clip();
    heat.cells.forEach((cells, at) => {
      const left = u.valToPos(xs[at], "x", true), right = u.valToPos(xs[at] + heat.seconds, "x", true);
      for (const [row, count] of cells) {
        const top = edge(row + 1), bottom = edge(row);
        ctx.fillStyle = `rgba(${style("heat")}, ${(0.1 + 0.8 * Math.log1p(count) / Math.log1p(most)).toFixed(3)})`;
        ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
      }
    });
    ctx.restore();
  };

  // What stands under the pointer, beside the values of the lines.
  const under = (heat, xs) => (u, _, __, at) => {
    if (at == null || u.cursor.top < 0) return "--";
    const ns = u.posToVal(u.cursor.top, "y");
    const row = Math.floor(heat.rows * Math.log(ns / heat.low_ns) / Math.log(heat.high_ns / heat.low_ns));
    const cell = heat.cells[at]?.find(cell => cell[0] === row);
    return `${digits(cell ? cell[1] : 0, 6)} about ${time(ns)}`;
  };

  const draw = chart => {
    const place = document.getElementById(chart.id);
    place.replaceChildren();
    const scale = of => of.log ? { distr: 3, log: 10 } : {};
    const y = scale(chart.y);
    const all = chart.lines.flatMap(line => line.values.filter(n => n != null)).concat(chart.heat ? [chart.heat.low_ns, chart.heat.high_ns] : []);
    if (chart.y.log) y.range = () => [Math.min(...all) / 1.1, Math.max(...all) * 1.1];
    else if (chart.y.unit === "share") y.range = () => [0, 1];
    else y.range = (u, min, max) => [0, Math.max(1, max * 1.05)];
    const x = { ...scale(chart.x), time: false };
    // A run of one second is as wide as one.
    const wide = chart.heat ? chart.heat.seconds : 1;
    x.range = (u, min, max) => chart.x.log ? [min, max > min ? max : min * 10] : [min, Math.max(max + (chart.heat ? wide : 0), min + 1)];
    const lines = chart.lines.map(line => {
      const look = LINES[line.look];
      return { label: line.label, stroke: style(look.stroke), width: look.width, dash: look.dash, spanGaps: !chart.heat && chart.x.unit !== "second",
        points: { show: chart.xs.length < 40, size: 5 }, value: (u, n) => n == null ? "--" : WRITE[chart.y.unit](n) };
    });
    const series = [{ label: chart.x.label, value: (u, n) => n == null ? "--" : WRITE[chart.x.unit](n) }, ...lines];
    const data = [chart.xs, ...chart.lines.map(line => line.values)];
    const hooks = {};
    if (chart.heat) {
      hooks.drawAxes = [heatmap(chart.heat, chart.xs)];
      series.push({ label: "here", stroke: "transparent", value: under(chart.heat, chart.xs), points: { show: false } });
      data.push(chart.xs.map(() => null));
    }
    const width = () => Math.max(240, place.clientWidth);
    const plot = new uPlot({ width: width(), height: 260, scales: { x, y }, axes: [axis(chart.x, "x"), axis(chart.y, "y")], series, hooks,
      cursor: { drag: { x: true, y: false } } }, data, place);
    place.dataset.points = String(data.slice(1).flat().filter(n => n != null).length);
    return { plot, width };
  };

  let drawn = [];
  const drawAll = () => {
    drawn.forEach(({ plot }) => plot.destroy());
    const numbers = document.getElementById("numbers");
    drawn = numbers ? JSON.parse(numbers.textContent).map(draw) : [];
  };
  addEventListener("resize", () => drawn.forEach(({ plot, width }) => plot.setSize({ width: width(), height: 260 })));
  // Colours stand in the pictures: other colours, other pictures.
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", drawAll);

  // What a cell is worth: a number in its base unit, or text; an absent one is last either way.
  const UNITS = new Map([...TIMES, ...BYTES, ["%", 1], ["/s", 1]]);
  const worth = text => {
    const found = /^[<>]?(-?[\d,]*\.?\d+)\s*(\D*)$/.exec(text);
    if (!found) return text === "n/a" || text === "" ? null : text;
    const number = Number(found[1].replaceAll(",", ""));
    const unit = found[2].trim();
    return unit === "" ? number : UNITS.has(unit) ? number * UNITS.get(unit) : text;
  };
  const compare = (one, other) => typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
  const sort = heading => {
    const table = heading.closest("table"), at = heading.cellIndex;
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map(row => [worth(row.cells[at].textContent), row]);
    rows.sort(([one], [other]) => one === null || other === null ? (one === null) - (other === null) : (down ? -1 : 1) * compare(one, other));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  const sortAll = () => {
    for (const heading of document.querySelectorAll("table.sorts th")) {
      heading.tabIndex = 0;
      heading.addEventListener("click", () => sort(heading));
      heading.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(heading); } });
    }
  };

  const main = document.querySelector("main");
  const show = () => { drawAll(); sortAll(); };
  if (!main.dataset.events) return show();

  // A run that goes on: each event has the whole content.
  const state = document.getElementById("state"), pause = document.getElementById("pause");
  let newest = null;
  const renew = () => {
    if (newest === null || pause.checked || document.hidden) return;
    const open = [...main.querySelectorAll("details")].map(it => it.open);
    main.innerHTML = newest;
    newest = null;
    [...main.querySelectorAll("details")].forEach((it, at) => { it.open = open[at] ?? false; });
    show();
  };
  const source = new EventSource(main.dataset.events + location.search);
  source.addEventListener("content", event => { newest = JSON.parse(event.data) || null; state.textContent = "running"; renew(); });
  source.addEventListener("over", () => { source.close(); pause.checked = false; renew(); state.textContent = "the run is over: its report is in its folder"; });
  source.addEventListener("error", () => { if (source.readyState !== EventSource.CLOSED) state.textContent = "the connection was lost; trying again"; });
  pause.addEventListener("change", renew);
  document.addEventListener("visibilitychange", renew);
})();
