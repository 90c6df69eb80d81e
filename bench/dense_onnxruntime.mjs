// The trained network itself, run densely by onnxruntime.
//
//     node bench/dense_onnxruntime.mjs MODEL.onnx --data test_batch.bin --threads 2
//
// presents images, a file in CIFAR-10's binary form, or an .npy file of bytes, NCHW, which has
// no labels, and prints one JSON object: accuracy and images a second for every way of using the threads:
//
//   - batches of 1, 8 and 64 images, or what the file fixes, all threads on one;
//   - the same batches, a session with one thread for each of them.
//
// The sessions of the second way run in workers, as a session blocks its JavaScript
// thread. Images are normalised and batches laid out before the clock starts.
//
// Exits with status 3 where onnxruntime-node is missing.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const BATCHES = [1, 8, 64];
const NORMALIZE = {
  imagenet: [255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
  cifar10: [255, [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.201]],
  none: [1, [0, 0, 0], [1, 1, 1]],
};

let ort;
try {
  ort = await import('onnxruntime-node');
} catch (e) {
  console.error(e.code === 'ERR_MODULE_NOT_FOUND' ? 'onnxruntime-node is not installed' : e.message);
  process.exit(3);
}

// read returns the first count images of a file as bytes, their shape, and labels if it has any.
function read(file, count) {
  const raw = readFileSync(file);
  if (!file.endsWith('.npy')) {
    const size = 3 * 32 * 32 + 1;
    const n = Math.min(count, Math.floor(raw.length / size));
    const rows = Array.from({ length: n }, (_, i) => raw.subarray(i * size, (i + 1) * size));
    return { images: rows.map((r) => r.subarray(1)), shape: [3, 32, 32], labels: rows.map((r) => r[0]) };
  }
  const start = raw[6] === 1 ? 10 + raw.readUInt16LE(8) : 12 + raw.readUInt32LE(8);
  const [, n, ...shape] = raw.toString('latin1', 10, start).match(/'\|u1'.*\((\d+), (3), (\d+), (\d+)\)/)?.map(Number) ?? [];
  if (shape.length !== 3) throw new Error(`${file}: not an array of bytes, N x 3 x H x W`);
  const size = shape[0] * shape[1] * shape[2];
  const images = Array.from({ length: Math.min(count, n) }, (_, i) => raw.subarray(start + i * size, start + (i + 1) * size));
  return { images, shape };
}

// load returns the first count images, one after the other and normalised, and their labels.
function load(file, count, normalize) {
  const { images: bytes, shape, labels } = read(file, count);
  const [divisor, mean, std] = NORMALIZE[normalize];
  const [pixels, plane] = [shape[0] * shape[1] * shape[2], shape[1] * shape[2]];
  const data = new Float32Array(bytes.length * pixels);
  bytes.forEach((image, i) => {
    for (let j = 0; j < pixels; j++) {
      const c = Math.floor(j / plane);
      data[i * pixels + j] = (image[j] / divisor - mean[c]) / std[c];
    }
  });
  return { images: { data, shape, pixels, n: bytes.length }, labels };
}

function open(model, threads) {
  return ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    interOpNumThreads: 1,
    intraOpNumThreads: threads,
  });
}

// inputs returns all images in batches of that size. The last one is filled up with
// the first images.
function inputs(session, { data, shape, pixels, n }, batch) {
  const list = [];
  for (let first = 0; first < n; first += batch) {
    const x = new Float32Array(batch * pixels);
    for (let k = 0; k < batch; k++) {
      const i = (first + k) % n;
      x.set(data.subarray(i * pixels, (i + 1) * pixels), k * pixels);
    }
    list.push({ [session.inputNames[0]]: new ort.Tensor('float32', x, [batch, ...shape]) });
  }
  return list;
}

// classify returns the class of every image: the largest output, the lowest of equals.
async function classify(session, list, batch, n) {
  const classes = [];
  for (const feeds of list) {
    const { data } = (await session.run(feeds))[session.outputNames[0]];
    const k = data.length / batch;
    for (let i = 0; i < batch; i++) {
      const y = data.subarray(i * k, (i + 1) * k);
      classes.push(y.indexOf(y.reduce((a, b) => Math.max(a, b))));
    }
  }
  return classes.slice(0, n);
}

// measure presents batch after batch until the time is up.
async function measure(session, list, batch, seconds) {
  const start = performance.now();
  let images = 0;
  let elapsed = 0;
  for (let i = 0; elapsed < seconds; i = (i + 1) % list.length) {
    await session.run(list[i]);
    images += batch;
    elapsed = (performance.now() - start) / 1000;
  }
  return { presented: images, seconds: elapsed, images_per_second: images / elapsed };
}

// side measures sessions with one thread each, side by side, and returns the sum of
// their speeds.
async function side(model, images, batch, threads, seconds) {
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url), { workerData: { model, images, batch, seconds } }));
  const next = (w) => new Promise((resolve, reject) => w.once('message', resolve).once('error', reject));
  await Promise.all(workers.map(next)); // All have warmed up.
  const results = workers.map(next);
  for (const w of workers) w.postMessage('go');
  const runs = await Promise.all(results);
  await Promise.all(workers.map((w) => w.terminate()));
  return {
    presented: runs.reduce((n, r) => n + r.presented, 0),
    seconds: Math.max(...runs.map((r) => r.seconds)),
    images_per_second: runs.reduce((n, r) => n + r.images_per_second, 0),
  };
}

async function worker({ model, images, batch, seconds }) {
  const session = await open(model, 1);
  const list = inputs(session, images, batch);
  await classify(session, list, batch, 0); // For the caches.
  parentPort.once('message', async () => parentPort.postMessage(await measure(session, list, batch, seconds)));
  parentPort.postMessage('ready');
}

async function main() {
  const { values: o, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      normalize: { type: 'string', default: 'imagenet' },
      images: { type: 'string', default: '64' },
      threads: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '1' }, // For each way.
    },
  });
  const [model] = positionals;
  if (!model || !o.data || !(o.normalize in NORMALIZE)) {
    console.error('usage: dense_onnxruntime.mjs MODEL.onnx --data FILE [--normalize %s] [--images N] [--threads N] [--seconds S]', Object.keys(NORMALIZE).join('|'));
    process.exit(2);
  }
  const [threads, seconds] = [Number(o.threads), Number(o.seconds)];
  const { images, labels } = load(o.data, Number(o.images), o.normalize);
  const session = await open(model, threads);
  const [fixed] = session.inputMetadata[0].shape; // A number, or the name of a dimension that is left open.
  const runs = [];
  for (const batch of typeof fixed === 'number' ? [fixed] : BATCHES) {
    const list = inputs(session, images, batch);
    const classes = await classify(session, list, batch, images.n);
    const accuracy = labels && classes.filter((c, i) => c === labels[i]).length / labels.length;
    runs.push({ batch, sessions: 1, accuracy, ...(await measure(session, list, batch, seconds)) });
    if (threads > 1) {
      runs.push({ batch, sessions: threads, accuracy, ...(await side(model, images, batch, threads, seconds)) });
    }
  }
  console.log(JSON.stringify({ version: ort.env.versions.node, images: images.n, threads, runs }));
}

try {
  await (isMainThread ? main() : worker(workerData));
} catch (e) {
  if (!isMainThread) throw e; // To the main thread.
  console.error(e.message);
  process.exit(1);
}
