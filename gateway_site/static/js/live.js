// One socket for the page. What it hears becomes events on <body>, which htmx attributes listen to:
//   hx-trigger="live:messages from:body"      something about messages changed
//   hx-trigger="live:msg_… from:body"         this very one changed
// Numbers without a gap prove that nothing was missed; after a gap everything is looked at again.
// An element with `throttle:` drops what comes too soon after what it heard: what may have been
// dropped is repeated when such throttles (2 s in lists, 5 s on the overview) are over.
const TOPICS = ["messages", "devices", "conversations", "rules", "webhooks", "ingress", "exports"];
const LONGEST_PAUSE = 30000;
const ECHOES = [2200, 5200];
const echoes = new Map();
let told = -Infinity;

export function connect(path) {
  let last = null;
  let pause = 1000;

  function open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${path}`);
    socket.addEventListener("open", () => {
      pause = 1000;
      show("on", "Live");
    });
    socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      if (event.code === 4403) return show("off", "Log in again");
      show("off", "Reconnecting");
      setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    });
  }

  function hear({ seq, topics }) {
    const missed = last !== null && seq !== last && seq !== last + 1;
    last = seq;
    tell(new Set(missed ? [...TOPICS, ...topics] : topics));
  }

  open();
}

function tell(topics) {
  const isSoon = performance.now() - told < ECHOES.at(-1);
  topics.forEach(dispatch);
  if (!isSoon) return;
  for (const topic of TOPICS.filter((name) => topics.has(name))) {
    echoes.get(topic)?.forEach(clearTimeout);
    echoes.set(topic, ECHOES.map((wait) => setTimeout(dispatch, wait, topic)));
  }
}

function dispatch(topic) {
  told = performance.now();
  document.body.dispatchEvent(new CustomEvent(`live:${topic}`));
}

function show(state, text) {
  const mark = document.querySelector("[data-live-state]");
  if (!mark) return;
  mark.dataset.liveState = state;
  mark.querySelector(".live-text").textContent = text;
}
