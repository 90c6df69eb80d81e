// Charts over time, and the picture of the network, on canvases.

// prepare sizes a canvas for its place and the screen, and returns its context in CSS pixels.
function prepare(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {
	const ratio = Math.min(devicePixelRatio || 1, 3), w = Math.round(width * ratio), h = Math.round(height * ratio);
	if (canvas.width !== w || canvas.height !== h) {
		canvas.width = w;
		canvas.height = h;
	}
	const c = canvas.getContext("2d");
	c.setTransform(ratio, 0, 0, ratio, 0, 0);
	c.clearRect(0, 0, width, height);
	c.font = "12px system-ui, sans-serif";
	c.textBaseline = "middle";
	return { c, width, height };
}

// axis draws the line of time with its ends.
function axis(c, color, left, right, y, T) {
	c.strokeStyle = color.soft;
	c.lineWidth = 1;
	c.setLineDash([]);
	c.beginPath();
	c.moveTo(left, y + .5);
	c.lineTo(right, y + .5);
	c.stroke();
	c.fillStyle = color.soft;
	c.textAlign = "left";
	c.fillText("t = 1", left, y + 10);
	c.textAlign = "right";
	c.fillText(String(T), right, y + 10);
}

// drawEvidence draws a line per class up to timestep t of frames.
function drawEvidence(canvas, frames, t, T, color) {
	const { c, width, height } = prepare(canvas), left = 8, right = width - 30, top = 12, bottom = height - 22;
	axis(c, color, left, right, bottom, T);
	if (!t) return;
	const last = frames[t - 1].evidence, order = last.map((_, k) => k).sort((a, b) => last[b] - last[a]).slice(0, 10);
	const most = Math.max(1, last[order[0]]), x = i => left + (right - left) * (T > 1 ? i / (T - 1) : 1), y = v => bottom - (bottom - top) * v / most;
	let free = -Infinity;
	order.map((k, place) => ({ k, place })).reverse().forEach(({ k, place }) => {
		c.strokeStyle = place === 0 ? color.accent : place === 1 ? color.arc : color.soft;
		c.globalAlpha = place < 2 ? 1 : .6;
		c.lineWidth = place === 0 ? 3 : 1.5;
		c.setLineDash(place === 1 ? [5, 3] : []);
		c.beginPath();
		for (let i = 0; i < t; i++) c.lineTo(x(i), y(frames[i].evidence[k]));
		c.stroke();
	});
	c.globalAlpha = 1;
	c.setLineDash([]);
	c.textAlign = "left";
	order.forEach((k, place) => {
		const at = y(last[k]);
		if (place > 2 || Math.abs(at - free) < 13 || last[k] === 0) return;
		free = at;
		c.fillStyle = place === 0 ? color.accent : color.text;
		c.font = (place === 0 ? "bold " : "") + "13px system-ui, sans-serif";
		c.fillText(String(k), x(t - 1) + 5, at);
	});
}

// drawPotential draws what a neuron held after each of the first t timesteps.
function drawPotential(canvas, neuron, spikes, t, T, color) {
	const { c, width, height } = prepare(canvas), left = 34, right = width - 10, top = 22, bottom = height - 22;
	axis(c, color, left, right, bottom, T);
	if (!neuron) return;
	const th = neuron.threshold, list = neuron.potential;
	let low = Math.min(0, neuron.start), high = Math.max(th, neuron.start);
	for (const v of list) {
		if (v < low) low = v;
		if (v > high) high = v;
	}
	const x = i => left + (right - left) * (T > 1 ? i / (T - 1) : 1), y = v => bottom - (bottom - top) * (v - low) / (high - low || 1);
	c.textAlign = "right";
	for (const [v, name] of [[th, "θ"], [0, "0"]]) {
		c.strokeStyle = color.soft;
		c.setLineDash(v ? [6, 4] : [2, 4]);
		c.beginPath();
		c.moveTo(left, y(v));
		c.lineTo(right, y(v));
		c.stroke();
		c.fillStyle = color.text;
		c.fillText(name, left - 6, y(v));
	}
	c.setLineDash([]);
	c.strokeStyle = color.accent;
	c.lineWidth = 2;
	c.beginPath();
	let open = false;
	for (let i = 0; i < Math.min(t, list.length); i++) {
		if (Number.isNaN(list[i])) { open = false; continue; }
		if (open) c.lineTo(x(i), y(list[i]));
		else c.moveTo(x(i), y(list[i]));
		open = true;
	}
	c.stroke();
	c.strokeStyle = color.now;
	c.lineWidth = 1.5;
	c.beginPath();
	for (const i of spikes) {
		c.moveTo(x(i), 5);
		c.lineTo(x(i), 17);
	}
	c.stroke();
	c.fillStyle = color.soft;
	c.textAlign = "right";
	c.fillText("z", left - 6, 11);
}

// drawNetwork draws layers in a row and the spikes between them. at is the moment in timesteps;
// its fraction moves the spikes, if they are to move.
function drawNetwork(canvas, layers, frame, at, moving, answer, T, color) {
	const step = 46, room = canvas.parentElement.clientWidth, width = Math.max(room, step * (layers.length + 1) + 70), height = 214;
	canvas.style.width = width + "px";
	const { c } = prepare(canvas, width, height), pitch = (width - 100) / layers.length, y = 118, x = i => 36 + pitch * (i + 1);
	const most = Math.max(...layers.map(l => l.size)), part = at - Math.floor(at);
	const high = i => i < 0 ? 40 : 12 + 40 * Math.log2(1 + layers[i].size) / Math.log2(1 + most);
	const fired = i => i < 0 ? (frame && frame.clock <= layers.T ? 1 : 0) : frame ? frame.spikes[i] : 0;
	const arc = (from, to) => { // From the top of one layer to that of another, higher the farther.
		const a = x(from), b = x(to), up = Math.min(100, 44 + 10 * (to - from));
		return { a: { x: a, y: y - high(from) / 2 }, m: { x: (a + b) / 2, y: y - up - 24 }, b: { x: b, y: y - high(to) / 2 } };
	};
	const along = ({ a, m, b }, u) => ({ x: (1 - u) ** 2 * a.x + 2 * u * (1 - u) * m.x + u * u * b.x, y: (1 - u) ** 2 * a.y + 2 * u * (1 - u) * m.y + u * u * b.y });
	const dots = [];
	layers.forEach((l, i) => l.from.forEach(from => {
		const skips = from !== i - 1, n = fired(from);
		const path = skips ? arc(from, i) : { a: { x: x(from), y }, m: { x: (x(from) + x(i)) / 2, y }, b: { x: x(i), y } };
		c.strokeStyle = skips ? color.arc : color.soft;
		c.lineWidth = moving || !n ? 2 : 2 + Math.min(4, Math.log10(1 + n));
		c.setLineDash(skips ? [6, 4] : []);
		c.beginPath();
		c.moveTo(path.a.x, path.a.y);
		c.quadraticCurveTo(path.m.x, path.m.y, path.b.x, path.b.y);
		c.stroke();
		if (!moving || !n) return;
		const many = from < 0 ? 2 : Math.min(6, Math.ceil(Math.log2(1 + n) / 2));
		for (let k = 0; k < many; k++) dots.push({ ...along(path, (part + k / many) % 1), image: from < 0 });
	}));
	c.setLineDash([]);
	for (const d of dots) {
		c.fillStyle = d.image ? color.soft : color.now;
		c.beginPath();
		c.arc(d.x, d.y, 3.5, 0, 7);
		c.fill();
	}
	c.textAlign = "center";
	const wide = Math.min(26, pitch * .6);
	for (let i = -1; i < layers.length; i++) {
		const h = high(i), rate = i < 0 ? 0 : fired(i) / layers[i].size;
		c.fillStyle = color.back;
		c.strokeStyle = i === layers.chosen ? color.accent : color.text;
		c.lineWidth = i === layers.chosen ? 4 : 2;
		c.beginPath();
		c.roundRect(x(i) - wide / 2, y - h / 2, wide, h, 5);
		c.fill();
		if (rate > 0) {
			c.globalAlpha = Math.min(1, .15 + 2 * rate);
			c.fillStyle = color.now;
			c.fill();
			c.globalAlpha = 1;
		}
		c.stroke();
		c.fillStyle = color.text;
		c.save();
		if (i < 0) {
			c.fillText("image", x(i), y + 42);
		} else {
			c.translate(x(i) + 4, y + 34);
			c.rotate(Math.PI / 5);
			c.textAlign = "left";
			c.font = "11px system-ui, sans-serif";
			c.fillText(layers[i].short.length > 14 ? layers[i].short.slice(0, 13) + "…" : layers[i].short, 0, 0);
		}
		c.restore();
	}
	c.font = "bold 22px system-ui, sans-serif";
	c.fillStyle = color.accent;
	c.textAlign = "left";
	c.fillText(answer, x(layers.length - 1) + wide / 2 + 10, y);
}
