// The page: what is chosen, what follows from it, and what is shown of it.
const $ = id => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

const stops = {
	timesteps: [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 350],
	percentile: facts.percentiles,
	bits: [0, 16, 12, 10, 8, 6, 5, 4, 3, 2],
	speed: [1, 2, 5, 10, 20, 40, 100],
};
const beginning = { timesteps: 128, schedule: "synchronous", coding: "rate", vInit: 0.5, percentile: 99.9, bits: 0 };

const digits = []; // {picture, label}
const state = {
	options: { ...beginning },
	model: null,     // {name, shape, own, assumed}
	net: null,       // {layers, latency, neurons, classes}
	picture: null,   // {canvas, label, from: "pad" | "digit" | "file", source}
	files: [],       // Pictures that were dropped, which calibrate.
	frames: [],      // Of the presentation,
	close: [],       // and what of them belongs to the chosen layer.
	trained: null,   // Outputs of the trained network.
	layer: 0,
	neuron: null,    // {c, h, w}; null until one is chosen.
	potential: null,
	playing: !calm.matches,
	time: 0,         // The moment that is shown, in timesteps.
	speed: 20,
	pace: 5,         // Milliseconds that a timestep takes to compute.
	said: false,
};
let maps = null, closeMaps = null, color = theme();

// --- Errors -----------------------------------------------------------------

function fail(e) {
	if (e && e.stopped) return;
	const says = String(e && e.says || e && e.message || e);
	$("error").textContent = says + (e && e.remedy ? `\n${e.remedy[0].toUpperCase()}${e.remedy.slice(1)}.` : "");
	$("error").hidden = false;
}

function clearError() { $("error").hidden = true; }

let crashes = [];
const engine = new Engine(() => {
	const now = performance.now();
	crashes = crashes.filter(t => now - t < 20000);
	crashes.push(now);
	if (crashes.length > 2) return fail({ says: "The engine fails again and again in this browser.", remedy: "reload the page, or use the program itself: sresnet watch" });
	fail({ says: "The engine failed and was started anew, with the built-in network.", remedy: "if a file of yours caused that, it is a fault of this program" });
	useBuiltin();
});

// --- What is to be done: one thing after the other --------------------------

const need = { model: null, calibrate: false, convert: false, present: false, close: false };
let wake = () => {};

function ask(what) {
	Object.assign(need, what);
	wake();
}

// drive does what is needed, in the order in which one follows from the other, and then
// computes timesteps ahead of those that are shown.
async function drive() {
	for (;;) {
		try {
			if (await advance()) continue;
		} catch (e) {
			fail(e);
			busy("");
			modelWords();
			continue;
		}
		await new Promise(done => { wake = done; });
	}
}

let got = 0, showing = false;

