// What a caller says, as a telephone's recording: 8 kHz, one channel, 16 bits. Where there is no microphone, or it is
// refused, a recording of the same length that beeps. Knows nothing of calls, nor of where recordings go.

const RATE = 8000;
const HEADER = 44; // bytes of a WAV before its samples
const LOUD = 0.02; // peak of somebody who speaks; a quiet room is below

/** Asks for the microphone, and gives a take. `heard` says whether it hears. Nothing is recorded before `begin`. */
export async function microphone(context) {
  try {
    return new Take(context, await navigator.mediaDevices.getUserMedia({ audio: true }));
  } catch {
    return new Beeps();
  }
}

/** One recording by the microphone. */
class Take {
  heard = true;
  #context;
  #stream;
  #ear;
  #source;
  #recorder;
  #parts = [];

  constructor(context, stream) {
    this.#context = context;
    this.#stream = stream;
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#ear = new AnalyserNode(context, { fftSize: 16384 });
    this.#source.connect(this.#ear);
    this.#recorder = new MediaRecorder(stream);
    this.#recorder.ondataavailable = (event) => this.#parts.push(event.data);
  }

  begin() {
    if (this.#recorder.state === "inactive") this.#recorder.start();
  }

  /** Whether somebody spoke within the last third of a second. */
  isLoud() {
    const samples = new Float32Array(this.#ear.fftSize);
    this.#ear.getFloatTimeDomainData(samples);
    return samples.some((sample) => Math.abs(sample) > LOUD);
  }

  /** The recording, as the bytes of a WAV; empty when it had not begun. */
  async end() {
    const recorder = this.#recorder;
    if (recorder.state !== "inactive")
      await new Promise((done) => {
        recorder.onstop = done;
        recorder.stop();
      });
    this.drop();
    const bytes = await new Blob(this.#parts).arrayBuffer();
    const sound = await this.#context.decodeAudioData(bytes).catch(() => null);
    return wave(sound ? await telephoned(sound) : new Float32Array(0));
  }

  drop() {
    this.#source.disconnect();
    for (const track of this.#stream.getTracks()) track.stop();
  }
}

/** A recording that nobody spoke. */
export class Beeps {
  heard = false;

  begin() {}

  async end(seconds) {
    const pitch = (2 * Math.PI * 440) / RATE;
    const beeps = (at) => at % (2 * RATE) < RATE / 5;
    return wave(Float32Array.from({ length: Math.round(seconds * RATE) }, (_, at) => (beeps(at) ? 0.1 * Math.sin(at * pitch) : 0)));
  }

  drop() {}
}

/** A sound's samples at a telephone's rate, in one channel. */
async function telephoned(sound) {
  const context = new OfflineAudioContext(1, Math.max(1, Math.round(sound.duration * RATE)), RATE);
  const source = new AudioBufferSourceNode(context, { buffer: sound });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

/** Samples from -1 to 1 as a WAV file. */
function wave(samples) {
  const view = new DataView(new ArrayBuffer(HEADER + 2 * samples.length));
  const name = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, HEADER - 8 + 2 * samples.length, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, at) => view.setInt16(HEADER + 2 * at, Math.round(32767 * Math.min(1, Math.max(-1, sample))), true));
  return view.buffer;
}
