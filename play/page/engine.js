// Engine calls the worker. It outlives it: when the engine fails or is stopped, the next call
// begins with a new one.
class Engine {
	#worker = null;
	#waiting = new Map();
	#next = 1;

	constructor(onCrash) { this.onCrash = onCrash; }

	// call asks for an operation; see play/wasm. Calls are answered in their order.
	call(op, ...args) {
		if (!this.#worker) this.#start();
		return this.#send(op, args);
	}

	// stop ends whatever is being computed, at once.
	stop() {
		if (!this.#worker) return;
		this.#worker.terminate();
		this.#worker = null;
		const list = [...this.#waiting.values()];
		this.#waiting.clear();
		for (const { reject } of list) reject({ says: "stopped", remedy: "", stopped: true });
	}

	#start() {
		const url = URL.createObjectURL(new Blob([document.getElementById("worker-script").textContent], { type: "text/javascript" }));
		this.#worker = new Worker(url);
		this.#worker.onmessage = ({ data }) => {
			if (data.crashed) return this.#crash();
			const w = this.#waiting.get(data.id);
			this.#waiting.delete(data.id);
			if (!w) return;
			if (data.error) w.reject(data.error);
			else w.resolve(data.value);
		};
		this.#worker.onerror = e => { e.preventDefault(); this.#crash(); };
		this.#send("start", [document.getElementById("engine-data").textContent]).catch(() => this.#crash()).finally(() => URL.revokeObjectURL(url));
	}

	#send(op, args) {
		return new Promise((resolve, reject) => {
			const id = this.#next++;
			this.#waiting.set(id, { resolve, reject });
			this.#worker.postMessage({ id, op, args });
		});
	}

	#crash() {
		if (!this.#worker) return;
		this.stop();
		this.onCrash();
	}
}
