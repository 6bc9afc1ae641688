// A call as a telephone follows it: documents of verbs, one after another (twilio.com/docs/voice/twiml). A key stops
// the prompt and is gathered; the time-out counts from the end of the sound, then between keys; silence falls through
// to the verb below; a document that runs out ends the call. Knows neither the page nor how documents are fetched.

const MOST_AT_ONCE = 30; // documents within a second: the line redirects without end

/**
 * `ask(to, about)` gives the next document; `player` plays; `tone(kind)` sounds a beep or a ring.
 * `tell` is told what happens: turn, key, waits, records, rings, over.
 */
export class Call {
  #ask;
  #player;
  #clock;
  #tone;
  #tell;
  #over = false;
  #key = null; // who takes the keys now
  #result = null; // who takes what becomes of another telephone that rings
  #cut = () => {}; // what ends the wait under way
  #asked = [];

  constructor({ ask, player, clock, tone, tell }) {
    this.#ask = ask;
    this.#player = player;
    this.#clock = clock;
    this.#tone = tone;
    this.#tell = tell;
  }

  /** The whole call; done when it is over, whoever ended it. */
  async follow() {
    try {
      let next = { to: "", about: {} };
      while (next && !this.#over) {
        this.#checkLoop();
        const answer = await this.#ask(next.to, next.about);
        if (this.#over) return;
        this.#tell.turn(answer.turn);
        next = await this.#perform(answer.verbs);
      }
      this.#end("line", "");
    } catch (error) {
      this.#end("trouble", error.message);
    }
  }

  /** A key is pressed: taken by whoever listens, else lost, since a carrier keeps none. */
  press(key) {
    const taken = !this.#over && this.#key !== null;
    this.#tell.key(key, taken);
    if (taken) this.#key(key);
  }

  /** The other telephone that rings answers (`completed`) or is `busy`. */
  ringEnds(result) {
    this.#result?.(result);
  }

  hangUp() {
    this.#end("caller", "");
  }

  #end(who, why) {
    if (this.#over) return;
    this.#over = true;
    this.#key = this.#result = null;
    this.#player.stop();
    this.#cut();
    this.#tell.over(who, why);
  }

  #checkLoop() {
    const now = this.#clock.now();
    this.#asked = [...this.#asked.filter((at) => now - at <= 1), now];
    if (this.#asked.length > MOST_AT_ONCE) throw new Error("La ligne se renvoie à elle-même sans fin.");
  }

  /** Where the verbs lead, or null at the end of the call. */
  async #perform(verbs) {
    for (const verb of verbs) {
      let next = null;
      if (verb.kind === "sound") await this.#player.play(verb.pieces);
      else if (verb.kind === "gather") next = await this.#gather(verb);
      else if (verb.kind === "redirect") next = { to: verb.to, about: {} };
      else if (verb.kind === "record") next = await this.#record(verb);
      else if (verb.kind === "dial") next = await this.#dial(verb);
      else return null;
      if (next || this.#over) return next;
    }
    return null;
  }

  async #gather(verb) {
    const digits = await this.#digits(verb);
    return digits || verb.always ? { to: verb.to, about: digits ? { digits } : {} } : null;
  }

  /** The keys that were pressed, without the one that finishes; empty after silence. */
  #digits(verb) {
    return this.#wait((done) => {
      let digits = "";
      let cancel = () => {};
      const patience = (from) => {
        cancel();
        cancel = this.#clock.at(from + verb.timeout, () => done(digits));
        this.#tell.waits(from, verb.timeout);
      };
      this.#key = (key) => {
        this.#player.stop();
        patience(this.#clock.now());
        if (key === verb.finish) return done(digits);
        digits += key;
        if (digits.length === verb.digits) done(digits);
      };
      this.#player.play(verb.pieces).then((end) => end === null || patience(end));
      return () => cancel();
    });
  }

  /** A message, which this telephone does not send: seconds pass as if they were spoken. */
  #record(verb) {
    if (verb.beep) this.#tone("beep");
    const begin = this.#clock.now() + (verb.beep ? 1 : 0);
    return this.#wait((done) => {
      const spoken = () => Math.max(0, Math.round(this.#clock.now() - begin));
      const finish = () => done({ to: verb.to, about: { recorded: spoken() } });
      this.#tell.records(begin, verb.most, verb.finish);
      this.#key = (key) => verb.finish.includes(key) && finish();
      return this.#clock.at(begin + verb.most, finish);
    });
  }

  /** Another telephone, which whoever tests the line answers or not. */
  #dial(verb) {
    const ring = () => this.#tone("ring");
    return this.#wait((done) => {
      const finish = (dialled) => done(verb.to ? { to: verb.to, about: { dialled } } : null);
      const begin = this.#clock.now();
      let cancelRing = () => {};
      const ringFrom = (at) => {
        ring();
        cancelRing = this.#clock.at(at + 5, () => ringFrom(at + 5));
      };
      ringFrom(begin);
      this.#tell.rings(true);
      this.#result = finish;
      const cancel = this.#clock.at(begin + verb.timeout, () => finish("no-answer"));
      return () => {
        cancel();
        cancelRing();
        this.#tell.rings(false);
      };
    });
  }

  /** One wait for the caller: `begin(done)` starts it and gives what clears it. Hanging up ends it with null. */
  #wait(begin) {
    return new Promise((resolve) => {
      let clear = () => {};
      const done = (value) => {
        this.#key = this.#result = null;
        this.#cut = () => {};
        clear();
        this.#player.stop();
        this.#tell.waits(0, 0);
        resolve(value);
      };
      this.#cut = () => done(null);
      clear = begin(done);
    });
  }
}
