// Small comforts; every page works without this file.
document.documentElement.classList.add("js");

// A chosen photo is sent at once: one tap less for every delivery.
document.addEventListener("change", (event) => {
  if (event.target.matches("input[data-send]") && event.target.files.length) event.target.form.requestSubmit();
});

// A form is sent once. The button pressed is disabled only after the browser has put its value into the request.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post") return;
  if (form.dataset.sending) { event.preventDefault(); return; }
  form.dataset.sending = "1";
  form.classList.add("busy");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) { delete form.dataset.sending; form.classList.remove("busy"); }
});

// In the delivery form, what depends on a choice (papers, findings) is looked at again without leaving the page.
let asking = null;
let pressing = false;
document.addEventListener("pointerdown", () => { pressing = true; }, true);
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => { setTimeout(() => { pressing = false; }); }, true);
const written = (form) => JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === "string"));
async function look(form) {
  const body = new FormData(form), before = written(form);
  body.set("action", "look");
  for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#main");
    if (!fresh || !page.querySelector("form[data-look]")) return;
    if (written(form) !== before) return; // somebody types on: their next change looks again, nothing typed is lost
    if (pressing || form.dataset.sending) return; // a button under a finger must not be replaced: the tap would be lost
    const focused = document.activeElement?.name;
    document.querySelector("#main").replaceWith(fresh);
    if (focused) document.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
  } catch (fault) {
    if (fault.name !== "AbortError") console.warn(fault); // no network: the person goes on typing
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.dataset.look === undefined || event.target.type === "file" || event.target.type === "radio") return;
  if (event.target.name.startsWith("paper-")) return;
  look(form);
});
