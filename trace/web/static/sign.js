// The signature is drawn with a finger, a pen or the mouse; its picture goes along with the form. Without this file a
// photo of it is sent.
let stroke = null;

function start(pad) {
  const pen = pad.getContext("2d");
  if (!pad.dataset.drawn) { // white paper: what is kept has no transparency
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, pad.width, pad.height);
    pad.dataset.drawn = "1";
  }
  Object.assign(pen, { lineWidth: 5, lineCap: "round", lineJoin: "round", strokeStyle: "#111" });
  return pen;
}
const place = (pad, event) => {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
};
document.addEventListener("pointerdown", (event) => {
  const pad = event.target.closest?.("canvas[data-sign]");
  if (!pad) return;
  event.preventDefault();
  pad.setPointerCapture(event.pointerId);
  stroke = { pad, pen: start(pad), last: place(pad, event) };
});
document.addEventListener("pointermove", (event) => {
  if (!stroke) return;
  for (const one of event.getCoalescedEvents?.() ?? [event]) {
    const next = place(stroke.pad, one);
    stroke.pen.beginPath();
    stroke.pen.moveTo(...stroke.last);
    stroke.pen.lineTo(...next);
    stroke.pen.stroke();
    stroke.last = next;
  }
});
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => {
  if (!stroke) return;
  stroke.pad.closest("form").drawn.value = stroke.pad.toDataURL("image/png");
  stroke = null;
});
document.addEventListener("click", (event) => {
  const form = event.target.closest?.("[data-unsign]")?.form;
  if (!form) return;
  const pad = form.querySelector("canvas[data-sign]");
  delete pad.dataset.drawn;
  start(pad);
  form.drawn.value = "";
  form.querySelector("img.pad")?.remove();
  pad.hidden = false;
});
