// The page of the telephone: keys in, the call told beside. The line itself is line.js.

import { Call } from "./call.js";
import { clockOf } from "./clock.js";
import { Line } from "./line.js";
import { Beeps, microphone } from "./microphone.js";
import { Player, beep, frenchVoice, tone } from "./sound.js";

const KEYS = "0123456789*#";
const KEY_NAMES = { "*": "étoile", "#": "dièse" };
const FEW = matchMedia("(prefers-reduced-motion: reduce)");
const KEEPS = document.body.dataset.keeps === "1"; // whether the line takes recordings
const NO_MICROPHONE =
  "Le micro n’est pas disponible, ou il a été refusé\u00a0: le message déposé sera une suite de bips. Autorisez le micro pour cette page, puis rappelez.";
const NO_SOUND = "Le son n’a pas démarré dans ce navigateur. Autorisez-le pour cette page, puis rappelez.";

const at = (id) => document.getElementById(id);
const screen = document.querySelector(".screen");

let context = null;
let clock = null;
let call = null;
let began = 0;
let line = null;
let wait = null; // {from, seconds, words}: what the bar counts down
let current = null; // what is being said, in the log

const AGENT = {
  rings: ["Le téléphone du conseiller sonne", "Un autre poste sonne."],
  whisper: ["Le conseiller écoute l’annonce", "Le conseiller a décroché. La touche 1 prend l’appel."],
  talks: ["En communication avec le conseiller", "Vous êtes en communication avec le conseiller."],
};

// The call.

async function dial() {
  clear();
  at("call").disabled = true;
  const running = await sounding();
  at("call").disabled = false;
  if (!running) return trouble(NO_SOUND);
  began = clock.now();
  line = new Line({ withheld: at("withheld").checked, keeps: KEEPS });
  const tell = { turn, key, waits, records, agent, over: over(line) };
  const player = new Player(context, clock, says(""));
  call = new Call({ line, player, clock, tone: signal, microphone: take, tell, colleague });
  state("calling", "Appel en cours");
  requestAnimationFrame(tick);
  call.follow();
}

/** Whether sound runs; a browser lets it start only once somebody has touched the page. */
async function sounding() {
  context ??= new AudioContext({ latencyHint: "interactive" });
  clock ??= clockOf(context);
  if (context.state !== "running")
    await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 3000))]);
  return context.state === "running";
}

/** The microphone, if what it hears is taken at all. */
async function take() {
  if (!KEEPS) return new Beeps();
  at("now").textContent = "Autorisez le micro pour laisser un message.";
  return microphone(context);
}

/** The end of the call of a colleague: his own ear, and his lines in the log. */
function colleague() {
  const tell = { turn() {}, key: pressedBy("conseiller\u00a0: "), waits, records() {}, agent() {}, over: colleagueOver };
  return { player: new Player(context, clock, says("conseiller\u00a0: ")), tell };
}

function signal(kind) {
  if (kind === "beep") tone(context, [1000], 1, 0.08);
  else tone(context, [440], 1.5, 0.05);
}

// What happens in it, as the page shows it.

function turn({ number, event, step }) {
  at("turn").textContent = number;
  at("event").textContent = event || "–";
  at("step").textContent = step || "–";
  logged("turn", `Tour ${number}`, step, event);
}

/** What shows a piece as it begins; `who` hears it, nobody named is the caller. */
function says(who) {
  return (piece, when, seconds) => {
    if (!call) return;
    current?.removeAttribute("aria-current");
    current = null;
    if (piece.silence !== undefined) return silent(piece, when);
    const words = `${who}${piece.words || "(enregistrement)"}`;
    const length = `${french(seconds)}\u00a0s${piece.spoken && !frenchVoice() ? ", sans voix" : ""}`;
    const kind = `said${piece.missing ? " missing" : ""}${who ? " agent" : ""}`;
    current = logged(kind, time(when - began), words, length);
    current.setAttribute("aria-current", "true");
    at("now").textContent = words;
  };
}

function silent(piece, when) {
  if (piece.silence >= 1) logged("silence", time(when - began), `silence de ${french(piece.silence)}\u00a0s`, "");
}

function pressedBy(who) {
  return (pressed, taken) => {
    const name = `${who}touche ${KEY_NAMES[pressed] ?? pressed}`;
    logged(taken ? "pressed" : "pressed lost", time(clock.now() - began), taken ? name : `${name}, que personne n’attend`, "");
  };
}

function key(pressed, taken) {
  if (at("person").dataset.stage === "whisper") return; // his key, who says so himself
  pressedBy("")(pressed, taken);
  const keys = at("pressed");
  keys.textContent = `${keys.textContent === "–" ? "" : keys.textContent}\u00a0${pressed}`.trim().slice(-23);
}

function waits(from, seconds) {
  current?.removeAttribute("aria-current");
  wait = seconds ? { from, seconds, words: "avant la relance" } : null;
}

function records(from, { most, finish }, heard) {
  const keys = [...finish].map((one) => KEY_NAMES[one] ?? one).join(", ");
  const ends = keys ? ` Pour finir\u00a0: ${keys}.` : "";
  at("now").textContent = `Le répondeur enregistre${heard ? " votre voix" : KEEPS ? "" : " (votre voix reste ici)"}.${ends}`;
  if (KEEPS && !heard) trouble(NO_MICROPHONE);
  wait = { from, seconds: most, words: "d’enregistrement" };
}

