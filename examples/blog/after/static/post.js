/** The blog's own real-time part: readers of a post see who is typing a comment. */
import { io } from "./vendor/socket.io.esm.min.js";

const SHOWN = 3000; // ms after the last key
const hint = document.getElementById("typing");
const post = Number(hint.dataset.post);
const socket = io({ auth: { post }, transports: ["websocket"] });
let timer;

socket.on("typing", (name) => {
  hint.textContent = `${name} is typing…`;
  clearTimeout(timer);
  timer = setTimeout(() => (hint.textContent = ""), SHOWN);
});

document.getElementById("comment")?.addEventListener("input", () => socket.emit("typing", post));