async function advance() {
	if (need.model) {
		const m = need.model;
		need.model = null;
		busy(`Reading ${m.name}…`);
		const read = await engine.call("read", m.bytes, m.statistics || null);
		state.model = { name: m.title || m.name, own: !m.statistics, assumed: read.assumed, shape: read.shape, picture: pictureShape(read.shape) };
		state.net = null;
		showing = false;
		state.frames = [];
		state.layer = -1;
		clearError();
		modelChanged();
		if (!state.model.picture) throw { says: `The network takes a vector of ${read.shape[0]} numbers, which is no image.`, remedy: "" };
		Object.assign(need, { calibrate: state.model.own, convert: true });
		return true;
	}
	if (!state.model || !state.model.picture) return false;
	if (need.calibrate) {
		need.calibrate = false;
		const list = (state.files.length ? state.files.map(f => f.source) : digits.map(d => d.picture)).slice(0, 32);
		await engine.call("calibrate", list.map(tensorFor));
		need.convert = true;
		return true;
	}
	if (need.convert) {
		need.convert = false;
		busy(state.model.own ? "Calibrating and converting…" : "Converting…");
		showing = false;
		const net = await engine.call("convert", state.options);
		if (need.convert || need.model) return true; // Something else is wanted by now.
		netChanged(net);
		need.present = true;
		busy("");
		return true;
	}
	if ((need.present || need.close) && state.net && state.picture) {
		const anew = need.present;
		need.present = need.close = false;
		const { traced } = await engine.call("present", tensorFor(state.picture.source), state.layer);
		got = 0;
		state.close = [];
		state.potential = null;
		state.net.traced = traced;
		closeMaps = mapsOf(state.layer);
		if (anew) {
			state.frames = [];
			state.trained = null;
			state.time = 0;
			state.said = false;
			maps = new Maps(state.net.layers.map(l => l.shape), facts.channels, 16, worth(0));
			setPlaying(!calm.matches);
		}
		showing = true;
		return true;
	}
	const until = calm.matches ? Infinity : Math.max(state.time, anewUntil()) + Math.max(20, 2 * state.speed);
	if (!showing || got >= state.net.latency || got >= until) return false;
	const n = got ? Math.max(1, Math.min(32, Math.round(60 / state.pace))) : 1, began = performance.now();
	const frames = await engine.call("next", n).catch(e => {
		showing = false; // Or it would be tried again and again.
		throw e;
	});
	state.pace += .3 * ((performance.now() - began) / Math.max(1, frames.length) - state.pace);
	for (const f of frames) {
		if (!need.close && !need.present) state.close.push(f.close); // Or they are of a layer that is not looked at any more.
		if (got >= state.frames.length) state.frames.push(f);
		got++;
	}
	if (!frames.length) got = state.net.latency;
	if (!state.trained) {
		state.trained = []; // Likewise.
		state.trained = await engine.call("trained", tensorFor(state.picture.source));
	}
	await readNeuron();
	if (calm.matches && !state.playing && state.time === 0) state.time = 1; // Then the end, unless another moment was chosen.
	if (calm.matches && !state.playing && state.time === 1 && got === state.net.latency) {
		state.time = got;
		setPlaying(false);
		finish();
	}
	dirty = true;
	return true;
}

// mapsOf is for a close look at a layer.
function mapsOf(layer) { return new Maps([state.net.layers[layer].shape], facts.close, 32, worth(layer)); }

// worth returns what a spike at timestep t, from 0, says: in first-spike coding that depends on
// its time. Parts are layers from the first one on.
function worth(first) {
	const { layers } = state.net, T = layers.T;
	return state.options.coding === "first-spike" ? (part, t) => T - (t - layers[first + part].opens) : () => 1;
}

// anewUntil is how far the chosen layer must be computed again.
function anewUntil() { return state.close.length < state.time ? state.time : 0; }

async function readNeuron() {
	if (!state.net.traced) return;
	if (!state.neuron) {
		if (state.close.length < 6) return;
		state.neuron = busiest();
	}
	const u = state.neuron, [, h, w] = state.net.layers[state.layer].shape;
	const potential = await engine.call("neuron", (u.c * h + u.h) * w + u.w);
	if (u === state.neuron) state.potential = potential; // Else another one was chosen meanwhile.
}

// busiest is the neuron of the chosen layer that has fired most, for a start.
function busiest() {
	const [channels, h, w] = state.net.layers[state.layer].shape, t = state.close.length;
	const count = new Maps([[channels, h, w]], facts.close, 32);
	count.seek(state.close, t);
	let best = { c: 0, h: h >> 1, w: w >> 1 }, most = -1;
	for (let c = 0; c < Math.min(channels, facts.close); c++) {
		for (let p = 0; p < h * w; p++) {
			const n = count.count(0, c, p) - (count.count(0, c, p) === t ? t : 0); // Those that never rest show little.
			if (n > most) [most, best] = [n, { c, h: Math.floor(p / w), w: p % w }];
		}
	}
	return best;
}

// --- Images ------------------------------------------------------------------