/** What the colleague's telephone is in: rings, whisper, talks; nothing when it is out of the call. */
function agent(stage) {
  const person = at("person");
  person.hidden = !stage;
  person.dataset.stage = stage;
  if (!stage) return;
  const [legend, now] = AGENT[stage];
  at("person-does").textContent = legend;
  at("now").textContent = now;
  logged("turn", time(clock.now() - began), legend, "");
  for (const button of person.querySelectorAll("button")) button.hidden = !button.dataset.stages.includes(stage);
}

function colleagueOver(who, why) {
  current?.removeAttribute("aria-current");
  if (why) trouble(why);
  if (who !== "document") logged("end", time(clock.now() - began), "Le conseiller n’a pas pris l’appel.", "");
}

/** Shows the end of a call, and tells it to its line once the message under way, if there is one, has been left. */
function over(line) {
  return (who, why, message) => {
    call = null;
    wait = null;
    current?.removeAttribute("aria-current");
    const words = { caller: "Vous avez raccroché.", trouble: "L’appel est coupé." }[who] ?? "La ligne a raccroché.";
    logged("end", time(clock.now() - began), words, "");
    agent("");
    at("now").textContent = words;
    state("over", "Raccroché");
    announce(words);
    countdown();
    if (why) trouble(why);
    Promise.resolve(message)
      .catch((error) => trouble(error.message))
      .finally(() => line.hangUp());
  };
}

// The page.

function state(name, words) {
  screen.dataset.state = name;
  at("state").textContent = words;
  const calling = name === "calling";
  at("call").classList.toggle("hang-up", calling);
  at("call-name").textContent = calling ? "Raccrocher" : "Appeler";
  at("withheld").disabled = calling;
}

function clear() {
  at("trouble").textContent = "";
  at("announce").textContent = "";
  at("log").replaceChildren();
  at("now").textContent = "…";
  for (const fact of ["step", "turn", "event", "pressed"]) at(fact).textContent = "–";
}

function trouble(words) {
  at("trouble").textContent = words;
}

function announce(words) {
  at("announce").textContent = words;
}

/** A new line of the log, kept in view unless the reader has scrolled away. */
function logged(kind, ...cells) {
  const log = at("log");
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const line = document.createElement("li");
  line.className = kind;
  for (const cell of cells) {
    const span = document.createElement("span");
    span.textContent = cell;
    line.append(span);
  }
  log.append(line);
  if (follows) log.scrollTop = log.scrollHeight;
  return line;
}

function tick() {
  if (!call) return;
  at("elapsed").textContent = time(clock.now() - began);
  countdown();
  requestAnimationFrame(tick);
}

function countdown() {
  at("wait").hidden = !wait;
  if (!wait) return;
  const left = Math.max(0, wait.from + wait.seconds - clock.now());
  const shown = FEW.matches ? Math.ceil(left) : left;
  at("patience").value = Math.min(1, shown / wait.seconds);
  at("left").textContent = `${Math.ceil(left)}\u00a0s ${wait.words}`;
}

function time(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function french(number) {
  return number.toLocaleString("fr-FR", { maximumFractionDigits: 1 });
}

// Keys: mouse, touch, keyboard.

async function pressed(name) {
  const button = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 120);
  if (!(await sounding())) return;
  beep(context, name);
  call?.press(name);
}

function callOrHangUp() {
  if (call) call.hangUp();
  else if (!at("call").disabled) dial();
}

/** The telephone key of a keyboard event; on a French keyboard the top row gives digits without Shift too. */
function keyOf(event) {
  if (KEYS.includes(event.key)) return event.key;
  return event.shiftKey ? "" : (/^Digit(\d)$/.exec(event.code)?.[1] ?? "");
}

function typed(event) {
  const modified = event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph"));
  if (event.repeat || modified || event.defaultPrevented) return;
  if (event.key === "Escape") return call?.hangUp();
  const onControl = event.target.closest?.("button, a, input");
  if (event.key === "Enter" && !onControl) return callOrHangUp();
  const name = event.key.length === 1 ? keyOf(event) : "";
  if (name) {
    event.preventDefault();
    pressed(name);
  }
}

for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // focus stays where it is, so that Enter goes on meaning « appeler, raccrocher »
    if (event.button === 0) pressed(button.dataset.key);
  });
  button.addEventListener("click", (event) => event.detail || pressed(button.dataset.key)); // keyboard, screen reader
}
for (const button of document.querySelectorAll("[data-result]"))
  button.addEventListener("click", () => call?.colleagueDoes(button.dataset.result));
at("accept").addEventListener("click", () => call?.press("1"));
at("call").addEventListener("click", callOrHangUp);
at("read-aloud").addEventListener("change", (event) => at("log").setAttribute("aria-live", event.target.checked ? "polite" : "off"));
document.addEventListener("keydown", typed);
addEventListener("pagehide", () => {
  call?.hangUp();
  line?.hangUp();
});
