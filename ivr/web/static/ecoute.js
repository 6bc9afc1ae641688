// The listening page: one prompt at a time, or all of them in order; a search. Sounds as on the telephone.

import { clockOf } from "./clock.js";
import { Player } from "./sound.js";

const BETWEEN = 1; // seconds between two prompts when all are played

const prompts = [...document.querySelectorAll(".prompt")];
const all = document.getElementById("all");
const search = document.getElementById("search");
let player = null;
let playing = 0; // counts the plays; an older one that ends late changes nothing

async function sounding() {
  const context = new AudioContext();
  await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 3000))]);
  if (context.state !== "running") return null;
  return new Player(context, clockOf(context));
}

/** Play these prompts one after another; whatever was playing stops. */
async function play(chosen, inOrder) {
  const mine = ++playing;
  shown(null);
  player ??= await sounding();
  if (!player) {
    document.getElementById("trouble").textContent = "Le son n’a pas démarré dans ce navigateur. Autorisez-le pour cette page.";
    return;
  }
  player.stop();
  playsAll(inOrder);
  for (const prompt of chosen) {
    if (mine !== playing) return;
    shown(prompt);
    if (inOrder) prompt.scrollIntoView({ block: "center" });
    const pieces = JSON.parse(button(prompt).dataset.pieces);
    await player.play(inOrder ? [...pieces, { silence: BETWEEN }] : pieces);
  }
  if (mine === playing) stop();
}

function stop() {
  playing += 1;
  player?.stop();
  shown(null);
  playsAll(false);
}

function playsAll(yes) {
  all.setAttribute("aria-pressed", String(yes));
  all.textContent = yes ? "Arrêter" : "Tout écouter";
}

function shown(now) {
  for (const prompt of prompts) {
    prompt.classList.toggle("playing", prompt === now);
    button(prompt).setAttribute("aria-pressed", String(prompt === now));
  }
}

function button(prompt) {
  return prompt.querySelector(".play");
}

function visible() {
  return prompts.filter((prompt) => !prompt.hidden);
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

for (const prompt of prompts)
  button(prompt).addEventListener("click", () => (prompt.classList.contains("playing") ? stop() : play([prompt], false)));
all.addEventListener("click", () => (all.getAttribute("aria-pressed") === "true" ? stop() : play(visible(), true)));
search.addEventListener("input", () => {
  for (const prompt of prompts) prompt.hidden = !plain(prompt.textContent).includes(plain(search.value));
  document.getElementById("nothing").hidden = visible().length > 0;
});
document.addEventListener("keydown", (event) => event.key === "Escape" && stop());
