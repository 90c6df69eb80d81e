// What is shown of the moment that the time is at.

// --- Drawing -----------------------------------------------------------------

let dirty = true, drawn = -1, before = 0;

function tick(now) {
	requestAnimationFrame(tick);
	const elapsed = Math.min(250, now - before);
	before = now;
	const { net, frames } = state;
	if (net && showing && frames.length) {
		if (state.playing) {
			state.time = Math.min(state.time + elapsed * state.speed / 1000, frames.length);
			wake();
			if (state.time >= net.latency) {
				setPlaying(false);
				finish();
			}
		}
		const t = Math.min(Math.floor(state.time), frames.length);
		if (t !== drawn || dirty) draw(t);
		else if (state.playing && !calm.matches) drawPicture(t);
		if (t !== drawn) meter(now);
		drawn = t;
		dirty = false;
	}
}

let shownAt = [];

// meter says how fast timesteps are shown and could be computed.
function meter(now) {
	shownAt.push(now);
	shownAt = shownAt.filter(x => now - x < 1000);
	$("rate").textContent = `${shownAt.length} frames/s; computes ${Math.round(1000 / state.pace)}`;
	const root = document.documentElement;
	if (!root.dataset.first && drawn >= 0 && Math.floor(state.time) > 0) root.dataset.first = Math.round(performance.now());
}

function drawPicture(t) {
	const f = t ? state.frames[t - 1] : null;
	drawNetwork($("network"), state.net.layers, f, state.time, state.playing && !calm.matches, f && f.class >= 0 ? String(f.class) : "", state.net.latency, color);
}

function draw(t) {
	const { net, frames } = state, f = t ? frames[t - 1] : null;
	maps.seek(masks, t);
	net.layers.forEach((l, i) => {
		const steps = Math.max(0, Math.min(t - l.opens, net.layers.T));
		maps.draw(l.parts.canvas, i, steps, color);
		l.parts.button.classList.toggle("off", steps === 0);
		l.parts.rate.textContent = `${f ? f.spikes[i].toLocaleString("en") : 0} of ${l.size.toLocaleString("en")} fire${l.gate ? ", max pool" : ""}`;
	});
	drawPicture(t);
	drawEvidence($("evidence"), frames, t, net.latency, color);
	drawBars(f);
	drawClose(t);
	drawAnswer(t);
	$("time").value = t;
	$("time").setAttribute("aria-valuetext", `timestep ${t} of ${net.latency}`);
	$("clock").textContent = `t = ${t} of ${net.latency}`;
}

// masks lets Maps look at the maps of frames.
const masks = new Proxy([], { get: (_, i) => state.frames[i].maps });

function drawBars(f) {
	const n = state.net.classes, evidence = f ? f.evidence : new Array(n).fill(0);
	let list = [...evidence.keys()];
	if (n > 10) list = list.sort((a, b) => evidence[b] - evidence[a]).slice(0, 10);
	const bars = $("bars");
	while (bars.children.length < list.length) {
		const li = document.createElement("li");
		li.append(document.createElement("span"), document.createElement("i"), document.createElement("span"));
		bars.append(li);
	}
	while (bars.children.length > list.length) bars.lastChild.remove();
	const most = Math.max(1, ...evidence);
	list.forEach((k, i) => {
		const [name, bar, count] = bars.children[i].children;
		bars.children[i].className = f && f.class === k ? "best" : "";
		name.textContent = k;
		bar.style.width = 100 * evidence[k] / most + "%";
		count.textContent = evidence[k];
	});
}

// said is the answer at t, and since when it is that.
function said(t) {
	if (!t || state.frames[t - 1].class < 0) return null;
	const k = state.frames[t - 1].class;
	let since = t;
	while (since > 1 && state.frames[since - 2].class === k) since--;
	return { k, since };
}

// likely is what the trained network says, and how sure it is.
function likely() {
	const x = state.trained;
	if (!x || !x.length) return null;
	let best = 0, sum = 0;
	for (let k = 0; k < x.length; k++) if (x[k] > x[best]) best = k;
	for (const v of x) sum += Math.exp(v - x[best]);
	return { k: best, sure: 1 / sum };
}

function drawAnswer(t) {
	const a = said(t), b = likely(), phased = state.options.schedule === "phased";
	$("answer").textContent = a ? a.k : "…";
	$("brief").textContent = a ? `says ${a.k}` : "";
	$("answer").classList.toggle("long", a !== null && a.k > 99);
	$("since").textContent = a ? (phased ? `the spiking network, at t = ${t}` : `the spiking network, since t = ${a.since}`) : phased && t ? `the spiking network answers at t = ${state.net.latency}` : "the spiking network";
	$("trained").textContent = b ? b.k : "…";
	$("trained").classList.toggle("long", b !== null && b.k > 99);
	const label = state.picture.label;
	$("sure").textContent = "the trained network" + (b ? `, ${b.sure > .999 ? "over 99.9" : (100 * b.sure).toFixed(1)} % sure` : "") + (label === undefined ? "" : `; the label is ${label}`);
}

// finish says aloud what came of it.
function finish() {
	const a = said(state.net.latency), b = likely();
	if (state.said || !a || !b) return;
	state.said = true;
	$("live").textContent = `The spiking network says ${a.k}${state.options.schedule === "phased" ? "" : `, since timestep ${a.since}`}. The trained network says ${b.k}.`;
}

function drawClose(t) {
	const l = state.net.layers[state.layer], steps = Math.max(0, Math.min(t - l.opens, state.net.layers.T)), have = Math.min(t, state.close.length);
	const [channels, h, w] = l.shape;
	$("close-says").textContent = `${l.short}: ${channels > facts.close ? `the first ${facts.close} of ${channels}` : channels} ${h * w > 1 ? `maps of ${h} × ${w} neurons` : "neurons"}${have < t ? "; computing…" : ""}`;
	closeMaps.seek(state.close, have);
	closeMaps.draw($("close"), 0, steps, color);
	const u = state.neuron;
	if (u) {
		const g = closeMaps.grid(0), x = u.c % g.columns * g.right + u.w * g.zoom, y = Math.floor(u.c / g.columns) * g.down + u.h * g.zoom, d = $("close").getContext("2d");
		d.strokeStyle = color.now;
		d.lineWidth = 1;
		d.strokeRect(x - .5, y - .5, g.zoom + 1, g.zoom + 1);
	}
	const spikes = [];
	if (u && u.c < facts.close) {
		const i = 2 * (u.h * w + u.w) + (u.c >> 5);
		for (let k = 0; k < have; k++) if (state.close[k][i] >>> (u.c & 31) & 1) spikes.push(k);
	}
	for (const [id, value, most] of [["neuron-c", u ? u.c : 0, Math.min(channels, facts.close)], ["neuron-h", u ? u.h : 0, h], ["neuron-w", u ? u.w : 0, w]]) {
		const field = $(id);
		field.max = most - 1;
		if (document.activeElement !== field) field.value = value;
	}
	const p = u && state.potential;
	$("neuron-says").textContent = l.gate ? "A max pool hands spikes on and has no potentials." : !state.net.traced ? "Its potentials would take too much memory at this T: choose a smaller one, or another layer." :
		p ? `Channel ${u.c}, row ${u.h}, column ${u.w}: ${spikes.length} ${spikes.length === 1 ? "spike" : "spikes"} so far. It fires at θ = ${p.threshold}${p.start ? `, and began at ${Math.round(p.start * 1000) / 1000}` : ""}.` : "Choose one in the maps.";
	drawPotential($("potential"), p, spikes, have, state.net.latency, color);
}

