// A call as a telephone follows it: documents of verbs, one after another (twilio.com/docs/voice/twiml). A key stops
// the prompt and is gathered; the time-out counts from the end of the sound, then between keys; silence falls through
// to the verb below; a document that runs out ends the call, or, on the leg of a colleague who was dialled, connects him
// with the caller. Knows neither the page nor how documents are fetched.

const LISTENS_EVERY = 0.25; // seconds
const MOST_AT_ONCE = 30; // documents within a second: the line redirects without end

const HUNG_UP = {}; // what a document leads to that hangs up

/**
 * `line.ask(to, about)` gives the next document, `line.keep(sound, seconds)` what a recording is told by, `line.leg(ticket)` the
 * line as a dialled colleague has it; `player` plays; `tone(kind)` sounds a beep or a ring; `microphone()` gives a take.
 * `tell` is told what happens: turn, key, waits, records, agent, over. `colleague` gives what a colleague's leg takes of
 * these: player and tell. `first` is where the first document is, "" for the number's.
 */
export class Call {
  #line;
  #player;
  #clock;
  #tone;
  #microphone;
  #tell;
  #colleague;
  #first;
  #over = false;
  #key = null; // who takes the keys now
  #result = null; // who takes what a colleague does, whose telephone is dialled
  #cut = () => {}; // what ends the wait under way
  #message = null; // the recording under way, until the line has been told of it
  #asked = [];

  constructor({ line, player, clock, tone, microphone, tell, colleague, first = "" }) {
    this.#line = line;
    this.#player = player;
    this.#clock = clock;
    this.#tone = tone;
    this.#microphone = microphone;
    this.#tell = tell;
    this.#colleague = colleague;
    this.#first = first;
  }

  /** The whole call; done when it is over, whoever ended it. */
  async follow() {
    try {
      let next = { to: this.#first, about: {} };
      while (next && next !== HUNG_UP && !this.#over) {
        this.#checkLoop();
        const answer = await this.#line.ask(next.to, next.about);
        if (this.#over) return;
        this.#tell.turn(answer.turn);
        next = await this.#perform(answer.verbs);
      }
      this.#end(next === HUNG_UP ? "line" : "document", "");
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

  /** The colleague who is dialled: he answers (`completed`), is `busy`, gives `no-answer`, or hangs up (`over`). */
  colleagueDoes(does) {
    this.#result?.(does);
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
    this.#tell.over(who, why, this.#message);
  }

  #checkLoop() {
    const now = this.#clock.now();
    this.#asked = [...this.#asked.filter((at) => now - at <= 1), now];
    if (this.#asked.length > MOST_AT_ONCE) throw new Error("La ligne se renvoie à elle-même sans fin.");
  }

  /** Where the verbs lead, HUNG_UP, or null when they run out. */
  async #perform(verbs) {
    for (const verb of verbs) {
      let next = null;
      if (verb.kind === "sound") await this.#player.play(verb.pieces);
      else if (verb.kind === "gather") next = await this.#gather(verb);
      else if (verb.kind === "redirect") next = { to: verb.to, about: {} };
      else if (verb.kind === "record") next = await (this.#message = this.#record(verb));
      else if (verb.kind === "dial") next = await this.#dial(verb);
      else return HUNG_UP;
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

  /** A message. The caller who hangs up in it has left it: its action is asked even so. */
  async #record(verb) {
    const take = await this.#microphone();
    if (this.#over) {
      take.drop();
      return null;
    }
    if (verb.beep) this.#tone("beep");
    const begin = this.#clock.now() + (verb.beep ? 1 : 0);
    const by = await this.#wait((done) => {
      const timers = [this.#clock.at(begin, () => take.begin()), this.#clock.at(begin + verb.most, () => done(""))];
      if (verb.timeout) timers.push(this.#silence(take, begin, verb.timeout, done));
      this.#tell.records(begin, verb, take.heard);
      this.#key = (key) => verb.finish.includes(key) && done(key);
      this.#cut = () => done("hangup");
      return () => timers.forEach((cancel) => cancel());
    });
    const seconds = Math.max(0, this.#clock.now() - begin);
    const recorded = await this.#line.keep(await take.end(seconds), seconds);
    const next = { to: verb.to, about: by ? { recorded, by } : { recorded } };
    if (by === "hangup") await this.#line.ask(next.to, next.about);
    this.#message = null;
    return next;
  }

  /** Ends the wait after `timeout` seconds in which the take has heard nothing; gives its cancel. */
  #silence(take, begin, timeout, done) {
    let since = begin;
    let cancel = () => {};
    const listen = (at) => {
      cancel = this.#clock.at(at, () => {
        if (take.isLoud()) since = at;
        if (at - since >= timeout) done("");
        else listen(at + LISTENS_EVERY);
      });
    };
    if (take.heard) listen(begin + LISTENS_EVERY);
    return () => cancel();
  }

  /** A colleague's telephone, which whoever tests the line answers or not: it rings, whispers, then they talk. */
  async #dial(verb) {
    const about = { dialled: await this.#ring(verb), leg: verb.leg, bridged: false };
    if (about.dialled === "completed") {
      const answered = this.#clock.now();
      about.bridged = !verb.whisper || (await this.#whisper(verb));
      if (about.bridged) await this.#talk();
      about.seconds = Math.round(this.#clock.now() - answered);
    }
    this.#tell.agent("");
    return verb.to ? { to: verb.to, about } : null;
  }

  #ring(verb) {
    return this.#wait((done) => {
      const begin = this.#clock.now();
      let cancelRing = () => {};
      const ringFrom = (at) => {
        this.#tone("ring");
        cancelRing = this.#clock.at(at + 5, () => ringFrom(at + 5));
      };
      ringFrom(begin);
      this.#tell.agent("rings");
      this.#result = done;
      const cancel = this.#clock.at(begin + verb.timeout, () => done("no-answer"));
      return () => {
        cancel();
        cancelRing();
      };
    });
  }

  /** What the colleague hears before they are connected; true if he takes the call. The keys are his meanwhile. */
  #whisper(verb) {
    return this.#wait((done) => {
      const { player, tell } = this.#colleague();
      const over = (who, why) => {
        tell.over(who, why);
        done(who === "document");
      };
      const leg = new Call({
        line: this.#line.leg(verb.leg),
        player,
        clock: this.#clock,
        tone: this.#tone,
        microphone: this.#microphone,
        tell: { ...tell, over },
        first: verb.whisper,
      });
      this.#tell.agent("whisper");
      this.#key = (key) => leg.press(key);
      this.#result = () => leg.hangUp();
      leg.follow();
      return () => leg.hangUp();
    });
  }

  #talk() {
    return this.#wait((done) => {
      this.#tell.agent("talks");
      this.#result = done;
      return () => {};
    });
  }

  /** One wait for the caller: `begin(done)` starts it and gives what clears it. Hanging up ends it with null. */
  #wait(begin) {
    return new Promise((resolve) => {
      let clear = () => {};
      let isDone = false;
      const done = (value) => {
        if (isDone) return;
        isDone = true;
        this.#key = this.#result = null;
        this.#cut = () => {};
        clear();
        this.#player.stop();
        this.#tell.waits(0, 0);
        resolve(value);
      };
      this.#cut = () => done(null);
      clear = begin(done);
      if (isDone) clear();
    });
  }
}
