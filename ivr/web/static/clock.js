// Time as the sound counts it. One clock for clips, silences and patience, so that they agree to the sample; and no
// browser slows it down when the page is in the background, as it does setTimeout. Knows nothing of calls.

/** The clock of an AudioContext: seconds, `at(when, then)` which gives its cancel, and `audible(when)` for sounds. */
export function clockOf(context) {
  const mute = new GainNode(context, { gain: 0 });
  mute.connect(context.destination);
  return {
    now: () => context.currentTime,
    audible: (when) => when,
    at(when, then) {
      const timer = new ConstantSourceNode(context);
      timer.connect(mute);
      timer.onended = () => {
        timer.disconnect();
        then();
      };
      timer.start();
      timer.stop(Math.max(when, context.currentTime));
      return () => {
        timer.onended = null;
        timer.stop();
        timer.disconnect();
      };
    },
  };
}
