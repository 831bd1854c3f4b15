/** The entry of a page: `<script type="module" src="…/notifier/start.js"></script>`. */
import { io } from "../vendor/socket.io.esm.min.js";
import { run } from "./page.js";

run({
  document,
  window,
  io,
  fetch,
  // Not Date: a schedule must not follow a wall clock that is set back.
  clock: {
    now: () => performance.now(),
    setTimeout: (action, delay) => setTimeout(action, delay),
    clearTimeout: (timer) => clearTimeout(timer),
  },
  random: Math.random,
  warn: (text) => console.warn(`notifier: ${text}`),
});