// pictureShape is that of an image for a network that takes a vector, too.
function pictureShape([c, h, w]) {
	if (h > 1 || w > 1) return c === 1 || c === 3 ? [c, h, w] : null;
	for (const channels of [1, 3]) {
		const side = Math.sqrt(c / channels);
		if (Number.isInteger(side) && side > 1) return [channels, side, side];
	}
	return null;
}

function normalization() {
	const name = state.model.own ? $("normalize").value : "mnist";
	return facts.normalizations.find(n => n.name === name);
}

function tensorFor(source) {
	const [c, h, w] = state.model.picture;
	const small = source.width === w && source.height === h ? source : fitted(source, w, h);
	return tensorOf(small, [c, h, w], normalization(), inverted(source));
}

// inverted says whether dark and light are swapped: of files, and of all for one's own network,
// which may have been trained on dark digits.
function inverted(source) { return $("invert").checked && (state.model.own || state.files.some(f => f.source === source)); }

function takePicture(p) {
	state.picture = p;
	$("digits").querySelectorAll("button").forEach((b, i) => b.setAttribute("aria-pressed", p.from === "digit" && p.index === i));
	$("invert-row").hidden = !(p.from === "file" || state.model && state.model.own);
	showInput();
	ask({ present: true });
}

// showInput draws the image as the network gets it.
function showInput() {
	if (!state.picture || !state.model || !state.model.picture) return;
	const [c, h, w] = state.model.picture, out = $("input"), s = state.picture.source;
	out.width = w;
	out.height = h;
	const d = out.getContext("2d");
	d.filter = (c === 1 ? "grayscale(1) " : "") + (inverted(s) ? "invert(1)" : "") || "none";
	d.drawImage(s.width === w && s.height === h ? s : fitted(s, w, h), 0, 0);
	$("input-size").textContent = `as the network gets it, ${w} × ${h}`;
}

let later = 0;
const pad = new Pad($("pad"), finished => {
	clearTimeout(later);
	later = setTimeout(() => {
		if (pad.empty) return;
		takePicture({ source: asDigit(pad.drawing), from: "pad" });
	}, finished ? 0 : 150);
});

async function takeFiles(files) {
	const pictures = [];
	for (const f of files) {
		if (f.type.startsWith("image/")) {
			try {
				const bitmap = await createImageBitmap(f);
				const source = reduced(bitmap, 0, 0, bitmap.width, bitmap.height, ...within(bitmap, 512));
				pictures.push({ source, from: "file", name: f.name });
			} catch {
				fail({ says: `${f.name}: the browser cannot read this image.`, remedy: "" });
			}
			continue;
		}
		if (f.size > facts.maxFile) {
			fail({ says: `${f.name} has ${Math.round(f.size / 2 ** 20)} MB, more than the ${facts.maxFile / 2 ** 20} that a page can work on.`, remedy: "the program itself takes it: sresnet eval MODEL.onnx" });
			continue;
		}
		try {
			ask({ model: { name: f.name, bytes: new Uint8Array(await f.arrayBuffer()) } });
		} catch {
			fail({ says: `${f.name} cannot be read.`, remedy: "" });
		}
	}
	if (!pictures.length) return;
	state.files.push(...pictures);
	state.files = state.files.slice(-32);
	// A digit on paper is dark, those that the built-in network knows are light.
	if (state.model && !state.model.own) $("invert").checked = bright(pictures[0].source);
	pad.show(fitted(pictures[0].source, 280, 280));
	takePicture(pictures[0]);
	if (state.model && state.model.own) ask({ calibrate: true });
	modelWords();
}

