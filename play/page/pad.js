// Pad is the drawing area: white strokes on black, by pointer or by keys.
class Pad {
	#canvas; #c; #last = null; #pen = { x: 140, y: 140, down: false, shown: false };

	constructor(canvas, onChange) {
		this.#canvas = canvas;
		this.onChange = onChange;
		this.drawing = canvasOf(canvas.width, canvas.height);
		this.#c = this.drawing.getContext("2d", { willReadFrequently: true });
		this.#c.lineCap = this.#c.lineJoin = "round";
		this.#c.lineWidth = 22;
		this.#c.strokeStyle = "#fff";
		this.clear(true);
		canvas.addEventListener("pointerdown", e => {
			if (e.button) return;
			canvas.setPointerCapture(e.pointerId);
			this.#pen.shown = false;
			this.#last = null;
			this.#line(this.#at(e));
			e.preventDefault();
			canvas.focus({ preventScroll: true });
		});
		canvas.addEventListener("pointermove", e => {
			if (!this.#last || !canvas.hasPointerCapture(e.pointerId)) return;
			for (const part of e.getCoalescedEvents?.() || []) this.#line(this.#at(part));
			this.#line(this.#at(e));
		});
		const end = () => { if (this.#last) { this.#last = null; this.onChange(true); } };
		canvas.addEventListener("pointerup", end);
		canvas.addEventListener("pointercancel", end);
		canvas.addEventListener("keydown", e => this.#key(e));
		canvas.addEventListener("blur", () => { this.#pen.down = this.#pen.shown = false; this.#draw(); });
	}

	clear(quiet) {
		this.#c.fillStyle = "#000";
		this.#c.fillRect(0, 0, this.drawing.width, this.drawing.height);
		this.empty = true;
		this.#draw();
		if (!quiet) this.onChange(true);
	}

	// show puts a picture there, for one to change.
	show(picture) {
		this.clear(true);
		this.#c.imageSmoothingEnabled = false;
		this.#c.drawImage(picture, 0, 0, this.drawing.width, this.drawing.height);
		this.#draw();
		this.fresh = true;
	}

	#at(e) {
		const r = this.#canvas.getBoundingClientRect();
		return { x: (e.clientX - r.left) / r.width * this.drawing.width, y: (e.clientY - r.top) / r.height * this.drawing.height };
	}

	#line(p) {
		if (this.fresh) { // Begins a drawing of one's own.
			this.fresh = false;
			this.clear(true);
		}
		const from = this.#last || p;
		this.#c.beginPath();
		this.#c.moveTo(from.x, from.y);
		this.#c.lineTo(p.x + .01, p.y);
		this.#c.stroke();
		this.#last = p;
		this.empty = false;
		this.#draw();
		this.onChange(false);
	}

	#key(e) {
		const move = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[e.key];
		const pen = this.#pen;
		if (move) {
			const to = { x: Math.min(270, Math.max(10, pen.x + move[0])), y: Math.min(270, Math.max(10, pen.y + move[1])) };
			if (pen.down) {
				this.#last = { x: pen.x, y: pen.y };
				this.#line(to);
				this.#last = null;
				this.onChange(true);
			}
			pen.x = to.x;
			pen.y = to.y;
		} else if (e.key === "Enter") {
			pen.down = !pen.down;
		} else if (e.key === "Delete" || e.key === "Backspace") {
			this.clear();
		} else {
			return;
		}
		pen.shown = true;
		e.preventDefault();
		this.#draw();
	}

	#draw() {
		const c = this.#canvas.getContext("2d"), pen = this.#pen;
		c.drawImage(this.drawing, 0, 0);
		if (!pen.shown) return;
		c.beginPath();
		c.arc(pen.x, pen.y, 11, 0, 7);
		c.lineWidth = 3;
		c.strokeStyle = pen.down ? "#ff9d42" : "#6fbcf0";
		c.stroke();
	}
}
