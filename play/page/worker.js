// The worker: it unpacks the engine, runs it, and calls it in the order of the messages.
"use strict";

let ready; // A promise of the engine.

async function start(packed) {
	const text = atob(packed);
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
	const go = new Go();
	const { instance } = await WebAssembly.instantiateStreaming(new Response(stream, { headers: { "Content-Type": "application/wasm" } }), go.importObject);
	// It runs for ever. When it ends, something went wrong in it that it could not handle.
	const ended = () => postMessage({ crashed: true });
	go.run(instance).then(ended, ended);
}

let last = Promise.resolve();

onmessage = ({ data: { id, op, args } }) => {
	last = last.then(async () => {
		try {
			if (op === "start") {
				ready = start(args[0]);
				await ready;
				postMessage({ id, value: null });
				return;
			}
			await ready;
			const value = await globalThis.lab[op](...args);
			const moved = op === "next" ? value.flatMap(f => [f.spikes.buffer, f.maps.buffer, f.close.buffer]) : [];
			postMessage({ id, value }, moved);
		} catch (e) {
			postMessage({ id, error: e && e.says ? { says: e.says, remedy: e.remedy } : { says: String(e && e.message || e), remedy: "", fault: true } });
		}
	});
};
