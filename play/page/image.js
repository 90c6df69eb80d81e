// Images: what is drawn or chosen becomes the numbers that a network takes.

// bytesOf decodes base64 in an element of the page.
function bytesOf(id) {
	const text = atob(document.getElementById(id).textContent);
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
	return bytes;
}

function canvasOf(w, h) {
	const c = document.createElement("canvas");
	c.width = w;
	c.height = h;
	return c;
}

// asDigit moves a drawing, white on black, to where those of MNIST are: 20 pixels for the longer
// side, the centre of mass in the middle of 28 x 28. An empty one stays empty.
function asDigit(drawing) {
	const { width, height } = drawing;
	const data = drawing.getContext("2d").getImageData(0, 0, width, height).data;
	let top = height, left = width, bottom = -1, right = -1;
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			if (data[4 * (y * width + x)] < 32) continue;
			top = Math.min(top, y); bottom = Math.max(bottom, y);
			left = Math.min(left, x); right = Math.max(right, x);
		}
	}
	const out = canvasOf(28, 28), c = out.getContext("2d", { willReadFrequently: true });
	c.fillRect(0, 0, 28, 28);
	if (bottom < 0) return out;
	const w = right - left + 1, h = bottom - top + 1, scale = 20 / Math.max(w, h);
	const small = reduced(drawing, left, top, w, h, Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale)));
	const p = small.getContext("2d").getImageData(0, 0, small.width, small.height).data;
	let mass = 0, mx = 0, my = 0;
	for (let y = 0; y < small.height; y++) {
		for (let x = 0; x < small.width; x++) {
			const v = p[4 * (y * small.width + x)];
			mass += v; mx += v * (x + .5); my += v * (y + .5);
		}
	}
	c.drawImage(small, Math.round(14 - mx / mass), Math.round(14 - my / mass));
	return out;
}

// reduced draws a part of a picture with w x h pixels, halving it as often as that takes, so that
// every pixel counts.
function reduced(source, x, y, sw, sh, w, h) {
	let from = canvasOf(sw, sh);
	from.getContext("2d", { willReadFrequently: true }).drawImage(source, x, y, sw, sh, 0, 0, sw, sh);
	while (from.width > 2 * w && from.height > 2 * h) {
		const half = canvasOf(Math.ceil(from.width / 2), Math.ceil(from.height / 2)), c = half.getContext("2d", { willReadFrequently: true });
		c.imageSmoothingEnabled = true;
		c.drawImage(from, 0, 0, half.width, half.height);
		from = half;
	}
	const out = canvasOf(w, h), c = out.getContext("2d", { willReadFrequently: true });
	c.imageSmoothingEnabled = true;
	c.imageSmoothingQuality = "high";
	c.drawImage(from, 0, 0, w, h);
	return out;
}

// fitted is the middle of a picture in the shape that a network takes: its shorter side is
// resized, and what the longer one has more is cut off.
function fitted(source, w, h) {
	const scale = Math.max(w / source.width, h / source.height);
	const sw = Math.min(source.width, Math.round(w / scale)), sh = Math.min(source.height, Math.round(h / scale));
	return reduced(source, Math.floor((source.width - sw) / 2), Math.floor((source.height - sh) / 2), sw, sh, w, h);
}

// bright reports whether a picture is more light than dark.
function bright(picture) {
	const p = reduced(picture, 0, 0, picture.width, picture.height, 16, 16).getContext("2d").getImageData(0, 0, 16, 16).data;
	let sum = 0;
	for (let i = 0; i < p.length; i += 4) sum += p[i] + p[i + 1] + p[i + 2];
	return sum > 3 * 128 * 256;
}

// grey makes a picture of bytes, one per pixel.
function grey(bytes, w, h) {
	const out = canvasOf(w, h), data = new ImageData(w, h);
	for (let i = 0; i < w * h; i++) {
		data.data[4 * i] = data.data[4 * i + 1] = data.data[4 * i + 2] = bytes[i];
		data.data[4 * i + 3] = 255;
	}
	out.getContext("2d", { willReadFrequently: true }).putImageData(data, 0, 0);
	return out;
}

// tensorOf returns the numbers of a picture, CHW and normalised; norm is {mean, std, raw}.
function tensorOf(picture, [channels, height, width], norm, invert) {
	const p = picture.getContext("2d").getImageData(0, 0, width, height).data, n = width * height;
	const x = new Float32Array(channels * n);
	for (let c = 0; c < channels; c++) {
		const mean = norm.raw ? 0 : norm.mean[c % norm.mean.length], std = norm.raw ? 1 : norm.std[c % norm.std.length];
		for (let i = 0; i < n; i++) {
			// Grey as Pillow has it; on black, where a picture is transparent.
			let v = channels === 3 ? p[4 * i + c] : Math.round((19595 * p[4 * i] + 38470 * p[4 * i + 1] + 7471 * p[4 * i + 2]) / 65536);
			if (invert) v = 255 - v;
			x[c * n + i] = norm.raw ? v : (v / 255 - mean) / std;
		}
	}
	return x;
}
