// Maps of spikes: how often every neuron that is shown has fired up to a moment.

// theme reads the colours of the page, which has a light and a dark form.
function theme() {
	const s = getComputedStyle(document.documentElement), color = {};
	for (const name of ["text", "soft", "back", "panel", "line", "accent", "now", "arc"]) color[name] = s.getPropertyValue("--" + name).trim();
	const rgb = name => s.getPropertyValue("--" + name).trim().split(" ").map(Number);
	const empty = rgb("empty"), full = rgb("full"), spike = rgb("spike");
	const word = ([r, g, b]) => 255 << 24 | b << 16 | g << 8 | r; // As ImageData has it.
	// The root makes differences between low rates visible.
	color.scale = Uint32Array.from({ length: 256 }, (_, i) => word(empty.map((e, k) => Math.round(e + (full[k] - e) * Math.sqrt(i / 255)))));
	color.spike = word(spike) >>> 0;
	return color;
}

// Maps counts the spikes of populations whose masks have so many channels, in words of so many
// bits.
class Maps {
	// parts are shapes (C, H, W), one after the other in a mask; worth says what a spike of a part
	// at timestep t, from 0, counts for.
	constructor(parts, channels, bits, worth = () => 1) {
		this.worth = worth;
		this.channels = channels;
		this.bits = bits;
		this.words = channels / bits;
		let at = 0;
		this.parts = parts.map(([c, h, w]) => {
			const part = { at, h, w, n: Math.min(c, channels) };
			at += h * w;
			return part;
		});
		this.counts = new Uint16Array(at * channels);
		this.t = 0;
		this.now = null;
	}

	// seek moves to after timestep t of masks.
	seek(masks, t) {
		if (t < this.t / 2) {
			this.counts.fill(0);
			this.t = 0;
		}
		for (; this.t < t; this.t++) this.#add(masks, this.t, 1);
		for (; this.t > t; this.t--) this.#add(masks, this.t - 1, -1);
		this.now = t ? masks[t - 1] : null;
	}

	#add(masks, t, sign) {
		const { counts, channels, words, bits } = this, mask = masks[t];
		this.parts.forEach(({ at, h, w }, part) => {
			const more = sign * this.worth(part, t);
			for (let i = at * words; i < (at + h * w) * words; i++) {
				const base = (i / words | 0) * channels + i % words * bits;
				for (let m = mask[i]; m; m &= m - 1) counts[base + 31 - Math.clz32(m & -m)] += more;
			}
		});
	}

	count(part, c, p) { return this.counts[(this.parts[part].at + p) * this.channels + c]; }

	// grid returns how the maps of a part are laid out: in columns and rows, each map with a pixel
	// between it and the next. A neuron has as many pixels as make a map that can be seen.
	grid(part) {
		const { n, h, w } = this.parts[part], columns = Math.min(n, Math.ceil(Math.sqrt(n))), zoom = Math.ceil(6 / Math.max(h, w));
		return { columns, rows: Math.ceil(n / columns), h, w, n, zoom, right: w * zoom + 1, down: h * zoom + 1 };
	}

	// draw paints the maps of a part; steps is for how long its neurons could fire.
	draw(canvas, part, steps, color) {
		const { at } = this.parts[part], { columns, rows, h, w, n, zoom, right, down } = this.grid(part);
		const width = columns * right - 1, height = rows * down - 1;
		if (canvas.width !== width || canvas.height !== height) {
			canvas.width = width;
			canvas.height = height;
		}
		const c = canvas.getContext("2d"), image = c.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
		const { counts, channels, words, bits, now } = this, scale = 255 / Math.max(steps, 1);
		for (let k = 0; k < n; k++) {
			const x0 = k % columns * right, y0 = (k / columns | 0) * down, word = k / bits | 0, bit = k % bits;
			for (let y = 0; y < h * zoom; y++) {
				for (let x = 0, to = (y0 + y) * width + x0; x < w * zoom; x++, to++) {
					const p = at + (zoom === 1 ? y * w + x : (y / zoom | 0) * w + (x / zoom | 0));
					pixels[to] = now && now[p * words + word] >>> bit & 1 ? color.spike : color.scale[Math.min(255, counts[p * channels + k] * scale | 0)];
				}
			}
		}
		c.putImageData(image, 0, 0);
	}
}
