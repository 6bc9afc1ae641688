// The line as the page reaches it: a call's documents, one after another, each with the ticket that the last one gave;
// what the caller has recorded; the end. Knows neither how a call goes nor how it is shown.

const NO_NETWORK = "Le réseau a manqué\u00a0: la ligne ne répond plus. L’appel est terminé.";
const NOT_KEPT = "L’enregistrement n’a pas pu être déposé.";

/** One leg of a call. `withheld` hides the caller's number; `keeps` says whether the line takes recordings. */
export class Line {
  #ticket;
  #withheld;
  #keeps;

  constructor({ withheld = false, keeps = false, ticket = "" }) {
    this.#withheld = withheld;
    this.#keeps = keeps;
    this.#ticket = ticket;
  }

  /** The next document; `to` is empty for the first of a call. */
  async ask(to, about) {
    const [where, asked] = to ? ["suite", { ticket: this.#ticket, to, ...about }] : ["appel", { withheld: this.#withheld }];
    const document = await answered(posted(where, JSON.stringify(asked), { "Content-Type": "application/json" }));
    this.#ticket = document.ticket;
    return document;
  }

  /** What the line is told of a recording; its length alone where none are taken. */
  async keep(sound, seconds) {
    if (!this.#keeps) return Math.round(seconds);
    const headers = { "Content-Type": "audio/wav", "X-Ticket": this.#ticket };
    const { recorded } = await answered(posted("enregistrement", sound, headers), NOT_KEPT);
    return recorded;
  }

  /** The leg of a colleague who is dialled, by the ticket that came with the Dial. */
  leg(ticket) {
    return new Line({ keeps: this.#keeps, ticket });
  }

  /** Tell the line that the call is over, even while the page is being closed; once. */
  hangUp() {
    const ticket = this.#ticket;
    this.#ticket = "";
    const json = { "Content-Type": "application/json" };
    if (ticket) posted("fin", JSON.stringify({ ticket }), json, { keepalive: true }).catch(() => {});
  }
}

function posted(where, body, headers, more = { signal: AbortSignal.timeout(15000) }) {
  return fetch(`telephone/${where}`, { method: "POST", headers, body, ...more });
}

async function answered(asked, otherwise = "La ligne a répondu par une erreur") {
  const answer = await asked.catch(() => null);
  if (answer === null) throw new Error(NO_NETWORK);
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(document.error || `${otherwise} (HTTP\u00a0${answer.status}). L’appel est terminé.`);
  return document;
}
