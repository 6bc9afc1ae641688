// Puts an ear to everything that goes to the loudspeaker: `heard(test, seconds)` waits until the peak of the last
// seconds passes the test, and gives it.

const ears = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode && to.context instanceof AudioContext) {
    let ear = ears.find((other) => other.context === to.context);
    if (!ear) ears.push((ear = new AnalyserNode(to.context, { fftSize: 32768 })));
    connect.call(this, ear);
  }
  return connect.call(this, to, ...rest);
};
const loudness = (seconds) => {
  let peak = 0;
  for (const ear of ears) {
    const samples = new Float32Array(ear.fftSize);
    ear.getFloatTimeDomainData(samples);
    for (const sample of samples.slice(-seconds * ear.context.sampleRate)) peak = Math.max(peak, Math.abs(sample));
  }
  return peak;
};
window.heard = async (test, seconds = 0.05) => {
  for (const end = performance.now() + 5000; performance.now() < end; await new Promise(requestAnimationFrame)) {
    const peak = loudness(seconds);
    if (test(peak)) return peak;
  }
  throw new Error(`not heard; the last peak is ${loudness(seconds)}`);
};
