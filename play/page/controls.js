// What people do: choose neurons, moments, settings and files.

// --- Choosing a neuron ---------------------------------------------------------

function chooseNeuron(c, h, w) {
	if (!state.net) return;
	const [channels, rows, columns] = state.net.layers[state.layer].shape, within = (x, n) => Math.min(n - 1, Math.max(0, Math.floor(x) || 0));
	state.neuron = { c: within(c, Math.min(channels, facts.close)), h: within(h, rows), w: within(w, columns) };
	readNeuron().then(() => { dirty = true; }, fail);
}

$("close").addEventListener("pointerdown", e => {
	if (!closeMaps) return;
	const r = $("close").getBoundingClientRect(), g = closeMaps.grid(0);
	const x = Math.floor((e.clientX - r.left) / r.width * $("close").width), y = Math.floor((e.clientY - r.top) / r.height * $("close").height);
	const c = Math.floor(y / g.down) * g.columns + Math.floor(x / g.right);
	if (c < g.n) chooseNeuron(c, y % g.down / g.zoom, x % g.right / g.zoom);
});

$("close").addEventListener("keydown", e => {
	const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key], u = state.neuron;
	if (!move || !u) return;
	e.preventDefault();
	const g = closeMaps.grid(0);
	let { c, h, w } = u;
	h += move[0];
	w += move[1];
	// Over the edge of a map is the next one.
	if (w < 0) [c, w] = [c - 1, g.w - 1];
	if (w >= g.w) [c, w] = [c + 1, 0];
	if (h < 0) [c, h] = [c - g.columns, g.h - 1];
	if (h >= g.h) [c, h] = [c + g.columns, 0];
	if (c >= 0 && c < g.n) chooseNeuron(c, h, w);
});

for (const id of ["neuron-c", "neuron-h", "neuron-w"]) $(id).oninput = () => chooseNeuron($("neuron-c").value, $("neuron-h").value, $("neuron-w").value);

// --- Time ----------------------------------------------------------------------

function setPlaying(on) {
	state.playing = on;
	$("play").textContent = on ? "Pause" : state.net && state.time >= state.net.latency ? "Again" : "Play";
	dirty = true;
	wake();
}

$("play").onclick = () => {
	if (!state.playing && state.net && state.time >= state.net.latency) state.time = 0;
	setPlaying(!state.playing);
};

function seek(t) {
	if (!state.net) return;
	state.time = Math.min(Math.max(0, t), state.net.latency);
	setPlaying(false);
}

$("time").oninput = () => seek(Number($("time").value));
$("back").onclick = () => seek(Math.floor(state.time) - 1);
$("forward").onclick = () => seek(Math.floor(state.time) + 1);

document.addEventListener("keydown", e => {
	if (e.key !== " " || e.ctrlKey || e.metaKey || e.altKey) return;
	const on = e.target;
	if (on.closest("button, select, a") || on.matches("input:not([type=range])")) return;
	e.preventDefault();
	$("play").click();
});

// --- Settings --------------------------------------------------------------------

const sliders = { timesteps: ["timesteps", v => v], percentile: ["percentile", v => v], bits: ["bits", v => v || "real numbers"], speed: ["speed", v => `${v}/s`] };

function showSettings() {
	const o = { ...state.options, speed: state.speed };
	for (const [id, [name, words]] of Object.entries(sliders)) {
		const list = stops[id];
		$(id).min = 0;
		$(id).max = list.length - 1;
		$(id).step = 1;
		$(id).value = list.indexOf(o[name]);
		$(id + "-out").textContent = words(o[name]);
		$(id).setAttribute("aria-valuetext", words(o[name]));
	}
	$("v-init").value = o.vInit;
	$("v-init-out").textContent = o.vInit;
	$("schedule").value = o.schedule;
	$("coding").value = o.coding;
	$("coding").disabled = o.schedule !== "phased";
}

let soon = 0;

function setOptions(o) {
	Object.assign(state.options, o);
	if (state.options.schedule !== "phased") state.options.coding = "rate";
	showSettings();
	clearTimeout(soon);
	soon = setTimeout(() => { clearError(); ask({ convert: true }); }, 150);
}

for (const id of ["timesteps", "percentile", "bits"]) $(id).oninput = () => setOptions({ [sliders[id][0]]: stops[id][$(id).value] });
$("v-init").oninput = () => setOptions({ vInit: Number($("v-init").value) });
$("schedule").onchange = () => setOptions({ schedule: $("schedule").value, timesteps: $("schedule").value === "phased" ? 16 : beginning.timesteps });
$("coding").onchange = () => setOptions({ coding: $("coding").value });
$("defaults").onclick = () => setOptions({ ...beginning });
$("speed").oninput = () => { state.speed = stops.speed[$("speed").value]; showSettings(); };
$("normalize").onchange = $("invert").onchange = () => { showInput(); ask({ calibrate: state.model.own, present: true }); };

// --- Files -------------------------------------------------------------------------

$("clear").onclick = () => { pad.clear(true); $("pad").focus(); };
for (const id of ["image-file", "model-file"]) {
	$(id).onchange = () => {
		takeFiles([...$(id).files]);
		$(id).value = "";
	};
}
$("builtin").onclick = () => {
	engine.stop();
	state.files = [];
	useBuiltin();
	showDigit(start);
};

let over = 0;
addEventListener("dragenter", e => { e.preventDefault(); over++; $("drop").hidden = false; });
addEventListener("dragleave", () => { if (--over <= 0) { over = 0; $("drop").hidden = true; } });
addEventListener("dragover", e => e.preventDefault());
addEventListener("drop", e => {
	e.preventDefault();
	over = 0;
	$("drop").hidden = true;
	takeFiles([...e.dataTransfer.files]);
});

// --- The beginning -------------------------------------------------------------------

function showDigit(i) {
	const d = digits[i];
	pad.show(d.picture);
	takePicture({ source: d.picture, label: d.label, from: "digit", index: i });
}

const start = 7 * facts.each; // The first seven.
const bytes = bytesOf("digits-data");
for (let i = 0; i < bytes.length / 784; i++) {
	const picture = grey(bytes.subarray(784 * i, 784 * (i + 1)), 28, 28), label = Math.floor(i / facts.each), b = document.createElement("button");
	digits.push({ picture, label });
	b.type = "button";
	b.setAttribute("aria-label", `a ${label}`);
	b.append(picture);
	b.onclick = () => showDigit(i);
	$("digits").append(b);
}
dark.addEventListener("change", () => { color = theme(); dirty = true; });
new ResizeObserver(() => { dirty = true; }).observe(document.body);
showSettings();
setPlaying(state.playing);
useBuiltin();
showDigit(start);
drive();
requestAnimationFrame(tick);
