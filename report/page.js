"use strict";
// Draws the lines, scatters and histograms of a report from the JSON in the page.
// Names only ever become text nodes.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 2], [12, 4], [1, 2], [6, 2, 1, 2]];
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const color = s => s < 0 ? style("--fg") : style("--c" + s % 8);
  const dash = s => s < 0 ? [3, 4] : dashes[(s + Math.floor(s / 8)) % 8];
  const plots = [];

  // short formats a number as the rest of the page does, in Go: four digits and k, M, G, T or P.
  function short(x) {
    if (x === null || x === undefined) return "–";
    for (const [unit, name] of [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (x >= 0.99995 * unit) return String(+(x / unit).toPrecision(4)) + " " + name;
    }
    return digits(x, 4);
  }

  // digits formats a number with so many digits, and no exponent where that is short.
  function digits(x, n) {
    const a = Math.abs(x), s = a !== 0 && (a >= 1e6 || a < 1e-4) ? x.toExponential(n - 1).replace(/\.?0*e\+?/, "e") : String(+x.toPrecision(n));
    return s.replace(/-/g, "−");
  }

  // joules formats an energy, likewise.
  function joules(x) {
    if (x === null || x === undefined) return "–";
    if (x === 0) return "0 J";
    let unit = 1e-12, name = "pJ";
    for (const [u, n] of [[1e-9, "nJ"], [1e-6, "µJ"], [1e-3, "mJ"], [1, "J"]]) if (Math.abs(x) >= 0.9995 * u) [unit, name] = [u, n];
    const v = x / unit;
    return String(Math.abs(v) >= 999.5 ? Math.round(v) : +v.toPrecision(3)).replace("-", "−") + " " + name;
  }

  const shows = c => c.unit === "J" ? joules : short;

  function axes(c) {
    const common = { stroke: style("--soft"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line"), width: 1 }, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif", labelSize: 20 };
    const x = Object.assign({ label: c.x + (c.log ? innerWidth < 500 ? ", log" : " (logarithmic)" : ""), size: 34, values: (u, v) => v.map(t => t === null ? null : shows(c)(t)) }, common);
    if (!c.log) x.incrs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000]; // Timesteps and layers are whole.
    if (c.log) {
      // Only whole powers, and fewer of them if there is little room.
      x.splits = u => {
        const list = [], lo = u.scales.x.min, hi = u.scales.x.max;
        for (let v = Math.pow(c.log, Math.floor(Math.log(lo) / Math.log(c.log) + 1e-9)); v <= hi * 1.0001; v *= c.log) list.push(v);
        const all = c.log === 10 && list.length < 4 ? list.flatMap(v => u.width < 450 ? [v, 3 * v] : [v, 2 * v, 5 * v]) : list;
        const inside = all.filter(v => v >= lo * 0.9999 && v <= hi * 1.0001);
        const every = Math.ceil(inside.length * 44 / Math.max(u.width - 80, 44)); // Room for a label.
        return inside.filter((v, i) => i % every === 0);
      };
      x.filter = (u, s) => s;
    }
    return [x, Object.assign({ label: c.y, size: 52, values: (u, v) => v.map(short) }, common)];
  }

  // said is what the legend says of a line at a place of the axis: at its end of lines that end
  // earlier, too, and of a single point wherever it is.
  function said(c, l, v, at) {
    const end = l.values.findLastIndex(v => v !== null);
    if (v !== null && v !== undefined || end < 0) return short(v);
    if (l.values.findIndex(v => v !== null) === end) return short(l.values[end]);
    return at === c.at.length - 1 ? short(l.values[end]) + " at " + shows(c)(c.at[end]) : short(v);
  }

  function plot(div, c) {
    const values = [c.at];
    const series = [{ label: c.x.split(",")[0], value: (u, v) => c.names && c.names[v - 1] || shows(c)(v) }];
    const bands = c.bands || [];
    for (const l of c.lines) {
      values.push(l.values);
      const single = l.values.filter(v => v !== null).length === 1;
      const s = { label: l.label, stroke: color(l.style), width: l.hidden ? 0 : l.ref ? 1 : 2, dash: dash(l.style), points: { show: l.dots || single, size: l.ref ? 10 : 7, width: 2, fill: l.ref ? style("--bg") : color(l.style) }, spanGaps: true, value: (u, v, i, at) => said(c, l, v, at) };
      if (l.hidden) { s.class = "hidden"; s.points.show = false; s.stroke = "transparent"; }
      series.push(s);
    }
    const options = {
      width: Math.max(div.clientWidth, 200), height: 300, series, axes: axes(c),
      scales: { x: { time: false, distr: c.log ? 3 : 1, log: c.log || 10, range: (u, lo, hi) => lo === hi ? [lo / 2, hi * 2] : [lo, hi] }, y: { range: (u, lo, hi) => range(c, lo, hi) } },
      bands: bands.map(b => ({ series: [b.high + 1, b.low + 1], fill: color(b.style) + "33" })),
      legend: { markers: { width: 0 } },
      cursor: { drag: { x: false, y: false } },
      // Away from the pointer the legend shows where the lines end.
      hooks: { setLegend: [u => { if (u.legend.idx === null || u.legend.idx === undefined) u.setLegend({ idx: c.at.length - 1 }, false); }] },
    };
    const u = new uPlot(options, values, div);
    u.root.querySelectorAll(".u-legend .u-series").forEach((row, i) => {
      const marker = row.querySelector(".u-marker"), l = c.lines[i - 1];
      if (!marker || !l || l.hidden) return;
      const key = svg(marker, "svg", { width: 26, height: 10, "aria-hidden": "true" });
      svg(key, "line", { x1: 0, x2: 26, y1: 5, y2: 5, stroke: color(l.style), "stroke-width": l.ref ? 1 : 2, "stroke-dasharray": dash(l.style).join(" ") });
      if (l.ref && l.values.filter(v => v !== null).length === 1) svg(key, "circle", { cx: 13, cy: 5, r: 4, fill: style("--bg"), stroke: color(l.style), "stroke-width": 2 });
    });
    u.setLegend({ idx: c.at.length - 1 }, false);
    return u;
  }

  function range(c, lo, hi) {
    if (lo === null || hi === null) return [0, 1];
    const percent = c.y.endsWith("(%)");
    const room = Math.max((hi - lo) * 0.05, hi === lo ? Math.abs(hi) * 0.1 + 1e-9 : 0);
    lo = c.zero ? Math.min(0, lo) : lo - room;
    hi += room;
    return percent ? [Math.max(lo, 0), Math.min(hi, 100)] : [lo, hi];
  }

  // svg makes an element with attributes and, for text, its content.
  function svg(parent, name, attributes, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    parent.appendChild(e);
    return e;
  }

  const W = 380, H = 280, L = 54, R = 12, T = 18, B = 42;

  // frame draws axes with ticks and returns the scales.
  function frame(div, says, x, y) {
    div.replaceChildren();
    const root = svg(div, "svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": says });
    svg(root, "title", {}, says);
    const px = v => L + (v - x.lo) / (x.hi - x.lo) * (W - L - R);
    const py = v => H - B - (v - y.lo) / (y.hi - y.lo) * (H - T - B);
    for (const t of x.ticks || ticks(x.lo, x.hi)) {
      svg(root, "line", { class: "grid", x1: px(t), x2: px(t), y1: T, y2: H - B });
      svg(root, "text", { class: "small", x: px(t), y: H - B + 15, "text-anchor": "middle" }, short(t));
    }
    for (const t of y.ticks || ticks(y.lo, y.hi)) {
      svg(root, "line", { class: "grid", x1: L, x2: W - R, y1: py(t), y2: py(t) });
      svg(root, "text", { class: "small", x: L - 6, y: py(t) + 4, "text-anchor": "end" }, (y.name || short)(t));
    }
    svg(root, "line", { class: "axis", x1: L, x2: W - R, y1: H - B, y2: H - B });
    svg(root, "line", { class: "axis", x1: L, x2: L, y1: T, y2: H - B });
    svg(root, "text", { class: "small", x: L + (W - L - R) / 2, y: H - 8, "text-anchor": "middle" }, x.title);
    svg(root, "text", { class: "small", transform: `translate(12,${T + (H - T - B) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.title);
    return { root, px, py };
  }

  // ticks returns about five round numbers between lo and hi.
  function ticks(lo, hi) {
    const rough = (hi - lo) / 5, unit = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map(k => k * unit).find(s => s >= rough * 0.999);
    const list = [];
    for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi * (1 + 1e-9); k++) list.push(k * step);
    return list;
  }

  function nothing(div, says) {
    const p = document.createElement("p");
    p.className = "says";
    p.textContent = says;
    div.replaceChildren(p);
  }

  const draw = {
    scatter(div, l) {
      const s = (l.scatter || []).filter(p => p[0] !== null && p[1] !== null);
      if (!s.length) return nothing(div, "The run has no sample of this layer; sresnet diagnose makes one.");
      const hi = Math.max(1.05, ...s.map(p => p[0])), lo = Math.min(0, ...s.map(p => p[0]));
      const f = frame(div, `Activation against rate of ${s.length} units, layer ${l.name}`,
        { lo, hi, title: "activation of the trained network (λ)" }, { lo: 0, hi: 1.05, title: "rate (spikes per timestep)", ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] });
      for (const p of s) svg(f.root, "circle", { class: "unit", cx: f.px(p[0]).toFixed(1), cy: f.py(Math.min(p[1], 1.05)).toFixed(1), r: 2.6 });
      svg(f.root, "polyline", { class: "ideal", points: [[lo, 0], [0, 0], [1, 1], [hi, 1]].map(p => f.px(p[0]) + "," + f.py(p[1])).join(" ") });
      svg(f.root, "text", { class: "small", x: W - R, y: 11, "text-anchor": "end" }, `${s.length} neurons, T = ${l.T}; dashed: without error`);
    },
    histogram(div, l) {
      if (!l.counts || !l.counts.length) return nothing(div, "The run has no histogram of this layer.");
      const most = Math.max(...l.counts), decades = Math.max(Math.ceil(Math.log10(most)), 1);
      const lo = l.edges[0], hi = Math.max(l.edges[l.edges.length - 1], l.lambda * 1.02);
      const f = frame(div, `Histogram of activations of layer ${l.name}, lambda ${short(l.lambda)}`,
        { lo, hi, title: "activation of the trained network" },
        { lo: -0.3, hi: decades, title: "units (logarithmic)", ticks: [...Array(decades + 1).keys()].filter(k => decades < 7 || k % 2 === 0), name: k => short(Math.pow(10, k)) });
      l.counts.forEach((n, i) => {
        if (!n) return;
        const y = f.py(Math.log10(n));
        svg(f.root, "rect", { class: "f0", x: f.px(l.edges[i]).toFixed(2), y: y.toFixed(2), width: Math.max(f.px(l.edges[i + 1]) - f.px(l.edges[i]) - 0.6, 0.6).toFixed(2), height: (H - B - y).toFixed(2) });
      });
      const x = f.px(l.lambda), right = x > W - 110;
      svg(f.root, "line", { class: "mark", x1: x, x2: x, y1: T, y2: H - B });
      svg(f.root, "text", { x: right ? x - 6 : x + 6, y: T + 12, "text-anchor": right ? "end" : "start" }, "λ = " + short(l.lambda));
      if (l.zeros !== null) svg(f.root, "text", { class: "small", x: W - R, y: 11, "text-anchor": "end" }, `and ${(100 * l.zeros).toFixed(1)} % are zero`);
    },
    rate(div, l) {
      if (!l.rate) return nothing(div, "The run has no spikes over time.");
      const hi = Math.max(...l.rate) * 1.05 || 1, n = l.rate.length;
      const f = frame(div, `Rate over time of layer ${l.name}`, { lo: 1, hi: Math.max(n, 2), title: data.phased[+div.closest(".explorer").dataset.run] ? "timestep of its window" : "timestep" }, { lo: 0, hi, title: "spikes per neuron" });
      svg(f.root, "polyline", { class: "s0", points: l.rate.map((v, t) => f.px(t + 1).toFixed(1) + "," + f.py(v).toFixed(1)).join(" ") });
      if (n === 1) svg(f.root, "circle", { class: "unit", cx: f.px(1), cy: f.py(l.rate[0]), r: 4 });
    },
  };

  // settle draws the histogram of the timesteps from which answers stay.
  function settle() {
    for (const div of document.querySelectorAll("[data-settling]")) {
      const s = data.settling[+div.dataset.settling], most = Math.max(1, ...s.right.map((n, i) => n + s.wrong[i]));
      const f = frame(div, "Histogram of when answers settle", { lo: 0.5, hi: s.right.length * s.width + 0.5, title: "timestep from which the answer stays" }, { lo: 0, hi: most * 1.05, title: "images", ticks: most < 5 ? [...Array(most + 1).keys()] : undefined });
      s.right.forEach((right, i) => {
        const x = f.px(i * s.width + 0.5), w = f.px((i + 1) * s.width + 0.5) - x;
        const column = (name, from, to) => {
          if (to === from) return;
          const r = svg(f.root, "rect", { class: name, x: (x + w / 12).toFixed(2), width: (w * 10 / 12).toFixed(2), y: f.py(to).toFixed(2), height: (f.py(from) - f.py(to)).toFixed(2) });
          svg(r, "title", {}, `T = ${i * s.width + 1}${s.width > 1 ? " to " + (i + 1) * s.width : ""}: ${to - from} ${to - from === 1 ? "image" : "images"}`);
        };
        column("p0", 0, right);
        column("p1", right, right + s.wrong[i]);
      });
    }
  }

  function explore() {
    for (const section of document.querySelectorAll(".explorer")) {
      const layers = data.layers[+section.dataset.run], select = section.querySelector("select");
      const show = () => {
        for (const div of section.querySelectorAll("[data-draw]")) draw[div.dataset.draw](div, layers[+select.value]);
      };
      select.onchange = show;
      show();
    }
  }

  // Canvases do not follow the scheme, the width or the printer by themselves.
  function redraw() {
    for (const p of plots.splice(0)) p.destroy();
    for (const div of document.querySelectorAll(".plot")) {
      const c = data.charts.find(c => c.id === div.dataset.chart);
      if (c) plots.push(plot(div, c));
    }
  }

  explore();
  settle();
  redraw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  addEventListener("beforeprint", redraw);
  addEventListener("afterprint", redraw);
  let width = innerWidth, timer;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (innerWidth !== width) { width = innerWidth; redraw(); } }, 100);
  });
})();