// within is the size of a picture whose shorter side has at most so many pixels.
function within({ width, height }, most) {
	const scale = Math.min(1, most / Math.min(width, height));
	return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

// --- Networks ----------------------------------------------------------------

function useBuiltin() {
	ask({ model: { name: "the built-in network", title: "ResNet-8, trained on MNIST", bytes: bytesOf("model-data"), statistics: facts.statistics } });
}

function busy(words) {
	if (words) $("network-says").textContent = words;
	document.body.setAttribute("aria-busy", words !== "");
	if (words && state.model && state.model.own) $("builtin").hidden = false;
}

function modelChanged() {
	const m = state.model;
	$("builtin").hidden = $("own").hidden = !m.own;
	$("invert").checked = false;
	$("invert-row").hidden = !m.own;
	if (m.own && m.picture) {
		const [channels, h] = m.picture, usual = channels === 1 ? "mnist" : h >= 64 ? "imagenet" : "cifar10";
		$("normalize").replaceChildren(...facts.normalizations.filter(n => n.raw || n.name === "unit" || n.mean.length === channels).map(n => new Option(n.words, n.name)));
		$("normalize").value = usual;
	}
	modelWords();
	showInput();
}

function modelWords() {
	const m = state.model;
	if (!m) return;
	const n = Math.min(32, state.files.length);
	$("calibration").textContent = n ? `Its scales come from ${n === 1 ? "your image" : `${n} of your images`}; more of them give better ones.` : "Its scales come from digits, of which it may know nothing: drop some images of its kind.";
	if (m.assumed) $("calibration").textContent += ` Its file leaves the size of images open: ${m.picture ? m.picture.slice(1).join(" × ") : "one that is usual"} is taken.`;
	if (!state.net) return;
	const net = state.net;
	$("network-says").textContent = `${m.name}: ${net.neurons.toLocaleString("en")} neurons in ${net.layers.length} layers; ${net.latency} timesteps from the image to the answer.`;
}

function netChanged(net) {
	const was = state.net && state.net.layers, same = was && was.length === net.layers.length && was.every((l, i) => l.name === net.layers[i].name);
	if (same) net.layers.forEach((l, i) => { l.parts = was[i].parts; });
	state.net = net;
	net.layers.T = state.options.timesteps;
	for (const l of net.layers) l.size = l.shape[0] * l.shape[1] * l.shape[2];
	if (!same) {
		state.layer = Math.max(0, net.layers.findIndex((l, i) => i > 0 && !l.gate));
		state.neuron = null;
		buildLayers();
	}
	net.layers.chosen = state.layer;
	$("time").max = net.latency;
	modelWords();
}

function buildLayers() {
	$("layers").replaceChildren(...state.net.layers.map((l, i) => {
		const b = document.createElement("button"), name = document.createElement("b"), rate = document.createElement("small"), canvas = document.createElement("canvas");
		b.type = "button";
		b.setAttribute("role", "radio");
		name.textContent = l.short;
		b.title = l.name;
		canvas.setAttribute("aria-hidden", "true");
		canvas.style.aspectRatio = "1";
		b.append(name, canvas, rate);
		b.onclick = () => chooseLayer(i);
		l.parts = { button: b, canvas, rate };
		return b;
	}));
	markLayer();
}

function markLayer() {
	[...$("layers").children].forEach((b, i) => {
		b.setAttribute("aria-checked", i === state.layer);
		b.tabIndex = i === state.layer ? 0 : -1;
	});
}

function chooseLayer(i) {
	if (i === state.layer) return;
	state.layer = state.net.layers.chosen = i;
	state.neuron = state.potential = null;
	state.close = [];
	closeMaps = mapsOf(i);
	markLayer();
	ask({ close: true });
	dirty = true;
}

$("layers").addEventListener("keydown", e => {
	const list = [...$("layers").children], n = list.length;
	const to = { ArrowRight: state.layer + 1, ArrowDown: state.layer + 1, ArrowLeft: state.layer - 1, ArrowUp: state.layer - 1, Home: 0, End: n - 1 }[e.key];
	if (to === undefined) return;
	e.preventDefault();
	chooseLayer((to + n) % n);
	list[(to + n) % n].focus();
});

