// Stands in for the page's clock: time stands still until a test lets it pass.

let now = 0;
let due = [];

export function clockOf(context) {
  window.clocked = true;
  return {
    now: () => now,
    audible: (when) => context.currentTime + Math.max(0, when - now),
    at(when, then) {
      const timer = { when, then };
      due.push(timer);
      return () => (due = due.filter((other) => other !== timer));
    },
  };
}

window.letPass = async (seconds) => {
  const end = now + seconds;
  for (;;) {
    await new Promise((done) => setTimeout(done));
    const [next] = due.filter((timer) => timer.when <= end + 1e-9).sort((one, other) => one.when - other.when);
    if (!next) break;
    due = due.filter((timer) => timer !== next);
    now = Math.max(now, next.when);
    next.then();
  }
  now = end;
  await new Promise((done) => requestAnimationFrame(done));
};
