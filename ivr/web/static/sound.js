// What is heard: clips and silences laid end to end, exact to the sample; words by the browser's own voice; key tones.
// Telephone files are decoded here, since not every browser knows mu-law. Knows nothing of calls, nor of the page.

const LEAD = 0.03; // seconds before the first sound, so that it is not scheduled in the past
const FADE = 0.005; // seconds in which a sound that is cut dies away, without a click
const PACE = 165 / 60; // words a second of a calm French voice

const TONES = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];

/** Plays pieces: {clip, words}, {silence}, {words, seconds}. `begins(piece, at, seconds)` is told as each begins. */
export class Player {
  #context;
  #clock;
  #begins;
  #current = null;
  #clips = new Map();

  constructor(context, clock, begins = () => {}) {
    this.#context = context;
    this.#clock = clock;
    this.#begins = begins;
  }

  /** The second at which all of it has been heard, or null when it was stopped. */
  async play(pieces) {
    this.stop();
    const current = { gain: new GainNode(this.#context), timers: new Set(), sources: [], stopped: () => {} };
    current.gain.connect(this.#context.destination);
    this.#current = current;
    const loaded = await Promise.all(pieces.map((piece) => this.#loaded(piece)));
    let at = this.#clock.now() + LEAD;
    for (const piece of loaded) {
      if (this.#current !== current) return null;
      if (piece.spoken) {
        if (!(await this.#until(current, at))) return null;
        this.#begins(piece, at, piece.seconds);
        if (!(await this.#say(current, piece))) return null;
        at = this.#clock.now();
      } else {
        const begin = at;
        if (piece.buffer) this.#start(current, piece.buffer, begin);
        this.#after(current, begin, () => this.#begins(piece, begin, piece.seconds));
        at += piece.seconds;
      }
    }
    return (await this.#until(current, at)) ? at : null;
  }

  /** Silence, at once. */
  stop() {
    const current = this.#current;
    this.#current = null;
    if (!current) return;
    const now = this.#context.currentTime;
    current.gain.gain.setValueAtTime(1, now);
    current.gain.gain.linearRampToValueAtTime(0, now + FADE);
    for (const source of current.sources) source.stop(now + 2 * FADE);
    for (const cancel of current.timers) cancel();
    if (current.speaks) {
      current.speaks = false;
      speechSynthesis.cancel();
    }
    current.stopped();
  }

  #start(current, buffer, at) {
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(current.gain);
    source.start(this.#clock.audible(at));
    current.sources.push(source);
  }

  #after(current, at, then) {
    const cancel = this.#clock.at(at, () => {
      current.timers.delete(cancel);
      then();
    });
    current.timers.add(cancel);
    return cancel;
  }

  /** True at that second, false as soon as it is stopped. */
  #until(current, at) {
    if (this.#current !== current) return Promise.resolve(false);
    return new Promise((done) => {
      current.stopped = () => done(false);
      this.#after(current, at, () => done(true));
    });
  }

  /** True once the words are said: aloud where a French voice is installed, else after the time that they would take. */
  #say(current, piece) {
    const voice = frenchVoice();
    if (!voice) return this.#until(current, this.#clock.now() + piece.seconds);
    return new Promise((done) => {
      const silent = () => this.#until(current, this.#clock.now() + piece.seconds).then(done);
      const givenUp = this.#after(current, this.#clock.now() + 3 * piece.seconds + 5, () => done(true));
      const unheard = this.#after(current, this.#clock.now() + 3, () => {
        current.speaks = false;
        speechSynthesis.cancel();
        givenUp();
        silent();
      });
      const words = new SpeechSynthesisUtterance(piece.words);
      words.voice = voice;
      words.lang = voice.lang;
      words.rate = Math.min(1.2, Math.max(0.6, count(piece.words) / PACE / piece.seconds));
      words.onstart = unheard;
      words.onend = () => {
        if (!current.speaks) return;
        current.speaks = false;
        unheard();
        givenUp();
        done(true);
      };
      words.onerror = () => {
        if (!current.speaks) return;
        current.speaks = false;
        unheard();
        givenUp();
        silent();
      };
      current.stopped = () => done(false);
      current.speaks = true;
      speechSynthesis.speak(words);
    });
  }

  /** The piece with its sound. A clip that cannot be had is said in its words; without words it is a short silence. */
  async #loaded(piece) {
    if (piece.silence !== undefined) return { ...piece, seconds: piece.silence };
    if (!piece.clip) return { ...piece, spoken: true };
    try {
      const buffer = await this.#clip(piece.clip);
      return { ...piece, buffer, seconds: buffer.duration };
    } catch {
      const words = piece.words || "";
      return { ...piece, words, missing: true, spoken: true, seconds: Math.max(1, count(words) / PACE) };
    }
  }

  #clip(address) {
    if (!this.#clips.has(address)) {
      const clip = fetched(address).then((bytes) => sampled(this.#context, bytes));
      clip.catch(() => this.#clips.delete(address));
      this.#clips.set(address, clip);
    }
    return this.#clips.get(address);
  }
}

/** The two tones of a key, short and quiet. */
export function beep(context, key) {
  const place = "123456789*0#".indexOf(key);
  tone(context, [TONES[Math.floor(place / 3)], COLUMNS[place % 3]], 0.11, 0.05);
}

/** A tone of these pitches, in hertz, for so many seconds. */
export function tone(context, pitches, seconds, level) {
  const begin = context.currentTime;
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, begin);
  gain.gain.linearRampToValueAtTime(level, begin + FADE);
  gain.gain.setValueAtTime(level, begin + seconds - FADE);
  gain.gain.linearRampToValueAtTime(0, begin + seconds);
  gain.connect(context.destination);
  for (const frequency of pitches) {
    const oscillator = new OscillatorNode(context, { frequency });
    oscillator.connect(gain);
    oscillator.start(begin);
    oscillator.stop(begin + seconds);
  }
}

/** A French voice that is installed on this machine: others would send the words of a call to a stranger. */
export function frenchVoice() {
  const voices = globalThis.speechSynthesis?.getVoices() ?? [];
  const french = voices.filter((voice) => voice.localService && /^fr\b/i.test(voice.lang.replace("_", "-")));
  return french.find((voice) => /^fr-FR/i.test(voice.lang.replace("_", "-"))) ?? french[0];
}
globalThis.speechSynthesis?.getVoices(); // some browsers only begin to list them when first asked

function count(words) {
  return words.split(/\s+/u).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

async function fetched(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(15000) });
  if (!answer.ok) throw new Error(`${address}: HTTP ${answer.status}`);
  return answer.arrayBuffer();
}

/** A file's sound: a telephone's WAV is decoded here, sample for sample; anything else by the browser. */
export async function sampled(context, bytes) {
  const wave = telephoneWave(bytes);
  if (!wave) return context.decodeAudioData(bytes);
  const buffer = new AudioBuffer({ length: wave.samples.length, numberOfChannels: 1, sampleRate: wave.rate });
  buffer.copyToChannel(Float32Array.from(wave.samples, fromMuLaw), 0);
  return buffer;
}

/** The samples of a mono mu-law WAV (format tag 7), or null for any other file. */
function telephoneWave(bytes) {
  const view = new DataView(bytes);
  const name = (at) => String.fromCharCode(...new Uint8Array(bytes, at, 4));
  if (bytes.byteLength < 12 || name(0) !== "RIFF" || name(8) !== "WAVE") return null;
  let rate = 0;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (name(at) === "fmt " && view.getUint16(at + 8, true) === 7 && view.getUint16(at + 10, true) === 1)
      rate = view.getUint32(at + 12, true);
    if (name(at) === "data")
      return rate && size ? { rate, samples: new Uint8Array(bytes, at + 8, Math.min(size, bytes.byteLength - at - 8)) } : null;
    at += 8 + size + (size % 2);
  }
  return null;
}

/** One mu-law byte as a sample from -1 to 1 (ITU-T G.711). */
function fromMuLaw(byte) {
  const bits = ~byte & 0xff;
  const size = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
  return (bits & 0x80 ? -size : size) / 32768;
}
